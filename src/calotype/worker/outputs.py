"""What an engine made becomes assets: durable before the job succeeds, deleted when the job does not take them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from calotype.assets.base import Assets, key_for
from calotype.errors import CalotypeError
from calotype.jobs.ids import new_id
from calotype.jobs.model import Job, NewAsset
from calotype.media import thumbnails
from calotype.store import assets as asset_rows
from calotype.store.database import Database
from calotype.telemetry import log

_EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
}
_THUMBNAIL_SIDE = 320
"""A picture that is no larger is its own thumbnail."""


@dataclass(frozen=True, slots=True)
class Made:
    """One output as the engine handed it in: a file of the scratch folder, and what was said of it."""

    path: Path
    media_type: str
    width: int | None
    height: int | None
    duration: float | None
    provenance: Mapping[str, Any]
    poster: Path | None = None
    """The picture that stands for it, where it is none itself."""

    @property
    def picture(self) -> Path | None:
        """What its thumbnail is made from; None when it needs none."""
        if self.poster is not None:
            return self.poster
        is_large = max(self.width or 0, self.height or 0) > _THUMBNAIL_SIDE
        return self.path if is_large and self.media_type.startswith("image/") else None


class Results:
    """The files of one attempt in the asset store, until the job has taken them."""

    def __init__(self, job: Job, assets: Assets) -> None:
        self._job = job
        self._assets = assets
        self._keys: dict[UUID, list[str]] = {}

    async def store(self, made: Sequence[Made]) -> list[NewAsset]:
        """Store everything durably, all at once, and return what to write down."""
        return await _all(self._store_one(one) for one in made)

    async def discard(self, database: Database) -> None:
        """Delete what no row names: when an answer was lost the job may have taken the files after all."""
        for asset_id, keys in self._keys.items():
            try:
                async with database.connection() as db:
                    row = await asset_rows.get(db, asset_id)
                for key in keys if row is None else ():
                    await self._assets.delete(key)
            except CalotypeError as error:
                log.warning("output.left", job_id=str(self._job.id), asset_id=str(asset_id), reason=str(error))

    async def _store_one(self, made: Made) -> NewAsset:
        asset_id = new_id()
        extension = _EXTENSIONS.get(made.media_type, "bin")
        key = self._key(asset_id, asset_id, extension)
        thumbnail = asyncio.create_task(self._store_thumbnail(asset_id, made))
        try:
            stored = await self._assets.write(key, made.path, made.media_type)
        finally:
            await asyncio.wait([thumbnail])  # whatever happens, nothing is still being written afterwards
        return NewAsset(
            id=asset_id,
            key=key,
            media_type=made.media_type,
            extension=extension,
            bytes=stored.size,
            sha256=stored.sha256,
            width=made.width,
            height=made.height,
            duration=made.duration,
            provenance=made.provenance,
            thumbnail_key=thumbnail.result(),
        )

    async def _store_thumbnail(self, asset_id: UUID, made: Made) -> str | None:
        picture = made.picture
        if picture is None:
            return None
        try:
            small = await asyncio.to_thread(thumbnails.thumbnail, picture, _THUMBNAIL_SIDE)
        except (OSError, ValueError) as error:
            log.warning("thumbnail.failed", job_id=str(self._job.id), error=type(error).__name__)
            return None
        key = self._key(asset_id, new_id(), thumbnails.EXTENSION)
        await self._assets.write(key, small, thumbnails.MEDIA_TYPE)
        return key

    def _key(self, asset_id: UUID, file_id: UUID, extension: str) -> str:
        """Return a new file's key, noted before anything is written under it."""
        key = key_for(self._job.account_id, self._job.id, file_id, extension)
        self._keys.setdefault(asset_id, []).append(key)
        return key


async def _all(storing: Iterable[Coroutine[Any, Any, NewAsset]]) -> list[NewAsset]:
    """Return every result; a failure is raised only once no other file is still being written."""
    stored = await asyncio.gather(*storing, return_exceptions=True)
    for one in stored:
        if isinstance(one, BaseException):
            raise one
    return [one for one in stored if isinstance(one, NewAsset)]
