"""A picture's subject, cut out exactly: looked at as a whole, then closer, then along its edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import calotype_data
from calotype.engines.matte.edges import follow_edges, resized
from calotype.engines.matte.network import SIDE, Alpha, Pixels, SalientNetwork
from calotype.engines.matte.regions import Mask, box_of, grown, main_regions, opened

WEIGHTS = "matte/u2netp.onnx"
WEIGHTS_NAME, WEIGHTS_LICENCE = "U2Net-p", "Apache-2.0"

_SPECK = 0.08
"""What is smaller than this share of the subject, and apart from it, is not the subject: a sun, a lamp, a far tree."""
_AROUND = 0.14
"""How much of the surroundings the closer look takes in, as a share of the subject's longer side."""
_CLOSE_ENOUGH = 0.6
"""A subject that fills more than this share of the picture is not looked at again."""
_AGREEMENT = 0.75
"""How far the closer look must agree with the first to be trusted: intersection over union."""
_RADIUS = 7.0
"""How far from the coarse outline, in pixels of 1024, the exact one is looked for."""


def nobody_waits() -> None:
    """Stand for a check that nobody needs."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: the matte, and whether there is a subject at all."""

    matte: Alpha
    has_subject: bool


class Matting:
    """Finds subjects. `check` is called between the steps and may raise to stop."""

    def __init__(self, device: str = "cpu") -> None:
        self._network = SalientNetwork(calotype_data.path(WEIGHTS), device)

    def find(self, pixels: Pixels, check: Callable[[], None] = nobody_waits) -> Found:
        """Return the subject's matte at the picture's own size."""
        coarse = self.coarse(pixels, check)
        if not (coarse > 0.5).any():
            return Found(np.zeros(pixels.shape[:2], np.float32), has_subject=False)
        return Found(self._exact(pixels, coarse, check), has_subject=True)

    def coarse(self, pixels: Pixels, check: Callable[[], None] = nobody_waits) -> Alpha:
        """Return the matte as the network sees it, at the picture's own size; all zero when there is no subject."""
        height, width, _ = pixels.shape
        first = _without_specks(self._network.run(pixels))
        check()
        whole = resized(first, (width, height))
        box = _closer(box_of(first > 0.5), width, height)
        if box is None:
            return whole
        left, top, right, bottom = box
        seen = resized(self._network.run(pixels[top:bottom, left:right]), (right - left, bottom - top))
        check()
        if _agreement(seen > 0.5, whole[top:bottom, left:right] > 0.5) < _AGREEMENT:
            return whole
        near = np.zeros_like(whole)
        near[top:bottom, left:right] = seen
        near *= resized(grown(first > 0.1, SIDE // 40).astype(np.float32), (width, height))
        missed = opened((whole > 0.6) & (near < 0.4), max(1, max(width, height) // 80))
        return np.where(missed, whole, near)

    def _exact(self, pixels: Pixels, coarse: Alpha, check: Callable[[], None]) -> Alpha:
        """Return the matte along the picture's edges near the coarse outline, and the coarse one's verdict elsewhere."""
        fine = follow_edges(pixels, _steeper(coarse, 0.25), _RADIUS, check)
        return _steeper(fine, 0.08)


def _steeper(matte: Alpha, margin: float) -> Alpha:
    """Return the matte with what is nearly 0 or 1 made so."""
    steep: Alpha = np.clip((matte - margin) / (1 - 2 * margin), 0, 1)
    return steep


def _without_specks(matte: Alpha) -> Alpha:
    """Return the matte without what is apart from the subject and much smaller."""
    kept = main_regions(matte > 0.3, _SPECK)
    return matte * grown(kept, SIDE // 80)


def _closer(box: tuple[int, int, int, int] | None, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Return the part of the picture to look at again, in its pixels; None when that would show nothing more."""
    if box is None:
        return None
    left, top, right, bottom = box
    around = round(_AROUND * max(right - left, bottom - top))
    left, top = max(0, left - around), max(0, top - around)
    right, bottom = min(SIDE, right + around), min(SIDE, bottom + around)
    if (right - left) * (bottom - top) > _CLOSE_ENOUGH * SIDE * SIDE:
        return None
    across, down = width / SIDE, height / SIDE
    found = int(left * across), int(top * down), max(1, round(right * across)), max(1, round(bottom * down))
    return found if found[2] - found[0] >= 16 and found[3] - found[1] >= 16 else None


def _agreement(one: Mask, other: Mask) -> float:
    return float((one & other).sum()) / max(1, int((one | other).sum()))
