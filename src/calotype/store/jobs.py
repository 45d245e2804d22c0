"""The `jobs` table: written only on behalf of `lifecycle`, read by everyone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from calotype.jobs.model import Caller, Job, JobError, Progress, Submission
from calotype.jobs.states import Event, JobState
from calotype.store.assets import outputs_of
from calotype.store.database import JOBS_CHANNEL, Connection
from calotype.store.outbox import Address
from calotype.store.rows import job_of


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submission is frozen with: its price, cost in fair-share units, and limits."""

    price: int
    cost: int
    max_attempts: int
    deadline: timedelta
    start_deadline: timedelta | None
    retention: timedelta


_INSERT: LiteralString = """
with moment as materialized (select calotype_now() as now),
made as (
    insert into jobs (
        id, account_id, user_id, key_id, face, kind, model, requested_model, lane_id, input, tags, state, max_attempts, price, cost,
        tag, deadline_at, start_deadline_at, created_at, updated_at, queued_at, webhook, trace, retry_of, idempotency_route,
        idempotency_key, digest, parked
    )
    select %(id)s, %(account_id)s, %(user_id)s, %(key_id)s, %(face)s, %(kind)s, %(model)s, %(requested_model)s, %(lane_id)s,
        %(input)s, %(tags)s, %(state)s, %(max_attempts)s, %(price)s, %(cost)s, fair.start, now + %(deadline)s,
        now + %(start_deadline)s::interval, now, now, case when %(state)s = 'queued' then now end,
        %(webhook)s, %(trace)s, %(retry_of)s, %(idempotency_route)s,
        %(idempotency_key)s, %(digest)s, %(state)s = 'queued' and exists (
          select 1 from jobs where account_id = %(account_id)s and key_id = %(key_id)s and lane_id = %(lane_id)s and parked)
    from moment, fair_shares fair where fair.account_id = %(account_id)s and fair.lane_id = %(lane_id)s
    returning *
), logged as (
    insert into job_events (job_id, account_id, event, state, attempt, version)
    select id, account_id, 'submit', state, attempt, version from made returning seq
)
select made.*, logged.seq as event_seq, pg_notify(%(channel)s, concat_ws(' ', id, account_id, version, state)) from made, logged
"""


async def insert(
    db: Connection, job_id: UUID, caller: Caller, submission: Submission, lane_id: int, terms: Terms
) -> Moved:
    """Write the job down, with its first event: as queued, or as created while it waits for files.

    The account's fair share must have been taken before.
    """
    given: dict[str, Any] = {
        "id": job_id,
        "account_id": caller.account_id,
        "user_id": caller.user_id,
        "key_id": caller.key_id,
        "face": submission.face,
        "kind": submission.kind,
        "model": submission.model,
        "requested_model": submission.requested_model or submission.model,
        "lane_id": lane_id,
        "input": Jsonb(dict(submission.input)),
        "tags": Jsonb(dict(submission.tags)),
        "state": JobState.CREATED if submission.awaits_urls else JobState.QUEUED,
        "max_attempts": terms.max_attempts,
        "price": terms.price,
        "cost": terms.cost,
        "deadline": terms.deadline,
        "start_deadline": terms.start_deadline,
        "webhook": Jsonb({"url": submission.webhook.url, "events": list(submission.webhook.events)})
        if submission.webhook
        else None,
        "trace": submission.trace,
        "retry_of": submission.retry_of,
        "idempotency_route": submission.idempotency_route,
        "idempotency_key": submission.idempotency_key,
        "digest": submission.digest,
        "channel": JOBS_CHANNEL,
    }
    row = await (await db.execute(_INSERT, given)).fetchone()
    assert row is not None, "the fair share was taken in this transaction"
    return Moved(job_of(row), row["event_seq"], has_parked=row["parked"])


