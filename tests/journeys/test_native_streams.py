"""Event streams over a real socket: nothing is lost, whoever connects when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, on_a_socket
from calotype.dialects.native.answers import EventAnswer
from calotype.errors import EngineError
from calotype.jobs.model import Progress
from calotype.server import stream as streams
from calotype.server import tail, waiting
from calotype.store import events

pytestmark = pytest.mark.anyio

JOBS = "/native/v1/jobs"
PATIENCE = 15.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


class Listener:
    """One open stream, read frame by frame."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()
        self.last_id: str | None = None

    async def next(self) -> dict[str, Any] | str | None:
        """Return the next event's data, a comment's text, or None when the stream has ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line.startswith(":"):
                    return line
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    self.last_id = fields["id"]
                    shown: dict[str, Any] = json.loads(fields["data"])
                    assert fields["event"] == shown["event"]
                    return shown
        return None

    async def events(self) -> list[dict[str, Any]]:
        """Return every event until the stream ends."""
        found = []
        while (event := await self.next()) is not None:
            assert isinstance(event, dict)
            found.append(event)
        return found


@asynccontextmanager
async def opened(url: str, key: str, path: str, **headers: str) -> AsyncIterator[Listener]:
    """Open a stream on a real socket."""
    async with (
        httpx2.AsyncClient(base_url=url, headers=bearer(key) | headers, timeout=PATIENCE) as client,
        client.stream("GET", path) as answer,
    ):
        yield Listener(answer)


async def test_a_stream_tells_the_whole_story_and_ends_with_it(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    async with on_a_socket(stage) as (url, _), opened(url, stage.key, f"{JOBS}/{job_id}/events") as listener:
        assert listener.answer.headers["content-type"].startswith("text/event-stream")
        first = await listener.next()
        claimed = await stage.claim(job_id)
        await stage.lifecycle.progress(claimed, Progress(50, 1, 2, "composing"))
        await stage.lifecycle.fail(claimed, EngineError("it broke"))
        rest = await listener.events()

    assert isinstance(first, dict)
    told = [EventAnswer.model_validate(event) for event in [first, *rest]]
    assert [event.event for event in told] == ["submit", "claim", "progress", "fail"]
    assert [event.state for event in told] == ["queued", "running", "running", "failed"]
    assert [event.seq for event in told] == sorted(event.seq for event in told)
    assert told[2].data["percent"] == 50


async def test_an_ended_jobs_story_is_told_from_the_log(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)
    async with on_a_socket(stage) as (url, _), opened(url, stage.key, f"{JOBS}/{job_id}/events") as listener:
        told = await listener.events()

    assert [event["state"] for event in told] == ["queued", "running", "succeeded"]


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_stream_resumes_behind_the_last_event_that_was_heard(stage: ApiStage, how: str) -> None:
    job_id = (await stage.submit())["id"]
    path = f"{JOBS}/{job_id}/events"
    async with on_a_socket(stage) as (url, _):
        async with opened(url, stage.key, path) as listener:
            await listener.next()
        await stage.succeed(job_id)
        headers = {"Last-Event-ID": str(listener.last_id)} if how == "header" else {}
        query = "" if how == "header" else f"?last_event_id={listener.last_id}"
        async with opened(url, stage.key, path + query, **headers) as listener:
            told = await listener.events()

    assert [event["state"] for event in told] == ["running", "succeeded"]


async def test_who_has_heard_the_end_is_told_to_stay_away(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)
    async with on_a_socket(stage) as (url, _):
        async with opened(url, stage.key, f"{JOBS}/{job_id}/events") as listener:
            await listener.events()
        async with opened(
            url, stage.key, f"{JOBS}/{job_id}/events", **{"Last-Event-ID": str(listener.last_id)}
        ) as listener:
            assert listener.answer.status_code == 204


async def test_a_silent_stream_shows_that_it_is_alive(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PING", 0.1)
    job_id = (await stage.submit())["id"]
    async with on_a_socket(stage) as (url, _), opened(url, stage.key, f"{JOBS}/{job_id}/events") as listener:
        await listener.next()

        assert await listener.next() == ": ping"


async def test_a_stopping_server_ends_streams_with_an_id_to_resume_from(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    async with on_a_socket(stage) as (url, stop), opened(url, stage.key, f"{JOBS}/{job_id}/events") as listener:
        await listener.next()

        stop.set()

        assert await listener.next() is None
        assert listener.last_id is not None


async def test_an_account_stream_tells_of_new_events_of_all_jobs_and_of_no_other_account(stage: ApiStage) -> None:
    await stage.submit("before")
    mine, other = stage.key, await stage.new_key("other")
    async with on_a_socket(stage) as (url, _), opened(url, mine, "/native/v1/events") as listener:
        stage.key = other
        await stage.submit("theirs")
        stage.key = mine
        job_id = (await stage.submit("after"))["id"]
        first = await listener.next()
        await stage.post(f"{JOBS}/{job_id}/cancel")
        second = await listener.next()

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert [(event["job_id"], event["event"]) for event in (first, second)] == [(job_id, "submit"), (job_id, "cancel")]


async def test_an_account_stream_resumes_without_a_gap(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        async with opened(url, stage.key, "/native/v1/events") as listener:
            await stage.submit("first")
            await listener.next()
        missed = [(await stage.submit(f"missed {number}"))["id"] for number in range(3)]
        async with opened(url, stage.key, "/native/v1/events", **{"Last-Event-ID": str(listener.last_id)}) as listener:
            heard = [await listener.next() for _ in missed]

    assert [event["job_id"] for event in heard if isinstance(event, dict)] == missed


async def test_an_event_that_commits_late_is_told_though_a_later_number_came_first(stage: ApiStage) -> None:
    """A row's sequence number is drawn before it commits: a reader that only looked at numbers would lose it."""
    early, late = (await stage.submit("early"))["id"], (await stage.submit("late"))["id"]
    insert = """insert into job_events (job_id, account_id, event, state, attempt, version)
                select id, account_id, 'progress', state, 0, 9 from jobs where id = %s"""
    notify = "select pg_notify('calotype_jobs', concat_ws(' ', id, account_id, 9, state)) from jobs where id = %s"
    async with on_a_socket(stage) as (url, _), opened(url, stage.key, "/native/v1/events") as listener:
        async with stage.database.transaction() as slow:
            await slow.execute(insert, (late,))
            async with stage.database.transaction() as quick:
                await quick.execute(insert, (early,))
                await quick.execute(notify, (early,))
            first = asyncio.create_task(listener.next())
            told_too_early, _ = await asyncio.wait({first}, timeout=0.5)
            assert not told_too_early
        told = [await first, await listener.next()]

    assert [event["job_id"] for event in told if isinstance(event, dict)] == [late, early]


