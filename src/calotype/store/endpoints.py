"""Where an account's webhooks go, besides those that single jobs ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import DictRow

from calotype.store.database import Connection


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver of an account's webhooks; without `events` it is told how each job ends.

    `failures` counts tries in a row that failed; `paused_until` is set while it is left alone for that.
    """

    id: UUID
    account_id: UUID
    face: str
    url: str
    description: str
    events: tuple[str, ...]
    is_enabled: bool
    disabled_because: str | None
    created_at: datetime
    updated_at: datetime
    failures: int = 0
    paused_until: datetime | None = None


_SELECT: LiteralString = """
select e.*, coalesce(r.failures, 0) as failures, case when r.paused_until > calotype_now() then r.paused_until end as paused_until
from endpoints e left join receivers r on r.name = e.id::text where e.deleted_at is null and e.account_id = %(account_id)s
"""


async def insert(
    db: Connection, endpoint_id: UUID, account_id: UUID, url: str, description: str, events: Sequence[str]
) -> None:
    """Write a new endpoint down."""
    await db.execute(
        "insert into endpoints (id, account_id, url, description, events) values (%s, %s, %s, %s, %s)",
        (endpoint_id, account_id, url, description, list(events)),
    )


async def of_account(db: Connection, account_id: UUID) -> list[Endpoint]:
    """Return an account's endpoints, oldest first."""
    rows = await (await db.execute(_SELECT + " order by e.created_at, e.id", {"account_id": account_id})).fetchall()
    return [_endpoint_of(row) for row in rows]


async def get(db: Connection, endpoint_id: UUID, account_id: UUID) -> Endpoint | None:
    """Return an endpoint; None when there is none, or when it is another account's."""
    given = {"account_id": account_id, "id": endpoint_id}
    row = await (await db.execute(_SELECT + " and e.id = %(id)s", given)).fetchone()
    return None if row is None else _endpoint_of(row)


async def lock_account(db: Connection, account_id: UUID) -> None:
    """Let one process at a time change the account's endpoints."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended(%s, 7))", (str(account_id),))


async def update(
    db: Connection, endpoint_id: UUID, *, url: str, description: str, events: Sequence[str], is_enabled: bool
) -> None:
    """Change an endpoint; enabling it forgets what disabled it."""
    await db.execute(
        """update endpoints set url = %s, description = %s, events = %s, is_enabled = %s, updated_at = calotype_now(),
             disabled_because = case when %s then null else disabled_because end where id = %s""",
        (url, description, list(events), is_enabled, is_enabled, endpoint_id),
    )


async def disable(db: Connection, endpoint_id: UUID, because: str) -> None:
    """Send it nothing more, and say why."""
    await db.execute(
        """update endpoints set is_enabled = false, disabled_because = %s, updated_at = calotype_now()
           where id = %s and is_enabled""",
        (because, endpoint_id),
    )


async def delete(db: Connection, endpoint_id: UUID) -> None:
    """Forget an endpoint; its deliveries stay in the log."""
    await db.execute("update endpoints set deleted_at = calotype_now() where id = %s", (endpoint_id,))


def _endpoint_of(row: DictRow) -> Endpoint:
    del row["deleted_at"]
    return Endpoint(**row | {"events": tuple(row["events"])})
