"""What is to be where the background was: nothing, a colour, the background out of focus, or the matte itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from calotype.engines.matte.colours import own_colours
from calotype.engines.matte.network import Alpha, Pixels
from calotype.jobs.inputs.remove_background import BLUR, MAP, OVERLAY, TRANSPARENT, rgb_of

_SOFTNESS = 0.025
"""How far the blurred background is out of focus, as a share of the longer side."""
_TINT = (80, 220, 130)
_TINTED = 0.5


def place(pixels: Pixels, matte: Alpha, background: str, check: Callable[[], None]) -> Image.Image:
    """Return the picture with this in place of its background."""
    if background == MAP:
        return Image.fromarray(_bytes(matte))
    if background == OVERLAY:
        return _tinted(pixels, matte)
    own = own_colours(pixels, matte, check)
    if background == TRANSPARENT:
        return Image.fromarray(np.dstack((own, _bytes(matte))))
    behind = _blurred(pixels, matte) if background == BLUR else Image.new("RGB", own.shape[1::-1], rgb_of(background))
    behind.paste(Image.fromarray(own), (0, 0), Image.fromarray(_bytes(matte)))
    return behind


def _bytes(matte: Alpha) -> Pixels:
    return (matte * 255 + 0.5).astype(np.uint8)


def _tinted(pixels: Pixels, matte: Alpha) -> Image.Image:
    """Return the picture with its subject tinted, to see what was found."""
    picture = Image.fromarray(pixels)
    picture.paste(Image.new("RGB", picture.size, _TINT), (0, 0), Image.fromarray(_bytes(matte * _TINTED)))
    return picture


def _blurred(pixels: Pixels, matte: Alpha) -> Image.Image:
    """Return the background out of focus, without the subject's colours bleeding into it."""
    picture, away = Image.fromarray(pixels), Image.fromarray(_bytes(1 - matte))
    softly = ImageFilter.GaussianBlur(max(1.0, _SOFTNESS * max(picture.size)))
    seen = np.asarray(Image.composite(picture, Image.new("RGB", picture.size), away).filter(softly), np.float32)
    share = np.maximum(np.asarray(away.filter(softly), np.float32), 1)[..., None] / 255
    return Image.fromarray(np.clip(seen / share + 0.5, 0, 255).astype(np.uint8))
