"""Jobs, callers and servers as tests need them: each function fills in what the wanted state implies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from calotype.errors import EngineError
from calotype.jobs.ids import new_id
from calotype.jobs.kinds import Kind
from calotype.jobs.model import Caller, Job, JobError, NewAsset, Progress, Submission, Webhook
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle, Policy
from calotype.store import jobs, ledger
from calotype.store.database import Database
from calotype.store.rows import credits_of

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MODEL = "test-instant"
WORKER, OTHER_WORKER = UUID(int=1), UUID(int=2)
WEBHOOK = Webhook("https://receiver.example/hook")


def make_job(state: JobState = JobState.QUEUED, **given: Any) -> Job:
    """Return a job as it stands in that state; anything may be given instead."""
    is_held = state.is_held_by_worker
    has_started = is_held or state in (JobState.RETRYING, JobState.SUCCEEDED)
    implied: dict[str, Any] = {
        "id": new_id(), "number": 1, "account_id": UUID(int=10), "user_id": UUID(int=11), "key_id": UUID(int=12),
        "face": "native", "kind": Kind.IMAGE, "model": MODEL, "requested_model": MODEL, "lane_id": 1,
        "input": {"prompt": "a red boat"}, "tags": {}, "state": state, "attempt": int(has_started), "max_attempts": 3,
        "progress": Progress(100.0 if state is JobState.SUCCEEDED else 0.0), "credits": credits_of(1, state), "version": 1,
        "created_at": NOON, "updated_at": NOON, "queued_at": NOON, "deadline_at": NOON + timedelta(minutes=10),
        "started_at": NOON if has_started else None,
        "finished_at": NOON if state.is_terminal else None,
        "expires_at": NOON + timedelta(days=7) if state.is_terminal else None,
        "retry_at": NOON if state is JobState.RETRYING else None,
        "lease_until": NOON + timedelta(seconds=15) if is_held else None,
        "worker_id": WORKER if is_held else None,
        "error": JobError("engine_failed", "It failed.") if state is JobState.FAILED else None,
    }  # fmt: skip
    return Job(**implied | given)


def make_submission(prompt: str = "a red boat", **given: Any) -> Submission:
    """Return an image submission; `count` and other input fields may be given by `input`."""
    implied: dict[str, Any] = {"kind": Kind.IMAGE, "model": MODEL, "input": {"prompt": prompt}}
    return Submission(**implied | given)


def make_file(name: str | None = None, **given: Any) -> NewAsset:
    """Return a file as a worker would have stored it."""
    asset_id = new_id()
    implied: dict[str, Any] = {
        "id": asset_id, "key": name or f"outputs/{asset_id}.png", "media_type": "image/png", "extension": "png",
        "bytes": 3, "sha256": "00" * 32, "width": 8, "height": 8,
    }  # fmt: skip
    return NewAsset(**implied | given)


async def make_caller(
    database: Database, credits_granted: int | None = None, *, name: str | None = None, weight: int = 1
) -> Caller:
    """Return the caller of a new account with these credits; None = it may spend without a limit."""
    account_id, user_id, key_id = new_id(), new_id(), new_id()
    async with database.transaction() as db:
        await db.execute(
            "insert into accounts (id, name, floor, weight) values (%s, %s, %s, %s)",
            (account_id, name or str(account_id), None if credits_granted is None else 0, weight),
        )
        await db.execute(
            "insert into users (id, account_id, email) values (%s, %s, %s)", (user_id, account_id, "owner@test")
        )
        await db.execute(
            "insert into keys (id, account_id, user_id, name, hash, hint) values (%s, %s, %s, 'test', %s, 'cal_…')",
            (key_id, account_id, user_id, key_id.bytes),
        )
        if credits_granted:
            await ledger.grant(db, account_id, credits_granted, "for the test")
    return Caller(account_id, user_id, key_id)


@dataclass(frozen=True)
class Place:
    """A database, a lifecycle on it and one caller: where a test about a job begins."""

    database: Database
    lifecycle: Lifecycle
    caller: Caller
    policy: Policy = field(default_factory=Policy)

    async def submitted(self, **given: Any) -> Job:
        """Return a job that was just submitted."""
        return (await self.lifecycle.submit(self.caller, make_submission(**given))).job

    async def claimed(self, worker_id: UUID = WORKER, **given: Any) -> Job:
        """Return a job that a worker has just claimed."""
        job = await self.submitted(**given)
        claimed = await self.lifecycle.claim(worker_id, job.lane_id)
        assert claimed is not None, "the lane was empty"
        assert claimed.id == job.id, "the lane held an older job"
        return claimed

    async def job_in(self, state: JobState, **given: Any) -> Job:
        """Return a job brought to a state the way jobs get there."""
        lifecycle = self.lifecycle
        if state is JobState.QUEUED:
            return await self.submitted(**given)
        if state is JobState.CREATED:
            return await self.submitted(**given | {"awaits_urls": True})
        if state is JobState.EXPIRED:
            job = await self.submitted(**given | {"deadline": timedelta(microseconds=1)})
            await lifecycle.expire_due()
            return await self.now(job)
        return await self._after_claim(state, await self.claimed(**given))

    async def _after_claim(self, state: JobState, claimed: Job) -> Job:
        lifecycle = self.lifecycle
        match state:
            case JobState.RETRYING:
                await lifecycle.retry(claimed, EngineError("it stumbled"))
            case JobState.CANCELLING | JobState.CANCELLED:
                await lifecycle.cancel(claimed.id, account_id=self.caller.account_id)
                if state is JobState.CANCELLED:
                    await lifecycle.confirm_cancel(claimed)
            case JobState.SUCCEEDED:
                await lifecycle.succeed(claimed, [make_file()])
            case JobState.FAILED:
                await lifecycle.fail(claimed, EngineError("it broke"))
        return await self.now(claimed)

    async def now(self, job: Job) -> Job:
        """Return the job as it stands now."""
        return await read_job(self.database, job.id)

    async def balance(self) -> int:
        """Return the caller's balance."""
        async with self.database.connection() as db:
            return await ledger.balance(db, self.caller.account_id)

    async def entries(self, job: Job) -> list[str]:
        """Return the kinds of the job's ledger rows, in order."""
        rows = await self.rows("select entry from ledger where job_id = %s order by id", job.id)
        return [row["entry"] for row in rows]

    async def events(self, job: Job) -> list[str]:
        """Return the job's events, in order."""
        rows = await self.rows("select event from job_events where job_id = %s order by seq", job.id)
        return [row["event"] for row in rows]

    async def tickets(self, job: Job) -> int:
        """Return how many tickets wait for the job."""
        rows = await self.rows("select 1 from procrastinate_jobs where args ->> 'job_id' = %s", str(job.id))
        return len(rows)

    async def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Return what a query finds."""
        async with self.database.connection() as db:
            cursor = await db.execute(query.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []

    def another(self, caller: Caller | None = None, **policy: Any) -> Place:
        """Return the same database under another caller or another policy."""
        held_to = replace(self.policy, **policy)
        return Place(self.database, Lifecycle(self.database, held_to), caller or self.caller, held_to)


async def make_place(database: Database, credits_granted: int | None = 100, **policy: Any) -> Place:
    """Return a place with a fresh caller; `policy` sets fields of the policy."""
    held_to = Policy(**policy)
    return Place(database, Lifecycle(database, held_to), await make_caller(database, credits_granted), held_to)


async def empty(database: Database) -> None:
    """Forget everything in a database and begin counting anew: a fifth of what a fresh one costs."""
    async with database.connection() as db:
        await db.execute(
            "truncate accounts, lanes, models, workers, secrets, procrastinate_jobs restart identity cascade"
        )


_CROWD = """
insert into jobs (id, account_id, user_id, key_id, face, kind, model, requested_model, lane_id, input, state, max_attempts,
    price, tag, deadline_at, created_at, updated_at, queued_at, started_at, finished_at)
