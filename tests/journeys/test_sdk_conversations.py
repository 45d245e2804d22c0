"""The SDK against a native server that misbehaves: real sockets, one conversation for each promise it makes."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from calotype.client import (
    AsyncClient,
    Client,
    Conflict,
    InsufficientCredits,
    InvalidInput,
    JobFailed,
    NotAuthenticated,
    NotFound,
    ServerUnavailable,
    WaitTimeout,
)
from calotype.jobs.states import JobState
from unit.client.loopback import (
    JOB,
    RESET,
    Loopback,
    Seen,
    Told,
    event,
    in_turn,
    loopback,
    native_job,
    output,
    problem,
)

STREAM = {"content-type": "text/event-stream"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calotype.dialects.native.calls.PACE", (0.01,))
    monkeypatch.setattr("calotype.client.flows.FIRST_DELAY", 0.01)


class Shop:
    """A server that makes one job a key, as ours does, and can be told to fail first."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.troubles: list[Told] = []
        self.is_made_before_trouble = True

    def __call__(self, seen: Seen) -> Told:
        if seen.method == "POST" and seen.path == "/native/v1/jobs":
            return self._submit(seen)
        if seen.path.endswith("/events"):
            return Told(pieces=[event(1, "claim", "running"), event(2, "succeed", "succeeded")], headers=STREAM)
        return Told(native_job("succeeded"))

    def _submit(self, seen: Seen) -> Told:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is None or self.is_made_before_trouble:
            self.jobs.setdefault(seen.headers["idempotency-key"], seen.json)
        return trouble or Told(native_job(), 202)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def server(shop: Shop) -> Iterator[Loopback]:
    with loopback(shop) as server:
        yield server


@pytest.fixture
def client(server: Loopback) -> Iterator[Client]:
    with Client(server.url, "cal_key") as client:
        yield client


# --- submit --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_made", [True, False], ids=["after the job was made", "before the job was made"])
def test_a_connection_reset_amid_a_submit_makes_exactly_one_job_under_one_key(
    shop: Shop, server: Loopback, client: Client, is_made: bool
) -> None:
    shop.troubles = [RESET, RESET]
    shop.is_made_before_trouble = is_made

    client.images.generate("a fox")

    keys = {seen.headers["idempotency-key"] for seen in server.of("POST", "/native/v1/jobs")}
    assert len(server.of("POST", "/native/v1/jobs")) == 3
    assert set(shop.jobs) == keys
    assert len(keys) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_away_for_a_moment_is_asked_again_under_the_same_key(
    shop: Shop, server: Loopback, client: Client, status: int
) -> None:
    shop.troubles = [Told({}, status, {"retry-after": "0"})] * 3

    client.images.generate("a fox")

    assert len(server.of("POST", "/native/v1/jobs")) == 4
    assert len(shop.jobs) == 1


def test_the_same_reset_by_the_client_that_awaits(shop: Shop, server: Loopback) -> None:
    shop.troubles = [RESET, Told({}, 503)]

    async def conversation() -> JobState:
        async with AsyncClient(server.url, "cal_key") as client:
            return (await client.images.generate("a fox")).state

    assert asyncio.run(conversation()) is JobState.SUCCEEDED
    assert len(shop.jobs) == 1


def test_two_submits_of_the_same_words_are_two_jobs(shop: Shop, client: Client) -> None:
    client.images.generate("a fox")
    client.images.generate("a fox")

    assert len(shop.jobs) == 2


def test_only_what_was_given_is_sent(shop: Shop, client: Client) -> None:
    client.images.generate("a fox", width=512, style=None, model="illustrator", tags={"for": "me"}, deadline=60.0)

    (sent,) = shop.jobs.values()
    assert sent == {
        "kind": "image",
        "input": {"prompt": "a fox", "width": 512},
        "model": "illustrator",
        "tags": {"for": "me"},
        "deadline": 60.0,
    }


