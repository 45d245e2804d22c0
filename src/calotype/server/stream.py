"""Server-sent events, read from the event log: what was missed is sent first, so nothing depends on having been connected."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
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
Look = Callable[[Position], Awaitable[Sequence[EventRow]]]


async def of_job(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Stream a job's events; the one that ends the job ends the stream."""
    del scratch
    entry = await entry_of(services, call)
    job_id = entry.job.id
    given = _resume_from(call)

    async def look(position: Position) -> Sequence[EventRow]:
        async with services.parts.database.connection() as db:
            return await events.of_job(db, job_id, position[1], _BATCH)

    start = (0, given[1]) if given else events.START
    if entry.job.state.is_terminal and given and not await look(start):
        return Answer(204, [])  # tells an EventSource to stay away: there is nothing left to say
    return _answer(_Stream(services, call.operation, look, is_of_account=False).frames(job_id, start))


async def of_account(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Stream the events of all jobs of the account, from now on or from where the caller left off."""
    del scratch
    account_id = call.owner.account_id

    async def look(position: Position) -> Sequence[EventRow]:
        async with services.parts.database.connection() as db:
            return await events.of_account(db, account_id, position, _BATCH)

    start = _resume_from(call)
    if start is None:
        async with services.parts.database.connection() as db:
            start = await events.latest_position(db, account_id)
    return _answer(_Stream(services, call.operation, look, is_of_account=True).frames(account_id, start))


class _Stream:
    """One open stream: looks into the log whenever it is woken, and sends what it finds."""

    def __init__(self, services: Services, row: Operation, look: Look, *, is_of_account: bool) -> None:
        self._watch = services.watch
        self._clock = services.parts.clock
        self._row = row
        self._look = look
        self._is_of_account = is_of_account
        self._pause = self._first_pause = _SOON if is_of_account else PING

    async def frames(self, noun_id: UUID, position: Position) -> AsyncIterator[bytes]:
        """Yield the frames behind a position, for as long as there may be more."""
        yield b"retry: 1000\n\n"
        with self._watch.over(noun_id) as changed:
            last_sent = self._clock.monotonic()
            while True:
                changed.clear()
                try:
                    found = await self._look(position)
                except CalotypeError as error:  # the client resumes by itself, when the database is back
                    log.warning("stream.cut", reason=error.code)
                    return
                for event in found:
                    position = (event.xid, event.seq)
                    yield _frame(self._row, event, is_of_account=self._is_of_account)
                if self._is_over(found):
                    return
                if found or self._clock.monotonic() - last_sent >= PING:
                    last_sent = self._clock.monotonic()
                    if not found:
                        yield b": ping\n\n"
                if len(found) < _BATCH:
                    await self._rest(changed)

    def _is_over(self, found: Sequence[EventRow]) -> bool:
        is_ended = not self._is_of_account and bool(found) and JobState(found[-1].state).is_terminal
        return is_ended or self._watch.is_draining

    async def _rest(self, changed: asyncio.Event) -> None:
        """Sleep until woken; then look again and again, ever more seldom, for what older transactions still hide."""
        if await rest(changed, self._pause):
            self._pause = self._first_pause
        else:
            self._pause = min(2 * self._pause, PING)


def _answer(frames: AsyncIterator[bytes]) -> Answer:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    return Answer(200, headers, frames)


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
