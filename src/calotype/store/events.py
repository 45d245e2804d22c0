"""The append-only event log: what polls, streams and webhooks all read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from calotype.store.database import Connection

START = (0, 0)
"""The position before the first event of an account."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One thing that happened to a job."""

    seq: int
    xid: int
    job_id: UUID
    account_id: UUID
    event: str
    state: str
    attempt: int
    version: int
    data: Mapping[str, Any]
    at: datetime


_COLUMNS = "seq, xid::text::bigint as xid, job_id, account_id, event, state, attempt, version, data, at"


async def of_job(db: Connection, job_id: UUID, after_seq: int = 0, limit: int = 500) -> list[EventRow]:
    """Return a job's events after a sequence number: its row lock keeps them in order."""
    rows = await (
        await db.execute(
            f"select {_COLUMNS} from job_events where job_id = %s and seq > %s order by seq limit %s",  # noqa: S608 - literal
            (job_id, after_seq, limit),
        )
    ).fetchall()
    return [EventRow(**row) for row in rows]


async def of_account(
    db: Connection, account_id: UUID, after: tuple[int, int] = START, limit: int = 500
) -> list[EventRow]:
    """Return an account's events after a position, ordered by (xid, seq).

    A later sequence number may commit before an earlier one, so only rows of transactions below every running one are read:
    nothing can appear behind a position once it was passed.
    """
    rows = await (
        await db.execute(
            f"""select {_COLUMNS} from job_events
                where account_id = %s and (xid, seq) > (%s::text::xid8, %s)
                  and xid < pg_snapshot_xmin(pg_current_snapshot())
                order by xid, seq limit %s""",  # noqa: S608 - the columns are literal
            (account_id, after[0], after[1], limit),
        )
    ).fetchall()
    return [EventRow(**row) for row in rows]


async def latest_position(db: Connection, account_id: UUID) -> tuple[int, int]:
    """Return the position behind which an account's new events will appear."""
    row = await (
        await db.execute(
            """select xid::text::bigint as xid, seq from job_events
               where account_id = %s and xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid desc, seq desc limit 1""",
            (account_id,),
        )
    ).fetchone()
    return START if row is None else (row["xid"], row["seq"])


async def prune_progress(db: Connection, older_than: timedelta, limit: int) -> int:
    """Drop progress rows of jobs that ended a while ago; the moves stay."""
    cursor = await db.execute(
        """delete from job_events where seq in (
             select e.seq from jobs j join job_events e on e.job_id = j.id
             where j.finished_at between calotype_now() - interval '1 hour' - %(age)s and calotype_now() - %(age)s
               and e.event = 'progress' limit %(limit)s)""",
        {"age": older_than, "limit": limit},
    )
    return cursor.rowcount
