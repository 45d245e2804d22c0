"""What goes back over the wire, and the sending of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.types import Receive, Send

from calotype.dialects.base import Reply
from calotype.telemetry import log

RawHeaders = list[tuple[bytes, bytes]]
_Result = TypeVar("_Result")


class GoneAwayError(Exception):
    """The client has closed the connection: there is nobody to answer."""


@dataclass(slots=True)
class Answer:
    """A response, ready to send: bytes, or a stream of them. `release` is called when it was sent, or could not be."""

    status: int
    headers: RawHeaders
    body: bytes | AsyncIterator[bytes] = b""
    release: Callable[[], None] | None = None


def raw(headers: Mapping[str, str]) -> RawHeaders:
    """Return headers as the wire has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def json_bytes(body: Any) -> bytes:
    """Return JSON text; a lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def answer_of(reply: Reply) -> Answer:
    """Return a dialect's reply as bytes."""
    headers = raw(reply.headers)
    if reply.body is None:
        return Answer(reply.status, headers)
    body = json_bytes(reply.body)
    headers += [(b"content-type", reply.media_type.encode()), (b"content-length", str(len(body)).encode())]
    return Answer(reply.status, headers, body)


async def send_answer(answer: Answer, request_id: bytes, *, is_head: bool, receive: Receive, send: Send) -> None:
    """Send it all; a stream ends early when the client goes away."""
    headers = [*answer.headers, (b"x-request-id", request_id)]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if isinstance(answer.body, bytes):
            await send({"type": "http.response.body", "body": b"" if is_head else answer.body})
        elif is_head:
            await send({"type": "http.response.body", "body": b""})
        else:
            await _stream(answer.body, receive, send)
    finally:
        if answer.release is not None:
            answer.release()


async def _stream(body: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    async def pump() -> None:
        async for chunk in body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    try:
        await while_connected(receive, pump())
    except GoneAwayError:
        log.debug("client.gone")


async def while_connected(receive: Receive, work: Awaitable[_Result]) -> _Result:
    """Return what the work returns, or drop it and raise `GoneAwayError` when the client closes the connection."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise GoneAwayError
    finally:
        for pending in (task, gone):
            pending.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