def test_an_image_is_uploaded_first_and_named_by_its_id(server: Loopback, client: Client, shop: Shop) -> None:
    def tell(seen: Seen) -> Told:
        return Told({"id": JOB}, 201) if seen.path == "/native/v1/assets" else shop(seen)

    server.tell = tell

    client.images.upscale(b"\x89PNG\r\n\x1a\ndata", scale=2)

    (part,) = server.of("POST", "/native/v1/assets")[0].parts
    (sent,) = shop.jobs.values()
    assert (part.filename, part.media_type, part.content) == ("image.png", "image/png", b"\x89PNG\r\n\x1a\ndata")
    assert sent["input"] == {"scale": 2, "image": {"asset_id": JOB}}


def test_a_server_that_is_not_there_is_told_of_by_its_address(server: Loopback) -> None:
    server.close()

    with Client(server.url, "cal_key") as client, pytest.raises(ServerUnavailable, match=server.url):
        client.images.generate("a fox")


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "invalid_key", NotAuthenticated),
        (402, "insufficient_credits", InsufficientCredits),
        (404, "not_found", NotFound),
        (409, "illegal_transition", Conflict),
        (422, "idempotency_mismatch", Conflict),
        (422, "unknown_model", InvalidInput),
        (500, "internal_error", ServerUnavailable),
    ],
)
def test_a_refusal_is_typed_and_carries_the_request_id(
    server: Loopback, client: Client, status: int, code: str, expected: type[Exception]
) -> None:
    server.tell = in_turn(problem(status, code, "A sentence."))

    with pytest.raises(expected, match=r"A sentence\.") as caught:
        client.images.generate("a fox")

    assert getattr(caught.value, "request_id", None) == "req_1"
    assert getattr(caught.value, "wire_code", None) == code


def test_bad_fields_are_named(server: Loopback, client: Client) -> None:
    finding = {"pointer": "/input/width", "rule": "less_than_equal", "message": "at most 4096"}
    server.tell = in_turn(problem(422, "invalid_input", "/input/width: at most 4096", [finding]))

    with pytest.raises(InvalidInput) as caught:
        client.images.generate("a fox", width=9999)

    assert caught.value.fields == ("width",)
    assert caught.value.problems[0].rule == "less_than_equal"


def test_another_program_at_the_address_is_no_job(server: Loopback, client: Client) -> None:
    server.tell = in_turn(Told(b"<html>Hello</html>", headers={"content-type": "text/html"}))

    with pytest.raises(ServerUnavailable, match="is the address right"):
        client.attach(JOB)


# --- wait ----------------------------------------------------------------------------------------


def test_a_stream_that_is_cut_resumes_behind_the_last_event(server: Loopback, client: Client) -> None:
    streams = [
        Told(pieces=[event(7, "progress", "running", percent=40.0, phase="drawing")], headers=STREAM, is_cut=True),
        Told(pieces=[event(8, "succeed", "succeeded")], headers=STREAM),
    ]
    states = iter(["queued", "succeeded"])

    def tell(seen: Seen) -> Told:
        return streams.pop(0) if seen.path.endswith("/events") else Told(native_job(next(states)))

    server.tell = tell
    shown: list[str | None] = []

    client.attach(JOB).wait(on_progress=lambda view: shown.append(view.progress.phase if view.progress else None))

    opened = server.of("GET", f"/native/v1/jobs/{JOB}/events")
    assert [seen.headers.get("last-event-id") for seen in opened] == [None, "7"]
    assert "drawing" in shown


def test_the_client_that_awaits_resumes_as_well(server: Loopback) -> None:
    streams = [
        Told(pieces=[event(7, "claim", "running")], headers=STREAM, is_cut=True),
        Told(pieces=[event(8, "succeed", "succeeded")], headers=STREAM),
    ]
    states = iter(["queued", "succeeded"])
    server.tell = lambda seen: streams.pop(0) if seen.path.endswith("/events") else Told(native_job(next(states)))

    async def conversation() -> list[str]:
        async with AsyncClient(server.url, "cal_key") as client:
            shown: list[str] = []
            await (await client.attach(JOB)).wait(on_progress=lambda view: shown.append(view.state))
            return shown

    assert asyncio.run(conversation()) == ["running", "succeeded"]
    assert server.of("GET", f"/native/v1/jobs/{JOB}/events")[1].headers["last-event-id"] == "7"


