"""Inputs become stored assets before a job is made from them: uploads, URLs, data URLs, and outputs of other jobs.

A picture is never stored as received: it is decoded in a limited process and written anew. Whatever is stored for a submission
that is then refused is taken back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from calotype.assets.base import Assets, key_for
from calotype.dialects.base import Upload
from calotype.engines.upscale.limits import check_size
from calotype.errors import InvalidInputError, OutboundFailedError, OutboundForbiddenError
from calotype.jobs.fields import Input, Source
from calotype.jobs.ids import new_id
from calotype.jobs.kinds import INPUTS, Kind, read_input
from calotype.jobs.model import Caller, NewAsset, Output
from calotype.jobs.states import JobState
from calotype.media.clips import ClipFacts, clip_of, normalise_clip
from calotype.media.decode import Normalised, normalise
from calotype.outbound import Limits, Outbound
from calotype.store import assets as rows
from calotype.store import jobs
from calotype.store.database import Database

Folder = Callable[[], Awaitable[Path]]
"""Lends a folder for the request's files: nothing is made on disk for a request that brings none."""

_LATER = {"asset_id": str(UUID(int=0))}
"""Stands for an upload while the rest of the input is checked."""
_NO_UPLOADS: Mapping[str, Sequence[Upload]] = {}
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg"}


