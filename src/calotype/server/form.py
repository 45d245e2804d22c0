"""A multipart form, streamed: files go to disk as they arrive, texts stay in memory, and everything is counted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from calotype.dialects.base import Upload
from calotype.errors import BodyTooLargeError, FileTooLargeError, MalformedBodyError
from calotype.server.scratch import Scratch

Fields = dict[str, list[str | Upload]]

_MOST_PARTS = 100


async def read_multipart(
    stream: AsyncIterator[bytes], content_type: str, scratch: Scratch, most_of_a_file: int, most_of_texts: int
) -> Fields:
    """Return the form's fields in order, its files on disk in the scratch folder."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedBodyError("the Content-Type names no boundary")
    form = _Form(await scratch.folder(), most_of_a_file, most_of_texts)
    try:
        form.begin(boundary)
        async for chunk in stream:
            await asyncio.to_thread(form.feed, chunk)
        return form.finish()
    except (FormParserError, UnicodeDecodeError) as error:
        raise MalformedBodyError("it is not a multipart form") from error
    finally:
        form.close()


class _Form:
    """The parser's callbacks: one part at a time."""

    def __init__(self, folder: Path, most_of_a_file: int, most_of_texts: int) -> None:
        self._folder = folder
        self._most_of_a_file = most_of_a_file
        self._most_of_texts = most_of_texts
        self._texts_size = 0
        self._parts = 0
        self._is_whole = False
        self._fields: Fields = {}
        self._file: BinaryIO | None = None

    def begin(self, boundary: bytes) -> None:
        """Make ready for a form with this boundary."""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._start,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._whole,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes: may write to disk, so call it in a thread."""
        self._parser.write(chunk)

    def finish(self) -> Fields:
        """Return what was read; a form cut short is none. An empty body is an empty form."""
        if not self._is_whole and self._parts:
            raise MalformedBodyError("the form is cut short")
        return self._fields

    def close(self) -> None:
        """Let go of a file that was being written."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise MalformedBodyError(f"it has more than {_MOST_PARTS} parts")
        self._name, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._text = bytearray()
        self._size = 0
        self._hash = hashlib.sha256()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _start(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise MalformedBodyError("a part has no name")
        self._field = options[b"name"].decode("utf-8")
        self._filename = options[b"filename"].decode("utf-8", "replace") if b"filename" in options else None
        if self._filename is not None:
            # the name is ours: what the sender calls the file never becomes a path
            self._path = self._folder / f"part{self._parts}"
            self._file = self._path.open("wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is None:
            self._texts_size += end - start
            if self._texts_size > self._most_of_texts:
                raise BodyTooLargeError(self._most_of_texts)
            self._text += data[start:end]
            return
        if self._size > self._most_of_a_file:
            raise FileTooLargeError(self._most_of_a_file)
        piece = memoryview(data)[start:end]
        self._hash.update(piece)
        self._file.write(piece)

    def _end(self) -> None:
        if self._file is None:
            self._fields.setdefault(self._field, []).append(self._text.decode("utf-8"))
            return
        self._file.close()
        self._file = None
        media_type = self._headers.get(b"content-type", b"application/octet-stream").decode("latin-1")
        filename = self._filename or ""
        upload = Upload(self._field, str(self._path), filename, media_type, self._size, self._hash.hexdigest())
        self._fields.setdefault(self._field, []).append(upload)

    def _whole(self) -> None:
        self._is_whole = True
