"""Inputs by URL: fetched before the receipt, or behind it by a fetcher that may die at any moment."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api_stage import ApiStage, api_stage, bearer, picture
from calotype.config import OutboundSettings
from calotype.errors import LeaseLostError
from calotype.fetching import Fetcher
from calotype.inputs import Inputs
from calotype.jobs.model import Fetch
from calotype.outbound import Outbound
from sites import answer, site

pytestmark = pytest.mark.anyio
JOBS = "/native/v1/jobs"
LOOPBACK = {"allow_subnets": ["127.0.0.0/8"]}


@dataclass
class Stage:
    """The API, and the fetcher that would run beside it."""

    api: ApiStage
    fetcher: Fetcher

    async def upscale(self, url: str, prefer: str = "") -> tuple[int, dict[str, Any]]:
        """Submit an enlargement of what is at a URL; return status and body."""
        body = {"kind": "upscale", "input": {"image": {"url": url}, "scale": 2}}
        replied = await self.api.client.post(JOBS, json=body, headers=bearer(self.api.key) | {"Prefer": prefer})
        shown: dict[str, Any] = replied.json()
        return replied.status_code, shown

    async def later(self, url: str) -> str:
        """Submit one whose receipt does not wait; return its id."""
        status, job = await self.upscale(url, "respond-async")
        assert (status, job["state"], job["input"]["image"]) == (202, "created", {"url": url})
        assert job["queued_at"] is None
        return str(job["id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.api.get(f"{JOBS}/{job_id}")).json()
        return shown

    async def sql(self, query: str, *given: Any) -> list[dict[str, Any]]:
        async with self.api.database.connection() as db:
            cursor = await db.execute(query.encode(), given)
            return await cursor.fetchall() if cursor.description else []

    async def make_due(self) -> None:
        """Let whatever a fetch waits for be over: its pause, or the lease of one who died."""
        await self.sql("update fetches set due_at = calotype_now()")

    async def stored_inputs(self) -> int:
        return len(await self.sql("select 1 from assets where role = 'input'"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with api_stage(database_url, tmp_path, outbound=LOOPBACK) as api:
        parts = api.parts
        way = Outbound(OutboundSettings(allow_subnets=("127.0.0.0/8",)))
        inputs = Inputs(parts.database, parts.assets, parts.settings.jobs.retention, way, 25_000_000)
        yield Stage(api, Fetcher(parts.database, parts.lifecycle, inputs, tmp_path / "fetching", parts.clock))


PICTURE = answer(picture(), "Content-Type: image/png")


# --- before the receipt ------------------------------------------------------------------------------


async def test_a_url_is_fetched_before_the_receipt_and_becomes_an_asset(stage: Stage) -> None:
    async with site(PICTURE) as here:
        status, job = await stage.upscale(here.url)

    assert (status, job["state"]) == (202, "queued")
    asset = (await stage.api.get(f"/native/v1/assets/{job['input']['image']['asset_id']}")).json()
    assert (asset["width"], asset["height"], asset["media_type"]) == (8, 6, "image/png")


@pytest.mark.parametrize(
    ("script", "status", "code", "says"),
    [
        (
            answer(b"", status="404 Not Found"),
            400,
            "url_failed",
            "/input/image/url could not be read: it answered 404.",
        ),
        (answer(b"<p>", "Content-Type: text/html"), 400, "url_failed", "not answer with a file of the kind"),
        (answer(b"", "Location: http://169.254.169.254/", status="302 Found"), 400, "url_not_allowed", "not public"),
        (answer(b"GIF89a but not really", "Content-Type: image/gif"), 422, "invalid_image", "cannot be used"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 25000001\r\n\r\n", 400, "url_failed", "too large"),
    ],
)
async def test_a_url_that_holds_no_picture_is_refused_at_once_and_costs_nothing(
    stage: Stage, script: bytes, status: int, code: str, says: str
) -> None:
    async with site(script) as here:
        found, problem = await stage.upscale(here.url)

    assert (found, problem["code"]) == (status, code)
    assert says in problem["detail"]
    assert await stage.api.jobs_stored() == 0
    assert await stage.stored_inputs() == 0


@pytest.mark.parametrize("prefer", ["", "respond-async", "wait=5, respond-async"])
@pytest.mark.parametrize("url", ["http://10.0.0.1/x.png", "file:///etc/passwd", "http://user@127.0.0.1/", "x", ""])
async def test_a_url_that_may_not_be_called_is_refused_at_once(stage: Stage, url: str, prefer: str) -> None:
    status, problem = await stage.upscale(url, prefer)

    assert (status, problem["code"]) == (400, "url_not_allowed")
    assert await stage.api.jobs_stored() == 0


async def test_a_dry_run_looks_at_the_url_and_keeps_nothing(stage: Stage) -> None:
    body = {"kind": "upscale", "input": {"image": {"url": ""}, "scale": 2}}
    async with site(PICTURE) as here:
        body["input"] = {"image": {"url": here.url}, "scale": 2}
        replied = await stage.api.post(f"{JOBS}?dry_run=true", body)

    assert replied.status_code == 200, replied.text
    assert await stage.stored_inputs() == 0


# --- behind the receipt ------------------------------------------------------------------------------


async def test_a_job_stays_created_until_its_file_is_in_and_is_then_queued(stage: Stage) -> None:
    async with site(PICTURE) as here:
        job_id = await stage.later(here.url)
        assert here.asked == []
        assert await stage.fetcher.run_once() == 1

    job = await stage.job(job_id)
    assert job["state"] == "queued"
    assert job["queued_at"] is not None
    assert set(job["input"]["image"]) == {"asset_id"}
    assert (await stage.api.claim(job_id)).input == job["input"]
    assert await stage.sql("select 1 from fetches") == []


async def test_a_file_that_is_none_fails_the_job_visibly_and_gives_the_hold_back(stage: Stage) -> None:
    before = await stage.api.balance()
    async with site(answer(b"hello", "Content-Type: image/png")) as here:
        job_id = await stage.later(here.url)
        held = await stage.api.balance()
        await stage.fetcher.run_once()

    job = await stage.job(job_id)
    assert (job["state"], job["error"]["code"]) == ("failed", "invalid_image")
    assert held == before - job["credits"]["price"]
    assert await stage.api.balance() == before


async def test_a_host_that_does_not_answer_is_tried_again_and_then_given_up(stage: Stage) -> None:
    async with site(b"") as here:
        job_id = await stage.later(here.url)
        for _ in range(2):
            await stage.fetcher.run_once()
            assert (await stage.job(job_id))["state"] == "created"
            await stage.make_due()
        await stage.fetcher.run_once()

        assert len(here.asked) == 3
    job = await stage.job(job_id)
    assert (job["state"], job["error"]["code"], job["error"]["retryable"]) == ("failed", "url_failed", True)


async def test_a_job_that_is_cancelled_while_its_file_is_on_its_way_keeps_none(stage: Stage) -> None:
    job_id = ""

    async def cancel_then_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stage.api.post(f"{JOBS}/{job_id}/cancel")
        writer.write(PICTURE)
        await writer.drain()

    async with site(cancel_then_answer) as here:
        job_id = await stage.later(here.url)
        await stage.fetcher.run_once()

    assert (await stage.job(job_id))["state"] == "cancelled"
    assert await stage.stored_inputs() == 0
    assert await stage.sql("select 1 from fetches") == []


async def test_the_deadline_ends_a_job_whose_file_never_comes(stage: Stage) -> None:
    job_id = await stage.later("http://127.0.0.1:8080/never.png")
    await stage.sql("update jobs set deadline_at = calotype_now() - interval '1 second'")

    assert await stage.api.lifecycle.expire_due() == 1

    assert (await stage.job(job_id))["state"] == "expired"
    assert await stage.fetcher.run_once() == 0


async def test_a_claim_whose_lease_has_lapsed_is_refused(stage: Stage) -> None:
    async with site(PICTURE) as here:
        job_id = await stage.later(here.url)
        await stage.sql("update fetches set claims = claims + 1")  # somebody took it, and died
        await stage.fetcher.run_once()

    with pytest.raises(LeaseLostError):
        await stage.api.lifecycle.inputs_ready(Fetch(UUID(job_id), 1), {"image": {"asset_id": str(UUID(int=1))}})
    assert (await stage.job(job_id))["state"] == "queued"


async def test_a_fetch_that_kills_whoever_tries_it_is_given_up(stage: Stage) -> None:
    job_id = await stage.later("http://127.0.0.1:8080/poison.png")
    await stage.sql("update fetches set claims = 6")

    await stage.fetcher.run_once()

    job = await stage.job(job_id)
    assert (job["state"], job["error"]["code"]) == ("failed", "attempts_exhausted")
    assert job["credits"]["refunded"] == job["credits"]["price"]


async def test_one_account_fetches_only_a_few_at_a_time(stage: Stage) -> None:
    for _ in range(5):
        await stage.later("http://127.0.0.1:8080/slow.png")
    await stage.sql(
        "update fetches set claims = 1, due_at = calotype_now() + interval '1 minute'"
        " where job_id in (select job_id from fetches limit 4)"
    )

    assert await stage.fetcher.run_once() == 0


FETCHER = """
import asyncio, sys
from pathlib import Path
from calotype.config import Settings
from calotype.runtime import core, fetcher_of

async def main():
    settings = Settings(data=Path(sys.argv[2]), outbound={"allow_subnets": ["127.0.0.0/8"]})
    async with core(settings, sys.argv[1], "fetching") as parts:
        await fetcher_of(parts).run(asyncio.Event())

asyncio.run(main())
"""


async def test_a_fetcher_that_is_killed_loses_nothing(stage: Stage, database_url: str, tmp_path: Path) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def stall_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not asked.is_set():
            asked.set()
            await release.wait()
        writer.write(PICTURE)
        await writer.drain()

    async with site(stall_once) as here:
        job_id = await stage.later(here.url)
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", FETCHER, database_url, str(tmp_path))
        async with asyncio.timeout(60):
            await asked.wait()
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()
        release.set()
        assert await stage.fetcher.run_once() == 0, "its lease still stands"
        await stage.make_due()
        assert await stage.fetcher.run_once() == 1

    assert (await stage.job(job_id))["state"] == "queued"
    assert await stage.stored_inputs() == 1
