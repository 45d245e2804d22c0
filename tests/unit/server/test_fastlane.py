"""The fast lane answers what the slow way would, and whatever is not exactly as it was goes that way again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api_stage import ApiStage, api_stage, bearer
from calotype.clock import SystemClock
from calotype.server import fastlane
from calotype.server.answer import Answer

pytestmark = pytest.mark.anyio

JOBS = "/native/v1/jobs"


class LeapingClock(SystemClock):
    """The machine's clock, which a test may put forward."""

    leap = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.leap


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


@pytest.fixture
def taken(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request, in order, went by the fast lane."""
    lane, found = stage.app.services.lane, []
    ask = lane.answer

    def watched(scope: object, now: float) -> tuple[str, Answer] | None:
        answer = ask(scope, now)  # type: ignore[arg-type] # it is handed on
        found.append(answer is not None)
        return answer

    monkeypatch.setattr(lane, "answer", watched)
    return found


async def test_a_second_poll_goes_fast_and_is_answered_as_the_first(stage: ApiStage, taken: list[bool]) -> None:
    job_id = (await stage.submit())["id"]
    first, second = [await stage.get(f"{JOBS}/{job_id}") for _ in range(2)]

    assert taken == [False, False, True]
    assert second.content == first.content
    assert without_id(second.headers.multi_items()) == without_id(first.headers.multi_items())


@pytest.mark.parametrize("header", ["If-None-Match", "Prefer", "X-API-Key", "Traceparent"])
async def test_a_poll_that_says_more_goes_the_slow_way(stage: ApiStage, taken: list[bool], header: str) -> None:
    job_id = (await stage.submit())["id"]
    await stage.get(f"{JOBS}/{job_id}")

    await stage.get(f"{JOBS}/{job_id}", **{header: "x"})
    await stage.get(f"{JOBS}/{job_id}?wait=0")

    assert not any(taken)


async def test_another_key_is_not_answered_with_what_the_first_was_shown(stage: ApiStage, taken: list[bool]) -> None:
    job_id = (await stage.submit())["id"]
    await stage.get(f"{JOBS}/{job_id}")

    other = await stage.client.get(f"{JOBS}/{job_id}", headers=bearer(await stage.new_key("other")))
    nobody = await stage.client.get(f"{JOBS}/{job_id}")

    assert (other.status_code, nobody.status_code) == (404, 401)
    assert not any(taken)


async def test_a_changed_job_goes_the_slow_way_once(stage: ApiStage, taken: list[bool]) -> None:
    job_id = (await stage.submit())["id"]
    await stage.get(f"{JOBS}/{job_id}")
    await stage.post(f"{JOBS}/{job_id}/cancel")
    taken.clear()

    states = [(await stage.get(f"{JOBS}/{job_id}")).json()["state"] for _ in range(2)]

    assert states == ["cancelled", "cancelled"]
    assert taken == [False, True]


@pytest.mark.parametrize("header", [("Host", "h" * 300), ("Authorization", "Bearer {}" + " " * 300)])
async def test_a_poll_that_is_long_winded_is_not_remembered(
    stage: ApiStage, taken: list[bool], header: tuple[str, str]
) -> None:
    job_id = (await stage.submit())["id"]
    for _ in range(3):
        await stage.get(f"{JOBS}/{job_id}", **{header[0]: header[1].format(stage.key)})

    assert not any(taken)
    assert not stage.app.services.lane._known


async def test_what_had_its_time_is_forgotten(database_url: str, tmp_path: Path) -> None:
    clock = LeapingClock()
    async with api_stage(database_url, tmp_path, clock=clock) as stage:
        job_id = (await stage.submit())["id"]
        for number in range(20):
            await stage.get(f"{JOBS}/{job_id}", Host=f"host{number}")
        assert len(stage.app.services.lane._known) == 20
        clock.leap = 60.0
        await stage.get(f"{JOBS}/{job_id}")

        assert len(stage.app.services.lane._known) == 1


async def test_only_so_much_is_remembered(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastlane, "_SIZE", 5)
    job_id = (await stage.submit())["id"]
    for number in range(20):
        await stage.get(f"{JOBS}/{job_id}", Host=f"host{number}")

    assert len(stage.app.services.lane._known) == 5


def without_id(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in headers if pair[0] != "x-request-id"]
