"""The narrow door, method by method and state by state, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from calotype.audit import audit
from calotype.errors import (
    CalotypeError,
    EngineError,
    IdempotencyMismatchError,
    IllegalTransitionError,
    InsufficientCreditsError,
    LeaseLostError,
    NotFoundError,
    TransientEngineError,
)
from calotype.jobs.ids import new_id
from calotype.jobs.model import Job, Progress, Webhook
from calotype.jobs.prices import Price, PriceList
from calotype.jobs.states import HELD, TERMINAL, Event, JobState
from calotype.queue import tickets
from calotype.store.database import Database
from calotype.store.jobs import Changes
from factories import OTHER_WORKER, WEBHOOK, WORKER, Place, empty, make_caller, make_file, make_place, make_submission

pytestmark = pytest.mark.anyio
BROKEN = EngineError("it broke")
LATER = timedelta(days=2)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def shared_url(postgres: str) -> str:
    """One database for all of these tests: it is emptied for each."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database test_lifecycle template template_calotype")
    return psycopg.conninfo.make_conninfo(postgres, dbname="test_lifecycle")


@pytest.fixture
async def place(shared_url: str) -> AsyncIterator[Place]:
    async with Database(shared_url) as database:
        await empty(database)
        yield await make_place(database)
        report = await audit(database)
        assert report.findings == ()


@pytest.fixture
async def later(shared_url: str, place: Place) -> AsyncIterator[Place]:
    """The same place two days on."""
    async with Database(shared_url, clock_offset=LATER) as database:
        later = await make_place(database)
        yield replace(later, caller=place.caller)


WORKERS_CALLS: dict[str, Callable[[Place, Job], Awaitable[object]]] = {
    "heartbeat": lambda place, job: place.lifecycle.heartbeat(job),
    "progress": lambda place, job: place.lifecycle.progress(job, Progress(50.0)),
    "succeed": lambda place, job: place.lifecycle.succeed(job, [make_file()]),
    "fail": lambda place, job: place.lifecycle.fail(job, BROKEN),
    "retry": lambda place, job: place.lifecycle.retry(job, BROKEN),
    "release": lambda place, job: place.lifecycle.release(job),
    "confirm_cancel": lambda place, job: place.lifecycle.confirm_cancel(job),
}
LEADS_TO: dict[tuple[str, JobState], JobState | type[CalotypeError]] = {
    ("heartbeat", JobState.RUNNING): JobState.RUNNING,
    ("heartbeat", JobState.CANCELLING): JobState.CANCELLING,
    ("progress", JobState.RUNNING): JobState.RUNNING,
    ("progress", JobState.CANCELLING): JobState.CANCELLING,
    ("succeed", JobState.RUNNING): JobState.SUCCEEDED,
    ("succeed", JobState.CANCELLING): IllegalTransitionError,
    ("fail", JobState.RUNNING): JobState.FAILED,
    ("fail", JobState.CANCELLING): JobState.CANCELLED,
    ("retry", JobState.RUNNING): JobState.RETRYING,
    ("retry", JobState.CANCELLING): JobState.CANCELLED,
    ("release", JobState.RUNNING): JobState.QUEUED,
    ("release", JobState.CANCELLING): JobState.CANCELLED,
    ("confirm_cancel", JobState.RUNNING): IllegalTransitionError,
    ("confirm_cancel", JobState.CANCELLING): JobState.CANCELLED,
}


# --- every method in every state -------------------------------------------------------------------


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("name", WORKERS_CALLS)
async def test_a_worker_moves_only_a_job_that_it_holds(place: Place, name: str, state: JobState) -> None:
    before = await place.job_in(state)
    as_claimed = replace(before, attempt=max(before.attempt, 1), worker_id=WORKER)
    expected = LEADS_TO.get((name, state), LeaseLostError)

    if isinstance(expected, JobState):
        await WORKERS_CALLS[name](place, as_claimed)
        assert (await place.now(before)).state is expected
    else:
        with pytest.raises(expected):
            await WORKERS_CALLS[name](place, as_claimed)
        assert await place.now(before) == before


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (JobState.CREATED, JobState.CANCELLED),
        (JobState.QUEUED, JobState.CANCELLED),
        (JobState.RETRYING, JobState.CANCELLED),
        (JobState.RUNNING, JobState.CANCELLING),
        (JobState.CANCELLING, JobState.CANCELLING),
    ],
)
async def test_cancel_ends_what_waits_and_asks_what_runs(place: Place, state: JobState, expected: JobState) -> None:
    job = await place.job_in(state)

    cancelled = await place.lifecycle.cancel(job.id, account_id=place.caller.account_id)

    assert cancelled.state is expected


