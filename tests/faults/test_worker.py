"""A worker whose engines, results or disk fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import engines_for_tests as engines
from calotype.assets.files import FileAssets
from calotype.engines.base import Card
from calotype.errors import DatabaseUnavailableError, DiskFullError
from calotype.jobs.model import Job, NewAsset
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle
from calotype.store.database import Database
from worker_stage import POLICY, Stage, a_stage, assert_still_serving, children

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(database_url, tmp_path) as stage:
        yield stage


# --- the engine ----------------------------------------------------------------------------------


@pytest.mark.parametrize("card", [engines.EXITING, engines.CRASHING], ids=["exit", "segfault"])
async def test_a_job_that_kills_every_process_fails_after_its_attempts_and_is_refunded(
    stage: Stage, card: Card
) -> None:
    before = await stage.balance()
    async with stage.worker(card, engines.INSTANT):
        job = await stage.until_ended(await stage.submit(card))
        assert await stage.balance() == before
        await assert_still_serving(stage)

    assert job.error is not None
    assert (job.state, job.error.code, job.attempt) == (JobState.FAILED, "attempts_exhausted", 3)
    assert "The engine's process ended" in job.error.message


async def test_a_process_killed_in_the_middle_costs_one_attempt(stage: Stage) -> None:
    mark = stage.folder / "mark"
    async with stage.worker(engines.CRASHING_ONCE):
        job = await stage.until_ended(await stage.submit(engines.CRASHING_ONCE, prompt=str(mark)))

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)


@pytest.mark.parametrize(
    ("prompt", "state", "attempts", "code"),
    [
        ("engine", JobState.FAILED, 1, "engine_failed"),
        ("bug", JobState.FAILED, 1, "engine_failed"),
        ("transient", JobState.FAILED, 3, "attempts_exhausted"),
        ("memory", JobState.FAILED, 3, "attempts_exhausted"),
    ],
)
async def test_an_error_is_retried_only_when_another_attempt_may_help(
    stage: Stage, prompt: str, state: JobState, attempts: int, code: str
) -> None:
    async with stage.worker(engines.FAILING):
        job = await stage.until_ended(await stage.submit(engines.FAILING, prompt=prompt))

    assert job.error is not None
    assert (job.state, job.attempt, job.error.code) == (state, attempts, code)


@pytest.mark.parametrize("device", ["cpu", "cuda:0"], ids=["refused by the system", "seen by the worker"])
async def test_running_out_of_memory_exchanges_the_process(stage: Stage, device: str) -> None:
    async with stage.worker(engines.EATER, engines.INSTANT, memory_limit=300_000_000, device=device):
        first = (await stage.made_by(await stage.submit(engines.INSTANT)))["pid"]
        job = await stage.until_ended(await stage.submit(engines.EATER))
        second = (await stage.made_by(await stage.submit(engines.INSTANT)))["pid"]

    assert job.error is not None
    assert job.error.code == "attempts_exhausted"
    assert "out of memory" in job.error.message or "more memory than the limit" in job.error.message
    assert first != second


async def test_a_hung_process_is_ended_and_the_job_tried_again(stage: Stage) -> None:
    async with stage.worker(engines.NATIVE, engines.INSTANT, silence=timedelta(seconds=1)):
        job = await stage.until_ended(await stage.submit(engines.NATIVE))
        await assert_still_serving(stage)

    assert job.error is not None
    assert (job.error.code, job.attempt) == ("attempts_exhausted", 3)
    assert "stopped answering" in job.error.message


@pytest.mark.parametrize("card", [engines.SLOW, engines.STUBBORN, engines.NATIVE], ids=["asked", "python", "native"])
async def test_a_job_past_its_deadline_expires_and_frees_the_device(stage: Stage, card: Card) -> None:
    before = await stage.balance()
    async with stage.worker(card, engines.INSTANT):
        job = await stage.until_ended(await stage.submit(card, deadline=timedelta(seconds=1)))
        async with asyncio.timeout(3):
            await assert_still_serving(stage)

    assert job.state is JobState.EXPIRED
    assert await stage.balance() == before - 1


@pytest.mark.parametrize("card", [engines.SLOW, engines.NATIVE], ids=["asked", "native"])
async def test_a_deadline_is_kept_while_nobody_looks_after_expiry(stage: Stage, card: Card) -> None:
    stage.no_upkeep.set()
    async with stage.worker(card, engines.INSTANT):
        job_id = await stage.submit(card, deadline=timedelta(seconds=1))
        await stage.until_running(job_id)
        async with asyncio.timeout(4):
            await assert_still_serving(stage)

    assert (await stage.job(job_id)).state is JobState.RUNNING  # upkeep, once it is back, says expired


# --- cancels -------------------------------------------------------------------------------------


async def test_a_cancel_between_steps_is_quick_and_keeps_the_process_warm(stage: Stage) -> None:
    async with stage.worker(engines.SLOW, engines.INSTANT, heartbeat=timedelta(seconds=60)):
        job_id = await stage.submit(engines.SLOW)
        await stage.until_running(job_id, percent=11)
        pids = children()
        await stage.lifecycle.cancel(job_id, account_id=None)
        job = await stage.until_ended(job_id, seconds=0.4)  # before the grace, hence asked and not killed
        await assert_still_serving(stage)
        assert children() == pids

    assert job.state is JobState.CANCELLED
    assert stage.stored() == {output.key for output in (await latest(stage)).outputs}


@pytest.mark.parametrize("card", [engines.STUBBORN, engines.NATIVE, engines.SPINNING])
async def test_an_engine_that_does_not_listen_is_killed_after_the_grace(stage: Stage, card: Card) -> None:
    async with stage.worker(card, engines.INSTANT, heartbeat=timedelta(seconds=60)):
        job_id = await stage.submit(card)
        await stage.until_running(job_id)
        await asyncio.sleep(0.5)
        await stage.lifecycle.cancel(job_id, account_id=None)
        job = await stage.until_ended(job_id, seconds=2)
        await assert_still_serving(stage)

    assert (job.state, job.attempt) == (JobState.CANCELLED, 1)


async def test_an_engine_that_cannot_stop_in_the_middle_is_killed_at_once(stage: Stage) -> None:
    async with stage.worker(engines.KILLABLE, grace=timedelta(seconds=60)):
        job_id = await stage.submit(engines.KILLABLE)
        await stage.until_running(job_id)
        await asyncio.sleep(0.5)
        await stage.lifecycle.cancel(job_id, account_id=None)

        assert (await stage.until_ended(job_id, seconds=2)).state is JobState.CANCELLED


async def test_a_job_is_cancelled_while_its_model_is_loading(stage: Stage) -> None:
    async with stage.worker(engines.SLOW_TO_LOAD, engines.INSTANT):
        job_id = await stage.submit(engines.SLOW_TO_LOAD)
        await stage.until_running(job_id, percent=0.05)
        await stage.lifecycle.cancel(job_id, account_id=None)

        assert (await stage.until_ended(job_id, seconds=2)).state is JobState.CANCELLED
        await assert_still_serving(stage)


async def test_a_cancel_that_was_not_heard_is_found_by_the_heartbeat(stage: Stage) -> None:
    async with stage.worker(engines.STUBBORN, heartbeat=timedelta(seconds=0.5)):
        job_id = await stage.submit(engines.STUBBORN)
        await stage.until_running(job_id)
        async with stage.database.connection() as db:  # as `cancel` does, without its NOTIFY
            await db.execute("update jobs set state = 'cancelling', version = version + 1 where id = %s", (job_id,))

        assert (await stage.until_ended(job_id, seconds=3)).state is JobState.CANCELLED


# --- fencing -------------------------------------------------------------------------------------


async def latest(stage: Stage) -> Job:
    async with stage.database.connection() as db:
        row = await (await db.execute("select id from jobs order by number desc limit 1")).fetchone()
    assert row is not None
    return await stage.job(row["id"])


async def worker_of(stage: Stage, job: Job) -> None:
    assert job.worker_id is not None
    await stage.lifecycle.lapse_of_workers([job.worker_id])


async def test_a_worker_that_lost_its_lease_stops_and_leaves_nothing_behind(stage: Stage) -> None:
    async with stage.worker(engines.BRIEF):
        job_id = await stage.submit(engines.BRIEF)
        await worker_of(stage, await stage.until_running(job_id, percent=11))
        job = await stage.until_ended(job_id)

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert stage.stored() == {job.outputs[0].key}


class LateLifecycle(Lifecycle):
    """Succeeds only after its lease was lost: a zombie that wakes too late."""

    async def succeed(self, claimed: Job, outputs: Sequence[NewAsset]) -> Job:
        if claimed.attempt == 1:
            assert claimed.worker_id is not None
            await self.lapse_of_workers([claimed.worker_id])
        return await super().succeed(claimed, outputs)


async def test_a_result_that_is_refused_is_deleted(stage: Stage) -> None:
    async with (
        Database(stage.url) as database,
        stage.worker(engines.INSTANT, lifecycle=LateLifecycle(database, POLICY)),
    ):
        job = await stage.until_ended(await stage.submit(engines.INSTANT))

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert stage.stored() == {job.outputs[0].key}


class CancelledLifecycle(Lifecycle):
    """Is cancelled when the result is ready."""

    async def succeed(self, claimed: Job, outputs: Sequence[NewAsset]) -> Job:
        await self.cancel(claimed.id, account_id=None)
        return await super().succeed(claimed, outputs)


async def test_a_result_that_comes_after_a_cancel_is_deleted_and_the_job_cancelled(stage: Stage) -> None:
    async with (
        Database(stage.url) as database,
        stage.worker(engines.INSTANT, lifecycle=CancelledLifecycle(database, POLICY)),
    ):
        job = await stage.until_ended(await stage.submit(engines.INSTANT))

    assert job.state is JobState.CANCELLED
    assert stage.stored() == set()


class ForgetfulLifecycle(Lifecycle):
    """Loses the answer of what it has done."""

    async def succeed(self, claimed: Job, outputs: Sequence[NewAsset]) -> Job:
        await super().succeed(claimed, outputs)
        raise DatabaseUnavailableError


async def test_a_lost_answer_does_not_cost_the_result(stage: Stage) -> None:
    async with (
        Database(stage.url) as database,
        stage.worker(engines.INSTANT, lifecycle=ForgetfulLifecycle(database, POLICY)),
    ):
        job = await stage.until_ended(await stage.submit(engines.INSTANT))
        await assert_still_serving(stage)

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert job.outputs[0].key in stage.stored()


class BrokenLifecycle(Lifecycle):
    """Has a bug."""

    async def succeed(self, claimed: Job, outputs: Sequence[NewAsset]) -> Job:
        if claimed.attempt == 1:
            raise AssertionError("a bug")
        return await super().succeed(claimed, outputs)


async def test_a_bug_of_ours_costs_an_attempt_and_not_the_worker(stage: Stage) -> None:
    async with (
        Database(stage.url) as database,
        stage.worker(engines.INSTANT, lifecycle=BrokenLifecycle(database, POLICY)),
    ):
        job = await stage.until_ended(await stage.submit(engines.INSTANT))

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)


# --- the disk ------------------------------------------------------------------------------------


class FullAssets(FileAssets):
    """Has room for one file."""

    async def write(self, key: str, data: bytes | Path, media_type: str) -> Any:
        if any(path.is_file() for path in self._root.rglob("*")):
            raise DiskFullError
        return await super().write(key, data, media_type)


async def test_a_full_disk_fails_the_job_refunds_it_and_leaves_no_file(stage: Stage, tmp_path: Path) -> None:
    stage.assets = FullAssets(tmp_path / "assets", floor_bytes=1)
    before = await stage.balance()
    async with stage.worker(engines.POSTER):
        job = await stage.until_ended(await stage.submit(engines.POSTER))

    assert job.error is not None
    assert job.error.code == "attempts_exhausted"
    assert "no room" in job.error.message
    assert stage.stored() == set()
    assert await stage.balance() == before
