"""What nobody waits for: every duty does its part, failures are tried again, and a promised file is never purged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calotype.assets.files import FileAssets
from calotype.audit import audit
from calotype.clock import SystemClock
from calotype.errors import DatabaseUnavailableError
from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle
from calotype.store import assets as asset_rows
from calotype.store import workers
from calotype.store.database import Database
from calotype.upkeep import Duty, Upkeep, _attend
from factories import WORKER, Place, make_file, make_place, make_submission
from hook_stage import make_deliverer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def files(tmp_path: Path) -> FileAssets:
    return FileAssets(tmp_path / "assets", 0)


@pytest.fixture
async def place(database_url: str, files: FileAssets) -> AsyncIterator[Place]:
    async with Database(database_url) as database:
        yield await make_place(database)
        assert (await audit(database, files)).findings == ()


def upkeep_of(place: Place, database: Database, files: FileAssets) -> Upkeep:
    return Upkeep(database, Lifecycle(database, place.policy), files, SystemClock(), make_deliverer(database))


async def tomorrow(place: Place, database_url: str, files: FileAssets, days: float = 1) -> None:
    """Do every duty once, some days on."""
    async with Database(database_url, clock_offset=timedelta(days=days)) as database:
        await upkeep_of(place, database, files).run_once()


async def succeeded(place: Place, files: FileAssets) -> tuple[Job, str]:
    claimed = await place.claimed()
    stored = await files.write(f"outputs/{claimed.id}.png", b"a picture", "image/png")
    file = make_file(f"outputs/{claimed.id}.png", bytes=stored.size, sha256=stored.sha256)
    return await place.lifecycle.succeed(claimed, [file]), file.key


async def test_a_job_past_its_deadline_ends(place: Place, database_url: str, files: FileAssets) -> None:
    job = await place.submitted()

    await tomorrow(place, database_url, files)

    assert (await place.now(job)).state is JobState.EXPIRED


async def test_the_job_of_a_dead_worker_is_queued_again_at_the_second_look(place: Place, files: FileAssets) -> None:
    upkeep = upkeep_of(place, place.database, files)
    async with place.database.session() as session:
        worker = await workers.register(session, host="here", pid=1, device="cpu", models=[])
        job = await place.claimed(worker.id)
        await upkeep.rescue()
        assert (await place.now(job)).state is JobState.RUNNING

    while (await place.now(job)).state is JobState.RUNNING:
        await upkeep.rescue()

    assert (await place.now(job)).state is JobState.QUEUED
    assert await place.tickets(job) == 1
    assert await place.rows("select 1 from workers") == []


async def test_a_lapsed_lease_is_given_back_and_the_job_queued(
    place: Place, database_url: str, files: FileAssets
) -> None:
    job = await place.claimed(WORKER)
    async with Database(database_url, clock_offset=timedelta(seconds=20)) as later:
        await upkeep_of(place, later, files).rescue()

    assert (await place.now(job)).state is JobState.QUEUED


async def test_files_past_their_time_are_purged(place: Place, database_url: str, files: FileAssets) -> None:
    _, key = await succeeded(place, files)

    await tomorrow(place, database_url, files, days=8)

    assert not await files.exists(key)
    assert all(row["purged_at"] for row in await place.rows("select purged_at from assets"))


async def test_files_within_their_time_stay(place: Place, database_url: str, files: FileAssets) -> None:
    _, key = await succeeded(place, files)

    await tomorrow(place, database_url, files, days=6)

    assert await files.exists(key)


async def test_an_input_stays_while_a_job_needs_it(place: Place, database_url: str, files: FileAssets) -> None:
    upload = make_file("inputs/a.png")
    await files.write(upload.key, b"a picture", "image/png")
    async with place.database.connection() as db:
        await asset_rows.insert_input(db, upload, place.caller.account_id, timedelta(minutes=1))

    await place.lifecycle.submit(place.caller, make_submission(input={"image": {"asset_id": str(upload.id)}}))
    await tomorrow(place, database_url, files, days=1)

    assert await files.exists(upload.key)


async def test_an_input_that_a_job_takes_just_now_is_not_purged(
    place: Place, database_url: str, files: FileAssets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The submit comes between the look at what has expired and the mark: nothing promised may be marked."""
    upload = make_file("inputs/a.png")
    await files.write(upload.key, b"a picture", "image/png")
    async with place.database.connection() as db:
        await asset_rows.insert_input(db, upload, place.caller.account_id, timedelta(0))
    look = asset_rows.expired

    async def look_and_be_overtaken(db: Any, limit: int) -> list[asset_rows.AssetRow]:
        rows = await look(db, limit)
        await place.lifecycle.submit(place.caller, make_submission(input={"image": {"asset_id": str(upload.id)}}))
        return rows

    monkeypatch.setattr(asset_rows, "expired", look_and_be_overtaken)
    await upkeep_of(place, place.database, files).purge_expired()

    assert await files.exists(upload.key)
    assert await place.rows("select 1 from assets where purged_at is not null") == []


async def test_two_upkeeps_at_once_do_everything_once(place: Place, database_url: str, files: FileAssets) -> None:
    jobs = [await place.submitted() for _ in range(10)]

    await asyncio.gather(*(tomorrow(place, database_url, files) for _ in range(2)))

    assert {(await place.now(job)).state for job in jobs} == {JobState.EXPIRED}
    assert await place.balance() == 100


async def test_a_duty_that_fails_is_tried_again_and_stops_no_other() -> None:
    stop = asyncio.Event()
    tries = 0

    async def fail_once() -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise DatabaseUnavailableError
        stop.set()
        return 1

    await asyncio.wait_for(_attend(Duty("test", 0.001, fail_once), stop), 5)

    assert tries == 2


async def test_upkeep_stops_when_it_is_told_to(place: Place, files: FileAssets) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(upkeep_of(place, place.database, files).run(stop))
    job = await place.job_in(JobState.RETRYING)
    async with asyncio.timeout(10):
        while (await place.now(job)).state is not JobState.QUEUED:
            pass

    stop.set()

    await asyncio.wait_for(running, 5)
