"""Pictures in and out: reading an input, its main colours, PNG files and small previews."""

from __future__ import annotations

import colorsys
import io
from pathlib import Path

import numpy as np
from PIL import Image

from calotype.errors import EngineError

PREVIEW_SIDE = 256
COMPRESSION = 3
_BACKDROP = (38, 38, 46, 255)


def read_image(path: Path) -> Image.Image:
    """Return the file's picture as RGBA; raise `EngineError` when it is none."""
    try:
        with Image.open(path) as opened:
            return opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise EngineError("The picture given cannot be read.") from error


def main_colours(picture: Image.Image, count: int) -> list[tuple[float, float, float]]:
    """Return up to `count` colours that the picture shows much of, the liveliest first, as parts from 0 to 1."""
    small = picture.copy()
    small.thumbnail((96, 96))
    pixels = np.asarray(small)
    solid = np.ascontiguousarray(pixels[pixels[..., 3] > 128][:, :3])
    if not len(solid):
        return []
    table = Image.fromarray(solid[None]).quantize(8, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = np.array(table.getpalette()).reshape(-1, 3)
    amounts = np.bincount(np.asarray(table).ravel(), minlength=8)
    scored = sorted(
        ((_liveliness(palette[number] / 255, amounts[number]), number) for number in range(8) if amounts[number]),
        reverse=True,
    )
    return [tuple(float(part) / 255 for part in palette[number]) for _, number in scored[:count]]  # type: ignore[misc] # three parts each


def _liveliness(colour: np.ndarray, amount: int) -> float:
    _, light, full = colorsys.rgb_to_hls(*colour)
    return float(amount**0.5 * (0.05 + full * (1 - abs(2 * light - 1))))


def png(picture: Image.Image, path: Path) -> None:
    """Write the picture as PNG."""
    picture.save(path, "PNG", compress_level=COMPRESSION)


def preview(picture: Image.Image) -> bytes:
    """Return a small JPEG of a picture on a dark ground."""
    small = picture.convert("RGBA").resize(_within(picture.size), Image.Resampling.BILINEAR, reducing_gap=1.0)
    file = io.BytesIO()
    Image.alpha_composite(Image.new("RGBA", small.size, _BACKDROP), small).convert("RGB").save(file, "JPEG", quality=80)
    return file.getvalue()


def _within(size: tuple[int, int]) -> tuple[int, int]:
    shrink = min(1.0, PREVIEW_SIDE / max(size))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))
