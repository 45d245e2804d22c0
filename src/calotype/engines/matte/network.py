"""U2Net-p: how much each pixel of a picture belongs to its subject, at 320 pixels a side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.engines.onnx import open_session

Alpha = NDArray[np.float32]
"""Shares from 0 (background) to 1 (subject), by row and column."""
Pixels = NDArray[np.uint8]
"""8-bit RGB, by row and column."""

SIDE = 320
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_LEAST_RANGE = 0.25
"""A picture whose clearest pixel is less clear than this has no subject: it is not stretched until it seems to."""


class SalientNetwork:
    """Finds the subject coarsely."""

    def __init__(self, weights: Path, device: str) -> None:
        self._session = open_session(weights, device)
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    def run(self, pixels: Pixels) -> Alpha:
        """Return the subject's share of each pixel in a square of 320, whatever the picture's shape."""
        small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        values = np.asarray(small, np.float32)
        scaled = (values / max(float(values.max()), 1.0) - _MEAN) / _DEVIATION
        found: Alpha = self._session.run([self._output], {self._input: scaled.transpose(2, 0, 1)[None]})[0][0, 0]
        low, high = float(found.min()), float(found.max())
        stretched: Alpha = np.clip((found - low) / max(high - low, _LEAST_RANGE), 0, 1)
        return stretched