@pytest.mark.parametrize("state", sorted(TERMINAL))
async def test_cancel_leaves_a_terminal_job_as_it_is(place: Place, state: JobState) -> None:
    job = await place.job_in(state)

    with pytest.raises(IllegalTransitionError):
        await place.lifecycle.cancel(job.id, account_id=place.caller.account_id)
    assert await place.now(job) == job


@pytest.mark.parametrize("state", JobState)
async def test_only_a_terminal_job_can_be_erased(place: Place, state: JobState) -> None:
    job = await place.job_in(state)

    if state.is_terminal:
        await place.lifecycle.erase(job.id, place.caller.account_id)
        assert (await place.now(job)).erased_at is not None
    else:
        with pytest.raises(IllegalTransitionError, match="cannot be erased"):
            await place.lifecycle.erase(job.id, place.caller.account_id)


@pytest.mark.parametrize("state", JobState)
async def test_past_its_deadline_every_job_has_ended(place: Place, later: Place, state: JobState) -> None:
    job = await place.job_in(state)

    await later.lifecycle.expire_due()

    assert (await place.now(job)).state is (state if state.is_terminal else JobState.EXPIRED)


@pytest.mark.parametrize("state", JobState)
async def test_a_lapsed_lease_gives_the_job_back(place: Place, later: Place, state: JobState) -> None:
    job = await place.job_in(state)

    await later.lifecycle.lapse_due()

    lapsed = {JobState.RUNNING: JobState.RETRYING, JobState.CANCELLING: JobState.CANCELLED}
    assert (await place.now(job)).state is lapsed.get(state, state)


@pytest.mark.parametrize("state", JobState)
async def test_only_a_queued_job_is_claimed(place: Place, state: JobState) -> None:
    job = await place.job_in(state)
    async with place.database.connection() as db:
        await tickets.withdraw(db, job.id)
        await tickets.issue(db, job.id, job.lane_id)

    claimed = await place.lifecycle.claim(OTHER_WORKER, job.lane_id)

    assert (claimed is not None) is (state is JobState.QUEUED)
    assert await place.tickets(job) == 0


# --- money -----------------------------------------------------------------------------------------


async def test_a_submitted_job_holds_its_price(place: Place) -> None:
    job = await place.submitted(input={"prompt": "a", "count": 3})

    assert await place.balance() == 97
    assert await place.entries(job) == ["hold"]
    assert (job.credits.price, job.credits.held) == (3, 3)


@pytest.mark.parametrize("state", sorted(TERMINAL))
async def test_success_keeps_the_price_and_every_other_end_gives_it_back(place: Place, state: JobState) -> None:
    job = await place.job_in(state)

    is_kept = state is JobState.SUCCEEDED
    assert await place.balance() == (99 if is_kept else 100)
    assert await place.entries(job) == ["hold", "capture" if is_kept else "refund"]
    assert job.credits.held == 0


async def test_a_refund_is_of_the_whole_price(place: Place) -> None:
    job = await place.submitted(input={"prompt": "a", "count": 4})

    await place.lifecycle.cancel(job.id, account_id=None)

    assert await place.balance() == 100


async def test_without_the_credits_nothing_is_stored(place: Place) -> None:
    poor = place.another(await make_caller(place.database, 2))
    await poor.submitted(input={"prompt": "a", "count": 1})
    before = await everything(place)

    with pytest.raises(InsufficientCreditsError, match="costs 3 credits and the balance is 1"):
        await poor.submitted(input={"prompt": "a", "count": 3})

    assert await everything(place) == before


async def everything(place: Place) -> list[dict[str, object]]:
    return await place.rows(
        """select (select count(*) from jobs) as jobs, (select count(*) from job_events) as events,
             (select count(*) from ledger) as ledger, (select count(*) from procrastinate_jobs) as tickets,
             (select array_agg((account_id, start, finish)::text order by account_id) from fair_shares) as shares,
             (select sum(balance) from accounts) as balance"""
    )


async def test_the_last_credit_can_be_spent(place: Place) -> None:
    poor = place.another(await make_caller(place.database, 1))

    await poor.submitted()

    assert await poor.balance() == 0


async def test_an_account_without_a_floor_spends_without_a_limit(place: Place) -> None:
    unlimited = place.another(await make_caller(place.database))

    await unlimited.submitted(input={"prompt": "a", "count": 4})

    assert await unlimited.balance() == -4


async def test_the_price_is_the_one_at_submit(place: Place) -> None:
    claimed = await place.claimed()
    dearer = place.another(prices=PriceList(kinds={"image": Price(Decimal(50))}))

    await dearer.lifecycle.fail(claimed, BROKEN)

    assert await place.balance() == 100


