"""Image inputs become stored assets before a job is submitted: uploads, data URLs, and outputs of other jobs.

A picture is never stored as received: it is decoded in a limited process and written anew. Whatever is stored for a submission
that is then refused is taken back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from calotype.assets.base import Assets, key_for
from calotype.dialects.base import Upload
from calotype.engines.upscale.limits import check_size
from calotype.errors import InvalidInputError, UnsupportedInputError
from calotype.jobs.ids import new_id
from calotype.jobs.kinds import ImageSource, Input, Kind, read_input
from calotype.jobs.model import Caller, NewAsset, Output
from calotype.jobs.states import JobState
from calotype.media.decode import Normalised, normalise
from calotype.store import assets as rows
from calotype.store import jobs
from calotype.store.database import Database

Folder = Callable[[], Awaitable[Path]]
"""Lends a folder for the request's files: nothing is made on disk for a request that brings none."""

_LATER = {"asset_id": str(UUID(int=0))}
"""Stands for an upload while the rest of the input is checked."""
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Resolved:
    """An input whose images are stored assets, and which of those were stored for it."""

    input: dict[str, Any]
    fresh: list[Output] = field(default_factory=list)


def checked(kind: Kind, given: Mapping[str, Any], uploads: Iterable[str] = ()) -> Input:
    """Return the kind's input, checked before any file is looked at: `uploads` names the fields that files will fill."""
    for name, value in given.items():
        if isinstance(value, Mapping) and "url" in value:
            raise UnsupportedInputError(f"/input/{name}")
    return read_input(kind, {**given, **dict.fromkeys(uploads, _LATER)})


class Inputs:
    """Stores and finds what jobs are made from. Uploads are kept for `lifetime`, longer when a job needs them."""

    def __init__(self, database: Database, store: Assets, lifetime: timedelta) -> None:
        self._database = database
        self._store = store
        self._lifetime = lifetime

    async def resolve(
        self, caller: Caller, kind: Kind, wanted: Input, uploads: Mapping[str, Sequence[Upload]], folder: Folder
    ) -> Resolved:
        """Return the input as plain values with every image a stored asset. What fails leaves nothing behind."""
        resolved = Resolved(wanted.model_dump(mode="json", exclude_none=True))
        try:
            for name, source in wanted:
                if isinstance(source, ImageSource):
                    pointer = f"/input/{name}"
                    given = uploads.get(name, ())
                    file = await self._file_of(caller, source, given, pointer, folder, resolved.fresh)
                    _check_limits(kind, file, resolved.input)
                    resolved.input[name] = {"asset_id": str(file.asset_id)}
        except BaseException:
            await self.discard(resolved.fresh)
            raise
        return resolved

    async def keep(self, caller: Caller, source: Path, folder: Path) -> Output:
        """Store an image of this caller, decoded and written anew. Raises `InvalidImageError`."""
        picture = await normalise(source, folder, owner=caller.account_id)
        asset_id = new_id()
        facts = picture.facts
        extension = _EXTENSIONS[facts.media_type]
        key = key_for(caller.account_id, asset_id, asset_id, extension)
        stored = await self._store.write(key, picture.path, facts.media_type)
        file = NewAsset(
            asset_id,
            key,
            facts.media_type,
            extension,
            stored.size,
            stored.sha256,
            width=facts.width,
            height=facts.height,
        )
        try:
            async with self._database.connection() as db:
                return await rows.insert_input(db, file, caller.account_id, self._lifetime)
        except BaseException:
            await self._store.delete(key)
            raise

    async def look_at(self, caller: Caller, uploads: Sequence[Upload], folder: Folder) -> list[Normalised]:
        """Decode files that nobody keeps. Raises `InvalidImageError`."""
        return [await normalise(Path(file.path), await folder(), owner=caller.account_id) for file in uploads]

    async def discard(self, fresh: Sequence[Output]) -> None:
        """Take back what was stored for a submission that came to nothing."""
        if not fresh:
            return
        async with self._database.connection() as db:
            await rows.forget_inputs(db, [file.asset_id for file in fresh])
        for file in fresh:
            await self._store.delete(file.key)

    async def _file_of(
        self,
        caller: Caller,
        source: ImageSource,
        uploads: Sequence[Upload],
        pointer: str,
        folder: Folder,
        fresh: list[Output],
    ) -> Output:
        if uploads or source.data is not None:
            place = await folder()
            path = (
                Path(uploads[0].path)
                if uploads
                else await asyncio.to_thread(_from_data_url, source.data, pointer, place)
            )
            fresh.append(await self.keep(caller, path, place))
            return fresh[-1]
        if source.from_job is not None:
            return await self._output_of(caller, source.from_job, source.output, pointer)
        assert source.asset_id is not None, "the model has seen to it that one is given"
        return await self._asset(caller, source.asset_id, pointer)

    async def _asset(self, caller: Caller, asset_id: UUID, pointer: str) -> Output:
        async with self._database.connection() as db:
            row = await rows.get(db, asset_id, caller.account_id)
        if row is None or row.file.purged_at is not None:
            raise InvalidInputError.at(f"{pointer}/asset_id", "not_found", "there is no such asset")
        return _as_image(row.file, f"{pointer}/asset_id")

    async def _output_of(self, caller: Caller, job_id: UUID, ordinal: int, pointer: str) -> Output:
        async with self._database.connection() as db:
            job = await jobs.get(db, job_id, caller.account_id)
        if job is None or job.erased_at is not None:
            raise InvalidInputError.at(f"{pointer}/from_job", "not_found", "there is no such job")
        if job.state is not JobState.SUCCEEDED:
            raise InvalidInputError.at(f"{pointer}/from_job", "not_succeeded", f"the job is {job.state}")
        if ordinal >= len(job.outputs) or job.outputs[ordinal].purged_at is not None:
            raise InvalidInputError.at(f"{pointer}/output", "not_found", "the job has no such output")
        return _as_image(job.outputs[ordinal], f"{pointer}/output")


def _as_image(file: Output, pointer: str) -> Output:
    if not file.media_type.startswith("image/") or file.width is None or file.height is None:
        raise InvalidInputError.at(pointer, "not_an_image", f"it is {file.media_type}, not an image")
    return file


def _check_limits(kind: Kind, file: Output, wish: Mapping[str, Any]) -> None:
    """Refuse now what the engine would refuse later."""
    if kind is Kind.UPSCALE and file.width is not None and file.height is not None:
        check_size(file.width, file.height, wish)


def _from_data_url(text: str | None, pointer: str, folder: Path) -> Path:
    """Write a data URL's bytes to a file."""
    head, comma, payload = (text or "").partition(",")
    if not head.startswith("data:") or not comma or not head.endswith(";base64"):
        raise InvalidInputError.at(f"{pointer}/data", "data_url", "must be data:<media type>;base64,<bytes>")
    try:
        data = base64.b64decode(payload.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise InvalidInputError.at(f"{pointer}/data", "data_url", "is not valid base64") from None
    path = folder / f"data-{hashlib.sha256(data).hexdigest()[:16]}"
    path.write_bytes(data)
    return path
