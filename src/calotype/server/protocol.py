"""HTTP/1.1 as uvicorn speaks it, with patience that ends: what holds a connection and is not answered is cut, in time and size.

What the server says by itself, before any application is asked (no HTTP, too much of it, no room), is said in the words of the
face whose path was asked for. This leans on uvicorn's inside: tests/contract/test_uvicorn.py says what to read when that changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote_to_bytes

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from calotype.errors import CalotypeError, HeadTooLargeError, MalformedRequestError
from calotype.server.answer import Answer
from calotype.server.door import Door

HEAD_TIME = 10.0
"""Seconds that a request line and its headers may take, from the first byte or, on a new connection, from its start."""
HEAD_SIZE = 64_000
MOST_HEADERS = 100
MOST_PIPELINED = 50
"""Requests that may wait behind one that is being answered; each holds memory."""
REFUSED_TIME = 2.0
"""Seconds that a connection which is not let in may take to say what it wants, so that it is refused in that API's words."""
LINGER_TIME = 2.0
LINGER_SIZE = 50_000_000
"""How long and how much is thrown away of a body whose answer is sent, so that a sender who does not look up can read it."""

Refuse = Callable[[CalotypeError, str], Answer]
"""Words an error for a path: "" = it is not known."""


class _EnoughError(Exception):
    """Ends the parsing of what came in one piece with a request that is the last to be heard."""


class PatientConfig(uvicorn.Config):
    """What uvicorn is told, and what the connections of one server share beside it."""

    def __init__(self, app: Any, *, door: Door, refuse: Refuse, **named: Any) -> None:
        super().__init__(app, http=PatientProtocol, **named)
        self.door = door
        self.refuse = refuse


class PatientProtocol(HttpToolsProtocol):
    """One connection. A request that is whole at once, as nearly all are, costs no timer."""

    url: bytes = b""
    resumes = 0
    _timer: asyncio.TimerHandle | None = None
    _refusal: CalotypeError | None = None
    """Why this connection is not let in."""
    _is_in_head = True
    _is_in_body = False
    _is_deaf = False
    """Whether what still arrives is dropped."""
    _is_lingering = False
    _keeps_alive = True
    _size = 0
    """Bytes of an unfinished head, or of what is dropped."""

    def __init__(
        self,
        config: PatientConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door = config.door
        self._refuse = config.refuse

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent has it
        """Begin to wait; one connection too many is told so."""
        super().connection_made(transport)
        self._refusal = self._door.enter(self._address)
        if self._refusal is not None and self._door.is_crammed:
            self._turn_away(self._refusal)
            self.transport.close()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget_head()
        self._door.leave(self._address, was_refused=self._refusal is not None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; while they belong to no whole head, the clock runs and they are counted."""
        if self._is_deaf:
            self._size += len(data)
            if self._size > LINGER_SIZE:
                self.transport.abort()
            return
        was_between = not (self._is_in_head or self._is_in_body)
        request = self.cycle
        super().data_received(data)
        self._mind(is_head=self._is_in_head or (was_between and self.cycle is request), size=len(data))

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer a request whose head is whole, unless it is refused here."""
        if self._refusal is not None or len(self.headers) > MOST_HEADERS:
            self._turn_away(self._refusal or HeadTooLargeError(HEAD_SIZE, MOST_HEADERS))
            raise _EnoughError
        if len(self.pipeline) >= MOST_PIPELINED:
            self._hear_no_more()
            raise _EnoughError
        super().on_headers_complete()
        self._is_in_head, self._is_in_body = False, True

    def on_message_complete(self) -> None:
        """Note that the body is whole: whatever comes now belongs to another request."""
        self._is_in_body = False
        if self.cycle.transport is not self.transport and not self.cycle.response_started:
            self.cycle.transport, self.cycle.keep_alive = self.transport, self._keeps_alive
        super().on_message_complete()

    def resume_writing(self) -> None:
        """Note that the client has taken what it was sent."""
        self.resumes += 1
        super().resume_writing()

    def shutdown(self) -> None:
        """Begin to stop."""
        self._keeps_alive = False
        super().shutdown()

    def linger(self) -> None:
        """Send what is left to send, then close; what still arrives is read and dropped for a moment."""
        if self._is_lingering or self.transport.is_closing():
            return
        self._forget_head()
        self._is_deaf = self._is_lingering = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_TIME, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, in the words of the face if it is known. Uvicorn calls this; its own text is not shown."""
        del msg
        self._turn_away(MalformedRequestError())

    # --- what the server says by itself -------------------------------------------------------------

    def _turn_away(self, error: CalotypeError) -> None:
        """Answer and close; an earlier request's answer comes first, and then there is no other."""
        if self._is_deaf or self.transport.is_closing():
            return
        request = self.cycle
        if request is not None and not request.response_complete:
            if self._is_in_head or self.pipeline:
                self._hear_no_more()
                return
            request.disconnected = True  # the application finds nobody there, and what it says is dropped
            request.message_event.set()
            if request.response_started:
                self._is_deaf = True
                self.transport.close()
                return
        self.transport.write(self._worded(error))
        self.linger()

    def _worded(self, error: CalotypeError) -> bytes:
        is_known = self._is_in_head or self._is_in_body
        path = unquote_to_bytes(self.url.partition(b"?")[0]).decode("utf-8", "replace") if is_known else ""
        answer = self._refuse(error, path)
        assert isinstance(answer.body, bytes), "an error is no stream"
        headers = b"".join(b"%b: %b\r\n" % pair for pair in (*answer.headers, (b"connection", b"close")))
        body = b"" if self.parser.get_method() == b"HEAD" else answer.body
        return STATUS_LINE[answer.status] + headers + b"\r\n" + body

    def _hear_no_more(self) -> None:
        """Answer what was asked so far, and then close."""
        self._forget_head()
        self._is_deaf, self._keeps_alive, self.cycle.keep_alive = True, False, False

    def _close_unless_whole(self) -> None:
        """Let an answer that comes before the body has arrived say `Connection: close`, and mean it."""
        if self.cycle.transport is self.transport:
            self._keeps_alive = self._keeps_alive and self.cycle.keep_alive
            self.cycle.keep_alive = False
            self.cycle.transport = cast("asyncio.Transport", _Lingering(self))

    # --- patience -----------------------------------------------------------------------------------

    @property
    def _address(self) -> str | None:
        return self.client[0] if self.client else None

    def _mind(self, *, is_head: bool, size: int) -> None:
        """Run the clock or stop it, after what has just come."""
        if self._is_deaf:
            return
        if is_head:
            self._await_head()
            self._size += size
            if self._size > HEAD_SIZE:
                self._turn_away(HeadTooLargeError(HEAD_SIZE, MOST_HEADERS))
        else:
            self._forget_head()
            if self._is_in_body:
                self._close_unless_whole()

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_TIME if self._refusal is None else REFUSED_TIME, self._cut)

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
        elif self._refusal is not None:
            self._turn_away(self._refusal)
        elif not self.transport.is_closing():
            self.transport.close()


class _Lingering:
    """The transport of an answer that may come before the request is whole: closing it lingers."""

    def __init__(self, protocol: PatientProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing
        self.close = protocol.linger
