"""Jobs that wait for their own account's turn: queued without a ticket, while as many run as its account or key may have.

A ticket is what a claim walks over. A job that may not run yet has none, so it stands in nobody's way, and a claim costs the same
however many are parked. Whoever ends a job gives the account's next ones their tickets back; the claim decides anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from calotype.queue import tickets
from calotype.store.database import Connection

_TURN = 0x7475726E  # "turn", the class of the advisory lock
_AT_ONCE = 1_000
_TAKE_TURN: LiteralString = "select pg_advisory_xact_lock(%s, hashtext(%s))"


@dataclass(frozen=True, slots=True)
class Bound:
    """How many jobs a job's account and its key may have running at once; None = as many as there are workers."""

    account_id: UUID
    key_id: UUID
    of_account: int | None
    of_key: int | None


async def bound_of(db: Connection, job_id: UUID) -> Bound | None:
    """Return what bounds a job's start; None when nothing does."""
    row = await (
        await db.execute(
            """select j.account_id, j.key_id, coalesce(a.max_running, ap.max_running) as of_account, kp.max_running as of_key
               from jobs j join accounts a on a.id = j.account_id join keys k on k.id = j.key_id
                 left join plans ap on ap.name = a.plan left join plans kp on kp.name = k.plan
               where j.id = %s and coalesce(a.max_running, ap.max_running, kp.max_running) is not null""",
            (job_id,),
        )
    ).fetchone()
    return None if row is None else Bound(row["account_id"], row["key_id"], row["of_account"], row["of_key"])


async def has_room(db: Connection, bound: Bound) -> bool:
    """Return whether one job more may run. Claims of one account take turns from here to their end, so none is one too many."""
    await db.execute(_TAKE_TURN, (_TURN, str(bound.account_id)))
    row = await (
        await db.execute(
            """select count(*) as of_account, count(*) filter (where key_id = %s) as of_key from jobs
               where account_id = %s and state in ('running', 'cancelling')""",
            (bound.key_id, bound.account_id),
        )
    ).fetchone()
    assert row is not None, "count(*) returns a row"
    is_full = (bound.of_account is not None and row["of_account"] >= bound.of_account) or (
        bound.of_key is not None and row["of_key"] >= bound.of_key
    )
    return not is_full


async def park(db: Connection, job_id: UUID, lane_id: int, bound: Bound) -> None:
    """Park a job whose ticket was taken, and those of the same key behind it in the lane: their turn cannot come before."""
    await db.execute(
        """with behind as (
             select j.id from jobs j where j.account_id = %(account_id)s and j.state = 'queued' and j.key_id = %(key_id)s
               and j.lane_id = %(lane_id)s and not j.parked limit %(most)s for update skip locked
           ), parked as (
             update jobs set parked = true from behind where jobs.id = behind.id or jobs.id = %(job_id)s returning jobs.id
           )
           delete from procrastinate_jobs where status = 'todo' and args ->> 'job_id' in (select id::text from parked)""",
        {
            "job_id": job_id, "lane_id": lane_id, "most": _AT_ONCE, "account_id": bound.account_id, "key_id": bound.key_id,
        },
    )  # fmt: skip


# One step a pair of key and lane that has parked jobs, however many those are; then the first of each, where there is room.
_NEXT = """
with recursive pair as (
    (select key_id, lane_id from jobs where account_id = %(account_id)s and parked order by key_id, lane_id limit 1)
    union all
    select after.key_id, after.lane_id from pair cross join lateral (
        select key_id, lane_id from jobs where account_id = %(account_id)s and parked
          and (key_id, lane_id) > (pair.key_id, pair.lane_id) order by key_id, lane_id limit 1) after
), running as materialized (
    select key_id from jobs where account_id = %(account_id)s and state in ('running', 'cancelling')
), next as (
    select first.id from pair join accounts a on a.id = %(account_id)s join keys k on k.id = pair.key_id
      left join plans ap on ap.name = a.plan left join plans kp on kp.name = k.plan
      cross join lateral (select id from jobs where account_id = %(account_id)s and parked and key_id = pair.key_id
        and lane_id = pair.lane_id order by tag, number limit 1) first
    where (coalesce(a.max_running, ap.max_running) is null
        or (select count(*) from running) < coalesce(a.max_running, ap.max_running))
      and (kp.max_running is null or (select count(*) from running where key_id = pair.key_id) < kp.max_running)
)
update jobs set parked = false from next where jobs.id = next.id and jobs.parked returning jobs.id, jobs.lane_id
"""


async def unpark(db: Connection, account_id: UUID) -> int:
    """Give the account's first parked job of each key and lane its ticket, where there is room; return how many got one."""
    rows = await (await db.execute(_NEXT, {"account_id": account_id})).fetchall()
    for row in rows:
        await tickets.issue(db, row["id"], row["lane_id"])
    return len(rows)


async def accounts(db: Connection, limit: int) -> Sequence[UUID]:
    """Return accounts that have parked jobs: upkeep looks after those that nobody woke."""
    rows = await (
        await db.execute(
            """with recursive one as (
                 (select account_id from jobs where parked order by account_id limit 1)
                 union all
                 select after.account_id from one cross join lateral (
                   select account_id from jobs where parked and account_id > one.account_id order by account_id limit 1) after
               ) select account_id from one limit %s""",
            (limit,),
        )
    ).fetchall()
    return [row["account_id"] for row in rows]
