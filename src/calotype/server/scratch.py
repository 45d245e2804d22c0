"""A folder for one request's files: made when the first arrives, gone when the request is answered."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path


class Scratch:
    """Files that a request brings, until they are stored or refused."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._folder: Path | None = None

    async def folder(self) -> Path:
        """Return the folder, made on the first call."""
        if self._folder is None:
            self._folder = await asyncio.to_thread(_make, self._parent)
        return self._folder

    async def clear(self) -> None:
        """Remove the folder and all that is in it."""
        if self._folder is not None:
            folder, self._folder = self._folder, None
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _make(parent: Path) -> Path:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))
