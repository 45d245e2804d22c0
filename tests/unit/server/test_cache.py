"""The job cache: never older than what was heard, never another account's, never without bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle, Policy
from calotype.server.answer import Answer
from calotype.server.cache import Entry, JobCache, Rendered
from calotype.store.database import Database
from factories import Place, make_caller

pytestmark = pytest.mark.anyio


class StillClock:
    """Stands still until told."""

    offset = timedelta(0)
    seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 5, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    async with Database(database_url) as database:
        yield Place(database, Lifecycle(database, Policy()), await make_caller(database))


def state_of(entry: Entry | None) -> JobState:
    assert entry is not None
    return entry.job.state


async def cancelled(place: Place, job: Job) -> Job:
    return await place.lifecycle.cancel(job.id, account_id=None)


async def test_a_job_is_read_once_until_something_is_heard(place: Place) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()
    first = await cache.get(job.id)
    moved = await cancelled(place, job)

    assert await cache.get(job.id) is first
    cache.heard(job.id, moved.version)
    assert state_of(await cache.get(job.id)) is JobState.CANCELLED


async def test_news_that_are_old_change_nothing(place: Place) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()
    first = await cache.get(job.id)

    cache.heard(job.id, job.version)

    assert await cache.get(job.id) is first


@pytest.mark.parametrize("what", ["forget", "forget_all"])
async def test_what_is_forgotten_is_read_anew(place: Place, what: str) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()
    await cache.get(job.id)
    await cancelled(place, job)

    if what == "forget":
        cache.forget(job.id)
    else:
        cache.forget_all()

    assert state_of(await cache.get(job.id)) is JobState.CANCELLED


async def test_a_deaf_listener_costs_seconds_not_correctness(place: Place) -> None:
    clock = StillClock()
    cache, job = JobCache(place.database, clock), await place.submitted()
    await cache.get(job.id)
    await cancelled(place, job)

    clock.seconds = 2.0

    assert state_of(await cache.get(job.id)) is JobState.CANCELLED


async def test_what_was_read_while_news_came_in_is_not_kept(place: Place) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()
    reading = asyncio.create_task(cache.get(job.id))
    await asyncio.sleep(0)
    cache.heard(job.id, job.version + 1)
    stale = await reading

    assert stale is not None
    assert not cache.holds(stale)
    assert await cache.get(job.id) is not stale


async def test_news_of_the_very_version_that_is_being_read_cost_no_second_look(place: Place) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()
    reading = asyncio.create_task(cache.get(job.id))
    await asyncio.sleep(0)
    cache.heard(job.id, job.version)
    entry = await reading

    assert entry is not None
    assert cache.holds(entry)


async def test_many_who_ask_at_once_share_one_look(place: Place) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()

    entries = await asyncio.gather(*(cache.get(job.id) for _ in range(50)))

    assert len({id(entry) for entry in entries}) == 1


async def test_one_who_gives_up_takes_the_look_from_nobody(place: Place) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()
    first, second = asyncio.create_task(cache.get(job.id)), asyncio.create_task(cache.get(job.id))
    await asyncio.sleep(0)

    first.cancel()

    assert state_of(await second) is JobState.QUEUED


async def test_a_job_that_is_not_there_is_not_remembered(place: Place) -> None:
    cache = JobCache(place.database, StillClock())

    assert await cache.get(uuid4()) is None
    assert cache._entries == {}


async def test_the_cache_is_bounded(place: Place) -> None:
    cache = JobCache(place.database, StillClock(), size=3)
    jobs = [await place.submitted() for _ in range(5)]

    for job in jobs:
        await cache.get(job.id)

    assert list(cache._entries) == [job.id for job in jobs[2:]]


async def test_answers_for_ever_new_hosts_are_bounded(place: Place) -> None:
    cache, job = JobCache(place.database, StillClock()), await place.submitted()
    entry = await cache.get(job.id)
    assert entry is not None

    for number in range(1_000):
        entry.keep(("native", f"http://{number}"), Rendered("", Answer(200, []), 0.0))

    assert len(entry.rendered) <= 8
