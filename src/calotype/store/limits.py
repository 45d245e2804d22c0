"""Limits on what creates something, held in the submit's own transaction: a refusal leaves nothing behind, not even its count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, LiteralString

from calotype.errors import RateLimitedError, TooManyWaitingError
from calotype.jobs.limits import Limit, Plan, Rate, Standing, Subject
from calotype.store.database import Connection

# GCRA: `due_at` is when all that was taken has come back, and moves on by one interval a request, never further ahead than the
# burst. The row stays locked to the end of the transaction, so the submits of one subject take turns and count what is there.
_TAKE: LiteralString = """
insert into rates as held (subject_id, due_at) values (%(id)s, calotype_now() + %(interval)s)
on conflict (subject_id) do update set due_at = greatest(held.due_at, calotype_now()) + %(interval)s
where greatest(held.due_at, calotype_now()) + %(interval)s <= calotype_now() + %(tolerance)s
returning greatest(due_at - calotype_now(), interval '0') as until_full
"""
_LOOK: LiteralString = """
select greatest(due_at - calotype_now(), interval '0') as until_full from rates where subject_id = %s
"""
_WAITING: Sequence[str] = ("created", "queued", "retrying")
_COUNTS: dict[Subject, LiteralString] = {
    Subject.ACCOUNT: """select count(*) as waiting from (
        select 1 from jobs where account_id = %(account_id)s and state = any(%(states)s) limit %(most)s) counted""",
    Subject.KEY: """select count(*) as waiting from (
        select 1 from jobs where account_id = %(account_id)s and key_id = %(key_id)s and state = any(%(states)s)
        limit %(most)s) counted""",
}
_NO_RATE = Rate(1, timedelta(microseconds=1), 1_000_000_000)
"""Takes the subject's row, for those whose waiting jobs are counted and nothing else."""


async def look(db: Connection, limits: Iterable[Limit]) -> None:
    """Refuse early what `take` would refuse: raise `RateLimitedError` when no request is left. Takes and locks nothing."""
    for limit in limits:
        if limit.rate is not None:
            standing = Standing(limit.plan, limit.rate, await _until_full(db, limit))
            if not limit.rate.remaining(standing.until_full):
                raise _refusal(standing)


async def take(db: Connection, limits: Iterable[Limit], account_id: Any, key_id: Any) -> Standing | None:
    """Count one request against each limit; return the standing that is nearest to its end.

    Raises `RateLimitedError`, or `TooManyWaitingError` when as many jobs wait as may. To be called first of all: who has a
    subject's row waits for nobody.
    """
    standings = []
    for limit in limits:
        rate = limit.rate or _NO_RATE
        row = await (
            await db.execute(_TAKE, {"id": limit.subject_id, "interval": rate.interval, "tolerance": rate.tolerance})
        ).fetchone()
        if row is None:
            raise _refusal(Standing(limit.plan, rate, await _until_full(db, limit)))
        if limit.rate is not None:
            standings.append(Standing(limit.plan, limit.rate, row["until_full"]))
        if limit.max_waiting is not None:
            await _check_waiting(db, limit, {"account_id": account_id, "key_id": key_id}, limit.max_waiting)
    return min(standings, key=lambda standing: standing.rate.remaining(standing.until_full), default=None)


def _refusal(standing: Standing) -> RateLimitedError:
    rate, until_full = standing.rate, standing.until_full
    return RateLimitedError(standing.policy, rate.requests, rate.per, rate.pause(until_full), until_full)


async def _until_full(db: Connection, limit: Limit) -> timedelta:
    row = await (await db.execute(_LOOK, (limit.subject_id,))).fetchone()
    return timedelta(0) if row is None else row["until_full"]


async def _check_waiting(db: Connection, limit: Limit, whose: dict[str, Any], most: int) -> None:
    given = whose | {"states": list(_WAITING), "most": most}
    row = await (await db.execute(_COUNTS[limit.subject], given)).fetchone()
    assert row is not None, "count(*) returns a row"
    if row["waiting"] >= most:
        raise TooManyWaitingError(most, limit.subject.noun)


async def register(db: Connection, plans: Iterable[Plan]) -> None:
    """Write plans down, where every process finds them; a plan that is there is set to what is given."""
    for plan in plans:
        rate = plan.rate
        await db.execute(
            """insert into plans (name, requests, per, burst, max_waiting, max_running, reads)
               values (%(name)s, %(requests)s, coalesce(%(per)s, interval '1 minute'), %(burst)s, %(max_waiting)s, %(max_running)s,
                 %(reads)s)
               on conflict (name) do update set requests = excluded.requests, per = excluded.per, burst = excluded.burst,
                 max_waiting = excluded.max_waiting, max_running = excluded.max_running, reads = excluded.reads,
                 updated_at = clock_timestamp()""",
            {
                "name": plan.name,
                "requests": rate.requests if rate else None,
                "per": rate.per if rate else None,
                "burst": rate.burst if rate else None,
                "max_waiting": plan.max_waiting,
                "max_running": plan.max_running,
                "reads": plan.reads,
            },
        )


async def names(db: Connection) -> list[str]:
    """Return the names of every plan."""
    return [row["name"] for row in await (await db.execute("select name from plans order by name")).fetchall()]
