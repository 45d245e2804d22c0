"""`calotype serve`: starts the parts as processes of their own, watches them, and starts again what ends."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from calotype.errors import CalotypeError, ConfigError, PortInUseError
from calotype.runtime import LIFELINE
from calotype.telemetry import log

_LOOK = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_STEADY = 10.0
_DRAIN = 25.0
_BACKLOG = 1024


@dataclass(slots=True)
class Part:
    """One process to keep running: its name, its command, and the file descriptors it inherits."""

    name: str
    command: Sequence[str]
    keep_open: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = _FIRST_PAUSE
    due_at: float = 0.0
    restarts: int = field(default=0)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. It stays open while the API process behind it is replaced, so that callers wait, not fail.

    Raises `PortInUseError`, or `ConfigError` for a host that is none of this machine's.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(host, port) from None
        reason = error.strerror or str(error)
        raise ConfigError(f"Setting server.host: {host}:{port} cannot be listened on: {reason}.") from None
    return listener


class Supervisor:
    """Runs parts until told to stop. When it dies, even by SIGKILL, each part sees its lifeline cut and ends."""

    def __init__(self, parts: Sequence[Part], environment: Mapping[str, str], look_after: Callable[[], None]) -> None:
        self._parts = parts
        self._environment = dict(environment)
        self._look_after = look_after
        self._lifeline, self._our_end = os.pipe()
        self._is_stopping = False

    def run(self, is_ready: Callable[[], bool], announce: Callable[[], None]) -> None:
        """Keep every part running; call `announce` once when `is_ready` says so. Returns after a stop signal."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        is_announced = False
        next_look_after = 0.0
        try:
            while not self._is_stopping:
                now = time.monotonic()
                for part in self._parts:
                    self._keep(part, now)
                if now >= next_look_after:
                    self._guarded_look_after()
                    next_look_after = now + 1.0
                if not is_announced and is_ready():
                    is_announced = True
                    announce()
                time.sleep(_LOOK)
        finally:
            self._end_all()

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _keep(self, part: Part, now: float) -> None:
        if part.process is None:
            if now >= part.due_at:
                self._start(part, now)
            return
        code = part.process.poll()
        if code is None:
            return
        part.process = None
        if now - part.started_at > _STEADY:
            part.pause = _FIRST_PAUSE
        part.due_at = now + part.pause
        log.warning("part.ended", part=part.name, code=code, again_in=part.pause)
        part.pause = min(part.pause * 2, _LONGEST_PAUSE)
        part.restarts += 1

    def _start(self, part: Part, now: float) -> None:
        part.process = subprocess.Popen(
            part.command,
            env=self._environment | {LIFELINE: str(self._lifeline)},
            pass_fds=(self._lifeline, *part.keep_open),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        part.started_at = now

    def _guarded_look_after(self) -> None:
        try:
            self._look_after()
        except CalotypeError as error:
            log.error("database.down", reason=str(error))

    def _end_all(self) -> None:
        """Ask every part to drain; kill what has not ended in time."""
        running = [part.process for part in self._parts if part.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + _DRAIN
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(self._our_end)
        os.close(self._lifeline)


def command_of(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a part with this very interpreter."""
    return [sys.executable, "-m", "calotype", name, *arguments]
