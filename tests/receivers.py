"""Real receivers of webhooks on loopback: each answers as a test says, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request, as it came over the wire; header names are lower case. `at` is on the loop's clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Keeps every request. `answering` says how the next ones are answered; `arrived` is set at each."""

    url: str = ""
    answering: Answering = field(default_factory=lambda: status(200))
    received: list[Received] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            path = head[0].split(" ")[1]
            self.received.append(Received(path, headers, body, asyncio.get_running_loop().time()))
            self.arrived.set()
            await self.answering(writer)
        writer.close()


def status(code: int, body: bytes = b"thanks", **headers: str) -> Answering:
    """Answer with a status, and at once."""
    lines = [f"HTTP/1.1 {code} Word", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + body)


def raw(answer: bytes) -> Answering:
    """Answer with these bytes, whatever they mean, and close."""

    async def answering(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return answering


async def stall(writer: asyncio.StreamWriter) -> None:
    """Take everything and say nothing."""
    del writer
    await asyncio.Event().wait()


def endless(head: bytes) -> Answering:
    """Answer for ever."""

    async def answering(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    return answering


def one_after_another(*answers: Answering) -> Answering:
    """Answer each request with the next of these, and all further ones with the last."""
    left = list(answers)

    async def answering(writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(writer)

    return answering


@asynccontextmanager
async def receiver(answering: Answering | None = None) -> AsyncIterator[Receiver]:
    """Lend a receiver that listens on loopback; what it still answers when the test ends is dropped."""
    taken = Receiver()
    if answering is not None:
        taken.answering = answering
    tasks: set[asyncio.Task[None]] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "the server calls this in a task"
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await taken.attend(reader, writer)

    server = await asyncio.start_server(attend, "127.0.0.1", 0, limit=1_000_000)
    taken.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield taken
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
