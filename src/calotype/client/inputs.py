"""Images as callers have them: a path, a URL, bytes, an open file, a picture, an array, an asset's id, another job's output."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from calotype.client.errors import InvalidInput
from calotype.client.wire import Part, Source

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", ".png"),
    (b"\xff\xd8\xff", 0, "image/jpeg", ".jpg"),
    (b"GIF8", 0, "image/gif", ".gif"),
    (b"WEBP", 8, "image/webp", ".webp"),
    (b"ftypavi", 4, "image/avif", ".avif"),
)


@runtime_checkable
class Readable(Protocol):
    """An open file."""

    def read(self) -> bytes:
        """Return what it holds."""
        ...


@runtime_checkable
class Picture(Protocol):
    """What Pillow calls an image."""

    mode: str

    def save(self, fp: Any, format: str) -> None:  # noqa: A002 - Pillow's word
        """Write it to an open file."""
        ...


@runtime_checkable
class Pixels(Protocol):
    """What NumPy calls an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return its extents."""
        ...

    @property
    def dtype(self) -> Any:
        """Return what its values are."""
        ...

    def tobytes(self) -> bytes:
        """Return its values, row by row."""
        ...


@runtime_checkable
class Made(Protocol):
    """A job with a result."""

    @property
    def id(self) -> str:
        """Return its id."""
        ...

    @property
    def outputs(self) -> Sequence[Any]:
        """Return its results."""
        ...


Image = str | Path | bytes | bytearray | memoryview | UUID | Readable | Picture | Pixels | Made


def read_image(image: Image) -> Source:
    """Return what is to be sent; raise `InvalidInput` when it is nothing we can send."""
    if isinstance(image, str):
        return _named(image)
    if isinstance(image, UUID):
        return Source(words={"asset_id": str(image)})
    if isinstance(image, Path):
        return _file(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return _bytes(bytes(image))
    return _object(image)


def _named(text: str) -> Source:
    """Read a text: a data URL, a URL that the server is to fetch, an id, or a path that exists."""
    if text.startswith("data:"):
        return Source(words={"data": text})
    if text.lower().startswith(("http://", "https://")):
        return Source(words={"url": text})
    try:
        return Source(words={"asset_id": str(UUID(text))})
    except ValueError:
        return _file(Path(text).expanduser())


def _file(path: Path) -> Source:
    if not path.is_file():
        raise InvalidInput(f"image: there is no file {str(path)!r}.")
    with path.open("rb") as opened:
        head = opened.read(32)
    return Source(part=Part("image", path, path.name, media_type_of(head)[0]))


def _bytes(data: bytes, name: str | None = None) -> Source:
    if not data:
        raise InvalidInput("image: there are no bytes in it.")
    media_type, extension = media_type_of(data)
    return Source(part=Part("image", data, name or f"image{extension}", media_type))


def _object(image: Readable | Picture | Pixels | Made) -> Source:
    if isinstance(image, Made):
        return Source(words={"from_job": image.id, "output": 0})
    if isinstance(image, Readable):
        name = getattr(image, "name", None)
        return _bytes(image.read(), Path(name).name if isinstance(name, str) else None)
    if isinstance(image, Picture):
        file = io.BytesIO()
        image.save(file, format="PNG")
        return _bytes(file.getvalue())
    if isinstance(image, Pixels):
        return _bytes(png_of(image))
    raise InvalidInput(f"image: {type(image).__name__} is no image; give a path, bytes, a file, a picture or an array.")


def media_type_of(head: bytes) -> tuple[str, str]:
    """Return media type and extension of an image by its first bytes; the server decides, so the unknown is sent as it is."""
    for magic, offset, media_type, extension in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return media_type, extension
    return "application/octet-stream", ".bin"


def png_of(array: Pixels) -> bytes:
    """Return a PNG of an array of (height, width) or (height, width, 1, 3 or 4): bytes, or floats from 0 to 1."""
    height, width, channels = (*array.shape, 1)[:3] if len(array.shape) in (2, 3) else (0, 0, 0)
    if channels not in _COLOUR_TYPES or not height or not width:
        raise InvalidInput("image: an array is (height, width), with 1, 3 or 4 channels behind.")
    values: Any = array
    if values.dtype.kind == "f":
        values = (values * 255).round().clip(0, 255).astype("uint8")
    if values.dtype.kind != "u" or values.dtype.itemsize != 1:
        raise InvalidInput("image: an array holds bytes (uint8) or floats from 0 to 1.")
    data, stride = values.tobytes(), width * channels
    rows = b"".join(b"\0" + data[start : start + stride] for start in range(0, len(data), stride))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
