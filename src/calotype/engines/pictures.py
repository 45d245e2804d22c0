"""Pictures in and out of engines: the files of an order as arrays, and results as PNG with a small JPEG to look at meanwhile."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.errors import EngineError

PREVIEW_SIDE = 320
COMPRESSION = 4
"""Of zlib's levels: two to three times as fast as level 6 and a thirtieth larger."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture as 8-bit RGB, with its alpha from 0 to 1 when any of it is see-through."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.float32] | None

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]


def open_picture(path: Path) -> Opened:
    """Return an input's picture; raise `EngineError` when it is none."""
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise EngineError("An input picture cannot be read.") from error
    if image.mode == "RGB":
        return Opened(np.array(image), None)
    alpha = np.asarray(image.getchannel("A"), np.float32) / np.float32(255)
    return Opened(np.array(image.convert("RGB")), None if alpha.min() >= 1 else alpha)


def png(image: Image.Image) -> bytes:
    """Return the picture as PNG."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=COMPRESSION)
    return file.getvalue()


def preview(image: Image.Image) -> bytes:
    """Return the picture as a small JPEG; what is see-through lies on white."""
    small = image.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    file = io.BytesIO()
    small.convert("RGB").save(file, "JPEG", quality=80)
    return file.getvalue()
