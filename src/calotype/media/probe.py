"""What a file is, by its content, and how large the picture in it claims to be: read from headers, nothing decoded.

Every walk through a header takes a bounded number of steps, so the server may do it itself.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from calotype.errors import InvalidImageError

MOST_PIXELS = 50_000_000
MOST_FRAMES = 300

_HEAD = 64
_GIF_EXTENSION, _GIF_FRAME = 0x21, 0x2C
_MOST_STEPS = 1_000
_MOST_GIF_BLOCKS = 1_000_000
_HEIC_PACKAGE = "pi_heif"
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_AVIF_BRANDS = {b"avif", b"avis"}
_NOT_A_SIZE = {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = {0x01, *range(0xD0, 0xD9)}


class Format(StrEnum):
    """The picture formats we read, by the names Pillow gives them."""

    PNG = "PNG"
    JPEG = "JPEG"
    WEBP = "WEBP"
    AVIF = "AVIF"
    GIF = "GIF"
    HEIC = "HEIF"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a picture is, once read."""

    width: int
    height: int
    media_type: str
    has_alpha: bool


def recognise(head: bytes) -> Format | None:
    """Return the format that the first 64 bytes begin, or None: a mark further in makes no picture of a file."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return Format.JPEG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Format.GIF
    if head.startswith(b"RIFF") and head[8:15] == b"WEBPVP8":
        return Format.WEBP
    return _container(head)


def inspect(path: Path) -> Format:
    """Return the format of a picture within the limits, or raise `InvalidImageError` with a plain reason."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head:
            raise InvalidImageError("it is empty")
        found = recognise(head)
        if found is None:
            raise InvalidImageError("it is no PNG, JPEG, WebP, AVIF, GIF or HEIC")
        if found is Format.HEIC and not can_read_heic():
            raise InvalidImageError("HEIC is not read here; send a JPEG")
        problem = wrong_size(*_dimensions(file, found))
    if problem is not None:
        raise InvalidImageError(problem)
    return found


def dimensions(path: Path) -> tuple[int, int]:
    """Return width and height as the header claims them."""
    with path.open("rb") as file:
        found = recognise(file.read(_HEAD))
        if found is None:
            raise InvalidImageError("it is no PNG, JPEG, WebP, AVIF or GIF")
        return _dimensions(file, found)


def wrong_size(width: int, height: int) -> str | None:
    """Return what is wrong with a picture of that size, or None."""
    if width < 1 or height < 1:
        return "it has no pixels"
    if width * height > MOST_PIXELS:
        return f"it is {width} by {height} pixels, and {MOST_PIXELS // 1_000_000} megapixels are the most"
    return None


def count_gif_frames(data: bytes, limit: int) -> int:
    """Return how many frames a GIF has, or one more than the limit as soon as it is passed.

    Raises `InvalidImageError` for one cut into so many pieces that walking through them takes long.
    """
    frames = 0
    steps = iter(range(_MOST_GIF_BLOCKS))
    at = 13 + _colours(data, 10)
    try:
        while frames <= limit and data[at] in (_GIF_EXTENSION, _GIF_FRAME):
            if data[at] == _GIF_FRAME:
                frames += 1
                at = _after_blocks(data, at + 11 + _colours(data, at + 9), steps)
            else:
                at = _after_blocks(data, at + 2, steps)
    except IndexError:  # cut short: decoding will tell
        pass
    return frames


def can_read_heic() -> bool:
    """Return whether the optional package is installed."""
    return importlib.util.find_spec(_HEIC_PACKAGE) is not None


def _container(head: bytes) -> Format | None:
    """Tell AVIF from HEIC by the brands in the first box."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4]), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _AVIF_BRANDS:
        return Format.AVIF
    return Format.HEIC if brands & _HEIC_BRANDS else None


def _dimensions(file: BinaryIO, found: Format) -> tuple[int, int]:
    try:
        return _READERS[found](file)
    except struct.error as error:
        raise InvalidImageError("it is cut short") from error


def _png(file: BinaryIO) -> tuple[int, int]:
    file.seek(12)
    name, width, height = _unpack(">4sII", file)
    if name != b"IHDR":
        raise InvalidImageError("it is damaged")
    return width, height


def _gif(file: BinaryIO) -> tuple[int, int]:
    file.seek(6)
    width, height = _unpack("<HH", file)
    return width, height


def _colours(data: bytes, flags_at: int) -> int:
    """Return how many bytes of colour table the flags announce."""
    flags = data[flags_at]
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int, steps: Iterator[int]) -> int:
    for _ in steps:
        length = data[at]
        at += length + 1
        if not length:
            return at
    raise InvalidImageError(f"it is cut into more than {_MOST_GIF_BLOCKS} pieces")


def _jpeg(file: BinaryIO) -> tuple[int, int]:
    """Walk the segments up to the frame header."""
    file.seek(2)
    for _ in range(_MOST_STEPS):
        fill, marker = _unpack(">BB", file)
        if fill != 0xFF:
            raise InvalidImageError("it is damaged")
        if marker == 0xFF:  # padding: the second byte may begin the marker
            file.seek(-1, 1)
        elif 0xC0 <= marker <= 0xCF and marker not in _NOT_A_SIZE:
            _, _, height, width = _unpack(">HBHH", file)
            return width, height
        elif marker not in _JPEG_ALONE:
            file.seek(max(_unpack(">H", file)[0] - 2, 0), 1)
    raise InvalidImageError("its header is too long")


def _webp(file: BinaryIO) -> tuple[int, int]:
    file.seek(12)
    (name,) = _unpack("<4s4x", file)
    body = file.read(10)
    if name == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8L":
        bits = struct.unpack("<xI", body[:5])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<6xHH", body)
    return width & 0x3FFF, height & 0x3FFF


def _heif(file: BinaryIO) -> tuple[int, int]:
    """Return the largest picture a box declares: a grid declares its tiles too."""
    sizes = []
    end = file.seek(0, 2)
    for name, start, stop in _boxes(file, 0, end):
        if name == b"ispe" and stop - start >= 12:
            file.seek(start + 4)
            sizes.append(_unpack(">II", file))
    if not sizes:
        raise InvalidImageError("it is damaged")
    return max(sizes, key=lambda size: size[0] * size[1])


_INSIDE = {b"meta": 4, b"iprp": 0, b"ipco": 0}
"""The boxes that lead to a picture's size, and how many bytes stand before the boxes in them."""


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    waiting = [(start, end)]
    for _ in range(_MOST_STEPS):
        while waiting and waiting[-1][1] - waiting[-1][0] < 8:
            waiting.pop()
        if not waiting:
            return
        at, end = waiting.pop()
        file.seek(at)
        length, name = _unpack(">I4s", file)
        body = at + 8
        if length == 1:
            length, body = _unpack(">Q", file)[0], at + 16
        stop = min(at + length, end) if length else end
        if stop <= body:
            raise InvalidImageError("it is damaged")
        waiting.append((stop, end))
        if name in _INSIDE:
            waiting.append((body + _INSIDE[name], stop))
        yield name, body, stop
    raise InvalidImageError("its header is too long")


def _unpack(layout: str, file: BinaryIO) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


_READERS = {
    Format.PNG: _png,
    Format.JPEG: _jpeg,
    Format.GIF: _gif,
    Format.WEBP: _webp,
    Format.AVIF: _heif,
    Format.HEIC: _heif,
}