select gen_random_uuid(), account_id, user_id, key_id, face, kind, model, requested_model, lane_id, input, %(state)s, 3,
    1, given.place * 1000, now() + interval '1 day', now(), now(), now(), given.ended, given.ended
from jobs, (select generate_series(1, %(count)s) as place, case when %(state)s = 'failed' then now() end as ended) given
where id = %(like)s
"""
_CROWD_TICKETS = """
insert into procrastinate_jobs (queue_name, task_name, priority, args)
select 'l' || lane_id, 'calotype.attempt', -tag, jsonb_build_object('job_id', id) from jobs where state = 'queued' and tag > 0
"""


async def crowd(place: Place, *, queued: int, ended: int, model: str = "crowded") -> None:
    """Write many jobs down in a lane of their own by SQL: queued ones with their tickets, and ended ones."""
    like = await place.submitted(model=model)
    async with place.database.transaction() as db:
        await db.execute("set local statement_timeout = 0")
        for state, count in (("queued", queued), ("failed", ended)):
            await db.execute(_CROWD, {"state": state, "count": count, "like": like.id})
        await db.execute(_CROWD_TICKETS)
    await place.rows("vacuum analyze")


async def read_job(database: Database, job_id: UUID) -> Job:
    """Return the job as it stands; it must be there."""
    async with database.connection() as db:
        job = await jobs.get(db, job_id)
    assert job is not None, "the job is gone"
    return job
