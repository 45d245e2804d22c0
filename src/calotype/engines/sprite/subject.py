"""The subject of a picture, cut out: by its own alpha, or by what differs from the colours along the picture's border."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[Any]

_SEE_THROUGH = 0.02
"""A picture of which more than this is see-through says itself what its subject is."""
_WORKING = 320
_NEAR, _FAR = 12.0, 30.0
"""Distances from a border colour, in parts of 255: nearer is background, farther is subject."""
_LEAST = 0.01
"""A subject smaller than this share was not found: the whole picture is taken."""


def cut_out(picture: Image.Image) -> tuple[Image.Image, str]:
    """Return the subject alone, cropped to what it fills, and how it was found: "alpha", "border" or "whole"."""
    alpha = np.asarray(picture)[..., 3]
    if (alpha < 32).mean() > _SEE_THROUGH:
        return _cropped(picture, "alpha")
    matte = _apart_from_border(picture)
    if (matte > 0.5).mean() < _LEAST:
        return picture, "whole"
    cut = picture.copy()
    wide = Image.fromarray(np.uint8(matte * 255)).resize(picture.size, Image.Resampling.BICUBIC)
    cut.putalpha(wide.point([0 if value < 24 else min(255, round((value - 24) * 1.2)) for value in range(256)]))
    return _cropped(cut, "border")


def _cropped(picture: Image.Image, how: str) -> tuple[Image.Image, str]:
    box = picture.getchannel("A").point([0] * 16 + [255] * 240).getbbox()
    return (picture.crop(box), how) if box else (picture, "whole")


def _apart_from_border(picture: Image.Image) -> Array:
    """Return how much each pixel of a working copy is not background: what the border's colours reach from the edge inward."""
    small = picture.convert("RGB")
    small.thumbnail((_WORKING, _WORKING))
    pixels = np.asarray(small.filter(ImageFilter.GaussianBlur(0.6)), np.float32)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.uint8)
    table = Image.fromarray(edge[None]).quantize(6, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    amounts = np.bincount(np.asarray(table).ravel(), minlength=6)
    palette = np.array(table.getpalette() or [], np.float32).reshape(-1, 3)
    ground = [colour for colour, amount in zip(palette, amounts, strict=False) if amount > 0.06 * len(edge)]
    away = np.min([np.sqrt(((pixels - colour) ** 2).mean(-1)) for colour in ground], axis=0) * 1.7
    reached = _flooded(away < _FAR * 0.8)
    matte: Array = np.where(reached, np.clip((away - _NEAR) / (_FAR - _NEAR), 0, 1), 1.0)
    return matte


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
