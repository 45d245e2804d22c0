"""The conversations with a server, as pure generators: each yields what it wants sent and is handed what came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from calotype.client.errors import (
    ClientError,
    Conflict,
    InvalidInput,
    JobFailed,
    NotOffered,
    OutcomeUnknown,
    ServerUnavailable,
    refusal,
)
from calotype.client.naming import extension_of, stem_of
from calotype.client.wire import Answer, Call, Expect, Flow, Lost, Order, Part, Place, Saved, Show, Source, T, Wire
from calotype.dialects.base import JobView, Json, Verb
from calotype.errors import InvalidInputError
from calotype.jobs.states import JobState

TRIES = 7
REFUSALS_OF_A_CONNECTION = 5
FIRST_DELAY, LONGEST_DELAY = 0.25, 8.0
LONGEST_DEFERENCE = 60.0
"""A server that asks for a longer pause than this is told of as unavailable instead of being waited for."""
DOWNLOAD_PATIENCE = 60.0
REDIRECTS = 5

_TRY_AGAIN = frozenset({429, 502, 503, 504})
_NOTHING_DONE = frozenset({429, 503})
"""Refusals that promise that nothing was made: safe to send again even without an idempotency key."""


# --- one call, sent until it is answered ---------------------------------------------------------


def ask(call: Call, *, is_safe: bool = True) -> Flow[Answer]:
    """Return the answer to a call: sent again under the same words while the server is away, up to `TRIES` times.

    A call that is not safe to repeat is repeated only when the server certainly did nothing.
    """
    delay = call.after
    for attempt in range(1, TRIES + 1):
        try:
            answer = yield replace(call, after=delay)
        except Lost as lost:
            if lost.was_sent and not is_safe:
                raise OutcomeUnknown(f"The request was sent and no answer came ({lost.reason}).") from None
            if attempt >= (TRIES if lost.was_sent else REFUSALS_OF_A_CONNECTION):
                raise ServerUnavailable(f"The server at {_host(call.url)} does not answer ({lost.reason}).") from None
            delay = backoff(attempt, call)
            continue
        pause = answer.retry_after if answer.retry_after is not None else backoff(attempt, call)
        again = _TRY_AGAIN if is_safe else _NOTHING_DONE
        if answer.status not in again or attempt == TRIES or pause > LONGEST_DEFERENCE:
            return answer
        delay = max(pause, FIRST_DELAY)
    raise AssertionError("the last try returns or raises")


def backoff(attempt: int, call: Call) -> float:
    """Return the delay before the next try: doubling, and spread by the call's own key so that clients part ways."""
    spread = (hash(call.headers.get("idempotency-key", call.url)) % 1000) / 1000
    return float(min(FIRST_DELAY * 2 ** (attempt - 1), LONGEST_DELAY)) * (0.75 + spread / 2)


def refuse(wire: Wire, answer: Answer) -> ClientError:
    """Return the typed error for an answer that is no success."""
    code, sentence, problems = wire.wording.read_fault(answer.status, answer.body)
    return refusal(answer.status, code, sentence, problems, answer.request_id)


