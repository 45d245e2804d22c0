"""Secrets that every process needs: in the database, never in a data folder."""

from __future__ import annotations

import secrets as random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from calotype.store.database import Connection


async def get_or_create(db: Connection, name: str, length: int = 32) -> bytes:
    """Return the secret, drawn at random by whoever asks first."""
    await db.execute(
        "insert into secrets (name, value) values (%s, %s) on conflict do nothing", (name, random.token_bytes(length))
    )
    row = await (await db.execute("select value from secrets where name = %s", (name,))).fetchone()
    assert row is not None, "it was just put there"
    return bytes(row["value"])


@dataclass(frozen=True, slots=True)
class Owned:
    """A secret of an endpoint or an account; `retires_at` is when it stops counting, once another has taken its place."""

    value: bytes = field(repr=False)
    created_at: datetime
    retires_at: datetime | None


async def live(db: Connection, owner_id: UUID) -> list[Owned]:
    """Return an owner's secrets that count, the newest first."""
    rows = await (
        await db.execute(
            """select value, created_at, retires_at from secrets
               where owner_id = %s and (retires_at is null or retires_at > calotype_now())
               order by retires_at desc nulls first, created_at desc limit 2""",
            (owner_id,),
        )
    ).fetchall()
    return [Owned(bytes(row["value"]), row["created_at"], row["retires_at"]) for row in rows]


async def first(db: Connection, owner_id: UUID, value: bytes) -> None:
    """Give an owner its first secret, unless it has one."""
    await db.execute(
        "insert into secrets (name, value, owner_id) values (%s, %s, %s) on conflict do nothing",
        (f"webhook {owner_id}", value, owner_id),
    )


async def rotate(db: Connection, owner_id: UUID, secret_id: UUID, value: bytes, overlap: timedelta) -> None:
    """Give an owner a new secret: the one before counts for `overlap` more, and any older one no longer."""
    await db.execute(
        """update secrets set retires_at = case when retires_at is null then calotype_now() + %s::interval else calotype_now() end
           where owner_id = %s and (retires_at is null or retires_at > calotype_now())""",
        (overlap, owner_id),
    )
    await db.execute(
        "insert into secrets (name, value, owner_id, created_at) values (%s, %s, %s, calotype_now())",
        (f"webhook {owner_id} {secret_id}", value, owner_id),
    )