@pytest.mark.parametrize("given", ["abc", "-1", "1-", "9" * 30])
async def test_an_event_id_that_is_none_is_refused(stage: ApiStage, given: str) -> None:
    job_id = (await stage.submit())["id"]

    answer = await stage.get(f"{JOBS}/{job_id}/events", **{"Last-Event-ID": given})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_a_key_may_have_only_so_many_streams(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_STREAMS", 2)
    job_id = (await stage.submit())["id"]
    other = await stage.new_key("other")
    async with on_a_socket(stage) as (url, _):
        async with (
            opened(url, stage.key, "/native/v1/events"),
            opened(url, stage.key, f"{JOBS}/{job_id}/events"),
            opened(url, stage.key, "/native/v1/events") as third,
            opened(url, other, "/native/v1/events") as theirs,
        ):
            refused = await third.answer.aread()
            assert (third.answer.status_code, json.loads(refused)["code"]) == (429, "too_many_streams")
            assert third.answer.headers["retry-after"] == "2"
            assert theirs.answer.status_code == 200
        await asyncio.sleep(0.2)
        async with opened(url, stage.key, "/native/v1/events") as again:
            assert again.answer.status_code == 200


async def test_streams_of_one_account_share_their_looks(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    of_account = events.of_account

    async def counted(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        return await of_account(*given)

    monkeypatch.setattr(events, "of_account", counted)
    async with on_a_socket(stage) as (url, _), AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(opened(url, stage.key, "/native/v1/events")) for _ in range(20)]
        await asyncio.sleep(1)
        looks = 0
        job_ids = [(await stage.submit())["id"] for _ in range(5)]
        told = [[await listener.next() for _ in job_ids] for listener in listeners]

    assert [[event["job_id"] for event in heard if isinstance(event, dict)] for heard in told] == [job_ids] * 20
    assert looks < 60, "20 streams that each looked for themselves would have looked 100 times and more"


@pytest.mark.parametrize("path", ["/native/v1/events", f"{JOBS}/{{}}/events"])
async def test_a_stream_ends_once_its_key_is_revoked(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(streams, "PING", 0.2)
    job_id = (await stage.submit())["id"]
    key = await stage.new_key("me again", account="me")
    async with on_a_socket(stage) as (url, _), opened(url, key, path.format(job_id)) as listener:
        await listener.next()
        await stage.parts.accounts.revoke_key(UUID(stage.keys["me again"]))
        async with asyncio.timeout(5):
            while await listener.next() is not None:
                pass


async def test_a_long_poll_ends_once_its_key_is_revoked(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_LOOK_ANYWAY", 0.1)
    job_id = (await stage.submit())["id"]
    poll = asyncio.create_task(stage.get(f"{JOBS}/{job_id}?wait=20"))
    await asyncio.sleep(0.3)
    await stage.parts.accounts.revoke_key(UUID(stage.keys["me"]))

    async with asyncio.timeout(5):
        assert (await poll).status_code == 401
