"""Folders for what is being made: one a worker, held by a lock, and in it one an attempt, emptied when the attempt ends."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from calotype.errors import DataFolderError
from calotype.telemetry import log

if sys.platform != "win32":
    import fcntl

_LOCK = "lock"


class Scratch:
    """A worker's own folder below `root`. Opening it removes the folders of workers that have died."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> Scratch:
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            name = secrets.token_hex(8)
            unlocked = self._root / f"new-{name}"  # a name that no sweep looks at, until the lock is held
            unlocked.mkdir(mode=0o700)
            self._lock = _locked(unlocked / _LOCK)
            self._folder = unlocked.rename(self._root / f"worker-{name}")
        except OSError as error:
            raise DataFolderError(self._root, f"{error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

    @contextmanager
    def of(self, job_id: UUID, attempt: int) -> Iterator[Path]:
        """Lend an empty folder to one attempt."""
        folder = self._folder / f"{job_id}-{attempt}-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove the folders whose lock is free: a lock ends with its process, wherever on this machine that ran."""
        for folder in self._root.glob("worker-*"):
            with suppress(FileNotFoundError):
                if (lock := _locked(folder / _LOCK)) is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(lock)
                    log.info("scratch.swept", folder=folder.name)


def _locked(path: Path) -> int | None:
    """Return the locked file's descriptor; None when another process holds it, or where there are no such locks."""
    if sys.platform == "win32":
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
