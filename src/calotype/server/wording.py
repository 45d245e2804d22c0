"""From a job to the bytes of its answer on one face: links, validator, and what a poll needs beside the body."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from calotype.assets import ranges
from calotype.dialects.base import Dialect, Links, Reply
from calotype.jobs.model import Job
from calotype.server.answer import Answer, answer_of
from calotype.server.cache import Entry, Rendered
from calotype.server.call import Call, base_url_of
from calotype.server.services import Services

_FAR = "9999"


class Standing(NamedTuple):
    """What is known of a waiting job's place."""

    position: int | None = None
    is_possible: bool | None = None
    eta_seconds: float | None = None


def standing_of(entry: Entry) -> Standing:
    """Return a job's place, as it was last read."""
    return Standing(entry.queue_position, entry.is_possible, entry.eta_seconds)


def rendered_of(services: Services, call: Call, entry: Entry) -> Rendered:
    """Return the answer to reading a job: its bytes are made once."""
    base_url = base_url_of(call.scope, call.headers, services.parts.settings.server.public_url)
    key = (call.face.id, base_url)
    rendered = entry.rendered.get(key)
    if rendered is None or services.parts.clock.monotonic() >= rendered.good_until:
        rendered = _render(services, call.face, base_url, entry)
        entry.keep(key, rendered)
    return rendered


def is_known(call: Call, rendered: Rendered) -> bool:
    """Return whether the caller has this very answer already."""
    return ranges.is_known(call.headers.get("if-none-match"), rendered.etag)


def job_answer(services: Services, call: Call, entry: Entry) -> Answer:
    """Return the answer to reading a job, or 304 when the caller has it."""
    rendered = rendered_of(services, call, entry)
    if is_known(call, rendered):
        return Answer(304, [pair for pair in rendered.answer.headers if not pair[0].startswith(b"content-")])
    return rendered.answer


def links_of(
    services: Services, face: Dialect, base_url: str, job: Job, standing: Standing = Standing()
) -> tuple[Links, datetime | None]:
    """Return how this face words the job's links, and until when they stay as they are (None = for good)."""
    return services.links.links_of(
        job,
        base_url,
        has_lasting_links=face.has_lasting_links,
        queue_position=standing.position,
        is_possible=standing.is_possible,
        eta_seconds=standing.eta_seconds,
    )


def _render(services: Services, face: Dialect, base_url: str, entry: Entry) -> Rendered:
    job = entry.job
    links, until = links_of(services, face, base_url, job, standing_of(entry))
    answer = answer_of(face.job(job, links))
    etag = _etag(job, until)
    headers = [*answer.headers, (b"etag", (etag if job.state.is_terminal else f"W/{etag}").encode())]
    headers.append((b"cache-control", b"private, no-cache"))
    if not job.state.is_terminal:
        headers.append((b"retry-after", str(pause_of(entry.queue_position)).encode()))
    clock = services.parts.clock
    left = (until - clock.now()).total_seconds() if until is not None else math.inf
    return Rendered(etag, Answer(200, headers, answer.body), min(entry.good_until, clock.monotonic() + left))


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
