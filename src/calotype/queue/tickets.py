"""Tickets: queue entries that carry one job id. One may arrive twice, late or never; the claim decides."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from calotype.jobs.lanes import lane_name
from calotype.store.database import Connection

TASK = "calotype.attempt"
WAKE_CHANNEL = "procrastinate_any_queue_v1"
"""Procrastinate's own trigger notifies here for every ticket."""


async def issue(db: Connection, job_id: UUID, lane_id: int) -> None:
    """Put a job's ticket in its lane, by its fair-share tag, in the caller's transaction."""
    await db.execute(
        """select procrastinate_defer_jobs_v1(array[row(
             %(lane)s, %(task)s, greatest(-2147483648, least(2147483647, lanes.epoch - jobs.tag))::int, null, null,
             jsonb_build_object('job_id', jobs.id), null)::procrastinate_job_to_defer_v1])
           from jobs join lanes on lanes.id = jobs.lane_id where jobs.id = %(job_id)s""",
        {"lane": lane_name(lane_id), "task": TASK, "job_id": job_id},
    )


async def take(db: Connection, lane_id: int) -> UUID | None:
    """Take the best ticket of a lane off the queue and return its job id; None when the lane is empty.

    Our own statement in place of `procrastinate_fetch_job_v2`: see docs/decisions/0003-own-fetch.md. A rollback keeps the ticket.
    """
    row = await (
        await db.execute(
            """delete from procrastinate_jobs where id = (
                 select id from procrastinate_jobs where queue_name = %s and status = 'todo'
                 order by priority desc, id limit 1 for update skip locked
               ) returning (args ->> 'job_id')::uuid as job_id""",
            (lane_name(lane_id),),
        )
    ).fetchone()
    return None if row is None else row["job_id"]


async def withdraw(db: Connection, job_id: UUID) -> None:
    """Take a job's ticket back, wherever it waits. One that another process is taking is left: its claim will find out."""
    await db.execute(
        """delete from procrastinate_jobs where id in (
             select id from procrastinate_jobs where args ->> 'job_id' = %s and status = 'todo' for update skip locked)""",
        (str(job_id),),
    )


Position = tuple[int, int, int]
"""A place among all queued jobs: lane, tag, number."""

FIRST: Position = (0, -(2**63), 0)
_LAST: Position = (2**31 - 1, 2**63 - 1, 2**63 - 1)


async def end_of_window(db: Connection, start: Position, size: int) -> Position | None:
    """Return the position up to which a look at so many queued jobs goes; None = to the end."""
    row = await (
        await db.execute(
            """select lane_id, tag, number from jobs where state = 'queued' and (lane_id, tag, number) > (%s, %s, %s)
               order by lane_id, tag, number offset %s limit 1""",
            (*start, size - 1),
        )
    ).fetchone()
    return None if row is None else (row["lane_id"], row["tag"], row["number"])


async def missing(db: Connection, start: Position, end: Position | None, limit: int) -> Sequence[tuple[UUID, int]]:
    """Return (job id, lane id) of jobs between two positions that have long been queued and have no ticket, and lock them."""
    rows = await (
        await db.execute(
            """select id, lane_id from jobs where state = 'queued' and not parked
                 and queued_at < calotype_now() - interval '2 seconds'
                 and (lane_id, tag, number) > (%s, %s, %s) and (lane_id, tag, number) <= (%s, %s, %s)
                 and not exists (select 1 from procrastinate_jobs ticket
                                 where ticket.args ->> 'job_id' = jobs.id::text and ticket.status = 'todo')
               limit %s for update skip locked""",
            (*start, *(end or _LAST), limit),
        )
    ).fetchall()
    return [(row["id"], row["lane_id"]) for row in rows]
