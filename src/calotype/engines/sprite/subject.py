"""The subject of a picture, cut out: by its own alpha, by a plain ground at its border, or by the network that finds subjects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[Any]
Check = Callable[[], None]

_SEE_THROUGH = 0.02
"""A picture of which more than this is see-through says itself what its subject is."""
_WORKING = 320
_NEAR, _FAR = 12.0, 30.0
"""Distances from a border colour, in parts of 255: nearer is background, farther is subject."""
_LEAST = 0.01
"""A subject smaller than this share was not found: the whole picture is taken."""
_PLAIN = 0.9
"""A border of which this share is within `_NEAR` of its few main colours is a plain ground."""


class Finder(Protocol):
    """What finds a subject in RGB pixels: its matte, and whether there is one."""

    def __call__(self, pixels: Array, check: Check) -> Array | None:
        """Return the matte, 0 to 1, or None when there is no subject."""
        ...


class Cutter:
    """Cuts subjects out; without a finder, only from their own alpha or a plain ground."""

    def __init__(self, finder: Finder | None = None) -> None:
        self._finder = finder

    def matte_of(self, picture: Image.Image, check: Check) -> tuple[Image.Image, str]:
        """Return the subject's alpha at the picture's size, and how it was found: "alpha", "border", "network" or "whole"."""
        alpha = picture.getchannel("A")
        if (np.asarray(alpha) < 32).mean() > _SEE_THROUGH:
            return alpha, "alpha"
        matte, is_plain = _apart_from_border(picture)
        if is_plain and _LEAST < (matte > 0.5).mean() < 1 - _LEAST:
            wide = Image.fromarray(np.uint8(matte * 255)).resize(picture.size, Image.Resampling.BICUBIC)
            return wide.point(
                [0 if value < 24 else min(255, round((value - 24) * 1.2)) for value in range(256)]
            ), "border"
        found = self._finder(np.ascontiguousarray(np.asarray(picture)[..., :3]), check) if self._finder else None
        if found is None or (found > 0.5).mean() < _LEAST:
            return alpha, "whole"
        return Image.fromarray(np.uint8(np.clip(found, 0, 1) * 255 + 0.5)), "network"

    def cut_out(self, picture: Image.Image, check: Check) -> tuple[Image.Image, str]:
        """Return the subject alone, cropped to what it fills, and how it was found."""
        alpha, how = self.matte_of(picture, check)
        box = alpha.point([0] * 16 + [255] * 240).getbbox()
        if box is None:
            return picture, "whole"
        cut = picture.copy()
        cut.putalpha(alpha)
        return cut.crop(box), how


def _apart_from_border(picture: Image.Image) -> tuple[Array, bool]:
    """Return how little each pixel of a working copy is background, reached from the border, and whether that is plain."""
    small = picture.convert("RGB")
    small.thumbnail((_WORKING, _WORKING))
    pixels = np.asarray(small.filter(ImageFilter.GaussianBlur(0.6)), np.float32)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.uint8)
    table = Image.fromarray(edge[None]).quantize(6, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    amounts = np.bincount(np.asarray(table).ravel(), minlength=6)
    palette = np.array(table.getpalette() or [], np.float32).reshape(-1, 3)
    ground = [colour for colour, amount in zip(palette, amounts, strict=False) if amount > 0.06 * len(edge)]
    spread = np.ptp(np.array(ground), axis=0).max() if ground else 255
    away = np.min([np.sqrt(((pixels - colour) ** 2).mean(-1)) for colour in ground or [palette[0]]], axis=0) * 1.7
    border = np.concatenate([away[0], away[-1], away[:, 0], away[:, -1]])
    reached = _flooded(away < _FAR * 0.8)
    matte: Array = np.where(reached, np.clip((away - _NEAR) / (_FAR - _NEAR), 0, 1), 1.0)
    return matte, bool((border < _NEAR).mean() > _PLAIN and spread < _MOST_SPREAD)


_MOST_SPREAD = 60
"""How far apart the colours of a plain ground may be: a gradient is plain, a meadow under a sky is not."""


def _flooded(passable: Array) -> Array:
    """Return which passable pixels the border reaches through others."""
    reached = np.zeros_like(passable)
    reached[[0, -1], :], reached[:, [0, -1]] = passable[[0, -1], :], passable[:, [0, -1]]
    for _ in range(4 * _WORKING):
        before = int(reached.sum())
        reached[1:] |= reached[:-1] & passable[1:]
        reached[:-1] |= reached[1:] & passable[:-1]
        reached[:, 1:] |= reached[:, :-1] & passable[:, 1:]
        reached[:, :-1] |= reached[:, 1:] & passable[:, :-1]
        if int(reached.sum()) == before:
            break
    return reached
