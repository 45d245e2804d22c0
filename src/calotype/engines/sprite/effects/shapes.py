"""What forms are put together from: distances to lines, rings and glows, and puffs of cloud."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from calotype.engines.sprite.effects.looks import Look, Ramp
from calotype.engines.sprite.effects.stage import Array, Stage, step

Point = tuple[float, float]


def glow(stage: Stage, ramp: Ramp, x: float, y: float, radius: float, strength: float = 1.0, flat: float = 1.0) -> None:
    """Add a soft round light; `flat` below 1 makes it an ellipse lying down."""
    away = ((stage.x - x) ** 2 + ((stage.y - y) / flat) ** 2) / (radius * radius)
    stage.shine(np.exp(-away * 2.2) * strength, ramp)


def ring(
    stage: Stage, ramp: Ramp, radius: float, width: float, strength: float = 1.0, at: Point = (0, 0), flat: float = 1.0
) -> None:
    """Add a line of light round a place, with a soft glow beside it."""
    away = np.abs(np.hypot(stage.x - at[0], (stage.y - at[1]) / flat) - radius)
    stage.shine(thin(away, width, stage.pixel) * strength, ramp)


def thin(away: Array, width: float, pixel: float) -> Array:
    """Return the strength of a line of light by the distance from its middle."""
    core = step(width + pixel, max(width - pixel, 0) * 0.6, away)
    line: Array = core * 0.85 + np.exp(-away / (width * 2.6)) * 0.4
    return line


def segment(stage: Stage, a: Point, b: Point, reach: float) -> tuple[Array, tuple[slice, slice]] | None:
    """Return the distance to a line within `reach`, and the part of the strip it is for."""
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    part = stage.box(*middle, math.hypot(b[0] - a[0], b[1] - a[1]) / 2 + reach)
    if part is None:
        return None
    x, y = stage.x[part] - a[0], stage.y[part] - a[1]
    dx, dy = b[0] - a[0], b[1] - a[1]
    share = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
    return np.hypot(x - share * dx, y - share * dy), part


def strokes(
    stage: Stage, ramp: Ramp, lines: Sequence[tuple[Point, Point]], width: float, strength: float = 1.0
) -> None:
    """Add lines of light; where they meet they are not brighter."""
    nearest = np.full(stage.x.shape, 9.0, np.float32)
    for a, b in lines:
        found = segment(stage, a, b, width * 9)
        if found is not None:
            away, part = found
            nearest[part] = np.minimum(nearest[part], away)
    rows, columns = np.nonzero(nearest.min(1) < 9)[0], np.nonzero(nearest.min(0) < 9)[0]
    if len(rows):
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        stage.shine(thin(nearest[part], width, stage.pixel) * (nearest[part] < 9) * strength, ramp, part)


def zigzag(rng: np.random.Generator, a: Point, b: Point, bend: float, levels: int = 6) -> list[Point]:
    """Return a broken line from a to b, each half of each half displaced by less."""
    points = [a, b]
    for _ in range(levels):
        finer = [points[0]]
        for one, other in itertools.pairwise(points):
            dx, dy = other[0] - one[0], other[1] - one[1]
            off = rng.uniform(-bend, bend)
            finer += [((one[0] + other[0]) / 2 - dy * off, (one[1] + other[1]) / 2 + dx * off), other]
        points = finer
    return points


def puff(
    stage: Stage, look: Look, x: float, y: float, radius: float, cover: float, turn: float, lit: float = 0.0
) -> None:
    """Lay a puff of cloud: ragged by noise, lit from above; `lit` adds a glow from inside."""
    part = stage.box(x, y, radius * 1.5) if cover > 0.01 and radius > 0 else None
    if part is None:
        return
    u, v = (stage.x[part] - x) / radius, (stage.y[part] - y) / radius
    ragged = stage.noise(u * 0.22 + turn, v * 0.22 + turn * 0.7)
    fine = stage.noise(u * 0.5 - turn, v * 0.5 + turn)
    inside = 1 - np.hypot(u, v) + (ragged - 0.5) * 1.15 + (fine - 0.5) * 0.35
    shade = np.clip(0.34 + 0.3 * v - 0.16 * u + (ragged - 0.4) * 0.55 + (fine - 0.5) * 0.35, 0.03, 1)
    density = step(0.0, 0.62, inside)
    stage.lay(look.solid.of(shade), density * cover, part)
    if lit > 0:
        stage.shine(np.clip(inside, 0, 1) * density * lit, look.ramp, part)
