"""Make the embedded PostgreSQL's files: one cluster, one database, and one role that may log in."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path

from calotype.errors import DatabaseUnavailableError
from calotype.store.embedded_home import Home
from calotype.store.embedded_run_as import RunAs

ROLE = "calotype"
ACCESS = f"# the superuser never logs in\nlocal all {ROLE} scram-sha-256\n"
INITDB = (
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
SINGLE = ("--single", "-c", "exit_on_error=on", "-c", "log_checkpoints=off")


def make_files(home: Home, user: RunAs, lock: int) -> None:
    """Make PostgreSQL's files under another name first, so that a start that is killed leaves nothing half made.

    What is started here inherits the lock: whoever comes after a kill waits for it to end.
    """
    for leftover in home.path.glob("new-*"):
        shutil.rmtree(leftover)
    password = secrets.token_hex(24)
    home.write(home.password, password)
    making = Path(tempfile.mkdtemp(prefix="new-", dir=home.path))
    _fill(making, user.named(), password, lock)
    home.write(making / "pg_hba.conf", ACCESS)
    user.give_all(making)
    home.put(making, home.data)


def last_line(text: str) -> str:
    """Return what a program said last, to stand inside a sentence."""
    lines = text.strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else "it said nothing"


def _fill(making: Path, maker: RunAs, password: str, lock: int) -> None:
    maker.give(making)
    made = maker.run("initdb", *INITDB, f"--pgdata={making}", keep_open=(lock,))
    if made.returncode == 0:
        grant = f"create role {ROLE} login createdb password '{password}';\ncreate database {ROLE} owner {ROLE};\n"
        made = maker.run("postgres", *SINGLE, "-D", str(making), "postgres", text=grant, keep_open=(lock,))
    if made.returncode != 0:
        raise DatabaseUnavailableError(f"PostgreSQL's files could not be made: {last_line(made.stdout)}")
