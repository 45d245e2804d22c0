"""The network itself, on one device: 8-bit pixels in, 8-bit pixels out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calotype.engines.onnx import RunOptions, open_session, ordinal
from calotype.engines.upscale.tiles import Pixels
from calotype.errors import OutOfMemoryError


class OnnxNetwork:
    """Real-ESRGAN's compact network: 8-bit RGB in, 8-bit RGB out, two, three or four times as wide and high."""

    def __init__(self, weights: Path, device: str) -> None:
        self._memory = "cpu:0" if device == "cpu" else "cpu:0;gpu:" + ordinal(device)
        self._session = open_session(weights, device)

    def run(self, pixels: Pixels, scale: int) -> Pixels:
        """Return the RGB pixels enlarged by 2, 3 or 4."""
        try:
            enlarged: Pixels = self._session.run(["enlarged"], self._feed(pixels, scale))[0]
        except Exception as error:
            if "alloc" in str(error).lower():
                raise OutOfMemoryError from error
            raise
        return enlarged

    def trim(self) -> None:
        """Give back the memory that the last pictures needed, and keep the network."""
        options = RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", self._memory)
        self._session.run(["enlarged"], self._feed(np.zeros((1, 1, 3), np.uint8), 2), options)

    def _feed(self, pixels: Pixels, scale: int) -> dict[str, Pixels | np.ndarray[tuple[()], np.dtype[np.int64]]]:
        return {"pixels": pixels, "scale": np.array(scale, np.int64)}
