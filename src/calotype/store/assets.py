"""The `assets` table: which files there are, whose, until when. The files themselves are in `calotype.assets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from calotype.jobs.model import NewAsset, Output
from calotype.jobs.prices import File
from calotype.store.database import Connection
from calotype.store.rows import output_of


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One asset: whose, for which job, and the facts of the file."""

    account_id: UUID
    job_id: UUID | None
    role: str
    file: Output


_INSERT = """
insert into assets (id, account_id, job_id, ordinal, role, key, thumbnail_key, media_type, extension, bytes, sha256, width, height,
    duration, provenance, expires_at)
values (%(id)s, %(account_id)s, %(job_id)s, %(ordinal)s, %(role)s, %(key)s, %(thumbnail_key)s, %(media_type)s, %(extension)s,
    %(bytes)s, %(sha256)s, %(width)s, %(height)s, %(duration)s, %(provenance)s, calotype_now() + %(lifetime)s)
returning *
"""


async def insert_outputs(
    db: Connection, account_id: UUID, job_id: UUID, files: Sequence[NewAsset], lifetime: timedelta
) -> tuple[Output, ...]:
    """Write down a job's results, in order."""
    rows = [
        await _insert(db, file, account_id=account_id, job_id=job_id, ordinal=ordinal, role="output", lifetime=lifetime)
        for ordinal, file in enumerate(files)
    ]
    return tuple(output_of(row) for row in rows)


async def insert_input(db: Connection, file: NewAsset, account_id: UUID, lifetime: timedelta) -> Output:
    """Write down an uploaded file."""
    return output_of(
        await _insert(db, file, account_id=account_id, job_id=None, ordinal=0, role="input", lifetime=lifetime)
    )


async def _insert(db: Connection, file: NewAsset, **owner: Any) -> DictRow:
    given = {name: getattr(file, name) for name in NewAsset.__slots__} | {"provenance": Jsonb(dict(file.provenance))}
    row = await (await db.execute(_INSERT, given | owner)).fetchone()
    assert row is not None, "insert … returning returns the row"
    return row


async def outputs_of(db: Connection, job_id: UUID) -> list[DictRow]:
    """Return the rows of a job's outputs, in order."""
    query = "select * from assets where job_id = %s and role = 'output' order by ordinal"
    return await (await db.execute(query, (job_id,))).fetchall()


async def get(db: Connection, asset_id: UUID, account_id: UUID | None = None) -> AssetRow | None:
    """Return the asset; None when there is none, or when it is another account's."""
    row = await (await db.execute("select * from assets where id = %s", (asset_id,))).fetchone()
    if row is None or (account_id is not None and row["account_id"] != account_id):
        return None
    return _row_of(row)


async def by_key(db: Connection, key: str) -> AssetRow | None:
    """Return the asset stored under a key."""
    row = await (await db.execute("select * from assets where key = %s", (key,))).fetchone()
    return None if row is None else _row_of(row)


async def measures(db: Connection, asset_ids: Sequence[UUID]) -> list[File]:
    """Return pixels and seconds of assets, in the order in which they are named."""
    rows = await (
        await db.execute("select id, width, height, duration from assets where id = any(%s)", (list(asset_ids),))
    ).fetchall()
    found = {row["id"]: File(row["width"], row["height"], row["duration"]) for row in rows}
    return [found[asset_id] for asset_id in asset_ids if asset_id in found]


async def keep_at_least(db: Connection, asset_ids: Sequence[UUID], lifetime: timedelta) -> None:
    """Keep assets that a job needs from expiring under it."""
    await db.execute(
        "update assets set expires_at = greatest(expires_at, calotype_now() + %s) where id = any(%s) and purged_at is null",
        (lifetime, list(asset_ids)),
    )


async def expired(db: Connection, limit: int) -> list[AssetRow]:
    """Return assets past their time whose files are still there."""
    query = "select * from assets where purged_at is null and expires_at < calotype_now() order by expires_at limit %s"
    return [_row_of(row) for row in await (await db.execute(query, (limit,))).fetchall()]


async def mark_purged(db: Connection, asset_ids: Sequence[UUID]) -> None:
    """Record that the files are about to go: from here on nobody is promised them."""
    await db.execute(
        "update assets set purged_at = calotype_now() where id = any(%s) and purged_at is null", (list(asset_ids),)
    )


async def forget_inputs(db: Connection, asset_ids: Sequence[UUID]) -> None:
    """Drop inputs that no job will ever name."""
    await db.execute("delete from assets where id = any(%s) and role = 'input'", (list(asset_ids),))


async def mark_expired(db: Connection, asset_ids: Sequence[UUID]) -> set[UUID]:
    """Mark as purged those that are still past their time, and return them: a job may have asked for one since it was looked at."""
    cursor = await db.execute(
        """update assets set purged_at = calotype_now()
           where id = any(%s) and purged_at is null and expires_at < calotype_now() returning id""",
        (list(asset_ids),),
    )
    return {row["id"] for row in await cursor.fetchall()}


async def of_job(db: Connection, job_id: UUID) -> list[AssetRow]:
    """Return every asset of a job."""
    return [
        _row_of(row) for row in await (await db.execute("select * from assets where job_id = %s", (job_id,))).fetchall()
    ]


def _row_of(row: DictRow) -> AssetRow:
    return AssetRow(row["account_id"], row["job_id"], row["role"], output_of(row))
