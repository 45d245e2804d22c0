"""Serves on a socket, and stops without cutting anyone off."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import uvicorn

from calotype.config import ServerSettings
from calotype.server.app import App, build_app
from calotype.server.door import MOST_REFUSED, Door
from calotype.server.parts import Parts
from calotype.server.protocol import PatientConfig, PatientProtocol
from calotype.server.readers import Readers
from calotype.telemetry import log

KEEP_ALIVE = 30
"""Seconds that a connection is kept open between requests."""
_GRACE = timedelta(seconds=10)
_OTHER_FILES = 200 + MOST_REFUSED
"""Files that the process opens beside its connections: the database's, assets, uploads under way, and who is turned away."""
_VANISHED = timedelta(seconds=60)
"""How long sent bytes may go unacknowledged before the other side counts as gone, where the system lets us say so."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE}
_RARELY = (10_000, 20, 20)
"""The collector's thresholds while serving: a request leaves next to nothing behind."""


def run(main: Coroutine[object, object, None]) -> None:
    """Run an API process: on uvloop where there is one, which halves what a request costs."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop  # not on Windows, so not at the top

    uvloop.run(main)


async def serve_api(
    parts: Parts,
    listener: socket.socket,
    *,
    stop: asyncio.Event | None = None,
    listening: Callable[[], None] | None = None,
    grace: timedelta = _GRACE,
) -> None:
    """Serve until `stop` is set, or a signal says so when there is no `stop`.

    Then no new connection is taken, streams and waits end with an id to resume from, and answers under way are finished.
    `listening` is called once requests are answered.
    """
    app = build_app(parts)
    _notice_the_vanished(listener)
    asyncio.get_running_loop().set_exception_handler(_Complaints())
    with _calm_collector():
        config = _config(app, parts.settings.server, grace)
        await _Server(config, app, stop or _signalled(), listening).serve(sockets=[listener])


@contextmanager
def _calm_collector() -> Iterator[None]:
    """Keep the garbage collector from walking, again and again, what stays as long as the process does."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _signalled() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


class _Complaints:
    """The loop's exception handler: that no connection can be taken is said once in a while, not for each one."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what went wrong where nobody awaits."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _EXHAUSTED:
            loop.default_exception_handler(context)
        elif loop.time() >= self._silent_until:
            self._silent_until = loop.time() + 10.0
            log.error("connections.refused", reason=error.strerror)


def _notice_the_vanished(listener: socket.socket) -> None:
    """Let the kernel end connections whose other side is gone without a word; accepted sockets inherit this."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT") and listener.family in {socket.AF_INET, socket.AF_INET6}:
        milliseconds = int(_VANISHED.total_seconds() * 1_000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _most_connections(wanted: int) -> int:
    """Return how many connections may be open: what is wanted, less where the system allows fewer files."""
    if sys.platform == "win32":
        return wanted
    import resource  # not on Windows, so not at the top

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else max(1, min(wanted, files - _OTHER_FILES))


def _config(app: App, server: ServerSettings, grace: timedelta) -> uvicorn.Config:
    most = _most_connections(server.max_connections)
    return PatientConfig(
        app,
        door=Door(most, server.max_connections_per_address, server.trusted_proxies),
        refuse=app.refuse_unheard,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",  # its warnings are about what anyone may send, as often as he likes
        access_log=False,
        server_header=False,
        proxy_headers=bool(server.trusted_proxies),
        forwarded_allow_ips=list(server.trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(grace.total_seconds()),
    )


class _Server(uvicorn.Server):
    """Uvicorn, told by an event when to stop: signals are not its business."""

    def __init__(
        self, config: uvicorn.Config, app: App, stop: asyncio.Event, listening: Callable[[], None] | None
    ) -> None:
        super().__init__(config)
        self._app = app
        self._stop = stop
        self._listening = listening

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, with an eye on those who do not read what they are sent."""
        connections = cast("set[PatientProtocol]", self.server_state.connections)
        readers = asyncio.create_task(Readers().watch(connections), name="readers")
        try:
            await super().serve(sockets)
        finally:
            readers.cancel()

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        if self._listening is not None:
            self._listening()
        ticks = asyncio.create_task(super().main_loop())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({ticks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.should_exit = True
            stopped.cancel()
            await ticks

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wake everyone who waits or streams first, so that their answers can be finished."""
        self._app.services.watch.drain()
        await super().shutdown(sockets)