@dataclass(frozen=True, slots=True)
class Moved:
    """A job after a move, the sequence number of the event that tells of it, and which endpoints of its account want to know.

    `has_parked`: jobs of its account are parked. A job just inserted is so itself when others of its key are, in its lane: it
    would come after them anyway.
    """

    job: Job
    event_seq: int
    endpoints: tuple[Address, ...] = ()
    has_parked: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a move writes besides the state. The lease and the worker are cleared unless given.

    `spared` is how many attempts the job may have more, since one was ended through no fault of its own.
    """

    attempt: int | None = None
    worker_id: UUID | None = None
    lease: timedelta | None = None
    retry_after: timedelta | None = None
    error: JobError | None = None
    retention: timedelta | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    spared: int = 0


# One statement for every move: guarded by state and attempt, logged and announced together.
_MOVE: LiteralString = """
with moment as materialized (select calotype_now() as now),
moved as (
    update jobs set
        state = %(to)s, parked = false, attempt = coalesce(%(attempt)s, attempt), version = version + 1, updated_at = now,
        max_attempts = max_attempts + %(spared)s,
        worker_id = %(worker_id)s, lease_until = now + %(lease)s::interval, retry_at = now + %(retry_after)s::interval,
        queued_at = case when %(to)s = 'queued' then now else queued_at end,
        started_at = case when %(to)s = 'running' then coalesce(started_at, now) else started_at end,
        finished_at = case when %(is_terminal)s then now end,
        expires_at = case when %(is_terminal)s then now + %(retention)s::interval end,
        percent = case when %(to)s = 'succeeded' then 100 else percent end,
        done = case when %(to)s = 'succeeded' then total else done end,
        phase = case when %(is_terminal)s then null else phase end,
        error_code = %(error_code)s, error_message = %(error_message)s, error_retryable = %(error_retryable)s
    from moment where id = %(id)s and state = %(from)s and jobs.attempt = %(from_attempt)s
    returning jobs.*
), logged as (
    insert into job_events (job_id, account_id, event, state, attempt, version, data)
    select id, account_id, %(event)s, state, attempt, version, %(data)s from moved returning seq
)
select moved.*, logged.seq as event_seq, pg_notify(%(channel)s, concat_ws(' ', id, account_id, version, state)),
    (select jsonb_agg(jsonb_build_array(e.id, e.url, e.face)) from endpoints e
     where e.account_id = moved.account_id and e.is_enabled and e.deleted_at is null
       and case when e.events = '{}' then %(is_terminal)s else 'job.' || moved.state = any(e.events) end) as endpoints,
    exists (select 1 from jobs p where p.account_id = moved.account_id and p.parked) as has_parked
