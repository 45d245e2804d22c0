"""Tickets and lanes: names that fit, order kept past 32 bits, and a way that an index walks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from calotype.jobs.fairness import REBASE_AT
from calotype.queue import tickets
from calotype.store import jobs, lanes
from calotype.store.database import Database
from factories import WORKER, Place, make_caller, make_place

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    async with Database(database_url) as database:
        yield await make_place(database, None)


async def claimed_in_order(place: Place, count: int) -> list[object]:
    claims = [await place.lifecycle.claim(WORKER, 1) for _ in range(count)]
    return [job.id for job in claims if job is not None]


async def test_a_ticket_carries_the_job_id_and_nothing_else(place: Place) -> None:
    job = await place.submitted(model="m" * 200)

    rows = await place.rows("select queue_name, task_name, args, status::text from procrastinate_jobs")

    assert rows == [
        {"queue_name": f"l{job.lane_id}", "task_name": tickets.TASK, "args": {"job_id": str(job.id)}, "status": "todo"}
    ]


async def test_each_ticket_wakes_whoever_listens(place: Place) -> None:
    heard = asyncio.Event()
    ready = asyncio.Event()

    async def lost() -> None:
        ready.set()

    listener = asyncio.create_task(place.database.listen((tickets.WAKE_CHANNEL,), lambda *_: heard.set(), lost))
    await ready.wait()
    await place.submitted(model="m" * 200)

    await asyncio.wait_for(heard.wait(), 5)
    listener.cancel()


async def test_a_ticket_is_taken_by_one_of_many(place: Place) -> None:
    wanted = {(await place.submitted()).id for _ in range(20)}

    async def take() -> object:
        async with place.database.transaction() as db:
            return await tickets.take(db, 1)

    taken = await asyncio.gather(*(take() for _ in range(40)))

    assert sorted(map(str, filter(None, taken))) == sorted(map(str, wanted))


async def test_a_rollback_keeps_the_ticket(place: Place) -> None:
    job = await place.submitted()

    async def interrupted() -> None:
        async with place.database.transaction() as db:
            await tickets.take(db, job.lane_id)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await interrupted()
    assert await place.tickets(job) == 1


async def test_a_ticket_someone_is_taking_is_not_waited_for(place: Place) -> None:
    job = await place.submitted()

    async with place.database.transaction() as one, place.database.transaction() as other:
        assert await tickets.take(one, job.lane_id) == job.id
        assert await tickets.take(other, job.lane_id) is None
        await tickets.withdraw(other, job.id)


async def test_the_same_model_has_the_same_lane_whoever_asks_first(place: Place) -> None:
    async def ensure(model: str) -> int:
        async with place.database.connection() as db:
            return await lanes.ensure(db, model)

    found = await asyncio.gather(*(ensure(model) for model in ("a", "b") * 10))

    assert len(set(found)) == 2
    assert found[0::2] == [found[0]] * 10


async def test_only_lanes_with_waiting_jobs_are_shown(place: Place) -> None:
    waiting = await place.submitted(model="waiting")
    await place.claimed(model="served")
    await place.submitted(model="not-asked-for")

    async with place.database.connection() as db:
        shown = await lanes.waiting(db, ["waiting", "served", "unknown"])

    assert [(lane.lane_id, lane.model) for lane in shown] == [(waiting.lane_id, "waiting")]
    assert shown[0].waited >= 0


async def test_a_lane_says_how_long_its_oldest_job_has_waited(place: Place) -> None:
    first = await place.submitted()
    await place.submitted()
    await place.rows("update jobs set queued_at = queued_at - interval '90 seconds' where id = %s", first.id)

    async with place.database.connection() as db:
        shown = await lanes.waiting(db, [first.model])

    assert 90 <= shown[0].waited < 200


async def test_the_place_in_the_queue_counts_the_jobs_before(place: Place) -> None:
    submitted = [await place.submitted() for _ in range(4)]
    running = await place.lifecycle.claim(WORKER, 1)
    assert running is not None

    async with place.database.connection() as db:
        places = [await jobs.queue_position(db, await place.now(job)) for job in submitted]
        far = await jobs.queue_position(db, submitted[3], most=1)

    assert places == [None, 0, 1, 2]
    assert far is None


# --- tags past 32 bits -----------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 2**31 - 3_500, 2**32, 2**40])
async def test_order_is_kept_however_far_the_tags_have_come(place: Place, start: int) -> None:
    await place.submitted()
    await place.rows("update fair_shares set finish = %s", start)
    await place.rows("update lanes set virtual_time = %s", start)
    far = [(await place.submitted()).id for _ in range(8)]

    order = await claimed_in_order(place, 9)

    assert order[1:] == far


async def test_a_lane_far_past_its_epoch_is_rebased_by_the_claim_that_finds_it(place: Place) -> None:
    await place.submitted()
    await place.rows("update fair_shares set finish = %s", REBASE_AT)
    wanted = [(await place.submitted()).id for _ in range(3)]

    order = await claimed_in_order(place, 4)

    assert order[1:] == wanted
    assert (await place.rows("select epoch from lanes"))[0]["epoch"] >= REBASE_AT


async def test_a_rebase_sets_clamped_priorities_right(place: Place) -> None:
    """Two accounts whose tags are both past what 32 bits hold: before the rebase they look the same."""
    other = place.another(await make_caller(place.database))
    late = await place.submitted()
    soon = await other.submitted()
    await place.rows("update jobs set tag = %s where id = %s", 2**33 + 5_000, late.id)
    await place.rows("update jobs set tag = %s where id = %s", 2**33, soon.id)
    await place.rows("update procrastinate_jobs set priority = -2147483648")

    async with place.database.transaction() as db:
        await lanes.rebase(db, soon.lane_id, 2**33)

    assert await claimed_in_order(place, 2) == [soon.id, late.id]


async def test_new_jobs_after_a_rebase_stand_behind_the_older_ones_of_their_account(place: Place) -> None:
    await place.submitted()
    await place.rows("update fair_shares set finish = %s", REBASE_AT)
    before = [(await place.submitted()).id for _ in range(3)]
    first = await claimed_in_order(place, 2)
    after = [(await place.submitted()).id for _ in range(3)]

    assert first[1:] + await claimed_in_order(place, 5) == before + after


async def test_claims_go_on_while_a_lane_is_rebased(place: Place) -> None:
    for _ in range(40):
        await place.submitted()
    await place.rows("update jobs set tag = tag + %s", REBASE_AT)

    claims = await asyncio.gather(*(place.lifecycle.claim(WORKER, 1) for _ in range(40)))

    assert len({job.id for job in claims if job}) == 40