def read(wire: Wire, answer: Answer, reader: Callable[[Json], T]) -> T:
    """Return what a success says; raise the typed error for anything else."""
    if not 200 <= answer.status < 300:
        raise refuse(wire, answer)
    try:
        return reader(answer.body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServerUnavailable(
            f"The answer cannot be read as this API's ({error}); is the address right?", request_id=answer.request_id
        ) from None


def offered(wire: Wire, verb: Verb) -> None:
    """Raise `NotOffered` when this API has no such operation."""
    if not wire.can(verb):
        raise NotOffered(f"This API has no operation {verb.replace('_', ' ')!r}.")


# --- submit --------------------------------------------------------------------------------------


LISTS = frozenset({"images"})
"""Fields that hold several files, and are a list where they hold one."""


def submit(wire: Wire, order: Order) -> Flow[JobView]:
    """Return the job made of the order: exactly one, however often the connection breaks."""
    images, parts = yield from _images(wire, order)
    try:
        row = wire.wording.submit_row(order.kind)
        fields = wire.wording.submit_fields(
            order.kind, order.model, {**order.input, **images}, order.tags, order.deadline
        )
    except InvalidInputError as error:
        raise InvalidInput(str(error), problems=error.problems) from None
    call = wire.to(row)
    if wire.wording.IS_IDEMPOTENT:
        call = replace(call, json=fields, headers={"idempotency-key": order.key})
    else:
        call = replace(call, parts=_form(fields) + parts)
    answer = yield from ask(call, is_safe=wire.wording.IS_IDEMPOTENT)
    return read(wire, answer, wire.wording.read_job)


def upload(wire: Wire, part: Part) -> Flow[str]:
    """Return the id of the asset that the file became."""
    offered(wire, Verb.UPLOAD)
    call = replace(wire.call(Verb.UPLOAD), parts=(replace(part, field="file"),), timeout=DOWNLOAD_PATIENCE)
    answer = yield from ask(call)
    return read(wire, answer, wire.wording.read_asset_id)


def _images(wire: Wire, order: Order) -> Flow[tuple[Mapping[str, Any], tuple[Part, ...]]]:
    """Return the input's image words, and the parts that travel with the submit: an API without uploads takes them so."""
    words: dict[str, Any] = {}
    parts: list[Part] = []
    for field, sources in order.images.items():
        said = []
        for source in sources:
            if source.part is None:
                said.append(_word(wire, field, source))
            elif wire.can(Verb.UPLOAD):
                said.append({"asset_id": (yield from upload(wire, source.part))})
            else:
                parts.append(replace(source.part, field=wire.wording.FILE_FIELDS[field]))
        if said:
            words[field] = said[0] if field not in LISTS and len(said) == 1 else said
    return words, tuple(parts)


def _word(wire: Wire, field: str, source: Source) -> Mapping[str, Any]:
    if not wire.can(Verb.UPLOAD):
        raise InvalidInput(f"{field}: this API takes files only, not the id of one; give a path or bytes.")
    return source.words


def _form(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    return tuple(Part(name, str(value)) for name, value in fields.items())


# --- one job -------------------------------------------------------------------------------------


def look(wire: Wire, job_id: str) -> Flow[JobView]:
    """Return the job as it stands."""
    answer = yield from ask(wire.call(Verb.READ, {"job_id": job_id}))
    return replace(read(wire, answer, wire.wording.read_job), retry_after=answer.retry_after)


def cancel(wire: Wire, job_id: str) -> Flow[JobView]:
    """Return the job after asking for its end; a job that was cancelled already is no error."""
    offered(wire, Verb.CANCEL)
    answer = yield from ask(wire.call(Verb.CANCEL, {"job_id": job_id}))
    try:
        return read(wire, answer, wire.wording.read_job)
    except Conflict:
        view = yield from look(wire, job_id)
        if view.state in (JobState.CANCELLED, JobState.CANCELLING):
            return view
        raise


def retry(wire: Wire, job_id: str, key: str, changes: Mapping[str, Any] | None = None) -> Flow[JobView]:
    """Return the new job that does the old one's work again, with changes to its input if any: one job, under one key."""
    offered(wire, Verb.RETRY)
    body = {"input": dict(changes)} if changes else None
    call = replace(wire.call(Verb.RETRY, {"job_id": job_id}), headers={"idempotency-key": key}, json=body)
    answer = yield from ask(call)
    return read(wire, answer, wire.wording.read_job)


def erase(wire: Wire, job_id: str) -> Flow[None]:
    """Have the job's files and prompt deleted for good."""
    offered(wire, Verb.ERASE)
    answer = yield from ask(wire.call(Verb.ERASE, {"job_id": job_id}))
    read(wire, answer, lambda body: body)


# --- lists ---------------------------------------------------------------------------------------


def pages(wire: Wire, query: Mapping[str, Any], most: int | None = None) -> Flow[None]:
    """Show each job of a list, newest first, fetching pages as they are needed."""
    offered(wire, Verb.LIST)
    shown = 0
    after: str | None = None
    while True:
        answer = yield from ask(wire.call(Verb.LIST, query={**query, "after": after}))
        jobs, after = read(wire, answer, wire.wording.read_page)
        for job in jobs[: None if most is None else most - shown]:
            shown += 1
            yield Show(job)
        if after is None or shown == most:
            return


def fetch(wire: Wire, verb: Verb) -> Flow[Json]:
    """Return the body of a plain read, such as the models or the account."""
    offered(wire, verb)
    answer = yield from ask(wire.call(verb))
    return read(wire, answer, lambda body: body)


# --- download ------------------------------------------------------------------------------------


def download(wire: Wire, view: JobView, folder: Path | None = None, exact: Path | None = None) -> Flow[Sequence[Saved]]:
    """Save each output of a succeeded job and return where; a link that has expired is read anew, once.

    `exact` names the file (several outputs: name-2, name-3 …); without it each gets a name of its own in the folder.
    """
    if view.state is not JobState.SUCCEEDED:
        raise (
            JobFailed(view)
            if view.state.is_terminal
            else Conflict(f"Job {view.id} has no result yet: it is {view.state}.")
        )
    saved: list[Saved] = []
    while len(saved) < len(view.urls):
        place = _place(view, len(saved), folder or Path(), exact)
        answer = yield from _fetch_file(view.urls[len(saved)], place)
        if answer.status in (401, 403, 404, 410):
            view = yield from look(wire, view.id)
            answer = yield from _fetch_file(view.urls[len(saved)], place)
        saved.append(_checked(view, len(saved), answer))
    return saved


def _ending(view: JobView, index: int, exact: Path) -> str:
    """Return the extension asked for, or the true one of an output that is of another kind than the first."""
    media = [str(output.get("media_type") or "") for output in view.outputs]
    is_alike = index >= len(media) or media[index] == media[0]
    return exact.suffix if is_alike else extension_of(media[index], view.urls[index])


def _fetch_file(url: str, place: Place) -> Flow[Answer]:
    for _ in range(REDIRECTS):
        answer = yield from ask(Call("GET", url, expect=Expect.FILE, place=place, timeout=DOWNLOAD_PATIENCE))
        if answer.status not in (301, 302, 303, 307, 308):
            return answer
        url = urljoin(url, answer.headers.get("location", ""))
    raise ServerUnavailable("The result's address leads in circles.")


def _place(view: JobView, index: int, folder: Path, exact: Path | None) -> Place:
    number = f"-{index + 1}" if index else ""
    if exact is not None:
        return Place(exact=exact.with_name(f"{exact.stem}{number}{_ending(view, index, exact)}"))
    given = view.body.get("input")
    prompt = given.get("prompt") if isinstance(given, Mapping) else None
    return Place(folder, stem_of(view.id, prompt or view.body.get("kind")) + number)


def _checked(view: JobView, index: int, answer: Answer) -> Saved:
    if answer.path is None:
        raise refusal(
            answer.status, None, f"A result of job {view.id} cannot be fetched (status {answer.status}).", (), None
        )
    promised = view.outputs[index].get("sha256") if index < len(view.outputs) else None
    if promised and promised != answer.sha256:
        raise ServerUnavailable(f"A result of job {view.id} arrived damaged: its checksum is not the promised one.")
    return Saved(answer.path, answer.headers.get("content-type", ""))


def _host(url: str) -> str:
    return "/".join(url.split("/")[:3])
