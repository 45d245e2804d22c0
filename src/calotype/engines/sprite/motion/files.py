"""Frames as files: one palette for all, a GIF whose frames line up, a square sheet and single pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.engines.sprite.pictures import COMPRESSION

Indices = NDArray[Any]

CLEAR = 255
"""The palette's last entry is what is see-through."""
_SOLID = 128
DELAY = 40
"""Milliseconds a frame is shown."""


class Palette:
    """Colours taken from a few pictures and given to all: the same colour is the same entry in every frame."""

    def __init__(self, pictures: Sequence[Image.Image], count: int) -> None:
        pixels = np.concatenate([_solid_pixels(picture) for picture in pictures])
        if not len(pixels):
            pixels = np.zeros((1, 3), np.uint8)
        method = Image.Quantize.MEDIANCUT if count < 64 else Image.Quantize.FASTOCTREE
        table = Image.fromarray(pixels[None]).quantize(min(count, CLEAR), method, dither=Image.Dither.NONE)
        colours = (table.getpalette() or [])[: 3 * min(count, CLEAR)]
        self._image = Image.new("P", (1, 1))
        self._image.putpalette(colours + colours[:3] * (CLEAR - len(colours) // 3) + [0, 0, 0])
        self.colours = self._image.getpalette() or []

    def indices(self, picture: Image.Image) -> Indices:
        """Return each pixel's entry: the nearest colour, without dithering, which would flicker."""
        found = np.array(picture.convert("RGB").quantize(palette=self._image, dither=Image.Dither.NONE))
        found[np.asarray(picture.getchannel("A")) < _SOLID] = CLEAR
        return found

    def picture(self, indices: Indices) -> Image.Image:
        """Return the entries as a picture in palette mode."""
        image = Image.fromarray(indices)
        image.putpalette(self.colours)
        return image

    def in_colour(self, indices: Indices) -> Image.Image:
        """Return the entries as RGBA."""
        table = np.concatenate([np.array(self.colours, np.uint8).reshape(-1, 3), np.full((256, 1), 255, np.uint8)], -1)
        table[CLEAR] = 0
        return Image.fromarray(table[indices])


def _solid_pixels(picture: Image.Image) -> Indices:
    pixels = np.asarray(picture)
    return np.ascontiguousarray(pixels[pixels[..., 3] >= _SOLID][:, :3])


def pixelated(picture: Image.Image, block: int) -> Image.Image:
    """Return the picture in blocks, one pixel each: the mean of what is solid there."""
    return picture.convert("RGBa").reduce(block).convert("RGBA")


def save_gif(frames: Sequence[Indices], palette: Palette, path: Path, after: Callable[[], None]) -> None:
    """Write the frames as a GIF that loops; `after` is called with each and may raise to stop."""

    def rest() -> Iterator[Image.Image]:
        for indices in frames[1:]:
            after()
            yield palette.picture(indices)

    first = palette.picture(frames[0])
    first.save(
        path,
        "GIF",
        save_all=True,
        append_images=rest(),
        duration=DELAY,
        loop=0,
        transparency=CLEAR,
        disposal=2,
        optimize=False,
    )


class Sheet:
    """A square sheet that is filled cell by cell, row by row."""

    def __init__(self, count: int, side: int) -> None:
        self.across = math.isqrt(count)
        self.side = side
        self.picture = Image.new("RGBA", (side * self.across, side * self.across))
        self._filled = 0

    def add(self, frame: Image.Image) -> None:
        """Put a frame in the next cell."""
        row, column = divmod(self._filled, self.across)
        self.picture.paste(frame, (column * self.side, row * self.side))
        self._filled += 1


def save_frame(frame: Image.Image, path: Path) -> None:
    """Write one frame as PNG."""
    frame.save(path, "PNG", compress_level=COMPRESSION)
