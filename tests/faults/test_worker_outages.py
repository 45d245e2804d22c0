"""A worker that is stopped, killed, frozen or cut off from its database."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

import engines_for_tests as engines
from calotype.engines.base import Card
from calotype.errors import DatabaseUnavailableError
from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.store import workers
from calotype.store.embedded import EmbeddedDatabase
from calotype.store.migrate import migrate
from worker_stage import Stage, a_stage, assert_still_serving, children

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(database_url, tmp_path) as stage:
        yield stage


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
    assert (job.state, job.max_attempts - job.attempt) == (JobState.QUEUED, 3)
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
