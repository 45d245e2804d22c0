"""Two or more calls on one job at the same time: one wins, the other is told, and the money agrees.

Each race is a function that brings a job to its mark, lets the calls go at once, and returns what is wrong with the outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from calotype.accounts import Accounts
from calotype.audit import audit
from calotype.clock import SystemClock
from calotype.errors import (
    EngineError,
    IllegalTransitionError,
    InsufficientCreditsError,
    LeaseLostError,
    RateLimitedError,
    SpendCapReachedError,
)
from calotype.jobs.ids import new_id
from calotype.jobs.limits import Limit, Rate, Subject, Window
from calotype.jobs.model import Job, Progress, Receipt
from calotype.jobs.states import JobState
from calotype.queue import tickets
from calotype.store import ledger
from calotype.store.database import Database
from factories import OTHER_WORKER, WEBHOOK, WORKER, Place, make_caller, make_file, make_place, make_submission
from faults.instruments.planted import unexpected

REFUSALS = (
    LeaseLostError, IllegalTransitionError, InsufficientCreditsError, RateLimitedError, SpendCapReachedError,
)  # fmt: skip
Race = Callable[[Place], Awaitable[str | None]]


@dataclass
class Counts:
    """What was raced, what was acknowledged in it, and what was found."""

    races: int = 0
    acknowledged: int = 0
    findings: list[str] = field(default_factory=list)


async def at_once(*calls: Awaitable[object]) -> list[Any]:
    """Let the calls go at once; a refusal is an answer, anything else that is raised a finding."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, REFUSALS):
            raise answer
    return answers


def taken(answers: list[Any]) -> int:
    """Return how many calls were not refused."""
    return sum(not isinstance(answer, BaseException) for answer in answers)


async def _state(place: Place, job: Job) -> JobState:
    return (await place.now(job)).state


async def cancel_or_succeed(place: Place) -> str | None:
    claimed = await place.claimed(webhook=WEBHOOK)
    answers = await at_once(
        place.lifecycle.cancel(claimed.id, account_id=None), place.lifecycle.succeed(claimed, [make_file()])
    )
    state = await _state(place, claimed)
    if state is JobState.CANCELLING:
        await place.lifecycle.confirm_cancel(claimed)
    expected = {JobState.CANCELLING: [0], JobState.SUCCEEDED: [1]}
    winners = [number for number, answer in enumerate(answers) if not isinstance(answer, BaseException)]
    return None if winners == expected.get(state) else f"{winners} won and the job is {state}"


async def cancel_or_claim(place: Place) -> str | None:
    job = await place.submitted()
    cancelled, claimed = await at_once(
        place.lifecycle.cancel(job.id, account_id=None), place.lifecycle.claim(WORKER, job.lane_id)
    )
    state = await _state(place, job)
    if state is JobState.CANCELLING:
        await place.lifecycle.confirm_cancel(claimed)
    if await place.tickets(job):
        return "its ticket outlived it"
    expected = JobState.CANCELLED if claimed is None else JobState.CANCELLING
    is_told = getattr(cancelled, "state", None) is expected
    return None if state is expected and is_told else f"claim said {claimed is not None} and the job is {state}"


async def expire_or_succeed(place: Place) -> str | None:
    claimed = await place.claimed(deadline=timedelta(microseconds=1), webhook=WEBHOOK)
    _, succeeded = await at_once(place.lifecycle.expire_due(), place.lifecycle.succeed(claimed, [make_file()]))
    state = await _state(place, claimed)
    expected = JobState.EXPIRED if isinstance(succeeded, BaseException) else JobState.SUCCEEDED
    return None if state is expected else f"succeed said {succeeded!r} and the job is {state}"


async def lapse_or_succeed(place: Place) -> str | None:
    worker_id = new_id()
    claimed = await place.claimed(worker_id)
    _, succeeded = await at_once(
        place.lifecycle.lapse_of_workers([worker_id]), place.lifecycle.succeed(claimed, [make_file()])
    )
    state = await _state(place, claimed)
    if state is JobState.RETRYING:
        await place.lifecycle.cancel(claimed.id, account_id=None)
    expected = JobState.RETRYING if isinstance(succeeded, BaseException) else JobState.SUCCEEDED
    return None if state is expected else f"succeed said {succeeded!r} and the job is {state}"


async def retry_or_cancel(place: Place) -> str | None:
    claimed = await place.claimed()
    retried, cancelled = await at_once(
        place.lifecycle.retry(claimed, EngineError("it stumbled")),
        place.lifecycle.cancel(claimed.id, account_id=None),
    )
    state = await _state(place, claimed)
    is_told = cancelled.state in (JobState.CANCELLING, JobState.CANCELLED) and not isinstance(retried, BaseException)
    return None if is_told and state is JobState.CANCELLED else f"the job is {state}"


