"""The subject's own colours: at a soft edge a pixel shows the background too, and that share is taken out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.engines.matte.edges import mean, resized
from calotype.engines.matte.network import Alpha, Pixels

Colours = NDArray[np.float32]
"""RGB from 0 to 1, by row and column."""


_REACHES = (40, 4)
"""How far the colours beside an edge are looked for, first widely and then closely: pixels at `WORKING_SIDE`."""
WORKING_SIDE = 640
"""Colours beside an edge change slowly: they are looked for at this size."""


def own_colours(pixels: Pixels, matte: Alpha, check: Callable[[], None]) -> Pixels:
    """Return the picture with the background's share taken out of the pixels that are only partly the subject's.

    Where the matte is 1 the pixels are unchanged, byte for byte; where it is 0 they are black.
    """
    height, width = matte.shape
    soft = (matte > 0) & (matte < 1)
    own = np.where(matte[..., None] >= 1, pixels, np.uint8(0))
    if soft.any():
        front, back = (_enlarged(one, (width, height))[soft] for one in _around(pixels, matte, check))
        share, seen = matte[soft][:, None], pixels[soft].astype(np.float32) / 255
        mended = np.clip(front + share * (seen - share * front - (1 - share) * back), 0, 1)
        own[soft] = (mended * 255 + 0.5).astype(np.uint8)
    return own


def _around(pixels: Pixels, matte: Alpha, check: Callable[[], None]) -> tuple[Colours, Colours]:
    """Return the subject's and the background's colours, carried over the edge between them, at a working size."""
    shrink = min(1.0, WORKING_SIDE / max(matte.shape))
    size = max(1, round(matte.shape[1] * shrink)), max(1, round(matte.shape[0] * shrink))
    picture = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)
    weight = np.asarray(Image.fromarray(matte).resize(size, Image.Resampling.BOX))[..., None]
    front = back = picture
    for reach in _REACHES:
        check()
        near = max(1, round(reach * max(size) / WORKING_SIDE))
        front, back = _spread(front, weight, near), _spread(back, 1 - weight, near)
        front = np.clip(front + weight * (picture - weight * front - (1 - weight) * back), 0, 1)
    return front, back


def _spread(colours: Colours, weight: Alpha, reach: int) -> Colours:
    """Return the mean colours around each pixel, each counted by its weight."""
    total = np.maximum(mean(weight[..., 0], reach), 1e-4)
    return np.stack([mean(colours[..., at] * weight[..., 0], reach) / total for at in range(3)], -1)


def _enlarged(colours: Colours, size: tuple[int, int]) -> Colours:
    return np.stack([resized(np.ascontiguousarray(colours[..., at]), size) for at in range(3)], -1)