async def test_a_job_that_costs_nothing_is_settled_like_any_other(place: Place) -> None:
    free = place.another(prices=PriceList(kinds={"image": Price(Decimal(0))}))
    job = await free.submitted()

    await free.lifecycle.cancel(job.id, account_id=None)

    assert await place.entries(job) == ["hold", "refund"]


# --- submit ----------------------------------------------------------------------------------------


async def test_a_submitted_job_is_queued_with_one_ticket(place: Place) -> None:
    job = await place.submitted()

    assert job.state is JobState.QUEUED
    assert await place.tickets(job) == 1
    assert await place.events(job) == ["submit"]


async def test_what_was_submitted_is_what_is_stored(place: Place) -> None:
    asked = make_submission(
        "\U0001f6a4 \u0645\u0631\u0643\u0628", tags={"k": "v"}, webhook=WEBHOOK, trace="00-1-2-00", requested_model="alias"
    )  # fmt: skip

    job = await place.now((await place.lifecycle.submit(place.caller, asked)).job)

    assert (job.input, job.tags, job.webhook, job.trace, job.requested_model) == (
        asked.input, asked.tags, asked.webhook, asked.trace, asked.requested_model,
    )  # fmt: skip


async def test_a_job_knows_who_asked(place: Place) -> None:
    job = await place.submitted()

    assert (job.account_id, job.user_id, job.key_id) == (
        place.caller.account_id, place.caller.user_id, place.caller.key_id,
    )  # fmt: skip


async def test_a_deadline_of_no_time_at_all_is_not_taken_for_none(place: Place) -> None:
    job = await place.submitted(deadline=timedelta(0))

    assert job.deadline_at == job.created_at


async def test_a_deadline_is_cut_to_the_longest_allowed(place: Place) -> None:
    job = await place.submitted(deadline=timedelta(days=400))

    assert job.deadline_at - job.created_at == place.policy.max_deadline


async def test_a_repeated_submit_is_answered_with_the_first_job(place: Place) -> None:
    asked = make_submission(idempotency_key="once", digest=b"1")
    first = await place.lifecycle.submit(place.caller, asked)

    second = await place.lifecycle.submit(place.caller, asked)

    assert (first.is_replay, second.is_replay) == (False, True)
    assert second.job == await place.now(first.job)
    assert await place.balance() == 99


async def test_a_repeated_submit_of_a_finished_job_shows_its_outputs(place: Place) -> None:
    asked = make_submission(idempotency_key="once", digest=b"1")
    first = await place.lifecycle.submit(place.caller, asked)
    claimed = await place.lifecycle.claim(WORKER, first.job.lane_id)
    assert claimed is not None
    await place.lifecycle.succeed(claimed, [make_file(), make_file()])

    assert len((await place.lifecycle.submit(place.caller, asked)).job.outputs) == 2


async def test_another_submission_under_the_same_key_is_refused(place: Place) -> None:
    await place.submitted(idempotency_key="once", digest=b"1")

    with pytest.raises(IdempotencyMismatchError):
        await place.submitted(idempotency_key="once", digest=b"2")
    assert await place.balance() == 99


async def test_a_key_counts_for_its_own_account_and_route_only(place: Place) -> None:
    other = place.another(await make_caller(place.database, 5))
    ids = {
        (await place.submitted(idempotency_key="once", digest=b"1")).id,
        (await place.submitted(idempotency_key="once", digest=b"1", idempotency_route="/b")).id,
        (await other.submitted(idempotency_key="once", digest=b"1")).id,
    }

    assert len(ids) == 3


async def test_a_key_that_met_an_empty_balance_is_free_again(place: Place) -> None:
    poor = place.another(await make_caller(place.database, 1))
    with pytest.raises(InsufficientCreditsError):
        await poor.submitted(idempotency_key="once", digest=b"1", input={"prompt": "a", "count": 2})

    job = await poor.submitted(idempotency_key="once", digest=b"2")

    assert job.state is JobState.QUEUED


@pytest.mark.parametrize("models", [("one", "one"), ("one", "two")])
async def test_the_same_key_at_the_same_time_makes_one_job_and_one_charge(
    place: Place, models: tuple[str, ...]
) -> None:
    asked = [make_submission(idempotency_key="once", digest=b"1", model=model) for model in models * 4]

    receipts = await asyncio.gather(*(place.lifecycle.submit(place.caller, one) for one in asked))

    assert len({receipt.job.id for receipt in receipts}) == 1
    assert sum(not receipt.is_replay for receipt in receipts) == 1
    assert await place.balance() == 99


async def test_a_model_with_a_name_of_200_characters_is_served(place: Place) -> None:
    claimed = await place.claimed(model="m" * 200)

    assert (await place.lifecycle.succeed(claimed, [make_file()])).state is JobState.SUCCEEDED