def test_streams_that_never_speak_are_given_up_for_polls(server: Loopback, client: Client) -> None:
    def tell(seen: Seen) -> Told:
        if seen.path.endswith("/events"):
            return RESET
        return Told(native_job("succeeded" if len(server.of("GET", f"/native/v1/jobs/{JOB}")) > 3 else "running"))

    server.tell = tell

    job = client.attach(JOB).wait()

    assert job.state is JobState.SUCCEEDED
    assert len(server.of("GET", f"/native/v1/jobs/{JOB}/events")) == 3


def test_polls_carry_the_etag_and_keep_the_servers_pace(server: Loopback, client: Client) -> None:
    moments: list[float] = []

    def tell(seen: Seen) -> Told:
        if seen.path.endswith("/events"):
            return Told({}, 404)
        moments.append(time.monotonic())
        if len(moments) > 3:
            return Told(native_job("succeeded"))
        headers = {"etag": '"v1"', "retry-after": "0.2"}
        return (
            Told(None, 304, headers) if seen.headers.get("if-none-match") else Told(native_job("running"), 200, headers)
        )

    server.tell = tell

    client.attach(JOB).wait()

    polls = server.of("GET", f"/native/v1/jobs/{JOB}")
    assert [seen.headers.get("if-none-match") for seen in polls[2:]] == ['"v1"'] * 2
    assert moments[3] - moments[2] >= 0.2


def test_a_server_that_restarts_amid_a_wait_is_waited_for(shop: Shop, server: Loopback, client: Client) -> None:
    job = client.jobs.submit("image", {"prompt": "a fox"})
    port = server.port
    server.close()
    later: list[Loopback] = []
    starting = threading.Timer(0.3, lambda: later.append(Loopback(shop, port)))
    starting.start()

    job.wait(timeout=40)

    starting.join()
    later[0].close()
    assert job.state is JobState.SUCCEEDED


@pytest.mark.parametrize("timeout", [0.3, 1.2])
def test_a_wait_ends_though_the_server_answers_nothing(server: Loopback, client: Client, timeout: float) -> None:
    stop = threading.Event()

    def tell(seen: Seen) -> Told:
        if seen.query or seen.path.endswith("/events"):
            stop.wait(20)
        return Told(native_job("running"))

    server.tell = tell
    started = time.monotonic()

    with pytest.raises(WaitTimeout) as caught:
        client.attach(JOB).wait(timeout=timeout)

    stop.set()
    assert caught.value.job_id == JOB
    assert time.monotonic() - started < timeout + 4


def test_a_failed_job_raises_with_its_cause(server: Loopback, client: Client) -> None:
    error = {"code": "content_refused", "message": "The content policy refuses this prompt.", "retryable": False}
    server.tell = in_turn(Told(native_job("failed", error=error)))

    with pytest.raises(JobFailed, match="refuses this prompt") as caught:
        client.attach(JOB).wait()

    assert caught.value.wire_code == "content_refused"


def test_a_stream_of_changes_ends_with_the_job(server: Loopback, client: Client, shop: Shop) -> None:
    states = iter(["queued", "queued", "succeeded"])
    server.tell = lambda seen: shop(seen) if seen.path.endswith("/events") else Told(native_job(next(states)))

    seen = [view.state for view in client.attach(JOB).stream()]

    assert seen == [JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED]


def test_gather_waits_for_all_and_raises_for_the_first_that_failed(server: Loopback, client: Client) -> None:
    ids = [JOB[:-1] + str(number) for number in range(3)]
    server.tell = lambda seen: Told(
        native_job("failed" if seen.path.endswith("1") else "succeeded", seen.path.rpartition("/")[2])
    )
    jobs = [client.attach(job_id) for job_id in ids]

    all_of_them = client.gather(jobs, raise_failed=False)

    assert [job.state for job in all_of_them] == [JobState.SUCCEEDED, JobState.FAILED, JobState.SUCCEEDED]
    with pytest.raises(JobFailed) as caught:
        client.gather(jobs)
    assert caught.value.job_id == ids[1]


