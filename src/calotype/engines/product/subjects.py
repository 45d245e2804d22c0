"""A reference picture's subject: its own pixels, cut out, and whether it was cut off below by the picture's edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from calotype.engines.matte.colours import own_colours
from calotype.engines.matte.matting import Matting
from calotype.engines.matte.network import Alpha
from calotype.engines.matte.regions import box_of
from calotype.engines.pictures import Opened

_ALREADY_CUT = 0.02
"""A picture of which more than this share is see-through has been cut out before."""
_LARGEST = 2400
"""A subject's longer side in pixels: more than any result shows of it."""
_CUT_OFF = 0.3
"""From this share of its width on, a subject that reaches an edge of the picture is cut off by it."""
_FADE = 0.07
"""Over which share of its size a subject fades out where it was cut off above or at a side."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was cut out of one reference picture."""

    image: Image.Image
    """RGBA, cropped to what is seen."""
    is_whole_picture: bool
    """Whether nothing stood out, so that the picture itself is the subject."""
    is_cut_below: bool
    """Whether the lower edge of the picture cuts it off, as in a portrait."""

    @property
    def aspect(self) -> float:
        """Width by height."""
        return self.image.width / self.image.height


def cut_out(picture: Opened, matting: Matting, check: Callable[[], None]) -> Subject:
    """Return the picture's subject; the whole picture when nothing in it stands out."""
    matte, found = _matte(picture, matting, check)
    box = box_of(matte > 0.5) if found else None
    if box is None:
        return Subject(_fitted(Image.fromarray(picture.pixels).convert("RGBA")), True, False)
    left, top, right, bottom = box
    own = own_colours(picture.pixels, matte, check)[top:bottom, left:right]
    share = _faded(matte[top:bottom, left:right], top == 0, left == 0, right == matte.shape[1])
    cut = Image.fromarray(np.dstack((own, (share * 255 + 0.5).astype(np.uint8))))
    is_cut = bottom >= matte.shape[0] - 2 and float((share[-1] > 0.5).mean()) > _CUT_OFF
    return Subject(_fitted(cut), False, is_cut)


def _faded(share: Alpha, at_top: bool, at_left: bool, at_right: bool) -> Alpha:
    """Return the matte fading out where the picture's edge had cut the subject off: in a scene, nothing would hide the cut."""
    height, width = share.shape
    down, across = (np.minimum((np.arange(side) + 0.5) / max(1.0, _FADE * side), 1) for side in (height, width))
    faded = share.astype(np.float64)
    if at_top and (share[0] > 0.5).mean() > _CUT_OFF:
        faded *= down[:, None]
    if at_left and (share[:, 0] > 0.5).mean() > _CUT_OFF:
        faded *= across[None, :]
    if at_right and (share[:, -1] > 0.5).mean() > _CUT_OFF:
        faded *= across[None, ::-1]
    return faded.astype(np.float32)


def _matte(picture: Opened, matting: Matting, check: Callable[[], None]) -> tuple[Alpha, bool]:
    alpha = picture.alpha
    if alpha is not None and float((alpha < 0.5).mean()) > _ALREADY_CUT:
        return alpha, True
    found = matting.find(picture.pixels, check)
    return (found.matte if alpha is None else found.matte * alpha), found.has_subject


def _fitted(image: Image.Image) -> Image.Image:
    """Return the subject, made smaller where it is larger than any result shows it."""
    image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    return image
