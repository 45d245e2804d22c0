"""Secrets that every process needs: in the database, never in a data folder."""

from __future__ import annotations

import secrets as random

from calotype.store.database import Connection


async def get_or_create(db: Connection, name: str, length: int = 32) -> bytes:
    """Return the secret, drawn at random by whoever asks first."""
    await db.execute(
        "insert into secrets (name, value) values (%s, %s) on conflict do nothing", (name, random.token_bytes(length))
    )
    row = await (await db.execute("select value from secrets where name = %s", (name,))).fetchone()
    assert row is not None, "it was just put there"
    return bytes(row["value"])
