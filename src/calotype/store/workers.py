"""Workers: who is there, and which of them have died. A live one holds a session advisory lock; a dead process cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from calotype.jobs.ids import new_id
from calotype.store.database import Connection

LOCK_CLASS = 0x776F726B  # "work"


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker as registered. `lock_key` is the second half of its advisory lock."""

    id: UUID
    lock_key: int


async def register(db: Connection, *, host: str, pid: int, device: str, models: Sequence[str]) -> WorkerRow:
    """Write a worker down and take its advisory lock: `db` must be the worker's own session, kept open while it lives."""
    async with db.transaction():
        row = await (
            await db.execute(
                "insert into workers (id, host, pid, device, models) values (%s, %s, %s, %s, %s) returning id, lock_key",
                (new_id(), host, pid, device, list(models)),
            )
        ).fetchone()
        assert row is not None, "insert … returning returns the row"
        await db.execute("select pg_advisory_lock(%s, %s)", (LOCK_CLASS, row["lock_key"]))
    return WorkerRow(row["id"], row["lock_key"])


async def dead(db: Connection) -> list[UUID]:
    """Return the workers whose lock was free at this look and at the one before.

    Two looks, since a restarted database frees every lock at once and a live worker takes a moment to register anew.
    """
    rows = await (
        await db.execute(
            """with held as (
                 select objid::bigint as lock_key from pg_locks
                 where locktype = 'advisory' and classid = %s and granted
                   and database = (select oid from pg_database where datname = current_database())
               ), looked as (
                 select id, missed_at, lock_key in (select lock_key from held) as is_held from workers
               ), marked as (
                 update workers set missed_at = case when looked.is_held then null else calotype_now() end
                 from looked where looked.id = workers.id and looked.is_held = (looked.missed_at is not null)
               )
               select id from looked where not is_held and missed_at is not null""",
            (LOCK_CLASS,),
        )
    ).fetchall()
    return [row["id"] for row in rows]


async def forget(db: Connection, worker_ids: Sequence[UUID]) -> None:
    """Drop workers that hold no job any more."""
    await db.execute(
        """delete from workers where id = any(%s) and not exists (
             select 1 from jobs where worker_id = workers.id and state in ('running', 'cancelling'))""",
        (list(worker_ids),),
    )


async def drain(db: Connection, worker_id: UUID) -> None:
    """Record that a worker takes no new jobs."""
    await db.execute("update workers set draining = true where id = %s", (worker_id,))


async def offering(db: Connection, model: str) -> int:
    """Return how many workers take jobs of a model."""
    query = "select count(*) as workers from workers where not draining and %s = any(models)"
    row = await (await db.execute(query, (model,))).fetchone()
    assert row is not None, "count(*) returns a row"
    return int(row["workers"])


async def listed(db: Connection) -> list[dict[str, object]]:
    """Return every registered worker, for people."""
    rows = await (
        await db.execute("select id, host, pid, device, models, draining, started_at from workers order by started_at")
    ).fetchall()
    return list(rows)