from moved, logged
"""


async def move(db: Connection, job: Job, event: Event, target: JobState, changes: Changes) -> Moved | None:
    """Move the job if it still stands as `job` says, by state and attempt; None = it does not."""
    error = changes.error
    given: dict[str, Any] = {
        "id": job.id,
        "from": job.state,
        "from_attempt": job.attempt,
        "to": target,
        "event": event,
        "is_terminal": target.is_terminal,
        "attempt": changes.attempt,
        "spared": changes.spared,
        "worker_id": changes.worker_id,
        "lease": changes.lease,
        "retry_after": changes.retry_after,
        "retention": changes.retention,
        "error_code": error.code if error else None,
        "error_message": error.message if error else None,
        "error_retryable": error.is_retryable if error else None,
        "data": Jsonb(dict(changes.data)),
        "channel": JOBS_CHANNEL,
    }
    row = await (await db.execute(_MOVE, given)).fetchone()
    if row is None:
        return None
    found = row["endpoints"] or ()
    addresses = tuple(Address.of_endpoint(UUID(e), url, face) for e, url, face in found)
    return Moved(job_of(row), row["event_seq"], addresses, row["has_parked"])


_PROGRESS: LiteralString = """
with moment as materialized (select calotype_now() as now),
moved as (
    update jobs set
        version = version + 1, updated_at = now, lease_until = now + %(lease)s, percent = greatest(percent, %(percent)s),
        done = %(done)s, total = %(total)s, phase = %(phase)s,
        preview_key = coalesce(%(preview_key)s, preview_key), load_ms = coalesce(%(load_ms)s, load_ms)
    from moment where id = %(id)s and attempt = %(attempt)s and worker_id = %(worker_id)s and state in ('running', 'cancelling')
    returning jobs.*
), logged as (
    insert into job_events (job_id, account_id, event, state, attempt, version, data)
    select id, account_id, 'progress', state, attempt, version,
        jsonb_build_object('percent', percent, 'done', done, 'total', total, 'phase', phase) from moved
)
select state, pg_notify(%(channel)s, concat_ws(' ', id, account_id, version, state)) from moved
"""


async def progress(
    db: Connection, claimed: Job, shown: Progress, *, lease: timedelta, preview_key: str | None, load_ms: int | None
) -> JobState | None:
    """Write progress and extend the lease; None = this attempt no longer holds the job. What is shown never falls."""
    given = {
        "id": claimed.id,
        "attempt": claimed.attempt,
        "worker_id": claimed.worker_id,
        "lease": lease,
        "percent": min(max(0.0, shown.percent), 99.9),  # in this order NaN becomes 0
        "done": shown.done,
        "total": shown.total,
        "phase": shown.phase,
        "preview_key": preview_key,
        "load_ms": load_ms,
        "channel": JOBS_CHANNEL,
    }
    row = await (await db.execute(_PROGRESS, given)).fetchone()
    return None if row is None else JobState(row["state"])


async def extend_lease(db: Connection, claimed: Job, lease: timedelta) -> JobState | None:
    """Renew the lease and nothing else; None = this attempt no longer holds the job."""
    row = await (
        await db.execute(
            """update jobs set lease_until = calotype_now() + %s
               where id = %s and attempt = %s and worker_id = %s and state in ('running', 'cancelling') returning state""",
            (lease, claimed.id, claimed.attempt, claimed.worker_id),
        )
    ).fetchone()
    return None if row is None else JobState(row["state"])


async def set_input(db: Connection, job_id: UUID, given: Mapping[str, Any]) -> None:
    """Replace what a job is made from: its files are in. A move follows in the same transaction, and tells of it."""
    await db.execute("update jobs set input = %s where id = %s", (Jsonb(dict(given)), job_id))


async def get(db: Connection, job_id: UUID, account_id: UUID | None = None, *, is_locked: bool = False) -> Job | None:
    """Return the job with its outputs; None when there is none, or when it is another account's."""
    query: LiteralString = "select * from jobs where id = %s"
    row = await (await db.execute(query + " for update" if is_locked else query, (job_id,))).fetchone()
    if row is None or (account_id is not None and row["account_id"] != account_id):
        return None
    if row["state"] == JobState.SUCCEEDED:
        row["outputs"] = await outputs_of(db, job_id)
    return job_of(row)


