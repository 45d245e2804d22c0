"""Where the conversations meet the network: one sender that blocks and one that awaits, both driving the same flows."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Generic

import httpx2

from calotype import __version__
from calotype.client.errors import ConfigurationError, NotAuthenticated, ServerUnavailable
from calotype.client.events import EventReader
from calotype.client.files import Form, Keeping
from calotype.client.wire import Answer, Call, Expect, Flow, Lost, Place, Show, Step, T, Watcher, ignore
from calotype.dialects.base import JobView

CONNECT = 10.0
"""Seconds to reach a server; what a call may take altogether it says itself."""
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_BROKEN = (httpx2.TransportError, httpx2.DecodingError)


class Conversation(Generic[T]):
    """A flow in progress: the step it wants next, and what it returned once there is none."""

    result: T

    def __init__(self, flow: Flow[T]) -> None:
        self._flow = flow
        self._advance(lambda: next(flow))

    def answer(self, answer: Answer) -> None:
        """Hand the flow what came back."""
        self._advance(lambda: self._flow.send(answer))

    def lose(self, error: Exception) -> None:
        """Tell the flow that nothing came back."""
        reason = str(error) or type(error).__name__
        lost = Lost(reason, was_sent=not isinstance(error, _UNSENT), at=time.monotonic())
        self._advance(lambda: self._flow.throw(lost))

    def close(self) -> None:
        """End the flow wherever it stands."""
        self._flow.close()

    def _advance(self, step: Callable[[], Step]) -> None:
        self.step: Step | None = None
        try:
            self.step = step()
        except StopIteration as end:
            self.result = end.value


class Outline:
    """What both senders know: the key, and how a call becomes a request."""

    def __init__(self, base_url: str, key: str | None) -> None:
        try:
            url = httpx2.URL(base_url)
        except httpx2.InvalidURL:
            url = httpx2.URL("")
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigurationError(f"{base_url!r} is no address of a server; one looks like http://127.0.0.1:8787.")
        if key is not None and not (key.isascii() and key.isprintable()):
            raise NotAuthenticated("The API key holds characters that no key has.")
        self._is_loopback = url.host in ("localhost", "127.0.0.1", "::1")
        self._key = key

    def options(self, scheme: str) -> dict[str, Any]:
        """Return the options of the HTTP client for a scheme: loading certificates is slow, and http needs none."""
        return {
            "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if scheme == "http" else True,
            "trust_env": not self._is_loopback,  # a proxy cannot reach this machine's own addresses
            "headers": {"user-agent": f"calotype/{__version__}"},
        }

    def request(self, call: Call, form: Form) -> dict[str, Any]:
        """Return the request's arguments; a stored file is fetched without the key."""
        headers = dict(call.headers)
        if self._key and call.expect is not Expect.FILE:
            headers["authorization"] = f"Bearer {self._key}"
        return {
            "headers": headers,
            "json": call.json,
            "files": form.parts,
            "timeout": httpx2.Timeout(call.timeout, connect=min(CONNECT, call.timeout)),
        }


def scheme_of(call: Call) -> str:
    """Return the scheme of a call's address; a server may name any address for its files."""
    try:
        scheme = httpx2.URL(call.url).scheme
    except httpx2.InvalidURL:
        scheme = ""
    if scheme not in ("http", "https"):
        raise ServerUnavailable("The server's answer names an address that cannot be called.")
    return scheme


def facts(response: httpx2.Response, **more: Any) -> Answer:
    """Return an answer as far as its head tells it."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, at=time.monotonic(), **more)


def whole(response: httpx2.Response) -> Answer:
    """Return an answer with its body, as JSON where it is JSON."""
    try:
        return facts(response, body=response.json() if response.content else None)
    except ValueError:
        return facts(response)


def keeping(call: Call, response: httpx2.Response) -> Keeping:
    """Return the place where this answer's file is kept."""
    return Keeping(call.place or Place(), response.headers.get("content-type", ""), call.url)


def heard(reader: EventReader, piece: str | None) -> Answer:
    """Return what a piece of a stream says; None is its end."""
    try:
        events = reader.feed(piece) if piece else ()
    except ValueError as error:
        raise httpx2.DecodingError(str(error)) from None
    return Answer(at=time.monotonic(), events=events, is_over=piece is None)


