"""Waiting for a job, as a pure generator: by stream, else by long poll, else by polling at the server's pace. It always ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from calotype.client.errors import JobFailed, WaitTimeout
from calotype.client.flows import read, refuse
from calotype.client.wire import PATIENCE, PING, Answer, Call, Expect, Flow, Hear, Lost, ServerEvent, Show, Wire
from calotype.dialects.base import JobView, Verb
from calotype.jobs.states import JobState

DEFAULT_WAIT = 600.0
"""Seconds; a paid job is worth more patience than a page load."""
LINGER = 5
"""Seconds the server is asked to hold a poll back for: short, so that progress shows."""
SLACK = 2.0
EMPTY_STREAMS = 3
"""After so many streams in a row that broke before they said anything, we poll."""


MOST_FAULTS = 5
"""After so many answers of status 500 in a row the wait ends with the last one."""


@dataclass(slots=True)
class Watch:
    """What one wait knows so far. Moments are monotonic seconds."""

    wire: Wire
    job_id: str
    now: float
    until: float
    timeout: float
    view: JobView | None = None
    etag: str | None = None
    last_event_id: str | None = None
    pause: float = 0.0
    trouble: str = ""
    faults: int = 0
    polls: int = 0
    empty_streams: int = 0
    can_stream: bool = True

    @property
    def left(self) -> float:
        """Return the seconds that remain."""
        return self.until - self.now

    @property
    def is_over(self) -> bool:
        """Whether the job has ended."""
        return self.view is not None and self.view.state.is_terminal

    @property
    def can_linger(self) -> bool:
        """Whether the server may be asked to hold a poll back: an API with streams can, another one is polled plainly."""
        return self.wire.can(Verb.EVENTS)

    @property
    def may_stream(self) -> bool:
        """Whether to listen: a silent stream gives control back only every ping, so the last two pings' time is polled."""
        return self.can_stream and self.left > 2 * PING

    def stumble(self, lost: Lost) -> None:
        """Note that a call was lost: go on more slowly each time."""
        self.now = lost.at
        self.trouble = f"the server last did not answer ({lost.reason})"
        self.polls += 1
        self.pause = self.pace()

    def falter(self, answer: Answer) -> None:
        """Note that the server could not answer: one that is away comes back, one with a fault for this job does not."""
        self.pause = answer.retry_after or self.pace()
        self.trouble = f"the server last answered with status {answer.status}"
        self.faults = self.faults + 1 if answer.status == 500 else 0
        if self.faults == MOST_FAULTS:
            raise refuse(self.wire, answer)

    def pace(self) -> float:
        """Return the pause our own table gives."""
        steps = self.wire.wording.PACE
        return steps[min(self.polls, len(steps)) - 1] if self.polls else steps[0]


def wait(wire: Wire, job_id: str, *, now: float, timeout: float, view: JobView | None = None) -> Flow[JobView]:
    """Return the succeeded job; raise `JobFailed` when it ended otherwise and `WaitTimeout` when it did not end in time."""
    ended = yield from follow(wire, job_id, now=now, timeout=timeout, view=view)
    if ended.state is not JobState.SUCCEEDED:
        raise JobFailed(ended)
    return ended


def gather(wire: Wire, jobs: Sequence[JobView], *, now: float, timeout: float) -> Flow[Sequence[JobView]]:
    """Return every job once all have ended, however they ended: one deadline for all, and no more open streams than one."""
    ended = []
    until = now + timeout
    for job in jobs:
        moment = yield Show(job)
        ended.append((yield from follow(wire, job.id, now=moment.at, timeout=max(0.0, until - moment.at), view=job)))
    return ended


def follow(wire: Wire, job_id: str, *, now: float, timeout: float, view: JobView | None = None) -> Flow[JobView]:
    """Show the job each time it changes and return it when it has ended; `WaitTimeout` carries the id to attach to."""
    watch = Watch(wire, job_id, now, now + timeout, timeout, can_stream=wire.can(Verb.EVENTS))
    if view is not None and not view.state.is_terminal:
        watch.view, watch.pause = view, 0.0 if watch.may_stream else view.retry_after or watch.pace()
    while not watch.is_over:
        yield from _listen(watch) if watch.view is not None and watch.may_stream else _poll(watch)
    assert watch.view is not None, "a job that is over was seen"
    return watch.view


