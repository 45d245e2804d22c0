"""Clients that poll as their vendors' samples do are never refused, on whatever plan their key is.

The clock is moved, not slept: the limits take ours. One run is real, on a socket, and short.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, on_a_socket
from calotype.clock import SystemClock
from calotype.jobs.limits import BUILT_IN
from calotype.store import limits

pytestmark = pytest.mark.anyio

SECONDS = 120
PLANS = [None, *BUILT_IN]
NATIVE, AETHERAI = "/native/v1/jobs", "/public/v1/job"
PACES = [
    pytest.param(AETHERAI, 1.0, id="AetherAI, every second"),
    pytest.param(AETHERAI, 2.0, id="AetherAI, every 2 s"),
    pytest.param(NATIVE, 5.0, id="PhotoGPT's pace"),
    pytest.param(NATIVE, 2.0, id="Apiframe's pace"),
    pytest.param(NATIVE, 3.0, id="ProductAI's pace"),
]


class MovedClock(SystemClock):
    """The machine's clock, as far on as a test has moved it."""

    moved = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.moved


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def stage(database_url: str, tmp_path: Path, clock: MovedClock) -> AsyncIterator[ApiStage]:
    """The API with the limits it comes with."""
    async with api_stage(database_url, tmp_path, clock=clock, limits={}) as stage:
        async with stage.database.connection() as db:
            await limits.register(db, BUILT_IN.values())
        yield stage


async def submitted(stage: ApiStage, plan: str | None) -> str:
    """Return a job that a key on this plan has just submitted; the stage polls with that key from now on."""
    stage.key = await stage.new_key(f"on {plan}", plan=plan)
    return str((await stage.submit())["id"])


@pytest.mark.parametrize(("path", "pace"), PACES)
async def test_a_seed_client_polls_for_two_minutes_on_each_plan(
    stage: ApiStage, clock: MovedClock, path: str, pace: float
) -> None:
    for plan in PLANS:
        job_id = await submitted(stage, plan)
        statuses = set()
        for _ in range(int(SECONDS / pace)):
            statuses.add((await stage.get(f"{path}/{job_id}")).status_code)
            clock.moved += pace

        assert statuses == {200}, plan


async def test_a_hundred_jobs_of_one_key_are_followed_once_a_second(stage: ApiStage, clock: MovedClock) -> None:
    stage.key = await stage.new_key("many")
    job_ids = [(await stage.submit())["id"] for _ in range(100)]
    statuses = set()
    for _ in range(5):
        for job_id in job_ids:
            statuses.add((await stage.get(f"{AETHERAI}/{job_id}")).status_code)
        clock.moved += 1.0

    assert statuses == {200}


async def test_a_client_that_polls_without_a_pause_is_told_to_wait(database_url: str, tmp_path: Path) -> None:
    async with api_stage(database_url, tmp_path, limits={"reads": 0.1, "read_burst": 30}) as stage:
        job_id = (await stage.submit())["id"]
        answers = [await stage.get(f"{AETHERAI}/{job_id}") for _ in range(20)]

    refused = [answer for answer in answers if answer.status_code != 200]
    assert answers[0].status_code == 200
    assert {(answer.status_code, answer.text) for answer in refused} == {(429, '{"detail":"Too Many Requests"}')}
    assert all(0 < int(answer.headers["retry-after"]) <= 10 for answer in refused)


async def test_on_a_real_socket_in_real_time_the_same(stage: ApiStage) -> None:
    job_id = await submitted(stage, "productai-free")
    loop = asyncio.get_running_loop()
    async with on_a_socket(stage) as (url, _), httpx2.AsyncClient(headers=bearer(stage.key)) as client:
        end, statuses = loop.time() + 4.0, []
        while loop.time() < end:
            statuses.append((await client.get(f"{url}{AETHERAI}/{job_id}")).status_code)
            await asyncio.sleep(1.0)  # the pace is what is tried

    assert len(statuses) >= 3
    assert set(statuses) == {200}
