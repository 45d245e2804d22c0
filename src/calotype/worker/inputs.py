"""A job's input images, brought to its scratch folder."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from uuid import UUID

from calotype.assets.base import Assets
from calotype.errors import EngineError
from calotype.jobs.fields import files_named_in
from calotype.jobs.model import Job
from calotype.store import assets as asset_rows
from calotype.store.database import Database


async def fetch(job: Job, database: Database, assets: Assets, folder: Path) -> dict[str, list[Path]]:
    """Return the local files of each image input, by the input's name."""
    files: dict[str, list[Path]] = {}
    for name, asset_ids in files_named_in(job.input).items():
        files[name] = [
            await _fetch_one(asset_id, job, database, assets, folder / f"input-{name}-{index}")
            for index, asset_id in enumerate(asset_ids)
        ]
    return files


async def _fetch_one(asset_id: UUID, job: Job, database: Database, assets: Assets, target: Path) -> Path:
    async with database.connection() as db:
        row = await asset_rows.get(db, asset_id, job.account_id)
    if row is None or row.file.purged_at is not None:
        raise EngineError("an input image is no longer there")
    target = target.with_suffix(f".{row.file.extension}")
    if not _linked(assets.local_path(row.file.key), target):
        await _copy(assets, row.file.key, target)
    return target


def _linked(source: Path | None, target: Path) -> bool:
    """Give a local file a second name, which stands even when the first one expires; False where that cannot be done."""
    if source is None:
        return False
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


async def _copy(assets: Assets, key: str, target: Path) -> None:
    with target.open("wb") as file:
        async for chunk in await assets.open(key):
            await asyncio.to_thread(file.write, chunk)
