"""Every try to deliver a webhook, and how each receiver has been answering."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from calotype.store.database import Connection


@dataclass(frozen=True, slots=True)
class Try:
    """One try: the HTTP status, or the problem that came in the place of an answer; `took` is in seconds.

    `answer` is the beginning of what the receiver said.
    """

    at: datetime
    took: float
    status: int | None = None
    problem: str | None = None
    answer: str = ""


async def log(db: Connection, delivery_id: UUID, made: Try) -> None:
    """Write a try down."""
    await db.execute(
        "insert into tries (delivery_id, at, took, status, problem, answer) values (%s, %s, %s, %s, %s, %s)",
        (delivery_id, made.at, made.took, made.status, made.problem, made.answer),
    )


async def of_delivery(db: Connection, delivery_id: UUID, limit: int = 200) -> list[Try]:
    """Return a delivery's tries, the latest of them, oldest first."""
    rows = await (
        await db.execute(
            "select at, took, status, problem, answer from tries where delivery_id = %s order by id desc limit %s",
            (delivery_id, limit),
        )
    ).fetchall()
    return [Try(**row) for row in reversed(rows)]


async def prune(db: Connection, older_than: timedelta, limit: int) -> int:
    """Drop old tries in vain; the one that delivered stays, as the proof of it."""
    cursor = await db.execute(
        """delete from tries where id in (
             select id from tries where at < calotype_now() - %s::interval and (status is null or status not between 200 and 299)
             order by id limit %s)""",
        (older_than, limit),
    )
    return cursor.rowcount


# --- receivers -----------------------------------------------------------------------------------


async def note_success(db: Connection, receiver: str) -> None:
    """Note that a receiver took something; nothing is written when that was known."""
    await db.execute(
        """insert into receivers (name, is_proven) values (%s, true) on conflict (name) do update
             set failures = 0, is_proven = true, failing_since = null, paused_until = null, updated_at = calotype_now()
             where receivers.failures > 0 or not receivers.is_proven or receivers.paused_until is not null""",
        (receiver,),
    )


async def note_failure(db: Connection, receiver: str) -> tuple[int, timedelta]:
    """Note that a receiver took nothing; return how often in a row that was, and for how long it has been so."""
    row = await (
        await db.execute(
            """insert into receivers (name, failures, failing_since) values (%s, 1, calotype_now())
               on conflict (name) do update set failures = receivers.failures + 1, updated_at = calotype_now(),
                 failing_since = coalesce(receivers.failing_since, calotype_now())
               returning failures, calotype_now() - failing_since as since""",
            (receiver,),
        )
    ).fetchone()
    assert row is not None, "it was just put there"
    return row["failures"], max(row["since"], timedelta(0))


async def pause(db: Connection, receiver: str, length: timedelta) -> None:
    """Leave a receiver alone for so long."""
    await db.execute(
        "update receivers set paused_until = greatest(paused_until, calotype_now() + %s::interval) where name = %s",
        (length, receiver),
    )


async def resume(db: Connection, receiver: str) -> None:
    """Try a receiver again at once: its owner says so. It still counts as failing until it takes something."""
    await db.execute("update receivers set paused_until = null where name = %s", (receiver,))
