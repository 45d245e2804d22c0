"""Uploads and the facts of stored files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from calotype.dialects.base import AssetView, Format, Upload
from calotype.errors import BodyTooLargeError, FileTooLargeError, GoneError, InvalidInputError, NotFoundError
from calotype.jobs.model import Output
from calotype.media.clips import HEAD, clip_of, may_be_video, recognise_clip
from calotype.server.answer import Answer, answer_of
from calotype.server.body import Limits, chunks, format_of
from calotype.server.call import Call, base_url_of
from calotype.server.form import read_multipart
from calotype.server.scratch import Scratch
from calotype.server.services import Services
from calotype.signing import window_end
from calotype.store import assets as rows


async def upload(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Store a picture, a video or a recording: the body itself, or the one file of a form."""
    await services.room.check()
    folder = await scratch.folder()
    if format_of(call) is Format.MULTIPART:
        source = await _from_form(services, call, scratch)
    else:
        source = folder / "body"
        try:
            await _write(chunks(call, services.limits.video), source, services.limits)
        except BodyTooLargeError as error:
            raise FileTooLargeError(error.limit) from None
    file = await services.inputs.keep(call.owner, source, folder)
    return _worded(call, AssetView(file, "input", _url(services, call, file)))


async def read(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer a stored file's facts, with a fresh link."""
    del scratch
    try:
        asset_id = UUID(call.path["asset_id"])
    except ValueError:
        raise NotFoundError("asset") from None
    async with services.parts.database.connection() as db:
        row = await rows.get(db, asset_id, call.owner.account_id)
    if row is None:
        raise NotFoundError("asset")
    if row.file.purged_at is not None:
        raise GoneError
    return _worded(call, AssetView(row.file, row.role, _url(services, call, row.file), row.job_id))


async def _from_form(services: Services, call: Call, scratch: Scratch) -> Path:
    limits = services.limits
    stream = chunks(call, limits.video + limits.values)
    fields = await read_multipart(stream, call.headers["content-type"], scratch, limits.video, limits.values)
    files = [value for values in fields.values() for value in values if isinstance(value, Upload)]
    if len(files) != 1:
        raise InvalidInputError.at("/file", "one_file", f"the form must hold one file; it holds {len(files)}")
    path = Path(files[0].path)
    if files[0].size > limits.file and not may_be_video(await clip_of(path)):
        raise FileTooLargeError(limits.file)
    return path


async def _write(stream: AsyncIterator[bytes], target: Path, limits: Limits) -> None:
    """Write what arrives; only what begins as a video may be as large as one."""
    head, size = b"", 0
    file = await asyncio.to_thread(target.open, "wb")
    try:
        async for chunk in stream:
            head += chunk[: HEAD - len(head)]
            size += len(chunk)
            if size > limits.file and not may_be_video(recognise_clip(head)):
                raise FileTooLargeError(limits.file)
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)


def _url(services: Services, call: Call, file: Output) -> str:
    server = services.parts.settings.server
    base_url = base_url_of(call.scope, call.headers, server.public_url)
    end = window_end(services.parts.clock.now(), lifetime=server.link_lifetime)
    return services.links.url_of(base_url, file.key, min(end, file.expires_at or end))


def _worded(call: Call, view: AssetView) -> Answer:
    assert call.operation.reply is not None, "an asset has its own reply"
    return answer_of(call.operation.reply(view))
