"""What submits are held to, in the database: rates, waiting jobs, spend caps, and jobs that run at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from calotype.accounts import Accounts
from calotype.audit import audit
from calotype.clock import SystemClock
from calotype.errors import (
    EngineError,
    InsufficientCreditsError,
    InvalidInputError,
    NotFoundError,
    RateLimitedError,
    SpendCapReachedError,
    TooManyWaitingError,
)
from calotype.jobs.ids import new_id
from calotype.jobs.limits import Limit, Plan, Rate, Subject, Window
from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle
from calotype.store import caps, limits
from calotype.store.database import Database
from factories import OTHER_WORKER, WORKER, Place, empty, make_caller, make_file, make_place, make_submission

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def shared_url(postgres: str) -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database test_limits template template_calotype")
    return psycopg.conninfo.make_conninfo(postgres, dbname="test_limits")


@pytest.fixture
async def place(shared_url: str) -> AsyncIterator[Place]:
    async with Database(shared_url) as database:
        await empty(database)
        await _rows(database, "truncate plans, rates")
        yield await make_place(database)
        assert (await audit(database)).findings == ()


async def _rows(database: Database, query: str) -> None:
    async with database.connection() as db:
        await db.execute(query.encode())


def accounts_of(place: Place) -> Accounts:
    return Accounts(place.database, SystemClock())


def held(place: Place, subject: Subject = Subject.KEY, **given: Any) -> Place:
    """Return the same place, whose submits are held to a limit."""
    subject_id = place.caller.key_id if subject is Subject.KEY else place.caller.account_id
    limit = Limit(subject, subject_id, "slow", **given)
    return replace(place, caller=replace(place.caller, limits=(*place.caller.limits, limit)))


async def at(place: Place, moved: timedelta, work: Any) -> Any:
    """Do something on the same database with its clock moved."""
    async with Database(place.database.url, clock_offset=moved) as database:
        return await work(Place(database, Lifecycle(database, place.policy), place.caller, place.policy))


async def everything(place: Place) -> list[dict[str, object]]:
    return await place.rows(
        """select (select count(*) from jobs) as jobs, (select count(*) from job_events) as events,
             (select count(*) from ledger) as ledger, (select count(*) from procrastinate_jobs) as tickets,
             (select array_agg((account_id, finish)::text) from fair_shares) as shares,
             (select array_agg(due_at order by subject_id) from rates) as rates, (select sum(balance) from accounts) as balance,
             (select sum(spent) from keys) as by_keys, (select sum(spent) from accounts) as by_accounts"""
    )


# --- the rate of submits -------------------------------------------------------------------------


async def test_the_eleventh_submit_of_a_minute_is_refused_and_leaves_nothing(place: Place) -> None:
    slow = held(place, rate=Rate(10, MINUTE, 10))
    for _ in range(10):
        await slow.submitted()
    before = await everything(place)

    with pytest.raises(
        RateLimitedError, match="more requests than the 10 in each 60 seconds that 'slow' allows"
    ) as caught:
        await slow.submitted()

    assert await everything(place) == before
    assert timedelta(seconds=4) < caught.value.pause <= timedelta(seconds=6)


async def test_what_was_taken_comes_back_evenly(place: Place) -> None:
    slow = held(place, rate=Rate(10, MINUTE, 10))
    for _ in range(10):
        await slow.submitted()

    async def two_more(later: Place) -> None:
        await later.submitted()
        with pytest.raises(RateLimitedError):
            await later.submitted()

    await at(slow, timedelta(seconds=7), two_more)


async def test_who_submits_at_the_plans_pace_is_never_refused(place: Place) -> None:
    slow = held(place, rate=Rate(10, MINUTE, 1))
    for number in range(20):
        await at(slow, timedelta(seconds=6 * number), lambda later: later.submitted())


async def test_submits_at_the_same_time_are_counted_one_by_one(place: Place) -> None:
    slow = held(place, rate=Rate(5, timedelta(hours=1), 5))

    answers = await asyncio.gather(*(slow.submitted() for _ in range(20)), return_exceptions=True)

    assert sum(isinstance(answer, Job) for answer in answers) == 5
    assert sum(isinstance(answer, RateLimitedError) for answer in answers) == 15


async def test_a_refusal_of_another_sort_gives_the_request_back(place: Place) -> None:
    poor = held(place.another(await make_caller(place.database, 0)), rate=Rate(1, timedelta(hours=1), 1))

    for _ in range(2):
        with pytest.raises(InsufficientCreditsError):
            await poor.submitted()


async def test_the_rate_is_looked_at_before_the_balance(place: Place) -> None:
    poor = held(place.another(await make_caller(place.database, 1)), rate=Rate(1, timedelta(hours=1), 1))
    await poor.submitted()

    with pytest.raises(RateLimitedError):
        await poor.submitted()


async def test_a_look_ahead_refuses_what_the_submit_would_and_counts_nothing(place: Place) -> None:
    slow = held(place, rate=Rate(1, timedelta(hours=1), 1))
    for _ in range(3):
        await slow.lifecycle.check_rate(slow.caller)
    await slow.submitted()

    with pytest.raises(RateLimitedError):
        await slow.lifecycle.check_rate(slow.caller)
    await place.lifecycle.check_rate(place.caller)
    await place.lifecycle.check_rate(held(place, max_waiting=1).caller)


async def test_a_receipt_says_how_the_caller_stands_with_the_nearest_limit(place: Place) -> None:
    both = held(held(place, Subject.ACCOUNT, rate=Rate(3, MINUTE, 3)), rate=Rate(9, MINUTE, 9))

    standing = (await both.lifecycle.submit(both.caller, make_submission())).standing

    assert standing is not None
    assert (standing.rate.requests, standing.rate.remaining(standing.until_full)) == (3, 2)
    assert (await place.lifecycle.submit(place.caller, make_submission())).standing is None


# --- jobs waiting --------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", Subject)
async def test_no_more_jobs_wait_than_may(place: Place, subject: Subject) -> None:
    bounded = held(place, subject, max_waiting=2)
    first, _ = await bounded.submitted(model="a"), await bounded.submitted(model="b")
    before = await everything(place)

    with pytest.raises(TooManyWaitingError, match=rf"This {subject.noun} has 2 jobs waiting, the most there may be\."):
        await bounded.submitted()

    assert await everything(place) == before
    await place.lifecycle.claim(WORKER, first.lane_id)
    await bounded.submitted()


async def test_another_keys_jobs_are_not_counted_for_a_key(place: Place) -> None:
    bounded = held(place, max_waiting=1)
    other = await _second_key(place)
    await other.submitted()

    await bounded.submitted()

    with pytest.raises(TooManyWaitingError, match="1 job waiting"):
        await bounded.submitted()


async def test_submits_at_the_same_time_do_not_pass_the_bound_together(place: Place) -> None:
    bounded = held(place, Subject.ACCOUNT, max_waiting=3)

    answers = await asyncio.gather(
        *(bounded.submitted(model=f"lane {number}") for number in range(12)), return_exceptions=True
    )

    assert sum(isinstance(answer, Job) for answer in answers) == 3
    assert sum(isinstance(answer, TooManyWaitingError) for answer in answers) == 9


async def _second_key(place: Place) -> Place:
    key_id = new_id()
    async with place.database.connection() as db:
        await db.execute(
            """insert into keys (id, account_id, user_id, name, hash, hint) values (%s, %s, %s, 'second', %s, '')""",
            (key_id, place.caller.account_id, place.caller.user_id, key_id.bytes),
        )
    return replace(place, caller=replace(place.caller, key_id=key_id, limits=()))


# --- spend caps ----------------------------------------------------------------------------------


async def capped(place: Place, cap: int, window: Window = Window.TOTAL) -> None:
    await accounts_of(place).cap_key(place.caller.key_id, cap, window)


async def test_a_key_spends_no_more_than_its_cap(place: Place) -> None:
    await capped(place, 3, Window.DAY)
    await place.submitted(input={"prompt": "a", "count": 2})
    before = await everything(place)

    with pytest.raises(SpendCapReachedError, match=r"costs 2 credits, and the key has spent 2 of 3 a day\."):
        await place.submitted(input={"prompt": "a", "count": 2})

    assert await everything(place) == before
    await place.submitted()


async def test_an_accounts_cap_counts_what_all_its_keys_spend(place: Place) -> None:
    await accounts_of(place).cap_account(str(place.caller.account_id), 2)
    await place.submitted()
    second = await _second_key(place)
    await second.submitted()

    with pytest.raises(SpendCapReachedError, match="the account has spent 2 of 2 in all"):
        await second.submitted()


async def test_what_is_given_back_may_be_spent_again(place: Place) -> None:
    await capped(place, 1)
    job = await place.submitted()
    with pytest.raises(SpendCapReachedError):
        await place.submitted()

    await place.lifecycle.cancel(job.id, account_id=None)

    await place.submitted()


async def test_what_was_kept_stays_spent(place: Place) -> None:
    await capped(place, 1)
    claimed = await place.claimed()
    await place.lifecycle.succeed(claimed, [make_file()])

    with pytest.raises(SpendCapReachedError):
        await place.submitted()


@pytest.mark.parametrize(("window", "days"), [(Window.DAY, 1), (Window.MONTH, 31)])
async def test_the_next_window_begins_anew(place: Place, window: Window, days: int) -> None:
    await capped(place, 1, window)
    old = await place.submitted()
    await at(place, timedelta(days=days), lambda later: later.submitted(deadline=timedelta(days=1)))

    # what an earlier window counted is not given back to this one
    await at(place, timedelta(days=days), lambda later: later.lifecycle.cancel(old.id, account_id=None))

    async def one_more(later: Place) -> None:
        with pytest.raises(SpendCapReachedError):
            await later.submitted()

    await at(place, timedelta(days=days), one_more)


async def test_a_cap_counts_from_when_it_was_set(place: Place) -> None:
    job = await place.submitted(input={"prompt": "a", "count": 4})
    await capped(place, 1)
    await place.lifecycle.cancel(job.id, account_id=None)

    await place.submitted()

    with pytest.raises(SpendCapReachedError):
        await place.submitted()
    await accounts_of(place).cap_key(place.caller.key_id, None)
    await place.submitted()


async def test_a_cap_is_read_as_it_stands_in_a_windows_middle(place: Place) -> None:
    await capped(place, 5, Window.MONTH)
    await place.submitted()
    async with place.database.connection() as db:
        now = await caps.read(db, Subject.KEY, place.caller.key_id, SystemClock().now())
        later = await caps.read(db, Subject.KEY, place.caller.key_id, SystemClock().now() + timedelta(days=40))

    assert (now.cap, now.window, now.spent, later.spent) == (5, Window.MONTH, 1, 0)


async def test_submits_at_the_same_time_do_not_pass_a_cap_together(place: Place) -> None:
    await capped(place, 4)

    answers = await asyncio.gather(
        *(place.submitted(model=f"lane {number}") for number in range(16)), return_exceptions=True
    )

    assert sum(isinstance(answer, Job) for answer in answers) == 4
    assert sum(isinstance(answer, SpendCapReachedError) for answer in answers) == 12


@pytest.mark.parametrize("cap", [-1, 10**15 + 1])
async def test_a_cap_out_of_range_is_refused(place: Place, cap: int) -> None:
    with pytest.raises(InvalidInputError):
        await accounts_of(place).cap_key(place.caller.key_id, cap)


async def test_a_cap_of_no_key_is_refused(place: Place) -> None:
    with pytest.raises(NotFoundError):
        await accounts_of(place).cap_key(new_id(), 1)


# --- jobs running --------------------------------------------------------------------------------


async def bounded(place: Place, most: int) -> None:
    await accounts_of(place).limit_account(str(place.caller.account_id), max_running=most)


async def claims(place: Place, lane_id: int, count: int) -> list[Job]:
    found = [await place.lifecycle.claim(WORKER, lane_id) for _ in range(count)]
    return [job for job in found if job is not None]


async def test_no_more_jobs_of_an_account_run_than_may_and_others_are_not_held_up(place: Place) -> None:
    await bounded(place, 2)
    mine = [await place.submitted() for _ in range(5)]
    other = place.another(await make_caller(place.database))
    theirs = [await other.submitted() for _ in range(3)]

    running = await claims(place, mine[0].lane_id, 8)

    assert {job.id for job in running} == {mine[0].id, mine[1].id, *(job.id for job in theirs)}
    assert {(await place.now(job)).state for job in mine[2:]} == {JobState.QUEUED}


@pytest.mark.parametrize("end", ["succeed", "fail", "retry", "release", "cancel", "lapse"])
async def test_whoever_ends_gives_the_next_its_turn(place: Place, end: str) -> None:
    await bounded(place, 1)
    first, second, third = [await place.submitted() for _ in range(3)]
    running = (await claims(place, first.lane_id, 3))[0]
    lifecycle = place.lifecycle
    match end:
        case "succeed":
            await lifecycle.succeed(running, [make_file()])
        case "fail":
            await lifecycle.fail(running, EngineError("it broke"))
        case "retry":
            await lifecycle.retry(running, EngineError("it stumbled"))
        case "release":
            await lifecycle.release(running)
            await lifecycle.cancel(running.id, account_id=None)
        case "cancel":
            await lifecycle.cancel(running.id, account_id=None)
            await lifecycle.confirm_cancel(running)
        case "lapse":
            await lifecycle.lapse_of_workers([WORKER])

    after = await claims(place, first.lane_id, 2)

    assert [job.id for job in after] == [second.id]
    assert (await place.now(third)).state is JobState.QUEUED


async def test_parked_jobs_have_no_ticket_and_upkeep_gives_them_none(place: Place) -> None:
    await bounded(place, 1)
    jobs = [await place.submitted() for _ in range(4)]
    await claims(place, jobs[0].lane_id, 2)
    later = await place.submitted()

    found = await at(place, timedelta(minutes=1), lambda moved: moved.lifecycle.reissue_tickets())

    assert found == 0
    assert [await place.tickets(job) for job in (*jobs, later)] == [0] * 5
    assert await place.lifecycle.unpark_due() == 0


async def test_when_nobody_saw_the_room_upkeep_does(place: Place) -> None:
    await bounded(place, 1)
    jobs = [await place.submitted(model=f"lane {number % 2}") for number in range(4)]
    for job in jobs[:2]:
        await claims(place, job.lane_id, 1)
    await bounded(place, 0)

    assert await place.lifecycle.unpark_due() == 1
    assert await place.lifecycle.unpark_due() == 1
    assert await place.lifecycle.unpark_due() == 0


async def test_a_parked_job_can_be_cancelled_and_expires(place: Place) -> None:
    await bounded(place, 1)
    first = await place.submitted()
    second = await place.submitted()
    third = await place.submitted(deadline=timedelta(microseconds=1))
    await claims(place, first.lane_id, 2)

    await place.lifecycle.cancel(second.id, account_id=None)
    await place.lifecycle.expire_due()

    assert (await place.now(second)).state is JobState.CANCELLED
    assert (await place.now(third)).state is JobState.EXPIRED


async def test_a_keys_plan_bounds_that_key_alone(place: Place) -> None:
    async with place.database.connection() as db:
        await limits.register(db, [Plan("narrow", max_running=1)])
        await db.execute("update keys set plan = 'narrow' where id = %s", (place.caller.key_id,))
    mine = [await place.submitted() for _ in range(2)]
    second = await _second_key(place)
    theirs = [await second.submitted() for _ in range(2)]

    running = await claims(place, mine[0].lane_id, 4)

    assert {job.id for job in running} == {mine[0].id, *(job.id for job in theirs)}


async def test_claims_at_the_same_time_do_not_pass_the_bound_together(place: Place) -> None:
    await bounded(place, 2)
    jobs = [await place.submitted(model=f"lane {number}") for number in range(8)]

    answers = await asyncio.gather(*(place.lifecycle.claim(OTHER_WORKER, job.lane_id) for job in jobs))

    assert sum(job is not None for job in answers) == 2


async def test_a_long_queue_of_one_account_is_parked_at_once(place: Place) -> None:
    unlimited = place.another(await make_caller(place.database))
    jobs = [await unlimited.submitted() for _ in range(30)]
    await bounded(unlimited, 1)
    await claims(place, jobs[0].lane_id, 1)

    assert await place.lifecycle.claim(WORKER, jobs[0].lane_id) is None
    assert sum([await place.tickets(job) for job in jobs]) == 0


# --- plans ---------------------------------------------------------------------------------------


async def test_a_plan_is_what_the_settings_said_last(place: Place) -> None:
    async with place.database.connection() as db:
        await limits.register(db, [Plan("slow", Rate(5, MINUTE, 2), 7, 8, 9.0), Plan("free")])
        await limits.register(db, [Plan("slow", Rate(6, MINUTE, 3), 7)])
        assert await limits.names(db) == ["free", "slow"]
    made = await accounts_of(place).create_key("ada", plan="slow")

    caller = await accounts_of(place).authenticate(made.key)

    assert caller.limits == (Limit(Subject.KEY, made.key_id, "slow", Rate(6, MINUTE, 3), 7),)
    assert caller.reads is None


async def test_an_accounts_own_bound_stands_above_its_plans(place: Place) -> None:
    accounts = accounts_of(place)
    async with place.database.connection() as db:
        await limits.register(db, [Plan("slow", Rate(5, MINUTE, 5), 7, 8, 9.0)])
    made = await accounts.create_key("ada")
    await accounts.limit_account("ada", plan="slow", max_waiting=3, max_running=2)

    caller = await accounts.authenticate(made.key)
    balance = await accounts.balance("ada")

    assert caller.limits == (Limit(Subject.ACCOUNT, made.account_id, "slow", Rate(5, MINUTE, 5), 3),)
    assert caller.reads == 9.0
    assert (balance.plan, balance.max_waiting, balance.max_running) == ("slow", 3, 2)
    await accounts.limit_account("ada", max_waiting=0, max_running=0)
    assert (await accounts.balance("ada")).max_waiting == 7


async def test_a_plan_there_is_none_of_is_refused(place: Place) -> None:
    with pytest.raises(InvalidInputError, match="must be one of unlimited, metered"):
        await accounts_of(place).create_key("ada", plan="golden")
    with pytest.raises(InvalidInputError):
        await accounts_of(place).limit_account(str(place.caller.account_id), plan="golden")
