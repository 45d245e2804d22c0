"""Server-sent events, read from the event log: what was missed is sent first, so nothing depends on having been connected."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from calotype.dialects.base import Happening, Operation
from calotype.errors import CalotypeError, InvalidInputError
from calotype.jobs.states import JobState
from calotype.server.answer import Answer, json_bytes
from calotype.server.call import Call
from calotype.server.jobs import entry_of
from calotype.server.scratch import Scratch
from calotype.server.services import Services
from calotype.server.watch import rest
from calotype.store import events
from calotype.store.events import EventRow
from calotype.telemetry import log

PING = 15.0
"""Seconds of silence after which a comment shows that the line is alive."""
_BATCH = 500
_SOON = 0.05
"""Seconds until the first look after a NOTIFY about an account: its events are read only once no older transaction runs."""
_POSITION = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Found:
    """What lay behind a position: the frames to send, and where they end."""

    frames: bytes
    position: Position
    count: int
    is_end: bool


async def of_job(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Stream a job's events; the one that ends the job ends the stream."""
    del scratch
    entry = await entry_of(services, call)
    given = _resume_from(call)
    start = (0, given[1]) if given else events.START
    stream = _Stream(services, call, entry.job.id, is_of_account=False)
    if entry.job.state.is_terminal and given and not (await stream.look(start)).count:
        return Answer(204, [])  # tells an EventSource to stay away: there is nothing left to say
    return _answer(services, call, stream.frames(start))


async def of_account(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Stream the events of all jobs of the account, from now on or from where the caller left off."""
    del scratch
    account_id = call.owner.account_id
    start = _resume_from(call)
    if start is None:
        async with services.parts.database.connection() as db:
            start = await events.latest_position(db, account_id)
    return _answer(services, call, _Stream(services, call, account_id, is_of_account=True).frames(start))


class _Stream:
    """One open stream: looks into the log whenever it is woken, and sends what it finds."""

    def __init__(self, services: Services, call: Call, noun_id: UUID, *, is_of_account: bool) -> None:
        self._services = services
        self._clock = services.parts.clock
        self._call = call
        self._noun_id = noun_id
        self._is_of_account = is_of_account
        self._pause = self._first_pause = _SOON if is_of_account else PING

    async def frames(self, position: Position) -> AsyncIterator[bytes]:
        """Yield the frames behind a position, for as long as there may be more."""
        yield b"retry: 1000\n\n"
        watch = self._services.watch
        with watch.over(self._noun_id) as changed:
            last_sent = self._clock.monotonic()
            while True:
                changed.clear()
                try:
                    found = await self.look(position)
                except CalotypeError as error:  # a key no longer good; or no database, and the client resumes by itself
                    log.warning("stream.cut", reason=error.code)
                    return
                position = found.position
                if found.count:
                    yield found.frames
                if found.is_end or watch.is_draining:
                    return
                if found.count or self._clock.monotonic() - last_sent >= PING:
                    last_sent = self._clock.monotonic()
                    if not found.count:
                        yield b": ping\n\n"
                if found.count < _BATCH:
                    await self._rest(changed)

    async def look(self, position: Position) -> _Found:
        """Return what lies behind a position; streams of one key that stand at the same place share the look."""
        row, key = self._call.operation, self._call.face.key_of(self._call.headers)
        return await self._services.tails.share((key, row.name, self._noun_id, position), partial(self._look, position))

    async def _look(self, position: Position) -> _Found:
        await self._services.caller_of(self._call.face, self._call.operation, self._call.headers)
        async with self._services.parts.database.connection() as db:
            if self._is_of_account:
                found = await events.of_account(db, self._noun_id, position, _BATCH)
            else:
                found = await events.of_job(db, self._noun_id, position[1], _BATCH)
        if not found:
            return _Found(b"", position, 0, is_end=False)
        last = found[-1]
        return _Found(
            frames=b"".join(_frame(self._call.operation, event, is_of_account=self._is_of_account) for event in found),
            position=(last.xid, last.seq),
            count=len(found),
            is_end=not self._is_of_account and JobState(last.state).is_terminal,
        )

    async def _rest(self, changed: asyncio.Event) -> None:
        """Sleep until woken; then look again and again, ever more seldom, for what older transactions still hide."""
        if self._is_of_account:
            await asyncio.sleep(_SOON)  # what happens in quick succession is read at once
        if await rest(changed, self._pause):
            self._pause = self._first_pause
        else:
            self._pause = min(2 * self._pause, PING)


def _answer(services: Services, call: Call, frames: AsyncIterator[bytes]) -> Answer:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    return Answer(200, headers, frames, services.tails.open(call.owner.key_id))


def _frame(row: Operation, event: EventRow, *, is_of_account: bool) -> bytes:
    position = f"{event.xid}-{event.seq}" if is_of_account else str(event.seq)
    assert row.reply is not None, "a stream has its own reply"
    happening = Happening(
        position=position,
        seq=event.seq,
        job_id=event.job_id,
        event=event.event,
        state=JobState(event.state),
        attempt=event.attempt,
        version=event.version,
        data=event.data,
        at=event.at,
    )
    head = f"id: {position}\nevent: {event.event}\ndata: ".encode()
    return head + json_bytes(row.reply(happening).body) + b"\n\n"


def _resume_from(call: Call) -> Position | None:
    """Return the event behind which to resume; None = none was named."""
    text = call.headers.get("last-event-id") or call.query.get("last_event_id")
    if not text:
        return None
    match = _POSITION.fullmatch(text)
    if match is None:
        raise InvalidInputError.at("/last_event_id", "cursor", "is no id of an event")
    return (int(match[1]), int(match[2])) if match[2] else (0, int(match[1]))