async def by_idempotency_key(db: Connection, account_id: UUID, route: str, key: str) -> Job | None:
    """Return the job an earlier submission with this key made."""
    row = await (
        await db.execute(
            "select * from jobs where account_id = %s and idempotency_route = %s and idempotency_key = %s",
            (account_id, route, key),
        )
    ).fetchone()
    if row is not None and row["state"] == JobState.SUCCEEDED:
        row["outputs"] = await outputs_of(db, row["id"])
    return None if row is None else job_of(row)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list shows: every field that is not None narrows it. `text` is looked for in the prompt."""

    states: tuple[str, ...] | None = None
    kind: str | None = None
    model: str | None = None
    face: str | None = None
    tag: tuple[str, str] | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    text: str | None = None


_CONDITIONS: dict[str, LiteralString] = {
    "states": "state = any(%(states)s)",
    "kind": "kind = %(kind)s",
    "model": "model = %(model)s",
    "face": "face = %(face)s",
    "created_from": "created_at >= %(created_from)s",
    "created_to": "created_at < %(created_to)s",
    "text": "position(lower(%(text)s) in lower(input ->> 'prompt')) > 0",
}


async def page(
    db: Connection,
    account_id: UUID,
    wanted: JobFilter,
    limit: int,
    *,
    after: int | None = None,
    before: int | None = None,
) -> list[Job]:
    """Return up to `limit` jobs, newest first, without outputs.

    `after` and `before` are running numbers: jobs older than `after`, or the ones just newer than `before`.
    """
    parameters: dict[str, Any] = {"account_id": account_id, "limit": limit, "after": after, "before": before}
    conditions: list[LiteralString] = ["account_id = %(account_id)s", "erased_at is null"]
    for name, condition in _CONDITIONS.items():
        value = getattr(wanted, name)
        if value is not None:
            parameters[name] = list(value) if isinstance(value, tuple) else value
            conditions.append(condition)
    if wanted.tag is not None:
        conditions.append("tags @> %(tag)s")
        parameters["tag"] = Jsonb(dict([wanted.tag]))
    if after is not None:
        conditions.append("number < %(after)s")
    direction: LiteralString = "desc"
    if before is not None:
        conditions.append("number > %(before)s")
        direction = "asc"
    query: LiteralString = "select * from jobs where " + " and ".join(conditions) + " order by number " + direction  # noqa: S608 - every part is literal
    rows = await (await db.execute(query + " limit %(limit)s", parameters)).fetchall()
    return sorted((job_of(row) for row in rows), key=lambda job: -job.number)


async def queue_position(db: Connection, job: Job, most: int = 1_000) -> int | None:
    """Return how many waiting jobs of its lane stand before this one; None when it is not queued or more than `most` do."""
    if job.state is not JobState.QUEUED:
        return None
    row = await (
        await db.execute(
            """select count(*) as ahead from (
                 select 1 from jobs where lane_id = %s and state = 'queued' and (tag, number) < (%s, %s) limit %s
               ) before""",
            (job.lane_id, job.tag, job.number, most + 1),
        )
    ).fetchone()
    assert row is not None, "count(*) returns a row"
    return row["ahead"] if row["ahead"] <= most else None


async def recent_seconds(db: Connection, model: str, most: int = 300) -> list[float]:
    """Return how long the jobs of a model that succeeded took, among the last `most` jobs that ended."""
    rows = await (
        await db.execute(
            """select extract(epoch from finished_at - started_at)::float as seconds from (
                 select model, state, started_at, finished_at from jobs where finished_at is not null
                 order by finished_at desc limit %s
               ) recent where model = %s and state = 'succeeded' and started_at is not null""",
            (most, model),
        )
    ).fetchall()
    return [row["seconds"] for row in rows]


async def held_past_lease(db: Connection, limit: int) -> list[Job]:
    """Return, and lock, jobs whose lease has lapsed; those another process holds are passed over."""
    return await _some(
        db,
        """select * from jobs where state in ('running', 'cancelling') and lease_until < calotype_now()
           order by lease_until limit %s for update skip locked""",
        (limit,),
    )


async def held_by(db: Connection, worker_ids: list[UUID]) -> list[Job]:
    """Return, and lock, the jobs these workers hold; those another process holds are passed over."""
    return await _some(
        db,
        "select * from jobs where state in ('running', 'cancelling') and worker_id = any(%s) for update skip locked",
        (worker_ids,),
    )


async def due_for_retry(db: Connection, limit: int) -> list[Job]:
    """Return, and lock, the jobs whose next attempt is due."""
    return await _some(
        db,
        """select * from jobs where state = 'retrying' and retry_at <= calotype_now()
           order by retry_at limit %s for update skip locked""",
        (limit,),
    )


async def past_deadline(db: Connection, limit: int) -> list[Job]:
    """Return, and lock, the jobs past their deadline, or past the moment by which they should have started."""
    return await _some(
        db,
        """select * from jobs where id in (
             (select id from jobs where state in ('created', 'queued', 'running', 'retrying', 'cancelling')
               and deadline_at < calotype_now() order by deadline_at limit %(limit)s)
             union all
             (select id from jobs where state in ('created', 'queued', 'retrying') and started_at is null
               and start_deadline_at < calotype_now() order by start_deadline_at limit %(limit)s)
           ) for update skip locked""",
        {"limit": limit},
    )


async def erase(db: Connection, job_id: UUID) -> None:
    """Forget what was asked for; the money and the states stay."""
    await db.execute(
        """with erased as (
             update jobs set erased_at = calotype_now(), input = '{}', tags = '{}', webhook = null, preview_key = null,
               version = version + 1 where id = %s returning id, account_id, version, state)
           select pg_notify(%s, concat_ws(' ', id, account_id, version, state)) from erased""",
        (job_id, JOBS_CHANNEL),
    )


async def _some(db: Connection, query: LiteralString, parameters: Any) -> list[Job]:
    return [job_of(row) for row in await (await db.execute(query, parameters)).fetchall()]