# --- claim -----------------------------------------------------------------------------------------


async def test_a_claim_gives_the_attempt_a_lease_and_takes_the_ticket(place: Place) -> None:
    job = await place.submitted()

    claimed = await place.lifecycle.claim(WORKER, job.lane_id)

    assert claimed is not None
    assert (claimed.state, claimed.attempt, claimed.worker_id) == (JobState.RUNNING, 1, WORKER)
    assert claimed.lease_until is not None
    assert claimed.lease_until - claimed.updated_at == place.policy.lease
    assert await place.tickets(job) == 0


async def test_an_empty_lane_gives_nothing(place: Place) -> None:
    job = await place.claimed()

    assert await place.lifecycle.claim(WORKER, job.lane_id) is None


async def test_a_lane_gives_only_its_own_jobs(place: Place) -> None:
    mine, other = await place.submitted(model="mine"), await place.submitted(model="other")

    claimed = await place.lifecycle.claim(WORKER, other.lane_id)

    assert claimed is not None
    assert claimed.id == other.id != mine.id


async def test_a_ticket_that_arrives_twice_starts_one_attempt(place: Place) -> None:
    job = await place.submitted()
    async with place.database.connection() as db:
        await tickets.issue(db, job.id, job.lane_id)

    claims = [await place.lifecycle.claim(WORKER, job.lane_id), await place.lifecycle.claim(OTHER_WORKER, job.lane_id)]

    assert [claim is not None for claim in claims] == [True, False]
    assert await place.tickets(job) == 0


async def test_a_ticket_of_no_job_is_dropped(place: Place) -> None:
    job = await place.submitted()
    await place.rows("update procrastinate_jobs set args = jsonb_build_object('job_id', %s::text)", str(new_id()))

    assert await place.lifecycle.claim(WORKER, job.lane_id) is None


async def test_jobs_of_one_account_are_claimed_in_the_order_they_were_submitted(place: Place) -> None:
    submitted = [(await place.submitted()).id for _ in range(12)]

    claimed = [await place.lifecycle.claim(WORKER, 1) for _ in range(12)]

    assert [job.id for job in claimed if job] == submitted


async def test_another_accounts_job_does_not_wait_behind_a_flood(place: Place) -> None:
    for _ in range(30):
        await place.submitted()
    for _ in range(5):
        await place.lifecycle.claim(WORKER, 1)
    modest = place.another(await make_caller(place.database, 5))
    wanted = await modest.submitted()

    claimed = [await place.lifecycle.claim(WORKER, 1) for _ in range(3)]

    assert wanted.id in {job.id for job in claimed if job}


async def test_a_job_of_four_outputs_takes_four_places(place: Place) -> None:
    other = place.another(await make_caller(place.database, 50))
    await place.submitted(input={"prompt": "a", "count": 4})
    last = await place.submitted()
    for _ in range(4):
        await other.submitted()

    order = [await place.lifecycle.claim(WORKER, 1) for _ in range(6)]

    assert [job.id for job in order if job].index(last.id) >= 4


async def test_an_account_of_weight_three_is_served_three_times_as_often(place: Place) -> None:
    heavy = place.another(await make_caller(place.database, 100, weight=3))
    for _ in range(24):
        await place.submitted()
        await heavy.submitted()

    order = [await place.lifecycle.claim(WORKER, 1) for _ in range(24)]

    assert 17 <= sum(job.account_id == heavy.caller.account_id for job in order if job) <= 19


async def test_cancelled_work_gives_its_place_back(place: Place) -> None:
    other = place.another(await make_caller(place.database, 50))
    flood = [await place.submitted() for _ in range(10)]
    for job in flood:
        await place.lifecycle.cancel(job.id, account_id=None)
    for _ in range(3):
        await other.submitted()

    wanted = await place.submitted()

    claimed = [await place.lifecycle.claim(WORKER, 1) for _ in range(2)]
    assert wanted.id in {job.id for job in claimed if job}


async def test_a_job_the_content_policy_refuses_fails_refunded_and_the_next_is_claimed(place: Place) -> None:
    strict = place.another(blocked_words=("forbidden",))
    refused, allowed = await strict.submitted(prompt="a forbidden thing"), await strict.submitted()

    claimed = await strict.lifecycle.claim(WORKER, allowed.lane_id)

    now = await place.now(refused)
    assert claimed is not None
    assert claimed.id == allowed.id
    assert now.error is not None
    assert (now.state, now.error.code, now.attempt) == (JobState.FAILED, "content_refused", 0)
    assert await place.entries(refused) == ["hold", "refund"]


