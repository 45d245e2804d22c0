"""Long polls: hold the answer back until the job has ended, for as long as the caller said."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from calotype.server.answer import Answer, while_connected
from calotype.server.cache import Entry
from calotype.server.call import Call
from calotype.server.services import Services
from calotype.server.watch import rest

_LOOK_ANYWAY = 2.0
"""Seconds after which a waiter looks unasked, should a NOTIFY have been lost."""


async def until_ended(services: Services, call: Call, job_id: UUID, seconds: float) -> Entry | None:
    """Return the job once it has ended, or as it stands when the time is up."""
    return await while_connected(
        call.receive, _until(services, call, job_id, seconds, lambda entry: entry.job.state.is_terminal)
    )


async def until_changed(services: Services, call: Call, job_id: UUID, seconds: float, version: int) -> Entry | None:
    """Return the job once it has another version, or as it stands when the time is up."""
    return await while_connected(
        call.receive, _until(services, call, job_id, seconds, lambda entry: entry.job.version != version)
    )


def with_preference(answer: Answer, call: Call, seconds: int) -> Answer:
    """Say that a `Prefer: wait` was honoured."""
    if seconds and "wait" not in call.query:
        return Answer(
            answer.status, [*answer.headers, (b"preference-applied", f"wait={seconds}".encode())], answer.body
        )
    return answer


async def _until(
    services: Services, call: Call, job_id: UUID, seconds: float, is_enough: Callable[[Entry], bool]
) -> Entry | None:
    clock = services.parts.clock
    end = clock.monotonic() + seconds
    with services.watch.over(job_id) as changed:
        while True:
            changed.clear()
            entry = await services.cache.get(job_id)
            left = end - clock.monotonic()
            if entry is None or is_enough(entry) or left <= 0 or services.watch.is_draining:
                return entry
            await rest(changed, min(left, _LOOK_ANYWAY))
            await services.caller_of(call.face, call.operation, call.headers)
