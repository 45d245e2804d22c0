"""Models: the cards of the engines that workers of this installation offer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.types.json import Jsonb

from calotype.store.database import Connection


async def register(db: Connection, cards: Iterable[Mapping[str, Any]]) -> None:
    """Write cards down; a newer one replaces the older of the same id."""
    for card in cards:
        await db.execute(
            """insert into models (id, card) values (%s, %s) on conflict (id) do update
               set card = excluded.card, updated_at = clock_timestamp() where models.card <> excluded.card""",
            (card["id"], Jsonb(dict(card))),
        )


async def all_cards(db: Connection) -> list[dict[str, Any]]:
    """Return every enabled card, by id."""
    rows = await (await db.execute("select card from models where enabled order by id")).fetchall()
    return [row["card"] for row in rows]
