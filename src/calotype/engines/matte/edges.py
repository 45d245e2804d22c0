"""The exact outline: a coarse matte is made to follow the edges that the picture itself shows (a guided filter, in colour)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from calotype.engines.matte.network import Alpha, Pixels

WORKING_SIDE = 1024
"""The filter is fitted at this size and applied at the picture's own, so that a large one costs little more."""
STEEPNESS = 1e-4
"""How little a colour has to change to be an edge: the square of a hundredth of the whole range."""


def follow_edges(pixels: Pixels, coarse: Alpha, radius: float, check: Callable[[], None]) -> Alpha:
    """Return the coarse matte drawn along the picture's edges within `radius` pixels of `WORKING_SIDE`."""
    height, width, _ = pixels.shape
    shrink = min(1.0, WORKING_SIDE / max(width, height))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)
    reach = max(1, round(radius * max(size) / WORKING_SIDE))
    slopes, offset = _fit(small, resized(coarse, size), reach, check)
    matte = resized(offset, (width, height))
    for channel in range(3):
        check()
        matte += resized(slopes[channel], (width, height)) * (pixels[..., channel].astype(np.float32) / 255)
    return np.clip(matte, 0, 1)


def resized(values: Alpha, size: tuple[int, int]) -> Alpha:
    """Return values at another (width, height), interpolated."""
    if (values.shape[1], values.shape[0]) == size:
        return values.copy()
    return np.array(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))


def mean(values: Alpha, reach: int) -> Alpha:
    """Return the mean over a square that reaches this far around each pixel, and not beyond the picture."""
    for axis in (0, 1):
        length, rest = values.shape[axis], (-1, 1) if axis == 0 else (1, -1)
        room = [(reach + 1, reach) if at == axis else (0, 0) for at in (0, 1)]
        sums = np.cumsum(np.pad(values, room), axis, np.float64)
        upper, lower = (
            (sums[2 * reach + 1 :], sums[:length]) if axis == 0 else (sums[:, 2 * reach + 1 :], sums[:, :length])
        )
        at = np.arange(length)
        counts = np.minimum(at + reach + 1, length) - np.maximum(at - reach, 0)
        values = ((upper - lower) / counts.reshape(rest)).astype(np.float32)
    return values


def _fit(guide: Alpha, matte: Alpha, reach: int, check: Callable[[], None]) -> tuple[list[Alpha], Alpha]:
    """Return the linear map from colour to matte that fits best around each pixel: three slopes and an offset."""
    means = [mean(guide[..., channel], reach) for channel in range(3)]
    level = mean(matte, reach)
    check()
    spread = np.empty((*matte.shape, 3, 3), np.float32)
    joint = np.empty((*matte.shape, 3, 1), np.float32)
    for one in range(3):
        joint[..., one, 0] = mean(guide[..., one] * matte, reach) - means[one] * level
        for other in range(one, 3):
            found = mean(guide[..., one] * guide[..., other], reach) - means[one] * means[other]
            spread[..., one, other] = spread[..., other, one] = found
        spread[..., one, one] += STEEPNESS
        check()
    slopes = _solved(spread, joint[..., 0])
    offset = level - sum(slopes[..., channel] * means[channel] for channel in range(3))
    return [mean(slopes[..., channel], reach) for channel in range(3)], mean(offset, reach)


def _solved(spread: Alpha, joint: Alpha) -> Alpha:
    """Return the solutions of symmetric systems of three, by cofactors: many times as fast as a general solver."""
    a, b, c = spread[..., 0, 0], spread[..., 0, 1], spread[..., 0, 2]
    d, e, f = spread[..., 1, 1], spread[..., 1, 2], spread[..., 2, 2]
    rows = np.stack(
        [d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b], -1, dtype=np.float64
    )
    whole = a * rows[..., 0] + b * rows[..., 1] + c * rows[..., 2]
    x, y, z = (joint[..., channel] for channel in range(3))
    solved = np.stack(
        [
            rows[..., 0] * x + rows[..., 1] * y + rows[..., 2] * z,
            rows[..., 1] * x + rows[..., 3] * y + rows[..., 4] * z,
            rows[..., 2] * x + rows[..., 4] * y + rows[..., 5] * z,
        ],
        -1,
    )
    return (solved / np.maximum(whole, 1e-14)[..., None]).astype(np.float32)
