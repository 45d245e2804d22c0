"""Floating things: blocks strewn over a region of air, water or space without touching."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from calotype.engines.drawing.blocks import Block

TRIES = 60
CHOICES = 4
"""Of so many free spots the one furthest from everything else is taken."""
MARGIN = 14.0


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle to float in."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Width by height."""
        return max(1.0, (self.right - self.left) * (self.bottom - self.top))

    def part(self, left: float, top: float, right: float, bottom: float) -> Region:
        """Return a part of it, given as shares of its width and height."""
        wide, tall = self.right - self.left, self.bottom - self.top
        return Region(
            self.left + left * wide, self.top + top * tall, self.left + right * wide, self.top + bottom * tall
        )


def float_blocks(
    blocks: Sequence[Block],
    regions: Sequence[Region],
    rng: random.Random,
    *,
    largest: float,
    most: float,
    taken: Sequence[Block] = (),
) -> list[Block]:
    """Return the blocks placed in their regions, clear of each other and of what is `taken`.

    `largest`: the longest side the largest may have; `most`: the largest the unit of size may become.
    """
    if not blocks:
        return []
    scale = min(most, _first_scale(blocks, regions, largest))
    for _ in range(30):
        placed = _try(blocks, regions, rng, scale, taken)
        if placed is not None:
            return placed
        scale *= 0.9
    return _grid(blocks, regions[0], scale)


def _first_scale(blocks: Sequence[Block], regions: Sequence[Region], largest: float) -> float:
    area = sum(block.width * block.height for block in blocks)
    room = max(region.area for region in regions)
    scale = math.sqrt(0.46 * room / area)
    scale = min(scale, largest / max(max(block.width, block.height) for block in blocks))
    fits = (
        min((region.right - region.left) / block.width, (region.bottom - region.top) / block.height)
        for block, region in zip(blocks, regions, strict=True)
    )
    return min(scale, 0.94 * min(fits))


def _try(
    blocks: Sequence[Block], regions: Sequence[Region], rng: random.Random, scale: float, taken: Sequence[Block]
) -> list[Block] | None:
    """Place the largest first, each at the best of some random spots; None when one finds no room."""
    placed: dict[int, Block] = {}
    for at in sorted(range(len(blocks)), key=lambda number: -blocks[number].width * blocks[number].height):
        block, region = blocks[at].scaled(scale), regions[at]
        others = [*placed.values(), *taken]
        spots = [_at(block, region, rng, central=not placed and not taken) for _ in range(TRIES)]
        free = [spot for spot in spots if not any(_touch(spot, other) for other in others)][:CHOICES]
        if not free:
            return None
        placed[at] = max(free, key=lambda spot: min((_distance(spot, other) for other in others), default=0.0))
    return [placed[at] for at in range(len(blocks))]


def _at(block: Block, region: Region, rng: random.Random, *, central: bool) -> Block:
    """Return the block at a random spot of the region; the first and largest near its middle."""
    spread = 0.5 if central else 1.0
    x, y = 0.5 + (rng.random() - 0.5) * spread, 0.5 + (rng.random() - 0.5) * spread
    left = region.left + x * (region.right - region.left - block.width)
    top = region.top + y * (region.bottom - region.top - block.height)
    return block.moved(left - block.left, top - block.top)


def _distance(one: Block, other: Block) -> float:
    across = one.left + one.width / 2 - other.left - other.width / 2
    down = one.top + one.height / 2 - other.top - other.height / 2
    return math.hypot(across, down)


def _touch(one: Block, other: Block) -> bool:
    return (
        one.left < other.left + other.width + MARGIN and other.left < one.left + one.width + MARGIN
        and one.top < other.top + other.height + MARGIN and other.top < one.top + one.height + MARGIN
    )  # fmt: skip


def _grid(blocks: Sequence[Block], region: Region, scale: float) -> list[Block]:
    """Place the blocks in a grid: what always works."""
    columns = max(
        1, round(math.sqrt(len(blocks) * (region.right - region.left) / max(1.0, region.bottom - region.top)))
    )
    rows = -(-len(blocks) // columns)
    wide, tall = (region.right - region.left) / columns, (region.bottom - region.top) / rows
    placed = []
    for number, block in enumerate(blocks):
        small = block.scaled(min(scale, 0.86 * wide / block.width, 0.86 * tall / block.height))
        x, y = region.left + (number % columns + 0.5) * wide, region.top + (number // columns + 0.5) * tall
        placed.append(small.moved(x - small.left - small.width / 2, y - small.top - small.height / 2))
    return placed
