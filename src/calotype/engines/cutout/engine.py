"""The engine: reads the picture, finds its subject, puts what is asked for behind it, saves a PNG."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import calotype_data
from calotype.engines.base import Context, Estimate, Order, Phase, Probe
from calotype.engines.cutout.backgrounds import place
from calotype.engines.cutout.card import CARD
from calotype.engines.matte.matting import WEIGHTS, WEIGHTS_LICENCE, WEIGHTS_NAME, Found, Matting
from calotype.engines.matte.network import Alpha
from calotype.engines.matte.regions import box_of
from calotype.engines.pictures import Opened, open_picture, png, preview
from calotype.errors import EngineError, OutOfMemoryError
from calotype.jobs.inputs.remove_background import RemoveBackgroundInput

_WHOLE = 4
"""An order's steps: read, found, placed, saved."""
_ALREADY_CUT = 0.02
"""A picture of which more than this share is see-through has been cut out before."""
NOTE = "The subject is what a network trained on salient objects sees as such; its outline follows the picture's own edges."
NO_SUBJECT = "Nothing in the picture stands out from the rest, so nothing was removed."
CUT_BEFORE = "The picture came without a background: its own transparency is kept."


class CutoutEngine:
    """Removes backgrounds on any machine."""

    card = CARD

    def __init__(self) -> None:
        self._matting: Matting | None = None

    def probe(self) -> Probe:
        """Return whether onnxruntime and the weights are here."""
        if importlib.util.find_spec("onnxruntime") is None:
            return Probe(False, "The package onnxruntime is not installed, or has no build for this platform.")
        try:
            calotype_data.path(WEIGHTS)
        except FileNotFoundError:
            return Probe(False, f"The package calotype-data lacks the weights, {WEIGHTS}.")
        return Probe(True)

    def estimate(self, order: Order) -> Estimate:
        """Return what an order for a picture of a megapixel will probably take: its size is not known before."""
        del order
        return Estimate(cold=2.0, warm=1.5, memory=450_000_000, output=1_000_000)

    def batch_key(self, order: Order) -> None:
        """Return None: one picture keeps every core busy."""
        del order

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Read the weights."""
        report(0.0)
        self._matting = Matting(device)
        report(1.0)

    def warm(self) -> None:
        """Find the subject of a small picture."""
        self._loaded().find(np.zeros((64, 64, 3), np.uint8))

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Cut out the subject of each order's picture."""
        for order in orders:
            try:
                self._cut(RemoveBackgroundInput.model_validate(dict(order.input)), context)
            except MemoryError as error:
                raise OutOfMemoryError from error

    def unload(self) -> None:
        """Drop the network."""
        self._matting = None
        gc.collect()

    def _loaded(self) -> Matting:
        if self._matting is None:
            raise EngineError("The cutout engine was asked to work before it was loaded.")
        return self._matting

    def _cut(self, wanted: RemoveBackgroundInput, context: Context) -> None:
        context.progress(0, _WHOLE, Phase.DECODING)
        picture = open_picture(context.input_file("image"))
        context.progress(1, _WHOLE, Phase.ENCODING)
        found, note = self._found(picture, context)
        matte = _wished(found, wanted)
        context.progress(2, _WHOLE, Phase.COMPOSING)
        image = place(picture.pixels, matte, wanted.background, context.check)
        context.progress(3, _WHOLE, Phase.SAVING, preview(image))
        said = _provenance(found, wanted, note)
        context.write(png(image), "image/png", width=image.width, height=image.height, provenance=said)
        context.progress(_WHOLE, _WHOLE, Phase.SAVING)

    def _found(self, picture: Opened, context: Context) -> tuple[Found, str]:
        """Return the subject, and what is to be said of how it was found."""
        alpha = picture.alpha
        if alpha is not None and float((alpha < 0.5).mean()) > _ALREADY_CUT:
            return Found(alpha, has_subject=True), CUT_BEFORE
        found = self._loaded().find(picture.pixels, context.check)
        if not found.has_subject:
            return Found(np.ones_like(found.matte) if alpha is None else alpha, has_subject=False), NO_SUBJECT
        return (found if alpha is None else Found(found.matte * alpha, has_subject=True)), NOTE


def _wished(found: Found, wanted: RemoveBackgroundInput) -> Alpha:
    """Return the matte as the order wants it: hard, or of the background."""
    matte = found.matte
    if wanted.threshold is not None:
        matte = (matte >= max(wanted.threshold, 1 / 255)).astype(np.float32)
    return 1 - matte if wanted.reverse and found.has_subject else matte


def _provenance(found: Found, wanted: RemoveBackgroundInput, note: str) -> dict[str, Any]:
    box = box_of(found.matte > 0.5) if found.has_subject else None
    return {
        "weights": None if note == CUT_BEFORE else WEIGHTS_NAME,
        "weights_licence": None if note == CUT_BEFORE else WEIGHTS_LICENCE,
        "subject_found": found.has_subject,
        "subject_box": list(box) if box else None,
        "subject_share": round(float(found.matte.mean()), 4) if found.has_subject else None,
        "background": wanted.background,
        "threshold": wanted.threshold,
        "reverse": wanted.reverse,
        "note": note,
    }
