"""The folder of the embedded PostgreSQL's socket: private, with a short path, and always found at `database/socket`.

A socket's path may have 107 characters. A data folder with a short path holds the socket itself, where nothing cleans
up and every command sees it; for a longer one a folder with an unguessable name is made elsewhere, and what stands in
the data folder is a link to that.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from calotype.errors import DataFolderError
from calotype.store.embedded_run_as import RunAs, blocker

PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
SHORT = 60  # bytes


def claim(place: Path, user: RunAs) -> Path:
    """Return the private folder for the socket of a server about to start; `place` is it or links to it."""
    if _is_short(place) and not place.is_symlink():
        if _is_claimed(place, user):
            return place
        raise DataFolderError(
            folder=place.parent.parent, reason=f"{place} is in use, or not a private folder of user {user.uid}"
        )
    if place.is_symlink():
        recorded = place.readlink()  # the same again, so that an address handed out yesterday still holds
        if _is_short(recorded) and _is_safe_above(recorded.parent, user) and _is_claimed(recorded, user):
            return recorded
    for above in _places():
        made = above / f"calotype-{secrets.token_hex(8)}"
        if _is_short(made) and _is_safe_above(above, user) and _is_claimed(made, user):
            _link(place, made)
            return made
    raise DataFolderError(
        folder=place.parent.parent,
        reason="its path is too long for a socket and no folder for temporary files is safe to use; "
        "choose a shorter path, or set TMPDIR to a short one of your own",
    )


def is_private(folder: Path, uid: int) -> bool:
    """Return whether the folder is a real one, belongs to the user and is closed to everyone else."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and stat.S_IMODE(status.st_mode) == stat.S_IRWXU


def is_listening(folder: Path) -> bool:
    """Return whether a server listens in the folder."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(folder / SOCKET))
        except OSError:
            return False
    return True


def forget(place: Path) -> None:
    """Take a folder made elsewhere away again; the link stays, so that the next server takes the same path."""
    if place.is_symlink():
        try:
            place.readlink().rmdir()
        except OSError:  # gone already, or not empty and so not ours to remove
            return


def _is_claimed(folder: Path, user: RunAs) -> bool:
    """Make the folder, or take one that is already as it should be and that no other server listens in."""
    try:
        folder.mkdir(mode=0o700)
        user.give(folder)
    except FileExistsError:
        if not is_private(folder, user.uid) or is_listening(folder):  # a copied data folder carries the link along
            return False
        for leftover in (SOCKET, f"{SOCKET}.lock"):  # of a server that was killed
            (folder / leftover).unlink(missing_ok=True)
        return True
    except OSError:
        return False
    return is_private(folder, user.uid)


def _is_short(folder: Path) -> bool:
    return len(os.fsencode(folder)) < SHORT


def _is_safe_above(folder: Path, user: RunAs) -> bool:
    """Return whether nobody else can rename what we make in the folder, and the server's user reaches it."""
    try:
        status = folder.stat()
    except OSError:
        return False
    is_trusted = status.st_uid in {0, os.geteuid()}
    is_guarded = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or bool(status.st_mode & stat.S_ISVTX)
    return is_trusted and is_guarded and (user.reads_all or blocker(folder, user.uid, user.gid) is None)


def _places() -> list[Path]:
    # XDG_RUNTIME_DIR comes last: the system empties it when its user logs out, under a server still at work
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [Path(tempfile.gettempdir()), Path("/tmp"), *([Path(runtime)] if runtime else [])]  # noqa: S108 - never a fixed name in it


def _link(place: Path, target: Path) -> None:
    making = place.with_name(f"{place.name}-new")
    making.unlink(missing_ok=True)
    making.symlink_to(target)
    if place.is_dir() and not place.is_symlink():  # the data folder had a shorter path once
        shutil.rmtree(place)
    making.replace(place)