async def two_claims_of_one_ticket(place: Place) -> str | None:
    job = await place.submitted()
    answers = await at_once(
        place.lifecycle.claim(WORKER, job.lane_id), place.lifecycle.claim(OTHER_WORKER, job.lane_id)
    )
    winners = [claimed for claimed in answers if claimed is not None]
    for claimed in winners:
        await place.lifecycle.fail(claimed, EngineError("it broke"))
    return None if len(winners) == 1 else f"{len(winners)} workers hold it"


async def two_tickets_of_one_job(place: Place) -> str | None:
    job = await place.submitted()
    async with place.database.connection() as db:
        await tickets.issue(db, job.id, job.lane_id)
    return await _claimed_once(place, job)


async def _claimed_once(place: Place, job: Job) -> str | None:
    answers = await at_once(*(place.lifecycle.claim(worker, job.lane_id) for worker in (WORKER, OTHER_WORKER, WORKER)))
    winners = [claimed for claimed in answers if claimed is not None]
    for claimed in winners:
        await place.lifecycle.fail(claimed, EngineError("it broke"))
    left = await place.tickets(job)
    return None if (len(winners), left) == (1, 0) else f"{len(winners)} claims, {left} tickets left"


async def last_credit(place: Place, clients: int = 8) -> str | None:
    async with place.database.transaction() as db:
        await ledger.grant(db, place.caller.account_id, 1, "the last credit")
    # each in a lane of its own: nothing but the balance stands between them
    answers = await at_once(*(place.submitted(model=f"lane-{number}") for number in range(clients)))
    for job in answers:
        if isinstance(job, Job):
            claimed = await place.lifecycle.claim(WORKER, job.lane_id)
            assert claimed is not None, "it was just submitted"
            await place.lifecycle.succeed(claimed, [make_file()])
    balance = await place.balance()
    return None if (taken(answers), balance) == (1, 0) else f"{taken(answers)} submits were taken, {balance} left"


async def last_credit_of_many(place: Place) -> str | None:
    return await last_credit(place, 64)


async def last_of_a_cap(place: Place) -> str | None:
    """Submits and a cancel meet at a key's cap: what is spent never passes it, and what was given back may be spent."""
    await Accounts(place.database, SystemClock()).cap_key(place.caller.key_id, 2, Window.DAY)
    first = await place.submitted(model="capped")
    answers = await at_once(
        place.lifecycle.cancel(first.id, account_id=None),
        *(place.submitted(model=f"lane-{number}") for number in range(6)),
    )
    taken_ones = [job for job in answers[1:] if isinstance(job, Job)]
    for job in taken_ones:
        await place.lifecycle.cancel(job.id, account_id=None)
    spent = (await place.rows("select spent from keys where id = %s", place.caller.key_id))[0]["spent"]
    return None if len(taken_ones) in (1, 2) and spent == 0 else f"{len(taken_ones)} were taken, {spent} stay spent"


async def last_of_a_rate(place: Place) -> str | None:
    limit = Limit(Subject.KEY, new_id(), "slow", Rate(3, timedelta(hours=1), 3))
    slow = replace(place, caller=replace(place.caller, limits=(limit,)))
    answers = await at_once(*(slow.submitted(model=f"lane-{number}") for number in range(8)))
    for job in answers:
        if isinstance(job, Job):
            await place.lifecycle.cancel(job.id, account_id=None)
    return None if taken(answers) == 3 else f"{taken(answers)} submits were taken"


async def claims_at_the_bound(place: Place) -> str | None:
    """One job of the account may run: claims in several lanes meet each other and the end of the one that runs."""
    await Accounts(place.database, SystemClock()).limit_account(str(place.caller.account_id), max_running=1)
    jobs = [await place.submitted(model=f"lane-{number}") for number in range(4)]
    left = len(jobs)
    for _ in range(3 * len(jobs)):
        running = [job for job in await at_once(*(place.lifecycle.claim(WORKER, job.lane_id) for job in jobs)) if job]
        if len(running) > 1:
            return f"{len(running)} ran at once"
        ends = [place.lifecycle.succeed(job, [make_file()]) for job in running]
        more = await at_once(*ends, place.lifecycle.claim(WORKER, jobs[-1].lane_id))
        if isinstance(more[-1], Job):
            await place.lifecycle.succeed(more[-1], [make_file()])
        left -= len(running) + isinstance(more[-1], Job)
        if not left:
            return None
        await place.lifecycle.unpark_due()
    return f"{left} jobs never had their turn"


