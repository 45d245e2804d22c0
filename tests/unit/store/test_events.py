"""The event log: in order for every reader, also when a later number commits first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from calotype.jobs.model import Progress
from calotype.jobs.states import JobState
from calotype.store import events
from calotype.store.database import Connection, Database
from factories import Place, make_caller, make_file, make_place

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    async with Database(database_url) as database:
        yield await make_place(database)


async def append(db: Connection, place: Place, job_id: object, event: str) -> None:
    await db.execute(
        """insert into job_events (job_id, account_id, event, state, attempt, version)
           values (%s, %s, %s, 'queued', 0, 1)""",
        (job_id, place.caller.account_id, event),
    )


async def read(place: Place, after: tuple[int, int] = events.START, limit: int = 500) -> list[events.EventRow]:
    async with place.database.connection() as db:
        return await events.of_account(db, place.caller.account_id, after, limit)


async def test_a_jobs_events_come_in_order(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED)

    async with place.database.connection() as db:
        rows = await events.of_job(db, job.id)

    assert [row.event for row in rows] == ["submit", "claim", "succeed"]


async def test_a_jobs_events_are_resumed_after_a_number(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED)

    async with place.database.connection() as db:
        first = (await events.of_job(db, job.id, limit=1))[0]
        rest = await events.of_job(db, job.id, after_seq=first.seq)

    assert [row.event for row in rest] == ["claim", "succeed"]


async def test_no_event_appears_behind_a_position_that_was_passed(place: Place) -> None:
    """The second transaction takes the later number and commits first: the reader waits for the first one."""
    job = await place.submitted()
    position = (await read(place))[-1]
    async with place.database.transaction() as slow:
        await append(slow, place, job.id, "first")
        async with place.database.transaction() as quick:
            await append(quick, place, job.id, "second")
        while_open = await read(place, (position.xid, position.seq))
    afterwards = await read(place, (position.xid, position.seq))

    assert while_open == []
    assert [row.event for row in afterwards] == ["first", "second"]


async def test_an_account_is_read_page_by_page_without_a_gap(place: Place) -> None:
    for _ in range(5):
        await place.job_in(JobState.SUCCEEDED)
    everything = await read(place)
    pages: list[events.EventRow] = []
    position = events.START
    while page := await read(place, position, limit=4):
        pages += page
        position = (page[-1].xid, page[-1].seq)

    assert pages == everything
    assert len(everything) == 15


async def test_another_accounts_events_are_not_seen(place: Place) -> None:
    stranger = place.another(await make_caller(place.database))
    await stranger.submitted()

    assert await read(place) == []


async def test_the_latest_position_is_behind_everything_so_far(place: Place) -> None:
    job = await place.submitted()
    async with place.database.connection() as db:
        assert await events.latest_position(db, (await make_caller(place.database)).account_id) == events.START
        position = await events.latest_position(db, place.caller.account_id)
    await place.lifecycle.cancel(job.id, account_id=None)

    assert [row.event for row in await read(place, position)] == ["cancel"]


async def test_progress_of_jobs_that_ended_is_dropped_and_their_moves_stay(place: Place, database_url: str) -> None:
    running, ended = await place.claimed(model="a"), await place.claimed(model="b")
    for job in (running, ended):
        await place.lifecycle.progress(job, Progress(10.0))
    await place.lifecycle.succeed(ended, [make_file()])

    async with Database(database_url, clock_offset=timedelta(minutes=5)) as later, later.connection() as db:
        dropped = await events.prune_progress(db, timedelta(minutes=1), 100)

    assert dropped == 1
    assert await place.events(running) == ["submit", "claim", "progress"]
    assert await place.events(ended) == ["submit", "claim", "succeed"]