# --- attempts and leases ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKERS_CALLS)
async def test_a_worker_that_lost_its_lease_is_refused_everything(place: Place, later: Place, name: str) -> None:
    zombie = await place.claimed()
    await later.lifecycle.lapse_due()
    await later.lifecycle.requeue_due()
    holder = await place.lifecycle.claim(OTHER_WORKER, zombie.lane_id)

    with pytest.raises(LeaseLostError):
        await WORKERS_CALLS[name](place, zombie)
    assert holder is not None
    assert await place.now(holder) == holder


@pytest.mark.parametrize("name", WORKERS_CALLS)
async def test_a_released_job_belongs_to_its_next_claim_even_by_the_same_worker(place: Place, name: str) -> None:
    first = await place.claimed()
    await place.lifecycle.release(first)
    second = await place.lifecycle.claim(WORKER, first.lane_id)

    with pytest.raises(LeaseLostError):
        await WORKERS_CALLS[name](place, first)
    assert second is not None
    assert await place.now(second) == second


async def test_a_released_job_is_queued_with_a_ticket(place: Place) -> None:
    released = await place.lifecycle.release(await place.claimed())

    assert released.state is JobState.QUEUED
    assert await place.tickets(released) == 1


async def test_a_release_spares_the_job_the_attempt(place: Place) -> None:
    claimed = await place.claimed()
    left = claimed.max_attempts - claimed.attempt

    released = await place.lifecycle.release(claimed)

    assert released.max_attempts - released.attempt == left + 1


async def test_a_heartbeat_renews_the_lease(place: Place, later: Place) -> None:
    claimed = await place.claimed()
    await later.lifecycle.heartbeat(claimed)

    assert await later.lifecycle.lapse_due() == 0


async def test_a_heartbeat_tells_the_worker_to_stop(place: Place) -> None:
    claimed = await place.claimed()
    await place.lifecycle.cancel(claimed.id, account_id=None)

    assert await place.lifecycle.heartbeat(claimed) is JobState.CANCELLING
    assert await place.lifecycle.progress(claimed, Progress(1.0)) is JobState.CANCELLING


async def test_progress_renews_the_lease(place: Place, later: Place) -> None:
    claimed = await place.claimed()
    await later.lifecycle.progress(claimed, Progress(1.0))

    assert await later.lifecycle.lapse_due() == 0


async def test_progress_never_falls_within_an_attempt(place: Place) -> None:
    claimed = await place.claimed()
    for percent in (10.0, 60.0, 30.0):
        await place.lifecycle.progress(claimed, Progress(percent))

    assert (await place.now(claimed)).progress.percent == 60.0


async def test_progress_never_falls_across_attempts(place: Place) -> None:
    first = await place.claimed()
    await place.lifecycle.progress(first, Progress(80.0))
    await place.lifecycle.retry(first, BROKEN)
    await place.lifecycle.requeue_due()
    second = await place.lifecycle.claim(WORKER, first.lane_id)
    assert second is not None

    await place.lifecycle.progress(second, Progress(5.0))

    assert (await place.now(second)).progress.percent == 80.0


@pytest.mark.parametrize(
    ("said", "shown"), [(-5.0, 0.0), (1e9, 99.9), (100.0, 99.9), (float("nan"), 0.0), (float("inf"), 99.9)]
)
async def test_whatever_an_engine_says_progress_stays_between_0_and_100(
    place: Place, said: float, shown: float
) -> None:
    claimed = await place.claimed()

    await place.lifecycle.progress(claimed, Progress(said))

    assert (await place.now(claimed)).progress.percent == shown


async def test_a_finished_job_shows_all_of_its_progress(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED)

    assert job.progress.percent == 100.0


async def test_after_the_last_attempt_the_job_fails_and_is_refunded(place: Place) -> None:
    job = await place.submitted()
    for _ in range(3):
        await place.rows("update jobs set retry_at = calotype_now() where id = %s and state = 'retrying'", job.id)
        await place.lifecycle.requeue_due()
        claimed = await place.lifecycle.claim(WORKER, job.lane_id)
        assert claimed is not None
        last = await place.lifecycle.retry(claimed, TransientEngineError("it stumbled"))

    assert last.error is not None
    assert (last.state, last.attempt, last.error.code) == (JobState.FAILED, 3, "attempts_exhausted")
    assert "it stumbled" in last.error.message
    assert await place.balance() == 100


async def test_a_job_whose_workers_die_three_times_fails_with_attempts_exhausted(place: Place) -> None:
    job = await place.submitted()
    for _ in range(3):
        await place.rows("update jobs set retry_at = calotype_now() where id = %s and state = 'retrying'", job.id)
        await place.lifecycle.requeue_due()
        assert await place.lifecycle.claim(WORKER, job.lane_id)
        assert await place.lifecycle.lapse_of_workers([WORKER]) == 1

    now = await place.now(job)
    assert now.error is not None
    assert (now.state, now.error.code) == (JobState.FAILED, "attempts_exhausted")


