"""The engine: reads the picture, runs the passes tile by tile, resizes exactly when a target asks for it, saves a PNG."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import calotype_data
from calotype.engines.base import Cancelled, Context, Estimate, Order, Probe
from calotype.engines.upscale.card import CARD
from calotype.engines.upscale.limits import Size, check_size
from calotype.engines.upscale.passes import Passes, passes_for
from calotype.engines.upscale.pictures import Picture, make_image, read_picture, save_png
from calotype.engines.upscale.progress import Progress
from calotype.engines.upscale.tiles import Network, Pixels, enlarge
from calotype.errors import EngineError, InvalidInputError, OutOfMemoryError

WEIGHTS = "upscale/realesr-animevideov3.onnx"
WEIGHTS_NAME, WEIGHTS_LICENCE = "realesr-animevideov3 (Real-ESRGAN)", "BSD-3-Clause"

SECONDS_PER_MEGAPIXEL = 10.0
LOAD_SECONDS = 0.5
TILE_MEMORY = 450_000_000
BYTES_PER_PIXEL = 8
"""An output pixel in memory: three bytes as an array, four as an image, and a part of the PNG."""


class UpscaleEngine:
    """Enlarges pictures by 2, 3, 4, 6 or 8, or to a longer side of 1024, 2048 or 4096 pixels."""

    card = CARD

    def __init__(self) -> None:
        self._network: Network | None = None
        self._trim: Callable[[], None] = lambda: None

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
        """Return what the order will probably take when its picture has a megapixel: its size is not known before."""
        side = 1000
        size = check_size(side, side, order.input)
        passes = _passes((side, side), size, order.input)
        inputs = [math.prod(passes[:done]) ** 2 for done in range(len(passes))]
        warm = 0.3 + SECONDS_PER_MEGAPIXEL * sum(inputs)
        pixels = size[0] * size[1]
        return Estimate(warm + LOAD_SECONDS, warm, TILE_MEMORY + BYTES_PER_PIXEL * pixels, pixels)

    def batch_key(self, order: Order) -> None:
        """Return None: one picture keeps every core busy."""
        del order

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Read the weights."""
        # imported late: where there is no onnxruntime, probe() must still be able to say so
        from calotype.engines.upscale.network import OnnxNetwork

        report(0.0)
        network = OnnxNetwork(calotype_data.path(WEIGHTS), device)
        self._network, self._trim = network, network.trim
        report(1.0)

    def warm(self) -> None:
        """Run each scale once."""
        for scale in (2, 3, 4):
            self._loaded().run(np.zeros((64, 64, 3), np.uint8), scale)

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Enlarge the picture of each order."""
        for order in orders:
            try:
                self._run_one(order, context)
            except MemoryError as error:
                raise OutOfMemoryError from error
            except Cancelled:
                self._trim()
                raise
            self._trim()

    def unload(self) -> None:
        """Drop the network."""
        self._network, self._trim = None, lambda: None

    def _run_one(self, order: Order, context: Context) -> None:
        picture = read_picture(context.input_file("image"))
        size = _allowed_size(picture.size, order.input)
        passes = _passes(picture.size, size, order.input)
        progress = Progress(context, picture.pixels, passes)
        pixels = self._enlarge(picture.pixels, passes, progress)
        progress.saving()
        path = context.scratch / "upscaled.png"
        save_png(make_image(pixels, picture, size), path, picture.profile)
        reached = (pixels.shape[1], pixels.shape[0])
        said = _provenance(picture, passes, reached, size)
        context.write(path, "image/png", width=size[0], height=size[1], provenance=said)

    def _enlarge(self, pixels: Pixels, passes: Passes, progress: Progress) -> Pixels:
        network = self._loaded()
        for number, scale in enumerate(passes):
            pixels = enlarge(network, pixels, scale, progress.after_tile(is_last=number == len(passes) - 1))
        return pixels

    def _loaded(self) -> Network:
        assert self._network is not None, "load() comes first"
        return self._network


def _allowed_size(size: Size, wish: Mapping[str, Any]) -> Size:
    """Return the output's size; a submission that is too large is refused before, so this is for the ones that slip by."""
    try:
        return check_size(*size, wish)
    except InvalidInputError as error:
        raise EngineError(f"The picture is too large to enlarge: {error.problems[0].message}.") from error


def _passes(source: Size, size: Size, wish: Mapping[str, Any]) -> Passes:
    scale: int | None = wish.get("scale")
    return passes_for(scale if scale is not None else max(size) / max(source))


def _provenance(picture: Picture, passes: Passes, reached: Size, size: Size) -> dict[str, Any]:
    """Return what is said about the output: what the network did, and what a plain resize did."""
    return {
        "weights": WEIGHTS_NAME if passes else None,
        "weights_licence": WEIGHTS_LICENCE if passes else None,
        "source": {"width": picture.size[0], "height": picture.size[1]},
        "passes": list(passes),
        "resize": None if reached == size else {"from": list(reached), "to": list(size), "filter": "lanczos"},
        "alpha": "lanczos" if picture.alpha is not None else None,
        "note": _note(picture.size, passes, size),
    }


def _note(source: Size, passes: Passes, size: Size) -> str:
    if passes:
        return "Enlarged by the network, which draws detail that the source does not hold."
    if max(size) < max(source):
        return "The picture is larger than the target: it was made smaller by a Lanczos filter, without the network."
    if size == source:
        return "The picture has the size that was asked for already: its pixels are unchanged."
    return "The picture is nearly as large as the target: a Lanczos filter was enough, without the network."
