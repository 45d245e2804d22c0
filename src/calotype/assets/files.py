"""Assets in a folder of this machine: written so that a power cut loses nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from calotype.assets.base import Content, Readiness, Stored, checked
from calotype.errors import AssetUnavailableError, DiskFullError

_CHUNK = 1 << 20
_PIECE = 1 << 18
"""What is handed out at once: a reader who takes none of it keeps so much waiting, and no file open."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_UNFINISHED = ".part"
_MOST_REMEMBERED = 10_000


class FileAssets:
    """Assets under `root`. `check` says full below `floor_bytes` of free space: those are for running jobs."""

    def __init__(self, root: Path, floor_bytes: int) -> None:
        self._root = root
        self._floor = floor_bytes
        self._durable_folders: set[Path] = set()

    async def write(self, key: str, data: bytes | Path, media_type: str) -> Stored:  # noqa: ARG002 - kept in the key's extension
        """Store the bytes durably: write, fsync, rename, fsync folder."""
        return await asyncio.to_thread(self._write, checked(key), data)

    async def open(self, key: str, start: int = 0, end: int | None = None) -> Content:
        """Return the bytes from `start` up to `end`."""
        size = await self.size(key)
        return Content(size, self._read(key, start, size if end is None else end))

    async def size(self, key: str) -> int:
        """Return how many bytes the file has."""
        with _reading(key):
            return await asyncio.to_thread(_size, self._path(key))

    async def exists(self, key: str) -> bool:
        """Return whether the file is there."""
        with _reading(key):
            return await asyncio.to_thread(self._path(key).is_file)

    async def delete(self, key: str) -> None:
        """Erase the file, also from what a power cut would bring back."""
        with _reading(key):
            await asyncio.to_thread(_erase, self._path(key))

    async def check(self) -> Readiness:
        """Return whether the folder can be written and has more than the floor free."""
        return await asyncio.to_thread(self._check)

    async def sweep(self, before: datetime) -> int:
        """Remove unfinished files last written before then. Walks the whole tree: for start-up and quiet hours."""
        return await asyncio.to_thread(_sweep, self._root, before)

    def local_path(self, key: str) -> Path | None:
        """Return the file's path; whether it is there, `size` says."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _write(self, key: str, data: bytes | Path) -> Stored:
        path = self._path(key)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_UNFINISHED}")
        with _writing(key, unfinished):
            self._make_durable(path.parent)
            with _create(unfinished) as file:
                stored = _copy(data, file)
                os.fsync(file.fileno())
            unfinished.rename(path)
            _sync_folder(path.parent)
        return stored

    def _make_durable(self, folder: Path) -> None:
        """Make the folder and its parents, each known to its parent on disk before anything is put into it."""
        if folder in self._durable_folders and folder.is_dir():
            return
        if self._root in folder.parents or not folder.parent.is_dir():
            self._make_durable(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        # also when it was there: another process may have made it a moment ago and not synced its parent yet
        _sync_folder(folder.parent)
        self._remember(folder)

    def _remember(self, folder: Path) -> None:
        if len(self._durable_folders) >= _MOST_REMEMBERED:
            self._durable_folders.clear()
        self._durable_folders.add(folder)

    async def _read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        path = self._path(key)
        while start < end:
            with _reading(key):
                piece = await asyncio.to_thread(_piece, path, start, min(_PIECE, end - start))
            if not piece:
                raise AssetUnavailableError(key, "it is shorter than it was")
            start += len(piece)
            yield piece

    def _check(self) -> Readiness:
        try:
            self._make_durable(self._root)
            free = shutil.disk_usage(self._root).free
        except OSError as error:
            return Readiness(is_ready=False, reason=f"the folder cannot be used: {error.strerror}")
        if not os.access(self._root, os.W_OK | os.X_OK):
            return Readiness(is_ready=False, reason="the folder cannot be written", free=free)
        if free < self._floor:
            reason = f"{free:,} bytes are free and {self._floor:,} are kept for jobs already running"
            return Readiness(is_ready=False, reason=reason, is_full=True, free=free)
        return Readiness(is_ready=True, free=free)


@contextmanager
def _reading(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise AssetUnavailableError(key, "it is not there") from error
    except OSError as error:
        raise AssetUnavailableError(key, f"{error.strerror}") from error


@contextmanager
def _writing(key: str, unfinished: Path) -> Iterator[None]:
    """Leave no half file behind, and say who can mend it."""
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if error.errno in _NO_ROOM:
            raise DiskFullError from error
        raise AssetUnavailableError(key, f"writing it failed: {error.strerror}") from error


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", buffering=0)


def _copy(data: bytes | Path, target: BinaryIO) -> Stored:
    size, digest = 0, hashlib.sha256()
    for chunk in _chunks(data):
        digest.update(chunk)
        _write_all(target, chunk)
        size += len(chunk)
    return Stored(size, digest.hexdigest())


def _piece(path: Path, start: int, size: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        return file.read(size)


def _chunks(data: bytes | Path) -> Iterator[bytes | memoryview]:
    if isinstance(data, bytes):
        yield memoryview(data)
        return
    with data.open("rb", buffering=0) as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _write_all(target: BinaryIO, chunk: bytes | memoryview) -> None:
    rest = memoryview(chunk)
    while rest:  # a disk that is nearly full takes a part and says so only the next time
        rest = rest[target.write(rest) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise FileNotFoundError(path)
    return facts.st_size


def _erase(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
        _sync_folder(path.parent)


def _sweep(root: Path, before: datetime) -> int:
    removed = 0
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(".") and name.endswith(_UNFINISHED):
                removed += _remove_if_older(Path(folder, name), before)
    return removed


def _remove_if_older(path: Path, before: datetime) -> bool:
    with suppress(FileNotFoundError):  # its writer has just finished
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
            path.unlink()
            return True
    return False