async def test_a_job_keeps_the_number_of_attempts_it_was_submitted_with(place: Place) -> None:
    claimed = await place.claimed()
    hasty = place.another(attempts=1)

    assert (await hasty.lifecycle.retry(claimed, BROKEN)).state is JobState.RETRYING


async def test_a_job_that_waits_for_its_next_attempt_has_no_ticket_until_it_is_due(place: Place) -> None:
    retrying = await place.job_in(JobState.RETRYING)
    assert await place.tickets(retrying) == 0

    await place.lifecycle.requeue_due()

    assert await place.tickets(retrying) == 1
    assert (await place.now(retrying)).state is JobState.QUEUED


async def test_a_second_retry_waits_before_it_is_due(place: Place, later: Place) -> None:
    first = await place.claimed()
    await place.lifecycle.retry(first, BROKEN)
    await place.lifecycle.requeue_due()
    second = await place.lifecycle.claim(WORKER, first.lane_id)
    assert second is not None
    await place.lifecycle.retry(second, BROKEN)

    assert await place.lifecycle.requeue_due() == 0
    assert await later.lifecycle.requeue_due() == 1


async def test_an_attempts_error_is_gone_once_the_next_succeeds(place: Place) -> None:
    first = await place.claimed()
    await place.lifecycle.retry(first, BROKEN)
    await place.lifecycle.requeue_due()
    second = await place.lifecycle.claim(WORKER, first.lane_id)
    assert second is not None

    assert (await place.lifecycle.succeed(second, [make_file()])).error is None


async def test_only_the_named_workers_jobs_are_given_back(place: Place) -> None:
    dead, alive = await place.claimed(), await place.claimed(OTHER_WORKER)

    assert await place.lifecycle.lapse_of_workers([WORKER]) == 1
    assert (await place.now(dead)).state is JobState.RETRYING
    assert (await place.now(alive)).state is JobState.RUNNING


async def test_a_running_job_within_its_lease_does_not_lapse(place: Place) -> None:
    await place.claimed()

    assert await place.lifecycle.lapse_due() == 0


@pytest.mark.parametrize("state", sorted(HELD))
async def test_a_dead_workers_job_that_was_being_cancelled_is_cancelled(place: Place, state: JobState) -> None:
    job = await place.job_in(state)

    await place.lifecycle.lapse_of_workers([WORKER])

    expected = JobState.CANCELLED if state is JobState.CANCELLING else JobState.RETRYING
    assert (await place.now(job)).state is expected


# --- results ---------------------------------------------------------------------------------------


async def test_results_are_kept_in_order_with_what_the_worker_said_of_them(place: Place) -> None:
    claimed = await place.claimed()
    files = [make_file(provenance={"engine": "test", "seed": 7}), make_file(width=16)]

    done = await place.lifecycle.succeed(claimed, files)

    assert [output.asset_id for output in done.outputs] == [file.id for file in files]
    assert done.outputs == (await place.now(done)).outputs
    assert done.outputs[0].provenance == {"engine": "test", "seed": 7}


async def test_a_result_refused_leaves_no_asset_behind(place: Place) -> None:
    claimed = await place.claimed()
    await place.lifecycle.cancel(claimed.id, account_id=None)

    with pytest.raises(IllegalTransitionError):
        await place.lifecycle.succeed(claimed, [make_file()])
    assert await place.rows("select 1 from assets") == []


async def test_success_without_a_result_is_a_bug_of_ours(place: Place) -> None:
    claimed = await place.claimed()

    with pytest.raises(AssertionError, match="made nothing"):
        await place.lifecycle.succeed(claimed, [])
    assert (await place.now(claimed)).state is JobState.RUNNING


@pytest.mark.parametrize("error", [BROKEN, TransientEngineError("for now")])
async def test_a_failed_job_says_why_and_whether_to_try_again(place: Place, error: CalotypeError) -> None:
    failed = await place.lifecycle.fail(await place.claimed(), error)

    assert failed.error is not None
    assert (failed.error.code, failed.error.message, failed.error.is_retryable) == (
        error.code, str(error), error.is_retryable,
    )  # fmt: skip


# --- events and deliveries -------------------------------------------------------------------------


async def test_everything_that_happened_is_in_the_log_in_order(place: Place) -> None:
    claimed = await place.claimed()
    await place.lifecycle.progress(claimed, Progress(40.0, 2, 5, "draw"))
    await place.lifecycle.retry(claimed, BROKEN)
    await place.lifecycle.requeue_due()
    again = await place.lifecycle.claim(WORKER, claimed.lane_id)
    assert again is not None
    await place.lifecycle.succeed(again, [make_file()])

    assert await place.events(claimed) == ["submit", "claim", "progress", "retry", "requeue", "claim", "succeed"]


