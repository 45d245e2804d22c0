"""The `fetches` table: jobs whose files behind URLs are still to be fetched, and who is at it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from calotype.jobs.model import Fetch
from calotype.store.database import Connection

_AT_ONCE = 4
"""Fetches of one account at a time: one that names many slow hosts holds up only itself."""


async def put(db: Connection, job_id: UUID, account_id: UUID) -> None:
    """Ask for a job's files, in the transaction that writes the job down."""
    await db.execute("insert into fetches (job_id, account_id) values (%s, %s)", (job_id, account_id))


async def claim(db: Connection, lease: timedelta) -> Fetch | None:
    """Take the fetch that has been due longest, for as long as the lease; None when there is none to take."""
    row = await (
        await db.execute(
            """update fetches set claims = claims + 1, due_at = calotype_now() + %s where job_id = (
                 select job_id from fetches due where due_at <= calotype_now() and %s > (
                   select count(*) from fetches busy
                   where busy.account_id = due.account_id and busy.claims > 0 and busy.due_at > calotype_now())
                 order by due_at limit 1 for update skip locked
               ) returning job_id, claims""",
            (lease, _AT_ONCE),
        )
    ).fetchone()
    return None if row is None else Fetch(row["job_id"], row["claims"])


async def put_off(db: Connection, fetch: Fetch, pause: timedelta) -> bool:
    """Renew the lease, or have it tried again after a pause; return whether this claim still holds it."""
    cursor = await db.execute(
        "update fetches set due_at = calotype_now() + %s where job_id = %s and claims = %s",
        (pause, fetch.job_id, fetch.claims),
    )
    return cursor.rowcount == 1


async def is_held(db: Connection, fetch: Fetch) -> bool:
    """Return whether this claim still holds it, and keep it so until the transaction ends."""
    cursor = await db.execute(
        "select 1 from fetches where job_id = %s and claims = %s for update", (fetch.job_id, fetch.claims)
    )
    return await cursor.fetchone() is not None


async def drop(db: Connection, job_id: UUID) -> None:
    """Nothing more is to be fetched for the job."""
    await db.execute("delete from fetches where job_id = %s", (job_id,))
