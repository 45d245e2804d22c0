"""Pictures as arrays: what comes in, in any mode Pillow reads, becomes 8-bit RGB and an alpha of its own, and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from calotype.engines.upscale.limits import Size
from calotype.engines.upscale.tiles import Pixels
from calotype.errors import EngineError

COMPRESSION = 4
"""Of zlib's levels: two to three times as fast as level 6 and a thirtieth larger; level 1 is a sixth larger."""

BLEED = 8
"""How far, in pixels, colours are carried into what is transparent, so that no fringe shows at its edge."""

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ready for the network: RGB pixels, the alpha when anything is see-through, and what to give back."""

    pixels: Pixels
    alpha: Image.Image | None
    is_grey: bool
    profile: bytes | None

    @property
    def size(self) -> Size:
        """Return (width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read_picture(path: Path) -> Picture:
    """Return the file's picture; raise `EngineError` when it is none."""
    try:
        with Image.open(path) as opened:
            opened.load()
            profile = opened.info.get("icc_profile") if opened.mode != "CMYK" else None
            return _from_image(opened, profile)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise EngineError("The picture to enlarge cannot be read.") from error


def make_image(pixels: Pixels, picture: Picture, size: Size) -> Image.Image:
    """Return the enlarged pixels as an image of exactly this size, grey if the source was, with the source's alpha."""
    image = Image.fromarray(pixels)
    if image.size != size:
        image = image.resize(size, LANCZOS)
    if picture.is_grey:
        image = image.convert("L")
    if picture.alpha is not None:
        image.putalpha(picture.alpha.resize(size, LANCZOS))
    return image


def save_png(image: Image.Image, path: Path, profile: bytes | None) -> None:
    """Write the image as PNG."""
    image.save(path, "PNG", compress_level=COMPRESSION, icc_profile=profile)


def _from_image(image: Image.Image, profile: bytes | None) -> Picture:
    is_grey = image.mode in GREY_MODES
    alpha = _alpha(image)
    colours = _eight_bits(image).convert("RGB")
    if alpha is not None:
        colours = _bleed(colours, alpha)
    return Picture(np.array(colours), alpha, is_grey, profile)


def _alpha(image: Image.Image) -> Image.Image | None:
    """Return the alpha channel, or None when there is none or nothing is see-through."""
    if not image.has_transparency_data:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture with 8 bits a colour: Pillow's own conversion of 16-bit grey would clip it to white."""
    if image.mode.startswith("I"):
        values = np.asarray(image, np.float64) / 65535
        return Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))
    if image.mode == "F":
        return image.convert("L")
    return image.convert("RGBA") if image.mode in ("P", "PA", "LA", "La", "RGBa") else image


def _bleed(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    """Return the colours with those beside the see-through parts carried into them.

    A fully transparent pixel may hold any colour, mostly black, and the network would draw it into the visible edge.
    """
    blur = ImageFilter.GaussianBlur(BLEED / 2)
    weight = alpha.filter(blur)
    black = Image.new("RGB", colours.size)
    sums = np.asarray(Image.composite(colours, black, alpha).filter(blur), np.float32)
    shares = np.maximum(np.asarray(weight, np.float32), 1)[..., None] / 255
    carried = Image.fromarray(np.clip(sums / shares + 0.5, 0, 255).astype(np.uint8))
    visible = alpha.point([0] + [255] * 255)
    return Image.composite(colours, carried, visible)
