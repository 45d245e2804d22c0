"""A worker whose engines, database, disk or own process fail."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

import engines_for_tests as engines
from calotype.assets.files import FileAssets
from calotype.engines.base import Card
from calotype.errors import DatabaseUnavailableError, DiskFullError
from calotype.jobs.model import Job, NewAsset
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle
from calotype.store import workers
from calotype.store.database import Database
from calotype.store.embedded import EmbeddedDatabase
from calotype.store.migrate import migrate
from worker_stage import POLICY, Stage, a_stage

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(database_url, tmp_path) as stage:
        yield stage


def children() -> set[int]:
    """Return the process ids of the engine processes this test process has started."""
    found = set()
    for process in psutil.Process().children():
        if process.status() != psutil.STATUS_ZOMBIE and "calotype.engines.child" in process.cmdline():
            found.add(process.pid)
    return found


async def assert_still_serving(stage: Stage) -> None:
    assert (await stage.until_ended(await stage.submit(engines.INSTANT))).state is JobState.SUCCEEDED


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


# --- stopping ------------------------------------------------------------------------------------


async def test_a_stopping_worker_finishes_what_it_holds(stage: Stage) -> None:
    async with stage.worker(engines.BRIEF, drain=timedelta(seconds=10)) as stop:
        running = await stage.submit(engines.BRIEF)
        await stage.until_running(running)
        waiting = await stage.submit(engines.BRIEF)
        stop.set()

    assert (await stage.job(running)).state is JobState.SUCCEEDED
    assert (await stage.job(waiting)).state is JobState.QUEUED


@pytest.mark.parametrize("card", [engines.SLOW, engines.NATIVE])
async def test_a_stopping_worker_hands_back_what_takes_too_long(stage: Stage, card: Card) -> None:
    async with stage.worker(card, drain=timedelta(seconds=0.3)) as stop:
        job_id = await stage.submit(card)
        await stage.until_running(job_id)
        await asyncio.sleep(0.3)
        stop.set()

    job = await stage.job(job_id)
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert stage.left_in_scratch() == []
    assert children() == set()


async def test_an_idle_worker_stops_at_once(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT) as stop:
        await assert_still_serving(stage)
        stop.set()
        started = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - started < 1


# --- the worker's own process --------------------------------------------------------------------


async def test_a_killed_worker_costs_one_attempt_and_leaves_nothing_behind(stage: Stage) -> None:
    command, environment = stage.worker_command(engines.BRIEF)
    worker = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL)
    job_id = await stage.submit(engines.BRIEF)
    await stage.until_running(job_id, percent=11)
    [child] = psutil.Process(worker.pid).children()
    worker.kill()
    await worker.wait()
    await stage.until(job_id, lambda job: job.state is not JobState.RUNNING, seconds=2.5)

    async with stage.worker(engines.BRIEF):
        job = await stage.until_ended(job_id)
        assert len(stage.left_in_scratch()) == 1

    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert stage.left_in_scratch() == []


async def test_a_frozen_worker_loses_its_lease_and_wakes_to_be_refused(stage: Stage) -> None:
    command, environment = stage.worker_command(engines.BRIEF)
    frozen = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL)
    job_id = await stage.submit(engines.BRIEF)
    await stage.until_running(job_id, percent=11)
    frozen.send_signal(signal.SIGSTOP)
    async with stage.worker(engines.BRIEF):
        job = await stage.until_ended(job_id, seconds=12)
        frozen.send_signal(signal.SIGCONT)
        serving = [await stage.submit(engines.BRIEF) for _ in range(2)]
        ended = [await stage.until_ended(one) for one in serving]  # the woken one serves again too
    frozen.kill()
    await frozen.wait()

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert stage.stored() == {output.key for one in (job, *ended) for output in one.outputs}


async def test_a_worker_told_to_stop_by_a_signal_to_its_whole_group_keeps_its_engine_for_the_job(stage: Stage) -> None:
    async with stage.worker(engines.BRIEF):
        job_id = await stage.submit(engines.BRIEF)
        await stage.until_running(job_id, percent=11)
        for pid in children():
            os.kill(pid, signal.SIGTERM)

        assert (await stage.until_ended(job_id)).attempt == 1


# --- the database --------------------------------------------------------------------------------


async def test_lost_connections_cost_nothing(stage: Stage) -> None:
    async with stage.worker(engines.BRIEF, engines.INSTANT):
        job_id = await stage.submit(engines.BRIEF)
        job = await stage.until_running(job_id, percent=11)
        with psycopg.connect(stage.url, autocommit=True) as connection:
            connection.execute(
                """select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and pid <> pg_backend_pid()"""
            )
        done = await patiently_ended(stage, job_id)
        assert done.worker_id is None
        await assert_still_serving(stage)
        async with stage.database.connection() as db:
            assert [row["id"] for row in await workers.listed(db)] == [job.worker_id]

    assert (done.state, done.attempt) == (JobState.SUCCEEDED, 1)


async def patiently_ended(stage: Stage, job_id: Any) -> Job:
    while True:
        try:
            return await stage.until_ended(job_id)
        except DatabaseUnavailableError:
            await asyncio.sleep(0.1)


async def test_a_database_that_is_away_for_a_while_costs_nothing(tmp_path: Path) -> None:
    server = EmbeddedDatabase(tmp_path / "postgres")
    with server as url:
        await asyncio.to_thread(migrate, url)
        async with a_stage(url, tmp_path) as stage, stage.worker(engines.BRIEF):
            job_id = await stage.submit(engines.BRIEF)
            await stage.until_running(job_id, percent=11)
            pid = server.process_id()
            assert pid is not None
            os.kill(pid, signal.SIGINT)  # PostgreSQL's fast shutdown
            await asyncio.to_thread(psutil.wait_procs, [psutil.Process(pid)], 10)
            await asyncio.sleep(1.5)  # the engine ends meanwhile
            await asyncio.to_thread(server.ensure)

            async with asyncio.timeout(30):
                job = await patiently_ended(stage, job_id)
            assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
