"""The seam every asset store stands behind.

A key is made by the server and means nothing to the store; a file, once written, never changes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

_KEY = re.compile(r"(?:[a-z0-9_-][a-z0-9._-]{0,199}/)*[a-z0-9_-][a-z0-9._-]{0,199}")
_LONGEST_KEY = 512


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: counted and hashed from the very bytes that went to the store."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Content:
    """A stored file being read: the whole file's size, and the bytes that were asked for."""

    size: int
    chunks: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether files can be stored now, and if not why, in plain words. `free` is None where nobody can tell."""

    is_ready: bool
    reason: str = ""
    is_full: bool = False
    free: int | None = None


class Assets(Protocol):
    """Stores files under keys. A missing file or a store that does not answer is an `AssetUnavailableError`."""

    async def write(self, key: str, data: bytes | Path, media_type: str) -> Stored:
        """Store the bytes, or the file's, so that no power cut loses them; `DiskFullError` if there is no room."""
        ...

    async def open(self, key: str, start: int = 0, end: int | None = None) -> Content:
        """Return the bytes from `start` up to, not with, `end`: 0 <= start <= end <= size."""
        ...

    async def size(self, key: str) -> int:
        """Return how many bytes the file has."""
        ...

    async def exists(self, key: str) -> bool:
        """Return whether the file is there."""
        ...

    async def delete(self, key: str) -> None:
        """Erase the file for good. A file that is not there is as good as erased."""
        ...

    async def check(self) -> Readiness:
        """Return whether files can be stored now. Cheap and bounded: health checks and submits ask it."""
        ...

    async def sweep(self, before: datetime) -> int:
        """Remove what writers that died before then left behind; return how many."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Return where the file lies on this machine, so that the kernel can send it, or None if it does not."""
        ...


def key_for(account_id: UUID, job_id: UUID, asset_id: UUID, extension: str) -> str:
    """Return the key of one file of one job.

    The account comes first, so that it can be listed or erased as a whole; 256 folders keep each one small; a job has
    no folder of its own, since each new folder costs two more trips to the disk.
    """
    return checked(f"{account_id}/{job_id.hex[-2:]}/{job_id}-{asset_id}.{extension}")


def checked(key: str) -> str:
    """Return the key if the server can have made it; anything else is a bug of ours, hence no error of a caller."""
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise ValueError(f"{key[:80]!r} is no asset key")
    return key
