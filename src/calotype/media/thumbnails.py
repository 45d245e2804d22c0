"""Small pictures and facts of our own outputs: trusted, hence in this process. Never for what a caller sent."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageOps

from calotype.media.probe import ImageFacts

MEDIA_TYPE = "image/webp"
EXTENSION = "webp"

_OURS = ("PNG", "JPEG", "WEBP", "GIF")


def thumbnail(source: Path | bytes, side: int = 320) -> bytes:
    """Return a WebP whose longer side is at most `side`; a picture is never enlarged."""
    with Image.open(_opened(source), formats=_OURS) as image:
        image.draft("RGB", (side, side))  # a JPEG is decoded at a fraction of its size
        small = ImageOps.exif_transpose(image)
        small.thumbnail((side, side), reducing_gap=2.0)
        small = small.convert("RGBA" if small.has_transparency_data else "RGB")
    small.info = {}
    target = io.BytesIO()
    small.save(target, "WEBP", quality=82, method=4)
    return target.getvalue()


def image_facts(source: Path | bytes) -> ImageFacts:
    """Return what one of our outputs is, from its header."""
    with Image.open(_opened(source), formats=_OURS) as image:
        width, height = image.size
        return ImageFacts(width, height, Image.MIME[image.format or ""], image.has_transparency_data)


def _opened(source: Path | bytes) -> Path | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source
