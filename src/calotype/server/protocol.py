"""HTTP/1.1 as uvicorn speaks it, with patience that ends: a request's head arrives in time and in size, or the line is cut."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIME = 10.0
"""Seconds that a request line and its headers may take, from the first byte or, on a new connection, from its start."""
HEAD_SIZE = 64_000


class PatientProtocol(HttpToolsProtocol):
    """One connection. A head that is whole at once, as nearly all are, costs no timer."""

    _timer: asyncio.TimerHandle | None = None
    _is_in_head = True
    _head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent has it
        """Begin to wait."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; while they leave a head unfinished, the clock runs and they are counted."""
        super().data_received(data)
        if not self._is_in_head:
            self._forget_head()
            return
        self._await_head()
        self._head_size += len(data)
        if self._head_size > HEAD_SIZE:
            self._cut()

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self._is_in_head = False
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_TIME, self._cut)

    def _forget_head(self) -> None:
        self._head_size = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        self._forget_head()
        if not self.transport.is_closing():
            self.transport.close()
