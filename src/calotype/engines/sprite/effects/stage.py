"""Where an effect is drawn: a strip of a square from -1 to 1, on which light is added and matter is laid over.

A form is a function of place and time, so a picture of any size is drawn strip by strip in little memory, and every strip sees
the same noise and the same particles: they come from the seed and a name, not from the order of drawing.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.engines.sprite.effects.looks import Ramp

Array = NDArray[Any]

TEXELS = 512


class Noise:
    """A cloud that repeats after 1 in both directions: what scrolls through it by whole numbers comes back to its start."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 77])
        total = np.zeros((TEXELS, TEXELS), np.float32)
        for octave in range(6):
            cells = 4 << octave
            lattice = rng.random((cells, cells), np.float32)
            wrapped = np.pad(lattice, 2, mode="wrap")
            scale = TEXELS // cells
            smooth = Image.fromarray(wrapped).resize(((cells + 4) * scale,) * 2, Image.Resampling.BICUBIC)
            total += np.asarray(smooth)[2 * scale : -2 * scale, 2 * scale : -2 * scale] * 0.55**octave
        total = (total - total.mean()) / total.std()
        self._texture = np.ascontiguousarray(np.clip(0.5 + total * 0.21, 0, 1).astype(np.float32)).ravel()

    def at(self, x: Array, y: Array) -> Array:
        """Return the noise, 0 to 1 and mostly near 0.5, at places given in its periods."""
        x, y = np.asarray(x * TEXELS, np.float32), np.asarray(y * TEXELS, np.float32)
        left, top = np.floor(x), np.floor(y)
        x, y = x - left, y - top
        column, row = left.astype(np.int32) & TEXELS - 1, (top.astype(np.int32) & TEXELS - 1) * TEXELS
        next_column, next_row = column + 1 & TEXELS - 1, row + TEXELS & TEXELS * TEXELS - 1
        take = self._texture.take
        above = take(row + column) * (1 - x) + take(row + next_column) * x
        below = take(next_row + column) * (1 - x) + take(next_row + next_column) * x
        found: Array = above * (1 - y) + below * y
        return found


class Stage:
    """One strip of one moment. `x` runs right and `y` up; `t` is the moment, 0 to 1."""

    def __init__(self, noise: Noise, seed: int, t: float, side: int, rows: slice) -> None:
        self.t = t
        self.pixel = 2 / side
        """The width of a pixel: what edges are softened by."""
        self._noise, self._seed = noise, seed
        across = (np.arange(side, dtype=np.float32) + 0.5) * self.pixel - 1
        down = 1 - (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * self.pixel
        self.x, self.y = np.meshgrid(across, down)
        self._top, self._side = rows.start, side
        shape = self.x.shape
        self.light = np.zeros((*shape, 3), np.float32)
        self.matter = np.zeros((*shape, 3), np.float32)
        self.cover = np.zeros(shape, np.float32)

    def rng(self, name: str, *more: int) -> np.random.Generator:
        """Return random numbers of this name: the same in every strip and frame, others for another seed."""
        return np.random.default_rng([self._seed, zlib.crc32(name.encode()), *more])

    def noise(self, x: Array, y: Array) -> Array:
        """Return the noise at places given in its periods."""
        return self._noise.at(x, y)

    def shine(self, strength: Array, ramp: Ramp, part: tuple[slice, slice] | None = None) -> None:
        """Add light: `strength` from 0 is coloured by the ramp, whose end is its hottest."""
        place = part or (slice(None), slice(None))
        self.light[place] += ramp.of(strength)

    def lay(self, colour: Array, cover: Array, part: tuple[slice, slice] | None = None) -> None:
        """Lay matter over what is there: `colour` (…, 3) and how much it covers, 0 to 1. It hides light behind it."""
        place = part or (slice(None), slice(None))
        keep = 1 - np.clip(cover, 0, 1)
        self.matter[place] = self.matter[place] * keep[..., None] + colour * np.clip(cover, 0, 1)[..., None]
        self.light[place] *= keep[..., None]
        self.cover[place] = 1 - (1 - self.cover[place]) * keep

    def box(self, x: float, y: float, reach: float) -> tuple[slice, slice] | None:
        """Return the part of the strip within `reach` of a place; None when there is none."""
        rows, side = self.x.shape[0], self._side
        left = max(0, math.floor((x - reach + 1) / self.pixel))
        right = min(side, math.ceil((x + reach + 1) / self.pixel))
        top = max(0, math.floor((1 - y - reach) / self.pixel) - self._top)
        bottom = min(rows, math.ceil((1 - y + reach) / self.pixel) - self._top)
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def step(low: float, high: float, value: Any) -> Any:
    """Return 0 below `low`, 1 above `high`, and a smooth way between; `high` may be the lower one."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def rise_and_fall(t: float, up: float, down: float) -> float:
    """Return 0 → 1 until `up`, 1 until `down`, then back to 0 at 1."""
    return float(step(0, up, t) * (1 - step(down, 1, t))) if up > 0 else float(1 - step(down, 1, t))


def turned(x: Array, y: Array, angle: float) -> tuple[Array, Array]:
    """Return places turned about the middle by an angle in radians."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return x * cosine + y * sine, y * cosine - x * sine