class Sender:
    """Drives flows and blocks meanwhile."""

    def __init__(self, base_url: str, key: str | None) -> None:
        self._outline = Outline(base_url, key)
        self._clients: dict[str, httpx2.Client] = {}

    def close(self) -> None:
        """Close every connection."""
        while self._clients:
            self._clients.popitem()[1].close()

    def run(self, flow: Flow[T], on_show: Watcher = ignore) -> T:
        """Return what the flow returns; hand on what it shows."""
        steps = self.watch(flow)
        while True:
            try:
                on_show(next(steps))
            except StopIteration as end:
                result: T = end.value
                return result

    def watch(self, flow: Flow[T]) -> Generator[JobView, None, T]:
        """Yield what the flow shows, and return what it returns."""
        with contextlib.closing(Conversation(flow)) as conversation, contextlib.closing(_Stream()) as stream:
            while (step := conversation.step) is not None:
                if isinstance(step, Show):
                    yield step.item
                    conversation.answer(Answer(at=time.monotonic()))
                    continue
                try:
                    answer = self._send(step, stream) if isinstance(step, Call) else stream.hear()
                except _BROKEN as error:
                    conversation.lose(error)
                else:
                    conversation.answer(answer)
            return conversation.result

    def _send(self, call: Call, stream: _Stream) -> Answer:
        stream.close()
        client = self._client(scheme_of(call))
        time.sleep(max(0.0, call.after))
        with contextlib.ExitStack() as until_read:
            form = until_read.enter_context(Form(call.parts))
            request = client.build_request(call.method, call.url, **self._outline.request(call, form))
            response = client.send(request, stream=True)
            until_read.callback(response.close)
            if call.expect is Expect.STREAM and response.is_success:
                stream.open(response, until_read.pop_all())
                return facts(response)
            if call.expect is Expect.FILE and response.is_success:
                return self._keep(call, response)
            response.read()
            return whole(response)

    def _keep(self, call: Call, response: httpx2.Response) -> Answer:
        with keeping(call, response) as file:
            for piece in response.iter_bytes():
                file.write(piece)
            path, digest = file.finish()
        return facts(response, path=path, sha256=digest)

    def _client(self, scheme: str) -> httpx2.Client:
        if scheme not in self._clients:
            self._clients[scheme] = httpx2.Client(**self._outline.options(scheme))
        return self._clients[scheme]


class _Stream:
    """The stream that a conversation has open, if any."""

    def __init__(self) -> None:
        self._closers = contextlib.ExitStack()

    def open(self, response: httpx2.Response, closers: contextlib.ExitStack) -> None:
        self._closers = closers
        self._pieces = response.iter_text()
        self._reader = EventReader()

    def hear(self) -> Answer:
        return heard(self._reader, next(self._pieces, None))

    def close(self) -> None:
        self._closers.close()


class AsyncSender:
    """Drives flows and lets others run meanwhile."""

    def __init__(self, base_url: str, key: str | None) -> None:
        self._outline = Outline(base_url, key)
        self._clients: dict[str, httpx2.AsyncClient] = {}

    async def close(self) -> None:
        """Close every connection."""
        while self._clients:
            await self._clients.popitem()[1].aclose()

    async def run(self, flow: Flow[T], on_show: Watcher = ignore) -> T:
        """Return what the flow returns; hand on what it shows."""
        conversation = Conversation(flow)
        async with contextlib.aclosing(self._drive(conversation)) as shown:
            async for view in shown:
                on_show(view)
        return conversation.result

    def watch(self, flow: Flow[Any]) -> AsyncGenerator[JobView, None]:
        """Yield what the flow shows."""
        return self._drive(Conversation(flow))

    async def _drive(self, conversation: Conversation[Any]) -> AsyncGenerator[JobView, None]:
        with contextlib.closing(conversation):
            async with contextlib.aclosing(_AsyncStream()) as stream:
                while (step := conversation.step) is not None:
                    if isinstance(step, Show):
                        yield step.item
                        conversation.answer(Answer(at=time.monotonic()))
                        continue
                    try:
                        answer = await (self._send(step, stream) if isinstance(step, Call) else stream.hear())
                    except _BROKEN as error:
                        conversation.lose(error)
                    else:
                        conversation.answer(answer)

    async def _send(self, call: Call, stream: _AsyncStream) -> Answer:
        await stream.aclose()
        client = self._client(scheme_of(call))
        await asyncio.sleep(max(0.0, call.after))
        async with contextlib.AsyncExitStack() as until_read:
            form = until_read.enter_context(Form(call.parts))
            request = client.build_request(call.method, call.url, **self._outline.request(call, form))
            response = await client.send(request, stream=True)
            until_read.push_async_callback(response.aclose)
            if call.expect is Expect.STREAM and response.is_success:
                stream.open(response, until_read.pop_all())
                return facts(response)
            if call.expect is Expect.FILE and response.is_success:
                return await self._keep(call, response)
            await response.aread()
            return whole(response)

    async def _keep(self, call: Call, response: httpx2.Response) -> Answer:
        with keeping(call, response) as file:
            async for piece in response.aiter_bytes():
                file.write(piece)
            path, digest = file.finish()
        return facts(response, path=path, sha256=digest)

    def _client(self, scheme: str) -> httpx2.AsyncClient:
        if scheme not in self._clients:
            self._clients[scheme] = httpx2.AsyncClient(**self._outline.options(scheme))
        return self._clients[scheme]


class _AsyncStream:
    """The stream that a conversation has open, if any."""

    def __init__(self) -> None:
        self._closers = contextlib.AsyncExitStack()

    def open(self, response: httpx2.Response, closers: contextlib.AsyncExitStack) -> None:
        self._closers = closers
        self._pieces = response.aiter_text()
        self._reader = EventReader()

    async def hear(self) -> Answer:
        return heard(self._reader, await anext(self._pieces, None))

    async def aclose(self) -> None:
        await self._closers.aclose()
