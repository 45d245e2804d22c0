"""What the parts of a run share: a folder that goes away, one whole server, and an API alone without any worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
import uvloop

from calotype.accounts import Accounts
from calotype.clock import SystemClock
from calotype.store.database import Database
from calotype.store.embedded import EmbeddedDatabase
from calotype.store.migrate import migrate
from served import TESTS, Served, served

MODEL = "test-instant"
"""The engine that does nothing, in its process (tests/engines_for_tests.py)."""
_PATIENCE = 60.0
_Result = TypeVar("_Result")
COUNTED = {"CALOTYPE_LIMITS__READS": "1000000"}
"""Requests are counted, and the limit is never reached."""


class LeftOutError(Exception):
    """A part cannot be measured here; the sentence says why."""


@dataclass
class Ground:
    """Where one run stands. The server starts when the first part asks for it."""

    folder: Path
    say: Callable[[str], None]
    leaving: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _server: Served | None = None

    @property
    def server(self) -> Served:
        """Return the whole server: database, API, worker, upkeep."""
        if self._server is None:
            self.say("starting calotype serve")
            self._server = self.leaving.enter_context(
                served(self.folder / "serve", engines=("INSTANT",), environment=COUNTED)
            )
        return self._server

    def client(self) -> httpx2.Client:
        """Return a client of that server, with its key."""
        headers = {"authorization": f"Bearer {self.server.key}"}
        return httpx2.Client(base_url=self.server.url, headers=headers, timeout=_PATIENCE)


@contextlib.contextmanager
def ground(say: Callable[[str], None]) -> Iterator[Ground]:
    """Lend a ground; whatever it started is stopped."""
    with tempfile.TemporaryDirectory(prefix="calotype-bench-") as name, contextlib.ExitStack() as leaving:
        yield Ground(Path(name), say, leaving)


@dataclass(frozen=True)
class ApiAlone:
    """An API process on a database where no worker is."""

    url: str
    key: str
    pid: int


@contextlib.contextmanager
def api_alone(folder: Path, database_url: str) -> Iterator[ApiAlone]:
    """Run `calotype api` on a database."""
    key = run(_new_key(database_url))
    listener = listening_socket()
    environment = os.environ | {
        "CALOTYPE_WORKER__EXTRA_ENGINES": json.dumps(["engines_for_tests:INSTANT"]),
        "CALOTYPE_DATABASE_URL": database_url,
        "PYTHONPATH": str(TESTS),
        **COUNTED,
    }
    command = [sys.executable, "-m", "calotype", "api", "--data", str(folder), "--fd", str(listener.fileno())]
    url = url_of(listener)
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, pass_fds=[listener.fileno()])
    try:
        wait_for_answer(f"{url}/readyz", process)
        yield ApiAlone(url, key, process.pid)
    finally:
        listener.close()
        process.terminate()
        process.wait(_PATIENCE)


@contextlib.contextmanager
def databases(folder: Path, *names: str) -> Iterator[list[str]]:
    """Lend fresh migrated databases of one embedded server."""
    folder.mkdir(mode=0o700)
    with EmbeddedDatabase(folder) as own:
        with psycopg.connect(own, autocommit=True) as connection:
            for name in names:
                connection.execute(f"create database {name}")
        urls = [psycopg.conninfo.make_conninfo(own, dbname=name) for name in names]
        for url in urls:
            migrate(url)
        yield urls


def listening_socket() -> socket.socket:
    """Return a listening socket on any free port of this machine."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return where a listening socket is reached."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until it answers 200."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(OSError, httpx2.HTTPError):
            if httpx2.get(url, timeout=1.0).status_code == 200:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise LeftOutError(f"a server that it needs did not start (exit code {process.poll()})")
        time.sleep(0.05)


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine on the loop that the server uses, so that both sides of a ratio stand on the same."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _new_key(database_url: str) -> str:
    async with Database(database_url, size=1, name="bench") as database:
        made = await Accounts(database, SystemClock()).create_key("bench", scopes=("submit", "read", "admin"))
    return made.key
