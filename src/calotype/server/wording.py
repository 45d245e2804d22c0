"""From a job to the bytes of its answer on one face: links, validator, and what a poll needs beside the body."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from calotype.assets.ranges import is_known
from calotype.dialects.base import Dialect, Links, Reply
from calotype.jobs.model import Job, Output
from calotype.server.answer import Answer, answer_of
from calotype.server.cache import Entry, Rendered
from calotype.server.call import Call, base_url_of
from calotype.server.services import Services
from calotype.signing import window_end

_FAR = "9999"


class Standing(NamedTuple):
    """What is known of a waiting job's place."""

    position: int | None = None
    is_possible: bool | None = None


def job_answer(services: Services, call: Call, entry: Entry) -> Answer:
    """Return the answer to reading a job: bytes that were made once, or 304."""
    base_url = base_url_of(call.scope, call.headers, services.parts.settings.server.public_url)
    key = (call.face.id, base_url)
    rendered = entry.rendered.get(key)
    if rendered is None or (rendered.until is not None and services.parts.clock.now() >= rendered.until):
        rendered = _render(services, call.face, base_url, entry)
        entry.keep(key, rendered)
    known = call.headers.get("if-none-match")
    if known is not None and is_known(known, rendered.etag):
        return Answer(304, [pair for pair in rendered.headers if not pair[0].startswith(b"content-")])
    return Answer(200, rendered.headers, rendered.body)


def links_of(
    services: Services, face: Dialect, base_url: str, job: Job, standing: Standing = Standing()
) -> tuple[Links, datetime | None]:
    """Return how this face words the job's links, and until when they stay as they are (None = for good)."""
    parts = services.parts
    lifetime = parts.settings.server.link_lifetime
    end = window_end(parts.clock.now(), lifetime=lifetime)

    def expiry(output: Output) -> datetime:
        lasts = output.expires_at or end
        return lasts if face.has_lasting_links else min(lasts, end)

    links = Links(
        base_url=base_url,
        asset_url=lambda output: signed_url(services, base_url, output.key, expiry(output)),
        thumbnail_url=lambda output: (
            signed_url(services, base_url, output.thumbnail_key, expiry(output)) if output.thumbnail_key else None
        ),
        expires_at=end,
        preview_url=_preview(services, base_url, job, end),
        queue_position=standing.position,
        is_possible=standing.is_possible,
    )
    return links, None if face.has_lasting_links else end - lifetime


def signed_url(services: Services, base_url: str, key: str, expires_at: datetime) -> str:
    """Return a link that needs no key and ends in the file's true extension."""
    path = f"/assets/{key}"
    return f"{base_url}{path}?{services.parts.signer.sign(path, expires_at=expires_at)}"


def _preview(services: Services, base_url: str, job: Job, end: datetime) -> str | None:
    if job.preview_key is None or job.state.is_terminal:
        return None
    return signed_url(services, base_url, job.preview_key, end)


def _render(services: Services, face: Dialect, base_url: str, entry: Entry) -> Rendered:
    job = entry.job
    links, until = links_of(services, face, base_url, job, Standing(entry.queue_position, entry.is_possible))
    answer = answer_of(face.job(job, links))
    assert isinstance(answer.body, bytes), "a dialect's reply is never a stream"
    etag = _etag(job, until)
    headers = [*answer.headers, (b"etag", (etag if job.state.is_terminal else f"W/{etag}").encode())]
    headers.append((b"cache-control", b"private, no-cache"))
    if not job.state.is_terminal:
        headers.append((b"retry-after", str(pause_of(entry.queue_position)).encode()))
    return Rendered(etag, headers, answer.body, until)


def _etag(job: Job, until: datetime | None) -> str:
    window = str(int(until.timestamp())) if until is not None else _FAR
    gone = sum(output.purged_at is not None for output in job.outputs)
    return f'"{job.version}.{gone}-{window}"'


def pause_of(queue_position: int | None) -> int:
    """Return how many seconds to wait before looking again: longer far back in the queue."""
    return min(10, 1 + (queue_position or 0) // 10)


def reply_for(services: Services, call: Call, job: Job, standing: Standing = Standing()) -> Reply:
    """Return what the row says of a job that was just written."""
    base_url = base_url_of(call.scope, call.headers, services.parts.settings.server.public_url)
    links, _ = links_of(services, call.face, base_url, job, standing)
    return (call.operation.reply or call.face.job)(job, links)