async def same_idempotency_key(place: Place) -> str | None:
    asked = make_submission(idempotency_key=str(new_id()), digest=b"1", model=f"keyed-{id(place)}")
    receipts: list[Receipt] = await at_once(*(place.lifecycle.submit(place.caller, asked) for _ in range(4)))
    firsts = sum(not receipt.is_replay for receipt in receipts)
    ids = {receipt.job.id for receipt in receipts}
    await place.lifecycle.cancel(receipts[0].job.id, account_id=None)
    return None if (firsts, len(ids)) == (1, 1) else f"{firsts} jobs were made, {len(ids)} ids answered"


async def submit_and_cancel(place: Place) -> str | None:
    jobs = [await place.submitted(model="waiting") for _ in range(3)]
    answers = await at_once(
        *(place.lifecycle.cancel(job.id, account_id=None) for job in jobs),
        *(place.submitted(model="waiting") for _ in range(3)),
    )
    for job in answers[3:]:
        await place.lifecycle.cancel(job.id, account_id=None)
    return None if taken(answers) == 6 else f"only {taken(answers)} of 6 were taken"


async def progress_or_expire(place: Place) -> str | None:
    claimed = await place.claimed(deadline=timedelta(microseconds=1))
    progressed, _ = await at_once(place.lifecycle.progress(claimed, Progress(50.0)), place.lifecycle.expire_due())
    await place.lifecycle.expire_due()
    state = await _state(place, claimed)
    is_told = progressed is JobState.RUNNING or isinstance(progressed, LeaseLostError)
    return None if is_told and state is JobState.EXPIRED else f"progress said {progressed!r}, the job is {state}"


async def two_upkeeps(place: Place) -> str | None:
    """Two duties at once, each over a job of the same accounts: one past its deadline, one lapsing for the last time."""
    others = [place, *[place.another(await make_caller(place.database)) for _ in range(3)]]
    expiring = [await other.claimed(WORKER, deadline=timedelta(microseconds=1)) for other in others]
    lapsing = [await other.claimed(OTHER_WORKER) for other in others]
    await place.rows("update jobs set max_attempts = attempt where id = any(%s)", [job.id for job in lapsing])
    await at_once(
        place.lifecycle.expire_due(),
        place.lifecycle.lapse_of_workers([OTHER_WORKER]),
        place.lifecycle.expire_due(),
        place.lifecycle.lapse_of_workers([OTHER_WORKER]),
    )
    ended = [await _state(place, job) for job in (*expiring, *lapsing)]
    expected = [JobState.EXPIRED] * len(expiring) + [JobState.FAILED] * len(lapsing)
    return None if ended == expected else f"the jobs are {ended}"


RACES: dict[str, Race] = {
    "cancel or succeed": cancel_or_succeed,
    "cancel or claim": cancel_or_claim,
    "expire or succeed": expire_or_succeed,
    "lapse or succeed": lapse_or_succeed,
    "retry or cancel": retry_or_cancel,
    "two claims of one ticket": two_claims_of_one_ticket,
    "two tickets of one job": two_tickets_of_one_job,
    "eight submits for the last credit": last_credit,
    "64 submits for the last credit": last_credit_of_many,
    "six submits and a cancel at a cap": last_of_a_cap,
    "eight submits for the last of a rate": last_of_a_rate,
    "claims where one job may run": claims_at_the_bound,
    "one idempotency key, four submits": same_idempotency_key,
    "submit and cancel": submit_and_cancel,
    "progress or expire": progress_or_expire,
    "two upkeeps": two_upkeeps,
}


CROWDED = frozenset({"64 submits for the last credit"})
"""Races of so many that a few of them count for as much as many of the others."""


async def run(url: str, name: str, count: int, done: Callable[[int], object] = lambda _: None) -> Counts:
    """Run one race `count` times on a fresh account, then audit."""
    counts = Counts()
    async with Database(url, size=32 if name in CROWDED else 10) as database:
        place = await make_place(database, 0 if name.endswith("for the last credit") else None)
        for _ in range(count):
            try:
                wrong = await RACES[name](place)
            except Exception as error:  # noqa: BLE001 - whatever a race raises is what it found
                wrong = unexpected(error)
            counts.races += 1
            done(1)
            if wrong is not None:
                counts.findings.append(f"{name}: {wrong}")
        counts.findings += [f"{found.invariant} {found.sentence}" for found in (await audit(database)).findings]
        rows = await place.rows("select count(*) as moves from job_events")
        counts.acknowledged = rows[0]["moves"]
    return counts
