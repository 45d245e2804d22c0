"""The embedded PostgreSQL's own folder, `DIR/database`: the private files and the locks in it.

data/          PostgreSQL's files
password       of the role `calotype`, the only one that can log in, and no superuser
socket         the folder where the server listens, or a link to it
startup.log    what the server said before it opened its own log in data/log
turn.lock      held while one command makes, starts or stops the server
holders.lock   shared by every command that uses the server; whoever gets it alone is the last
server.lock    inherited by each process of the server, so the kernel says whether one still lives
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from calotype.errors import DataFolderError

if sys.platform != "win32":  # EmbeddedDatabase says there what to do instead
    import fcntl

POLL = timedelta(milliseconds=4)


class Home:
    """The folder `database` in a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.path = self.folder / "database"
        self.data = self.path / "data"
        self.password = self.path / "password"
        self.socket = self.path / "socket"
        self.startup_log = self.path / "startup.log"

    def make(self) -> None:
        """Make the folder unless it stands, and refuse one that PostgreSQL was pointed at by someone else."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in (self.folder, self.path):
            if (place / "PG_VERSION").exists():
                raise self.refusal(f"{place} holds the files of a PostgreSQL server that is not Calotype's")
        self.path.mkdir(mode=0o700, exist_ok=True)

    def refusal(self, reason: str) -> DataFolderError:
        """Return the error that says why the data folder cannot be used."""
        return DataFolderError(folder=self.folder, reason=reason)

    @contextmanager
    def opened(self, path: Path) -> Iterator[int]:
        """Open a private file, made if need be; it belongs to whoever owns the folder, also when root makes it."""
        opened = self._open(path)
        try:
            yield opened
        finally:
            os.close(opened)

    def write(self, path: Path, text: str) -> None:
        """Write a private file, so that after a power cut it is there whole or not at all."""
        making = path.with_name(f"{path.name}-new")
        with self.opened(making) as opened:
            os.ftruncate(opened, 0)
            os.write(opened, text.encode())
            os.fsync(opened)
        self.put(making, path)

    def put(self, making: Path, path: Path) -> None:
        """Rename what was made to its place, for good."""
        making.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    # --- locks -----------------------------------------------------------------------------------

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only command that makes, starts or stops the server."""
        otherwise = "another command has been starting or stopping its server for minutes"
        with self._locked("turn.lock", timedelta(minutes=3), otherwise):
            yield

    @contextmanager
    def server_lock(self, patience: timedelta) -> Iterator[int]:
        """Wait until no process of a server lives, and hand out the lock that the next one is to inherit."""
        with self._locked("server.lock", patience, "processes of its PostgreSQL do not end") as lock:
            yield lock

    def is_served(self) -> bool:
        """Return whether any process of a server still lives, its last orphan included."""
        with self.opened(self.path / "server.lock") as lock:
            return not _is_taken(lock, alone=False)

    def hold(self) -> int:
        """Count among the holders until the returned file is closed."""
        hold = self._open(self.path / "holders.lock")
        fcntl.flock(hold, fcntl.LOCK_SH)
        return hold

    def is_last(self, hold: int) -> bool:
        """Return whether nobody else holds; asked in one's turn, and of no use as a hold afterwards."""
        return _is_taken(hold, alone=True)

    @contextmanager
    def _locked(self, name: str, patience: timedelta, otherwise: str) -> Iterator[int]:
        started = time.monotonic()
        with self.opened(self.path / name) as lock:
            while not _is_taken(lock, alone=True):
                if time.monotonic() - started > patience.total_seconds():
                    raise self.refusal(otherwise)
                time.sleep(POLL.total_seconds())
            yield lock

    def _open(self, path: Path) -> int:
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:
            owner = self.path.stat()
            os.fchown(opened, owner.st_uid, owner.st_gid)
        return opened


def _is_taken(lock: int, *, alone: bool) -> bool:
    """Take the lock, alone or with others, unless that means waiting."""
    try:
        fcntl.flock(lock, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        raise
    return True
