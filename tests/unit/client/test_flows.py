"""The conversations, driven without any I/O: a script of answers in, the calls that were wanted out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pytest

from calotype.client import flows, waiting
from calotype.client.errors import (
    JobFailed,
    NotFound,
    NotOffered,
    OutcomeUnknown,
    RateLimited,
    ServerUnavailable,
    WaitTimeout,
)
from calotype.client.events import EventReader
from calotype.client.orders import wire_for
from calotype.client.wire import Answer, Call, Expect, Flow, Hear, Lost, Order, Show, Step
from calotype.dialects.base import Verb
from calotype.jobs.kinds import Kind
from calotype.jobs.states import JobState
from unit.client.loopback import JOB, event, native_job

T = TypeVar("T")
NATIVE = wire_for("http://calotype.test/", "native")
AETHERAI = wire_for("http://calotype.test", "aetherai")
Reply = Answer | Lost


@dataclass
class Played(Generic[T]):
    """What came of a flow: every step it wanted, and how it ended. `now` is the clock the script moves."""

    flow: Flow[T]
    now: float = 0.0
    steps: list[Step] = field(default_factory=list)

    def run(self, reply: Callable[[Call | Hear], tuple[float, Reply]]) -> T:
        """Play it to its end: each reply says how many seconds it took."""
        answer: Answer | None = None
        lost: Lost | None = None
        while True:
            try:
                step = (
                    next(self.flow)
                    if not self.steps
                    else self.flow.throw(lost)
                    if lost
                    else self.flow.send(answer or Answer())
                )
            except StopIteration as end:
                result: T = end.value
                return result
            self.steps.append(step)
            lost = None
            if isinstance(step, Show):
                answer = Answer(at=self.now)
                continue
            self.now += step.after if isinstance(step, Call) else 0
            took, told = reply(step)
            self.now += took
            if isinstance(told, Lost):
                lost = Lost(told.reason, was_sent=told.was_sent, at=self.now)
            else:
                answer = Answer(told.status, told.headers, told.body, self.now, told.events, told.is_over)

    @property
    def calls(self) -> list[Call]:
        return [step for step in self.steps if isinstance(step, Call)]


def always(reply: Reply, took: float = 0.0) -> Callable[[Call | Hear], tuple[float, Reply]]:
    return lambda _: (took, reply)


def script(*replies: Reply, took: float = 0.0) -> Callable[[Call | Hear], tuple[float, Reply]]:
    left = list(replies)
    return lambda _: (took, left.pop(0))


def job(state: str = "running", **headers: str) -> Answer:
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, native_job(state))


def lost(*, was_sent: bool = True) -> Lost:
    return Lost("connection reset", was_sent=was_sent, at=0.0)


def order(**given: Any) -> Order:
    return Order(Kind.IMAGE, {"prompt": "a fox", **given}, key="key-1")


# --- submit --------------------------------------------------------------------------------------


def test_a_submit_goes_on_under_its_key_until_it_is_answered() -> None:
    played = Played(flows.submit(NATIVE, order()))

    view = played.run(
        script(lost(), lost(was_sent=False), Answer(503), Answer(429), Answer(202, body=native_job("queued")))
    )

    assert view.id == JOB
    assert {call.headers["idempotency-key"] for call in played.calls} == {"key-1"}
    assert {str(call.json) for call in played.calls} == {str({"kind": "image", "input": {"prompt": "a fox"}})}


def test_the_pauses_between_tries_grow_and_stay_bounded() -> None:
    played = Played(flows.submit(NATIVE, order()))

    with pytest.raises(ServerUnavailable, match="does not answer"):
        played.run(always(lost()))

    pauses = [call.after for call in played.calls]
    assert len(pauses) == flows.TRIES
    assert pauses[0] == 0
    assert pauses[1:] == sorted(pauses[1:])
    assert sum(pauses) < 25


def test_a_server_that_is_not_there_is_given_up_sooner() -> None:
    played = Played(flows.submit(NATIVE, order()))

    with pytest.raises(ServerUnavailable):
        played.run(always(lost(was_sent=False)))

    assert sum(call.after for call in played.calls) < 6


def test_the_servers_own_pause_is_kept() -> None:
    played = Played(flows.submit(NATIVE, order()))

    played.run(script(Answer(429, {"retry-after": "7"}), Answer(202, body=native_job())))

    assert played.calls[1].after == 7


def test_a_pause_of_an_hour_is_told_of_and_not_sat_out() -> None:
    with pytest.raises(RateLimited):
        Played(flows.submit(NATIVE, order())).run(script(Answer(429, {"retry-after": "3600"})))


@pytest.mark.parametrize(
    ("trouble", "is_sent_again"),
    [(lost(was_sent=False), True), (Answer(503), True), (Answer(429), True), (lost(), False), (Answer(502), False)],
    ids=["refused connection", "503", "429", "reset", "502"],
)
def test_without_idempotency_keys_only_what_certainly_did_nothing_is_sent_again(
    trouble: Reply, is_sent_again: bool
) -> None:
    played = Played(flows.submit(AETHERAI, order()))
    replies = script(trouble, Answer(200, body={"job_id": JOB}))

    if is_sent_again:
        assert played.run(replies).id == JOB
    else:
        with pytest.raises((OutcomeUnknown, ServerUnavailable)):
            played.run(replies)
        assert len(played.calls) == 1


def test_what_an_api_does_not_offer_is_said_before_anything_is_sent() -> None:
    for flow in (flows.cancel(AETHERAI, JOB), flows.pages(AETHERAI, {}), flows.retry(AETHERAI, JOB, "k")):
        with pytest.raises(NotOffered):
            next(flow)


# --- wait ----------------------------------------------------------------------------------------


def heard(*pieces: bytes, is_over: bool = False) -> Answer:
    reader = EventReader()
    events = [found for piece in pieces for found in reader.feed(piece.decode())]
    return Answer(events=tuple(events), is_over=is_over)


STREAM = Answer(200, {"content-type": "text/event-stream; charset=utf-8"})


def test_a_wait_listens_then_reads_the_job_once_more() -> None:
    played = Played(waiting.wait(NATIVE, JOB, now=0, timeout=600))

    view = played.run(
        script(
            job(),
            STREAM,
            heard(event(1, "progress", "running", percent=50)),
            heard(event(2, "succeed", "succeeded")),
            job("succeeded"),
        )
    )

    assert view.state is JobState.SUCCEEDED
    assert [call.expect for call in played.calls] == [Expect.JSON, Expect.STREAM, Expect.JSON]
    assert [step.item.progress.percent for step in played.steps if isinstance(step, Show) and step.item.progress] == [
        0,
        50,
        0,
    ]


def test_a_silent_stream_is_left_in_time_for_the_deadline() -> None:
    played = Played(waiting.wait(NATIVE, JOB, now=0, timeout=100))

    def pings(step: Call | Hear) -> tuple[float, Reply]:
        if isinstance(step, Hear):
            return 15.0, Answer()
        if step.expect is Expect.STREAM:
            return 0.0, STREAM
        return (5.0 if "wait=" in step.url else 0.0), job()

    with pytest.raises(WaitTimeout):
        played.run(pings)

    assert 100 <= played.now <= 105


@pytest.mark.parametrize("timeout", [0.5, 10, 31, 600])
@pytest.mark.parametrize("wire", [NATIVE, AETHERAI], ids=["native", "aetherai"])
@pytest.mark.parametrize(
    "reply",
    [job(), lost(), Answer(503), Answer(429, {"retry-after": "9999"}), STREAM],
    ids=["running", "lost", "503", "429", "stream"],
)
def test_whatever_the_server_does_a_wait_ends(timeout: float, wire: Any, reply: Reply) -> None:
    pending = {"job_id": JOB, "status": "Pending"} if wire is AETHERAI else native_job("running")
    told = Answer(200, reply.headers, pending) if isinstance(reply, Answer) and reply.status == 200 else reply
    view = wire.wording.read_job(pending)
    played = Played(waiting.wait(wire, JOB, now=0, timeout=timeout, view=view))

    with pytest.raises(WaitTimeout) as caught:
        played.run(always(told, took=0.01))

    assert caught.value.job_id == JOB
    assert timeout <= played.now <= timeout + 1
    assert len(played.steps) < 200 * timeout + 20


def test_the_tables_pace_is_kept_where_the_server_names_none() -> None:
    pending = Answer(200, body={"job_id": JOB, "status": "Pending", "image_urls": []})
    done = Answer(200, body={"job_id": JOB, "status": "Succeed", "image_urls": ["http://calotype.test/a.png"]})
    played = Played(waiting.wait(AETHERAI, JOB, now=0, timeout=600, view=AETHERAI.wording.read_job(pending.body)))

    played.run(script(*[pending] * 7, done))

    assert [call.after for call in played.calls] == [1, 1, 2, 2, 3, 4, 5, 5]


def test_a_job_that_is_gone_ends_the_wait_at_once() -> None:
    played = Played(waiting.wait(NATIVE, JOB, now=0, timeout=600, view=NATIVE.wording.read_job(native_job())))

    with pytest.raises(NotFound):
        played.run(script(Answer(404), Answer(404, body={"code": "not_found", "detail": "There is no such job."})))


@pytest.mark.parametrize("state", ["failed", "cancelled", "expired"])
def test_a_job_that_ends_without_a_result_is_an_error(state: str) -> None:
    with pytest.raises(JobFailed) as caught:
        Played(waiting.wait(NATIVE, JOB, now=0, timeout=600)).run(script(job(state)))

    assert caught.value.view.state == state


def test_an_event_of_an_unknown_kind_is_passed_over() -> None:
    strange = b'id: 5\nevent: dream\ndata: {"state": "dreaming"}\n\n'
    played = Played(waiting.wait(NATIVE, JOB, now=0, timeout=600))

    played.run(
        script(
            job(), STREAM, heard(strange, b"id: 6\ndata: no json\n\n", is_over=True), job("succeeded"), job("succeeded")
        )
    )

    assert played.calls[2].headers["last-event-id"] == "6"


def test_gather_has_one_deadline_for_all() -> None:
    views = [NATIVE.wording.read_job(native_job("running", JOB[:-1] + str(number))) for number in range(3)]
    played = Played(waiting.gather(NATIVE, views, now=0, timeout=20))

    with pytest.raises(WaitTimeout):
        played.run(lambda _: (5.0, job()))

    assert 20 <= played.now <= 26


# --- calls ---------------------------------------------------------------------------------------


def test_an_id_with_strange_characters_stays_one_part_of_the_path() -> None:
    call = NATIVE.call(Verb.READ, {"job_id": "../keys?x=1"})

    assert call.url == "http://calotype.test/native/v1/jobs/..%2Fkeys%3Fx%3D1"


def test_every_verb_of_the_native_api_that_the_client_speaks_is_there() -> None:
    verbs: Sequence[Verb] = [
        Verb.SUBMIT,
        Verb.READ,
        Verb.LIST,
        Verb.CANCEL,
        Verb.RETRY,
        Verb.ERASE,
        Verb.EVENTS,
        Verb.UPLOAD,
    ]

    assert all(NATIVE.can(verb) for verb in verbs)


def test_a_wait_through_which_the_server_was_away_says_so() -> None:
    played = Played(waiting.wait(NATIVE, JOB, now=0, timeout=5))

    with pytest.raises(WaitTimeout, match=r"connection reset"):
        played.run(always(lost()))


def test_the_first_look_is_answered_at_once() -> None:
    played = Played(waiting.wait(NATIVE, JOB, now=0, timeout=20))

    played.run(script(job(), job("succeeded")))

    assert ["wait=" in call.url for call in played.calls] == [False, True]


def test_a_server_with_a_fault_for_this_job_is_not_asked_until_the_deadline() -> None:
    told = Answer(500, {"x-request-id": "req_9"}, {"detail": "Something went wrong on our side."})
    played = Played(waiting.wait(NATIVE, JOB, now=0, timeout=600, view=NATIVE.wording.read_job(native_job())))

    with pytest.raises(ServerUnavailable, match="our side") as caught:
        played.run(always(told))

    assert caught.value.request_id == "req_9"
    assert played.now < 30