# --- polling -------------------------------------------------------------------------------------


def _poll(watch: Watch) -> Flow[None]:
    """Ask once how the job stands, after the pause that the last answer asked for."""
    if watch.left <= 0:
        raise WaitTimeout(watch.job_id, watch.timeout, watch.trouble)
    pause = min(watch.pause, watch.left)
    linger = int(min(LINGER, watch.left - pause)) if watch.can_linger and watch.view else 0
    call = replace(_look_call(watch, linger), after=pause)
    asked_at = watch.now + pause
    try:
        answer = yield call
    except Lost as lost:
        watch.stumble(lost)
        return
    watch.now, watch.trouble = answer.at, ""
    watch.polls += 1
    if answer.status == 429 or answer.status >= 500:
        watch.falter(answer)
        return
    watch.faults = 0
    watch.pause = answer.retry_after or watch.pace()
    if linger and answer.at - asked_at >= linger / 2:
        watch.pause = 0.0  # the server held it back: asking again at once costs nothing
    elif linger and watch.etag and answer.status == 200:
        watch.pause = watch.wire.wording.PACE[0]  # it was held back until there was news
    yield from _learn(watch, answer)


def _look_call(watch: Watch, linger: int = 0) -> Call:
    call = watch.wire.call(Verb.READ, {"job_id": watch.job_id}, {"wait": linger or None})
    headers = {"if-none-match": watch.etag} if watch.etag else {}
    return replace(call, headers=headers, timeout=linger + max(SLACK, min(PATIENCE, watch.left - linger)))


def _learn(watch: Watch, answer: Answer) -> Flow[None]:
    """Take in an answer about the job; 304 says nothing new."""
    if answer.status == 304:
        return
    if answer.status >= 300:
        raise refuse(watch.wire, answer)
    watch.etag = answer.headers.get("etag")
    yield from _see(
        watch, replace(read(watch.wire, answer, watch.wire.wording.read_job), retry_after=answer.retry_after)
    )


def _see(watch: Watch, view: JobView) -> Flow[None]:
    before, watch.view = watch.view, view
    if before is None or (before.state, before.progress) != (view.state, view.progress):
        moment = yield Show(view)
        watch.now = max(watch.now, moment.at)


# --- the stream ----------------------------------------------------------------------------------


def _listen(watch: Watch) -> Flow[None]:
    """Listen until the job ends, the stream breaks, or little time is left; a broken stream resumes where it stopped."""
    heard_any = False
    try:
        answer = yield _stream_call(watch)
        watch.now = answer.at
        if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/event-stream"):
            watch.can_stream = False
            watch.pause = 0.0
            return
        while watch.may_stream:
            heard = yield Hear()
            watch.now = heard.at
            heard_any = heard_any or bool(heard.events)
            for event in heard.events:
                yield from _heed(watch, event)
            if heard.is_over:
                break
    except Lost as lost:
        watch.now = lost.at
    watch.empty_streams = 0 if heard_any else watch.empty_streams + 1
    watch.can_stream = watch.can_stream and watch.empty_streams < EMPTY_STREAMS
    watch.pause = watch.wire.wording.PACE[0] * max(1, watch.empty_streams) if watch.may_stream else 0.0


def _heed(watch: Watch, event: ServerEvent) -> Flow[None]:
    view = _after(watch, event)
    if view.state.is_terminal:
        watch.can_stream = False  # an event is lean: the outputs and their links are read from the job itself
    else:
        yield from _see(watch, view)


def _stream_call(watch: Watch) -> Call:
    headers = {"accept": "text/event-stream"}
    if watch.last_event_id:
        headers["last-event-id"] = watch.last_event_id
    call = watch.wire.call(Verb.EVENTS, {"job_id": watch.job_id})
    silence = min(2 * PING, watch.left)
    return replace(call, headers=headers, expect=Expect.STREAM, timeout=silence, after=min(watch.pause, watch.left))


def _after(watch: Watch, event: ServerEvent) -> JobView:
    assert watch.view is not None, "a stream is opened for a job that was seen"
    watch.last_event_id = event.id or watch.last_event_id
    try:
        return watch.wire.wording.read_event(json.loads(event.data), watch.view)
    except (ValueError, KeyError, TypeError):
        return watch.view  # an event of a kind that did not exist when this client was written