_REDIRECTS = 3
_SILENCE = timedelta(seconds=5)
# what file servers call a file whose kind they do not know; the content decides in the end
_ANYTHING = ("application/octet-stream", "binary/octet-stream", "application/ogg", "application/mp4")
_MEDIA_TYPES = {
    "image": ("image/", *_ANYTHING),
    "video": ("video/", *_ANYTHING),
    "audio": ("audio/", "video/", *_ANYTHING),
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """An input whose files are stored assets, and which of those were stored for it; `awaits_urls`: some are still URLs."""

    input: dict[str, Any]
    fresh: list[Output] = field(default_factory=list)
    awaits_urls: bool = False


def checked(kind: Kind, given: Mapping[str, Any], uploads: Mapping[str, Sequence[Upload]] = _NO_UPLOADS) -> Input:
    """Return the kind's input, checked before any file is looked at: `uploads` are the fields that files will fill."""
    later = {
        name: [_LATER] * len(files) if _takes_several(INPUTS[kind], name) else _LATER for name, files in uploads.items()
    }
    return read_input(kind, {**given, **later})


def _takes_several(model: type[Input], name: str) -> bool:
    """Return whether the field holds a list of files; a field that is none of the model's is refused by it later."""
    field_of = model.model_fields.get(name)
    return field_of is not None and "list[" in str(field_of.annotation)


class Inputs:
    """Stores and finds what jobs are made from. Uploads are kept for `lifetime`, longer when a job needs them.

    A file behind a URL may have `most` bytes.
    """

    def __init__(self, database: Database, store: Assets, lifetime: timedelta, outbound: Outbound, most: int) -> None:
        self._database = database
        self._store = store
        self._lifetime = lifetime
        self._outbound = outbound
        self._most = most

    async def resolve(
        self,
        caller: Caller,
        kind: Kind,
        wanted: Input,
        uploads: Mapping[str, Sequence[Upload]],
        folder: Folder,
        *,
        patience: timedelta | None,
    ) -> Resolved:
        """Return the input as plain values with every file a stored asset. What fails leaves nothing behind.

        All URLs together are given `patience`; None = they are left for later, and only their form is checked. Raises the
        `CallerError` that says what is wrong with which file.
        """
        places = _places(wanted, uploads)
        resolved = Resolved(
            wanted.model_dump(mode="json", exclude_none=True),
            awaits_urls=patience is None and any(place.source.url is not None for place in places),
        )
        fetched = await self._fetched(places, folder, patience)
        try:
            for place in places:
                if place.source.url is not None and patience is None:
                    place.fill(resolved.input, {"url": place.source.url})
                    continue
                file = await self._file_of(caller, place, folder, resolved.fresh, fetched.get(place.pointer))
                _check_limits(kind, file, resolved.input)
                place.fill(resolved.input, {"asset_id": str(file.asset_id)})
        except BaseException:
            await self.discard(resolved.fresh)
            raise
        return resolved

    async def keep(self, caller: Caller, source: Path, folder: Path) -> Output:
        """Store a file of this caller, decoded and written anew. Raises `InvalidImageError`, or `InvalidClipError` for a clip."""
        clip = await clip_of(source)
        made = (
            await normalise(source, folder, owner=caller.account_id)
            if clip is None
            else await normalise_clip(source, clip, folder, owner=caller.account_id)
        )
        asset_id = new_id()
        facts = made.facts
        extension = facts.extension if isinstance(facts, ClipFacts) else _EXTENSIONS[facts.media_type]
        key = key_for(caller.account_id, asset_id, asset_id, extension)
        stored = await self._store.write(key, made.path, facts.media_type)
        file = NewAsset(
            asset_id,
            key,
            facts.media_type,
            extension,
            stored.size,
            stored.sha256,
            width=facts.width,
            height=facts.height,
            duration=facts.duration if isinstance(facts, ClipFacts) else None,
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

    async def _fetched(
        self, places: Sequence[_Place], folder: Folder, patience: timedelta | None
    ) -> Mapping[str, Path]:
        """Return the files behind the URLs by their places, all fetched at once; with no patience only look at the URLs."""
        linked = [place for place in places if place.source.url is not None]
        for place in linked:
            with _worded(place):
                self._outbound.check_url(place.source.url or "")
        if not linked or patience is None:
            return {}
        room = await folder()
        try:
            async with asyncio.TaskGroup() as group:
                for index, place in enumerate(linked):
                    group.create_task(self._fetch(place, room / f"url-{index}", patience))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None  # one bad URL is enough to say
        return {place.pointer: room / f"url-{index}" for index, place in enumerate(linked)}

    async def _fetch(self, place: _Place, target: Path, patience: timedelta) -> None:
        media = place.source.media
        most = self._most * 2 if media == "video" else self._most
        limits = Limits(most, patience, min(_SILENCE, patience), _REDIRECTS, _MEDIA_TYPES[media])
        with _worded(place):
            await self._outbound.fetch(place.source.url or "", target, limits=limits)

    async def _file_of(
        self, caller: Caller, place: _Place, folder: Folder, fresh: list[Output], fetched: Path | None
    ) -> Output:
        source, pointer = place.source, place.pointer
        path = Path(place.upload.path) if place.upload is not None else fetched
        if path is not None or source.data is not None:
            room = await folder()
            if path is None:
                path = await asyncio.to_thread(_from_data_url, source.data, pointer, room)
            fresh.append(await self.keep(caller, path, room))
            return _of_media(fresh[-1], source.media, pointer)
        if source.from_job is not None:
            return await self._output_of(caller, source, pointer)
        assert source.asset_id is not None, "the model has seen to it that one is given"
        return await self._asset(caller, source, pointer)

    async def _asset(self, caller: Caller, source: Source, pointer: str) -> Output:
        assert source.asset_id is not None, "the caller has looked"
        async with self._database.connection() as db:
            row = await rows.get(db, source.asset_id, caller.account_id)
        if row is None or row.file.purged_at is not None:
            raise InvalidInputError.at(f"{pointer}/asset_id", "not_found", "there is no such asset")
        return _of_media(row.file, source.media, f"{pointer}/asset_id")

    async def _output_of(self, caller: Caller, source: Source, pointer: str) -> Output:
        assert source.from_job is not None, "the caller has looked"
        async with self._database.connection() as db:
            job = await jobs.get(db, source.from_job, caller.account_id)
        if job is None or job.erased_at is not None:
            raise InvalidInputError.at(f"{pointer}/from_job", "not_found", "there is no such job")
        if job.state is not JobState.SUCCEEDED:
            raise InvalidInputError.at(f"{pointer}/from_job", "not_succeeded", f"the job is {job.state}")
        if source.output >= len(job.outputs) or job.outputs[source.output].purged_at is not None:
            raise InvalidInputError.at(f"{pointer}/output", "not_found", "the job has no such output")
        return _of_media(job.outputs[source.output], source.media, f"{pointer}/output")


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of an input that a file fills: a field, or one item of a field that holds several."""

    name: str
    index: int | None
    source: Source
    upload: Upload | None

    @property
    def pointer(self) -> str:
        return f"/input/{self.name}" if self.index is None else f"/input/{self.name}/{self.index}"

    def fill(self, plain: dict[str, Any], words: Mapping[str, str]) -> None:
        """Put the stored asset, or the URL alone, where the source stood."""
        if self.index is None:
            plain[self.name] = dict(words)
        else:
            plain[self.name][self.index] = dict(words)


def _places(wanted: Input, uploads: Mapping[str, Sequence[Upload]]) -> list[_Place]:
    places = []
    for name, value in wanted:
        files = uploads.get(name, ())
        if isinstance(value, Source):
            places.append(_Place(name, None, value, files[0] if files else None))
        elif isinstance(value, list) and value and isinstance(value[0], Source):
            places += [
                _Place(name, index, source, files[index] if files else None) for index, source in enumerate(value)
            ]
    return places


@contextlib.contextmanager
def _worded(place: _Place) -> Iterator[None]:
    """Say which field holds the URL that went wrong."""
    try:
        yield
    except (OutboundForbiddenError, OutboundFailedError) as error:
        raise error.about(f"{place.pointer}/url") from error


def _of_media(file: Output, media: str, pointer: str) -> Output:
    is_measured = media != "image" or (file.width is not None and file.height is not None)
    if not file.media_type.startswith(f"{media}/") or not is_measured:
        article = "a" if media == "video" else "an"
        raise InvalidInputError.at(pointer, f"not_{article}_{media}", f"it is {file.media_type}, not {article} {media}")
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