async def test_every_move_raises_the_version_by_one(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED)

    versions = await place.rows("select version from job_events where job_id = %s order by seq", job.id)
    assert [row["version"] for row in versions] == [1, 2, 3]


async def test_the_log_says_what_went_wrong_in_an_attempt(place: Place) -> None:
    job = await place.job_in(JobState.RETRYING)

    rows = await place.rows("select data from job_events where job_id = %s and event = 'retry'", job.id)
    assert rows[0]["data"] == {"error": {"code": "engine_failed", "message": "it stumbled"}}


@pytest.mark.parametrize("state", sorted(TERMINAL))
async def test_a_webhook_that_names_no_events_is_told_how_the_job_ended(place: Place, state: JobState) -> None:
    job = await place.job_in(state, webhook=WEBHOOK)

    rows = await place.rows("select event, url, job_id from outbox")
    assert rows == [{"event": f"job.{state}", "url": WEBHOOK.url, "job_id": job.id}]


async def test_a_webhook_is_told_the_events_it_names_and_no_other(place: Place) -> None:
    webhook = Webhook(WEBHOOK.url, ("job.running", "job.failed"))

    await place.job_in(JobState.SUCCEEDED, webhook=webhook)

    assert [row["event"] for row in await place.rows("select event from outbox")] == ["job.running"]


async def test_a_delivery_carries_the_facts_of_its_own_moment(place: Place) -> None:
    webhook = Webhook(WEBHOOK.url, ("job.running", "job.succeeded"))

    await place.job_in(JobState.SUCCEEDED, webhook=webhook)

    bodies = [row["body"] for row in await place.rows("select body from outbox order by seq")]
    assert [(body["state"], body["percent"]) for body in bodies] == [("running", 0), ("succeeded", 100)]


async def test_a_job_without_a_webhook_has_no_deliveries(place: Place) -> None:
    await place.job_in(JobState.SUCCEEDED)

    assert await place.rows("select 1 from outbox") == []


# --- cancel, expire, erase -------------------------------------------------------------------------


async def test_a_cancelled_job_leaves_no_ticket(place: Place) -> None:
    job = await place.submitted()

    await place.lifecycle.cancel(job.id, account_id=place.caller.account_id)

    assert await place.tickets(job) == 0


async def test_a_running_job_that_is_cancelled_keeps_its_worker_for_a_while(place: Place) -> None:
    claimed = await place.claimed()

    cancelling = await place.lifecycle.cancel(claimed.id, account_id=None)

    assert cancelling.worker_id == claimed.worker_id
    assert await place.lifecycle.lapse_due() == 0


@pytest.mark.parametrize("method", ["cancel", "erase"])
async def test_another_accounts_job_is_not_there(place: Place, method: str) -> None:
    job = await place.job_in(JobState.SUCCEEDED)
    stranger = await make_caller(place.database)

    with pytest.raises(NotFoundError, match=r"There is no such job\."):
        await getattr(place.lifecycle, method)(job.id, account_id=stranger.account_id)


@pytest.mark.parametrize("method", ["cancel", "erase"])
async def test_a_job_that_never_was_is_not_there(place: Place, method: str) -> None:
    with pytest.raises(NotFoundError, match=r"There is no such job\."):
        await getattr(place.lifecycle, method)(new_id(), account_id=place.caller.account_id)


async def test_an_expired_job_is_refunded_and_says_why(place: Place, later: Place) -> None:
    job = await place.submitted()

    assert await later.lifecycle.expire_due() == 1

    now = await place.now(job)
    assert now.error is not None
    assert now.error.code == "deadline_exceeded"
    assert (await place.balance(), await place.tickets(job)) == (100, 0)


async def test_a_job_that_did_not_start_in_time_expires(place: Place) -> None:
    job = await place.submitted(start_deadline=timedelta(0))

    assert await place.lifecycle.expire_due() == 1
    assert (await place.now(job)).state is JobState.EXPIRED


async def test_a_job_that_started_in_time_does_not_expire_by_its_start_deadline(place: Place, later: Place) -> None:
    claimed = await place.claimed(start_deadline=timedelta(hours=1), deadline=timedelta(days=400))
    patient = Place(later.database, later.lifecycle, later.caller)
    await place.rows("update jobs set deadline_at = deadline_at + interval '9 days' where id = %s", claimed.id)

    assert await patient.lifecycle.expire_due() == 0


