"""Lists, secrets, cards and workers, as they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from calotype.jobs.states import JobState
from calotype.store import jobs, models, secrets, workers
from calotype.store.database import Database
from calotype.store.jobs import JobFilter
from factories import NOON, Place, make_caller, make_place

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    async with Database(database_url) as database:
        yield await make_place(database)


async def listed(place: Place, wanted: JobFilter = JobFilter(), limit: int = 50, **edge: int) -> list[int]:
    async with place.database.connection() as db:
        return [job.number for job in await jobs.page(db, place.caller.account_id, wanted, limit, **edge)]


async def test_jobs_are_listed_newest_first(place: Place) -> None:
    numbers = [(await place.submitted()).number for _ in range(3)]

    assert await listed(place) == numbers[::-1]


async def test_a_list_goes_on_after_and_before_a_number(place: Place) -> None:
    first, second, third, fourth = [(await place.submitted()).number for _ in range(4)]

    assert await listed(place, limit=2) == [fourth, third]
    assert await listed(place, limit=2, after=third) == [second, first]
    assert await listed(place, limit=2, before=first) == [third, second]


async def test_another_accounts_jobs_are_not_listed(place: Place) -> None:
    stranger = place.another(await make_caller(place.database))
    await stranger.submitted()

    assert await listed(place) == []


async def test_an_erased_job_is_not_listed(place: Place) -> None:
    job = await place.job_in(JobState.CANCELLED)
    await place.lifecycle.erase(job.id, place.caller.account_id)

    assert await listed(place) == []


@pytest.mark.parametrize(
    ("wanted", "is_found"),
    [
        (JobFilter(states=("queued", "running")), True),
        (JobFilter(states=("running",)), False),
        (JobFilter(kind="image"), True),
        (JobFilter(kind="upscale"), False),
        (JobFilter(model="test-instant"), True),
        (JobFilter(model="other"), False),
        (JobFilter(face="native"), True),
        (JobFilter(face="aetherai"), False),
        (JobFilter(tag=("colour", "red")), True),
        (JobFilter(tag=("colour", "blue")), False),
        (JobFilter(text="RED B"), True),
        (JobFilter(text="100%"), False),
        (JobFilter(text="_"), False),
        (JobFilter(created_from=NOON), True),
        (JobFilter(created_to=NOON), False),
    ],
)
async def test_every_filter_narrows_the_list(place: Place, wanted: JobFilter, is_found: bool) -> None:
    await place.submitted(tags={"colour": "red"})

    assert bool(await listed(place, wanted)) is is_found


async def test_another_accounts_job_reads_like_one_that_never_was(place: Place) -> None:
    job = await place.submitted()
    stranger = await make_caller(place.database)

    async with place.database.connection() as db:
        assert await jobs.get(db, job.id, stranger.account_id) is None
        assert await jobs.get(db, job.id, place.caller.account_id) == job


async def test_whoever_asks_first_a_secret_is_the_same_for_all(place: Place) -> None:
    async def ask() -> bytes:
        async with place.database.connection() as db:
            return await secrets.get_or_create(db, "links")

    drawn = await asyncio.gather(*(ask() for _ in range(10)))

    assert len(set(drawn)) == 1
    assert len(drawn[0]) == 32


async def test_a_newer_card_replaces_the_older(place: Place) -> None:
    async with place.database.connection() as db:
        await models.register(db, [{"id": "b", "version": "1"}, {"id": "a", "version": "1"}])
        await models.register(db, [{"id": "b", "version": "2"}])

        assert await models.all_cards(db) == [{"id": "a", "version": "1"}, {"id": "b", "version": "2"}]


async def test_a_worker_whose_session_ended_is_dead_at_the_second_look(place: Place) -> None:
    async with place.database.connection() as db:
        async with place.database.session() as session:
            worker = await workers.register(session, host="here", pid=1, device="cpu", models=["a"])
            looks_while_alive = [await workers.dead(db) for _ in range(3)]
        async with asyncio.timeout(5):  # the server notices the closed session by itself
            while not await workers.dead(db):
                pass

        assert looks_while_alive == [[], [], []]
        assert await workers.dead(db) == [worker.id]


async def test_a_worker_that_comes_back_is_not_dead(place: Place, database_url: str) -> None:
    async with place.database.session() as session, place.database.connection() as db:
        worker = await workers.register(session, host="here", pid=1, device="cpu", models=[])
        await db.execute("update workers set missed_at = now()")

        assert await workers.dead(db) == []
        assert await workers.dead(db) == []
        assert [row["id"] for row in await workers.listed(db)] == [worker.id]


async def test_a_worker_with_a_job_in_hand_is_not_forgotten(place: Place) -> None:
    async with place.database.session() as session:
        worker = await workers.register(session, host="here", pid=1, device="cpu", models=[])
        job = await place.claimed(worker.id)
        async with place.database.connection() as db:
            await workers.drain(db, worker.id)
            await workers.forget(db, [worker.id])
            kept = await workers.listed(db)
            await place.lifecycle.release(job)
            await workers.forget(db, [worker.id])

            assert [row["draining"] for row in kept] == [True]
            assert await workers.listed(db) == []


async def test_the_offset_of_a_clock_moves_the_databases_time(place: Place, database_url: str) -> None:
    async with Database(database_url, clock_offset=timedelta(days=2)) as later:
        moved = Place(later, place.another().lifecycle, place.caller)
        ahead = (await moved.rows("select calotype_now() - clock_timestamp() as ahead"))[0]["ahead"]

    assert timedelta(days=1, hours=23) < ahead <= timedelta(days=2)
