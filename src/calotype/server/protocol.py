"""HTTP/1.1 as uvicorn speaks it, with patience that ends: what holds a connection and is not answered is cut, in time and size."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIME = 10.0
"""Seconds that a request line and its headers may take, from the first byte or, on a new connection, from its start."""
HEAD_SIZE = 64_000
LINGER_TIME = 2.0
LINGER_SIZE = 50_000_000
"""How long and how much is thrown away of a body whose answer is sent, so that a sender who does not look up can read it."""
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """One connection. A request that is whole at once, as nearly all are, costs no timer."""

    _timer: asyncio.TimerHandle | None = None
    _is_in_head = True
    _is_in_body = False
    _is_lingering = False
    _keeps_alive = True
    _size = 0
    """Bytes of an unfinished head, or of a body that nobody reads any more."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent has it
        """Begin to wait; one connection too many is told so."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            transport.write(_FULL)
            transport.close()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; while they belong to no whole head, the clock runs and they are counted."""
        if self._is_lingering:
            self._size += len(data)
            if self._size > LINGER_SIZE:
                self.transport.abort()
            return
        was_between = not (self._is_in_head or self._is_in_body)
        request = self.cycle
        super().data_received(data)
        if self._is_in_head or (was_between and self.cycle is request):
            self._await_head()
            self._size += len(data)
            if self._size > HEAD_SIZE:
                self.transport.close()
        else:
            self._forget_head()
            if self._is_in_body:
                self._close_unless_whole()

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self._is_in_head, self._is_in_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the body is whole: whatever comes now belongs to another request."""
        self._is_in_body = False
        if self.cycle.transport is not self.transport and not self.cycle.response_started:
            self.cycle.transport, self.cycle.keep_alive = self.transport, self._keeps_alive
        super().on_message_complete()

    def shutdown(self) -> None:
        """Begin to stop."""
        self._keeps_alive = False
        super().shutdown()

    def linger(self) -> None:
        """Send what is left to send, then close; what still arrives is read and dropped for a moment."""
        if self._is_lingering or self.transport.is_closing():
            return
        self._forget_head()
        self._is_lingering = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_TIME, self.transport.abort)

    def _close_unless_whole(self) -> None:
        """Let an answer that comes before the body has arrived say `Connection: close`, and mean it."""
        if self.cycle.transport is self.transport:
            self._keeps_alive = self._keeps_alive and self.cycle.keep_alive
            self.cycle.keep_alive = False
            self.cycle.transport = cast("asyncio.Transport", _Lingering(self))

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_TIME, self._cut)

    def _forget_head(self) -> None:
        self._size = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        """Close, unless an answer is under way: that comes first, and ends."""
        self._forget_head()
        if self.cycle is not None and not self.cycle.response_complete:
            self._await_head()
        elif not self.transport.is_closing():
            self.transport.close()


class _Lingering:
    """The transport of an answer that may come before the request is whole: closing it lingers."""

    def __init__(self, protocol: PatientProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing
        self.close = protocol.linger
