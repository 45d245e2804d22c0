"""Files on this side of the wire: parts of a form opened for one try, and results kept without a half-written file."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self
from uuid import uuid4

from calotype.client.naming import extension_of, names
from calotype.client.wire import Part, Place


class Form(contextlib.ExitStack):
    """The parts of a form, their files open: None when there is nothing to send."""

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._given = parts

    def __enter__(self) -> Self:
        super().__enter__()
        self.parts = [
            (part.field, (part.filename, self._content(part), part.media_type)) for part in self._given
        ] or None
        return self

    def _content(self, part: Part) -> str | bytes | IO[bytes]:
        return self.enter_context(part.content.open("rb")) if isinstance(part.content, Path) else part.content


class Keeping:
    """A result on its way to the disk: nobody sees it under its name before it is whole, and no other file is lost to it."""

    def __init__(self, place: Place, media_type: str, url: str) -> None:
        self._place = place
        self._extension = place.extension or extension_of(media_type, url)
        self._folder = place.exact.parent if place.exact else place.folder
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._unfinished = self._folder / f".{uuid4().hex}.part"
        self._file = self._unfinished.open("xb")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Keep a piece."""
        self._digest.update(piece)
        self._file.write(piece)

    def finish(self) -> tuple[Path, str]:
        """Give the file its name, and return it with the SHA-256 of what it holds."""
        self._file.close()
        target = self._place.exact or self._unused()
        self._unfinished.replace(target)
        return target, self._digest.hexdigest()

    def _unused(self) -> Path:
        for name in names(self._place.stem, self._extension):
            target = self._folder / name
            try:
                target.touch(exist_ok=False)
            except FileExistsError:
                continue
            return target
        raise AssertionError("there is always a next name")
