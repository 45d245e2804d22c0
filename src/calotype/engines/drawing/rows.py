"""Rows: blocks that stand on something, side by side from left to right, in one row or in two at different depths."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from calotype.engines.drawing.blocks import Block

MARGIN = 0.05
GAP = 26.0


@dataclass(frozen=True, slots=True)
class Band:
    """Where a row may stand: across a width, from `far` (higher up) to `near`, no part above `top`."""

    width: float
    far: float
    near: float
    top: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A block that has its place, already in the picture's unit. `depth`: 0 far, 1 near."""

    block: Block
    depth: float
    base: float


def place_rows(
    blocks: Sequence[Block], bands: Sequence[Band], rng: random.Random, *, single: bool, most: float
) -> list[Standing]:
    """Return the blocks standing in their bands: in one row where that leaves them large enough, else in two.

    `most`: the largest the unit of size may become.
    """
    if not blocks:
        return []
    one = min(most, _scale(blocks, bands))
    if len(blocks) < 4 or single:
        return _row(blocks, bands, one, rng)
    back, front = _split(blocks)
    two = min(
        most,
        _scale([blocks[at] for at in back], [bands[at] for at in back]),
        _scale([blocks[at] for at in front], [bands[at] for at in front]),
    )
    if two < one * (1.9 if len(blocks) < 6 else 1.4):
        return _row(blocks, bands, one, rng)
    placed = dict(
        zip(
            back, _row([blocks[at] for at in back], [bands[at] for at in back], two * 0.92, rng, depth=0.0), strict=True
        )
    )
    limit = _front_limit(placed.values(), [blocks[at] for at in front], bands[0])
    row = _row([blocks[at] for at in front], [bands[at] for at in front], min(two, limit), rng, depth=1.0)
    placed.update(zip(front, row, strict=True))
    return [placed[at] for at in range(len(blocks))]


def _front_limit(back: Iterable[Standing], front: Sequence[Block], band: Band) -> float:
    """Return the scale at which the front row leaves most of the lowest block behind it to be seen."""
    lowest = min(standing.block.height for standing in back)
    tallest = max(block.height for block in front)
    return (band.near - band.far + 0.16 * lowest) / tallest


def _split(blocks: Sequence[Block]) -> tuple[list[int], list[int]]:
    """Return which blocks stand behind and which in front: the tall behind, both rows about equally wide."""
    by_height = sorted(range(len(blocks)), key=lambda at: -blocks[at].height)
    widths = list(accumulate(blocks[at].width for at in by_height))
    cut = 1 + next(number for number, width in enumerate(widths) if width >= widths[-1] / 2)
    cut = min(cut, len(blocks) - 1)
    return sorted(by_height[:cut]), sorted(by_height[cut:])


def _scale(blocks: Sequence[Block], bands: Sequence[Band]) -> float:
    """Return how large the unit of size can be: the row fits the width, the tallest its height, nothing fills the picture."""
    width = bands[0].width * (1 - 2 * MARGIN) - GAP * (len(blocks) - 1)
    across = width / (sum(block.width for block in blocks) * 1.06)
    up = min(
        (band.far * 0.4 + band.near * 0.6 - band.top) / block.height for block, band in zip(blocks, bands, strict=True)
    )
    alone = min(
        min(0.62 * band.width / block.width for block, band in zip(blocks, bands, strict=True)),
        520 / max(max(block.width, block.height) for block in blocks),
    )
    return max(min(across, up, alone * (1.0 if len(blocks) > 1 else 1.08)), 8.0)


def _row(
    blocks: Sequence[Block], bands: Sequence[Band], scale: float, rng: random.Random, depth: float | None = None
) -> list[Standing]:
    depths = [
        _depth_of(block, blocks, rng) if depth is None else min(1.0, max(0.0, depth + rng.uniform(-0.08, 0.08)))
        for block in blocks
    ]
    scaled = [block.scaled(scale * (0.92 + 0.14 * d)) for block, d in zip(blocks, depths, strict=True)]
    used = sum(block.width for block in scaled)
    free = bands[0].width * (1 - 2 * MARGIN) - used
    gap = max(4.0, min(free / max(1, len(blocks)), 110.0))
    at = (bands[0].width - used - gap * (len(blocks) - 1)) / 2
    if len(blocks) == 1:
        at += rng.uniform(-0.25, 0.25) * max(0.0, free) * 0.5
    placed = []
    for block, near, band in zip(scaled, depths, bands, strict=True):
        base = band.far + (band.near - band.far) * near
        placed.append(Standing(block.moved(at - block.left, base), near, base))
        at += block.width + gap
    return placed


def _depth_of(block: Block, blocks: Sequence[Block], rng: random.Random) -> float:
    """Return how near a block stands in a single row: small things nearer than large ones."""
    tallest = max(other.height for other in blocks)
    return (
        min(1.0, max(0.0, 0.85 - 0.5 * block.height / tallest + rng.uniform(-0.1, 0.14)))
        if len(blocks) > 1
        else rng.uniform(0.35, 0.6)
    )