async def test_a_worker_whose_job_expired_is_refused(place: Place, later: Place) -> None:
    claimed = await place.claimed()
    await later.lifecycle.expire_due()

    with pytest.raises(LeaseLostError):
        await place.lifecycle.succeed(claimed, [make_file()])


async def test_erasing_forgets_the_prompt_and_keeps_the_money(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED, tags={"k": "v"})

    await place.lifecycle.erase(job.id, place.caller.account_id)

    erased = await place.now(job)
    assert (erased.input, erased.tags, erased.webhook) == ({}, {}, None)
    assert await place.entries(job) == ["hold", "capture"]


async def test_erasing_names_every_file_that_is_to_go(place: Place) -> None:
    claimed = await place.claimed()
    await place.lifecycle.progress(claimed, Progress(1.0), preview_key="previews/a.webp")
    await place.lifecycle.succeed(claimed, [make_file("outputs/a.png", thumbnail_key="thumbnails/a.webp")])

    keys = await place.lifecycle.erase(claimed.id, place.caller.account_id)

    assert sorted(keys) == ["outputs/a.png", "previews/a.webp", "thumbnails/a.webp"]


async def test_an_erased_jobs_files_are_promised_to_nobody(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED)

    await place.lifecycle.erase(job.id, place.caller.account_id)

    assert all(row["purged_at"] for row in await place.rows("select purged_at from assets"))


# --- lost tickets ----------------------------------------------------------------------------------


async def test_a_queued_job_whose_ticket_was_lost_gets_a_new_one(place: Place, later: Place) -> None:
    job = await place.submitted()
    await place.rows("delete from procrastinate_jobs")

    assert await later.lifecycle.reissue_tickets() == 1
    assert await place.tickets(job) == 1
    assert await place.lifecycle.claim(WORKER, job.lane_id) is not None


async def test_a_queued_job_with_a_ticket_gets_no_second_one(place: Place, later: Place) -> None:
    job = await place.submitted()

    assert await later.lifecycle.reissue_tickets() == 0
    assert await place.tickets(job) == 1


async def test_look_after_look_goes_through_the_whole_queue(
    place: Place, later: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calotype.lifecycle._WINDOW", 3)
    jobs = [await place.submitted(model=model) for model in ("a", "b") for _ in range(5)]
    await place.rows("delete from procrastinate_jobs")

    mended = [await later.lifecycle.reissue_tickets() for _ in range(6)]

    assert mended == [3, 3, 3, 1, 0, 0]
    assert [await place.tickets(job) for job in jobs] == [1] * 10


async def test_a_look_that_found_too_many_goes_on_where_it_was(
    place: Place, later: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calotype.lifecycle._BATCH", 2)
    for _ in range(5):
        await place.submitted()
    await place.rows("delete from procrastinate_jobs")

    assert [await later.lifecycle.reissue_tickets() for _ in range(4)] == [2, 2, 1, 0]


async def test_a_job_queued_just_now_is_not_looked_at(place: Place) -> None:
    await place.submitted()
    await place.rows("delete from procrastinate_jobs")

    assert await place.lifecycle.reissue_tickets() == 0


@pytest.mark.parametrize("state", sorted(set(JobState) - {JobState.QUEUED}))
async def test_a_job_that_is_not_queued_needs_no_ticket(place: Place, later: Place, state: JobState) -> None:
    await place.job_in(state)

    assert await later.lifecycle.reissue_tickets() == 0


async def test_a_move_decided_on_what_the_job_no_longer_is_writes_nothing(place: Place) -> None:
    """Every method locks the job first; the guard holds for one that would forget to."""
    before = await place.submitted()
    claimed = await place.lifecycle.claim(WORKER, before.lane_id)
    assert claimed is not None

    async with place.database.transaction() as db:
        with pytest.raises(IllegalTransitionError, match="A job that is running cannot be cancelled"):
            await place.lifecycle._move(db, before, Event.CANCEL, Changes())
    assert await place.now(before) == claimed


# --- who waits for whom ----------------------------------------------------------------------------


async def test_submits_and_cancels_of_one_account_never_wait_for_each_other_in_a_circle(place: Place) -> None:
    """A submit takes the account's share and then its balance; a cancel must not take them the other way round."""
    jobs = [await place.submitted() for _ in range(20)]
    rich = place.another(await make_caller(place.database))
    jobs += [await rich.submitted() for _ in range(20)]

    calls: list[Awaitable[object]] = []
    for job in jobs:
        calls += [
            place.lifecycle.cancel(job.id, account_id=None),
            (place if job.account_id == place.caller.account_id else rich).submitted(),
        ]
    done = await asyncio.gather(*calls, return_exceptions=True)

    assert [error for error in done if isinstance(error, BaseException)] == []
