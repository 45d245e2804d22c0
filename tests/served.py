"""A real `calotype serve` with everything it starts: where tests and benches that need the whole thing get it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psutil

from calotype.errors import CalotypeError
from calotype.store.embedded import EmbeddedDatabase

TESTS = Path(__file__).parent
TEST_ENGINES = ("INSTANT", "BRIEF")
PATIENCE = 60.0


class Served:
    """One installation in a data folder. `kill` ends a part by name, as a crash would."""

    def __init__(
        self,
        folder: Path,
        *,
        engines: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.folder = folder
        self.port = port
        names = [f"engines_for_tests:{engine}" for engine in engines]
        self._environment = (
            {name: value for name, value in os.environ.items() if not name.startswith("CALOTYPE_")}
            | {"CALOTYPE_WORKER__EXTRA_ENGINES": json.dumps(names), "PYTHONPATH": str(TESTS)}
            | dict(environment or {})
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder.parent / f"{folder.name}.log"

    def start(self) -> None:
        """Start it and wait until it answers."""
        (self.folder / "client.toml").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "calotype", "serve", "--data", str(self.folder), "--port", str(self.port)],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self.is_ready, PATIENCE, lambda: f"serve does not get ready:\n{self.last_lines()}")

    def stop(self) -> int:
        """Stop it as an operator would; return its exit code."""
        assert self._process is not None, "it was started"
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE)

    def is_ready(self) -> bool:
        """Return whether the API, the database and the asset store answer."""
        with suppress(OSError, ValueError, KeyError, httpx2.HTTPError):
            return httpx2.get(f"{self.url}/readyz", timeout=1.0).status_code == 200
        return False

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self._client_file()["url"])

    @property
    def key(self) -> str:
        """The local client's key."""
        return str(self._client_file()["api_key"])

    @property
    def database_url(self) -> str:
        """The database every part uses."""
        return (self.folder / "database-url").read_text("utf-8").strip()

    def pids(self) -> dict[str, int]:
        """Return the process ids of what runs now, by part: serve, api, worker, upkeep, child, postgres."""
        assert self._process is not None, "it was started"
        found = {"serve": self._process.pid}
        with suppress(psutil.Error):
            for process in psutil.Process(self._process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    name = _part_of(process.cmdline())
                    if name is not None:
                        found[name] = process.pid
        with suppress(CalotypeError):
            postmaster = EmbeddedDatabase(self.folder).process_id()
            if postmaster is not None:
                found["postgres"] = postmaster
        return found

    def kill(self, part: str) -> bool:
        """Kill a part by SIGKILL; return False when it does not run just now. A killed `serve` is started again."""
        pid = self.pids().get(part)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if part == "serve":
            assert self._process is not None, "it was started"
            self._process.wait()
            self.start()
        return True

    def kill_everything(self) -> None:
        """Leave nothing running, whatever state it is in."""
        for pid in self.pids().values():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this installation, as a newcomer would type it."""
        return subprocess.run(
            [sys.executable, "-m", "calotype", *arguments, "--data", str(self.folder)],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def last_lines(self, most: int = 30) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-most:])

    def _client_file(self) -> dict[str, object]:
        return tomllib.loads((self.folder / "client.toml").read_text("utf-8"))


@contextmanager
def served(
    folder: Path, *, engines: tuple[str, ...] = (), environment: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[Served]:
    """Lend a running installation, and stop it afterwards."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = Served(folder, engines=engines, environment=environment, port=port)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        server.kill_everything()


def wait_until(
    holds: Callable[[], bool], seconds: float, complaint: Callable[[], str] | str = "it did not happen"
) -> None:
    """Look every few milliseconds until it holds; fail with the complaint when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(complaint if isinstance(complaint, str) else complaint())
        time.sleep(0.02)


def _part_of(command: list[str]) -> str | None:
    if "calotype.engines.child" in command:
        return "child"
    if "calotype" in command:
        name = command[command.index("calotype") + 1]
        return name if name in {"api", "worker", "upkeep"} else None
    return None