# --- download ------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)


def shelf(server: Loopback, answers: list[Told], **facts: Any) -> None:
    """Have the server hold a finished job whose one output is answered so, in turn."""
    told = in_turn(*answers)
    made = native_job("succeeded", outputs=[output(f"{server.url}/assets/x.png", **facts)])
    server.tell = lambda seen: told(seen) if seen.path.startswith("/assets/") else Told(made)


IS_PNG = {"content-type": "image/png"}


def test_a_result_is_named_by_its_prompt_and_never_replaces_a_file(
    server: Loopback, client: Client, tmp_path: Path
) -> None:
    shelf(server, [Told(PNG, headers=IS_PNG)], sha256=hashlib.sha256(PNG).hexdigest())
    job = client.attach(JOB)

    first, second = job.download(tmp_path), job.download(tmp_path)

    assert [path.name for path in first + second] == ["a-fox-asleep-0000abcd.png", "a-fox-asleep-0000abcd-2.png"]
    assert first[0].read_bytes() == PNG
    assert all("authorization" not in seen.headers for seen in server.of("GET", "/assets/x.png"))


def test_a_download_that_is_cut_is_fetched_again_and_leaves_nothing_half_written(
    server: Loopback, client: Client, tmp_path: Path
) -> None:
    shelf(server, [Told(PNG[:99], headers=IS_PNG, is_cut=True), Told(PNG, headers=IS_PNG)])

    (path,) = client.attach(JOB).download(tmp_path / "fox.png")

    assert path.read_bytes() == PNG
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_that_has_expired_is_read_anew(server: Loopback, client: Client, tmp_path: Path) -> None:
    shelf(server, [Told({}, 403), Told(PNG, headers=IS_PNG)])

    (path,) = client.attach(JOB).download(tmp_path)

    assert path.read_bytes() == PNG


def test_a_damaged_result_is_refused(server: Loopback, client: Client, tmp_path: Path) -> None:
    shelf(server, [Told(PNG, headers=IS_PNG)], sha256="0" * 64)

    with pytest.raises(ServerUnavailable, match="checksum"):
        client.attach(JOB).download(tmp_path)


def test_a_link_may_lead_elsewhere(server: Loopback, client: Client, tmp_path: Path) -> None:
    shelf(server, [Told(None, 302, {"location": "/assets/y.png"}), Told(PNG, headers=IS_PNG)])

    assert client.attach(JOB).download(tmp_path)[0].read_bytes() == PNG
    assert server.of("GET", "/assets/y.png")


# --- lists and acts ------------------------------------------------------------------------------


def test_a_list_fetches_pages_as_they_are_needed(server: Loopback, client: Client) -> None:
    def tell(seen: Seen) -> Told:
        first = "after" not in seen.query
        return Told(
            {"data": [native_job()] * 2, "has_more": first, "next": "cursor" if first else None, "previous": None}
        )

    server.tell = tell

    assert len(list(client.jobs.list(state="queued"))) == 4
    assert len(list(client.jobs.list(most=1))) == 1
    assert [seen.query.get("after") for seen in server.seen] == [None, ["cursor"], None]
    assert server.seen[0].query["state"] == ["queued"]


def test_cancelling_a_job_that_was_cancelled_already_is_no_error(server: Loopback, client: Client) -> None:
    server.tell = lambda seen: (
        problem(409, "illegal_transition", "No.") if seen.method == "POST" else Told(native_job("cancelled"))
    )

    assert client.jobs.cancel(JOB).state is JobState.CANCELLED


def test_a_retry_is_one_new_job_under_one_key(server: Loopback, client: Client) -> None:
    answers = in_turn(RESET, Told(native_job(), 202))
    server.tell = lambda seen: answers(seen) if seen.path.endswith("/retry") else Told(native_job("failed"))

    client.jobs.retry(JOB, {"seed": 8})

    sent = server.of("POST", f"/native/v1/jobs/{JOB}/retry")
    assert len({seen.headers["idempotency-key"] for seen in sent}) == 1
    assert sent[-1].json == {"input": {"seed": 8}}
