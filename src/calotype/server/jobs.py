"""Reading, listing, cancelling and erasing jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from calotype.dialects.base import Page
from calotype.errors import (
    CallerError,
    GoneError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    UnknownParameterError,
)
from calotype.jobs.states import JobState
from calotype.server import waiting
from calotype.server.answer import Answer, answer_of
from calotype.server.cache import Entry
from calotype.server.call import Call, base_url_of, cursor_of, number_at, wait_of, whole_number
from calotype.server.scratch import Scratch
from calotype.server.services import Services
from calotype.server.wording import is_known, job_answer, links_of, rendered_of, reply_for
from calotype.store import jobs
from calotype.store.jobs import JobFilter

_STATES = frozenset(JobState)
_LONGEST_FILTER = 300


async def read(services: Services, call: Call, scratch: Scratch | None = None) -> Answer:
    """Answer a poll: at once, or when the job has ended or changed if the caller would wait."""
    del scratch
    entry = await _looked_at(services, call)
    if not call.query and "prefer" not in call.headers:
        return _at_once(services, call, entry)
    seconds = wait_of(call)
    if seconds and not entry.job.state.is_terminal:
        entry = await _wait(services, call, entry, seconds)
    return waiting.with_preference(job_answer(services, call, entry), call, seconds)


def _at_once(services: Services, call: Call, entry: Entry) -> Answer:
    rendered = rendered_of(services, call, entry)
    if "if-none-match" not in call.headers:
        services.lane.remember(call, entry, rendered)
    return job_answer(services, call, entry)


async def _looked_at(services: Services, call: Call) -> Entry:
    """Return the job a path names, this look at it counted; one at what is not there counts like any request."""
    try:
        entry = await entry_of(services, call)
    except CallerError:
        services.reads.take(call.owner)
        raise
    services.reads.look(call.owner, entry)
    return entry


async def entry_of(services: Services, call: Call) -> Entry:
    """Return the job a path names. Another account's job is answered as one that never was."""
    entry = await services.cache.get(call.face.job_id(call.path["job_id"]))
    if entry is None or entry.job.account_id != call.owner.account_id:
        raise NotFoundError
    if entry.job.erased_at is not None:
        raise GoneError("job")
    return entry


async def _wait(services: Services, call: Call, entry: Entry, seconds: int) -> Entry:
    known = call.headers.get("if-none-match")
    if known is None:
        waited = await waiting.until_ended(services, call, entry.job.id, seconds)
    elif is_known(call, rendered_of(services, call, entry)):
        waited = await waiting.until_changed(services, call, entry.job.id, seconds, entry.job.version)
    else:
        return entry
    return waited or entry


async def page(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer one page of the account's jobs."""
    del scratch
    _refuse_unknown(call)
    wanted = _filter_of(call)
    limit = whole_number(call, "limit", 1, 100, 20)
    after, before = number_at(call, "after", "j"), number_at(call, "before", "j")
    if after is not None and before is not None:
        raise InvalidInputError.at("/before", "one_of", "give after or before, not both")
    async with services.parts.database.connection() as db:
        found = await jobs.page(db, call.owner.account_id, wanted, limit + 1, after=after, before=before)
    is_more = len(found) > limit
    shown = (found[1:] if before is not None else found[:limit]) if is_more else found
    has_older = is_more if before is None else bool(shown)
    has_newer = is_more if before is not None else after is not None and bool(shown)
    base_url = base_url_of(call.scope, call.headers, services.parts.settings.server.public_url)
    result = Page(
        jobs=shown,
        next=cursor_of("j", shown[-1].number) if has_older and shown else None,
        previous=cursor_of("j", shown[0].number) if has_newer else None,
        links=lambda job: links_of(services, call.face, base_url, job)[0],
    )
    assert call.operation.reply is not None, "a list has its own reply"
    return answer_of(call.operation.reply(result))


async def cancel(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Cancel a job; a second cancel is answered as the first."""
    del scratch
    entry = await entry_of(services, call)
    try:
        job = await services.parts.lifecycle.cancel(entry.job.id, account_id=call.owner.account_id)
    except IllegalTransitionError as error:
        if error.state != JobState.CANCELLED:
            raise
        services.cache.forget(entry.job.id)
        job = (await entry_of(services, call)).job
    services.cache.forget(job.id)
    return answer_of(reply_for(services, call, job))


async def erase(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Erase an ended job's files and prompt."""
    del scratch
    job_id = (await entry_of(services, call)).job.id
    keys = await services.parts.lifecycle.erase(job_id, call.owner.account_id)
    services.cache.forget(job_id)
    for key in keys:
        await services.parts.assets.delete(key)
    assert call.operation.reply is not None, "an erasure has its own reply"
    return answer_of(call.operation.reply())


def _refuse_unknown(call: Call) -> None:
    """Raise `UnknownParameterError`: a filter that is misspelt would else list what nobody asked for."""
    known = call.operation.query
    for name in call.query:
        if call.operation.has_closed_query and name not in known:
            raise UnknownParameterError(name, sorted(known))


def _filter_of(call: Call) -> JobFilter:
    return JobFilter(
        states=_given(call, "state", _states),
        kind=_given(call, "kind", str),
        model=_given(call, "model", str),
        face=_given(call, "face", str),
        tag=_given(call, "tag", _tag),
        created_from=_given(call, "created_from", _moment),
        created_to=_given(call, "created_to", _moment),
        text=_given(call, "text", str),
    )


def _given(call: Call, name: str, read: Callable[[str], Any]) -> Any:
    text = call.query.get(name)
    if text is None:
        return None
    if "\x00" in text or len(text) > _LONGEST_FILTER:
        raise InvalidInputError.at(
            f"/{name}", "text", f"must be at most {_LONGEST_FILTER} characters, none of them NUL"
        )
    try:
        return read(text)
    except ValueError as error:
        raise InvalidInputError.at(f"/{name}", "value", str(error)) from None


def _states(text: str) -> tuple[str, ...]:
    states = tuple(text.split(","))
    if not _STATES.issuperset(states):
        raise ValueError(f"must be some of {', '.join(JobState)}")
    return states


def _tag(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError("must be name:value")
    return name, value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a moment such as 2030-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("must have an offset, such as Z")
    return moment
