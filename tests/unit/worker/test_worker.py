"""A worker whose engines behave: what a job and its results look like afterwards."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

import engines_for_tests as engines
from calotype.assets.base import key_for
from calotype.jobs.ids import new_id
from calotype.jobs.model import NewAsset
from calotype.jobs.states import JobState
from calotype.store import assets as asset_rows
from calotype.store import models, workers
from worker_stage import Stage, a_stage

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(database_url, tmp_path) as stage:
        yield stage


async def test_a_job_becomes_a_stored_picture(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT):
        job = await stage.until_ended(await stage.submit(engines.INSTANT, seed=7))

    output = job.outputs[0]
    assert job.state is JobState.SUCCEEDED
    assert (output.media_type, output.extension, output.width, output.height) == ("image/png", "png", 8, 8)
    assert stage.stored() == {output.key}
    assert (stage.folder / "assets" / output.key).stat().st_size == output.bytes
    assert output.provenance["seed"] == 7
    assert output.thumbnail_key is None


async def test_several_outputs_keep_their_order(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT):
        job = await stage.until_ended(await stage.submit(engines.INSTANT, seed=7, count=4))

    assert [output.ordinal for output in job.outputs] == [0, 1, 2, 3]
    assert [output.provenance["seed"] for output in job.outputs] == [7, 8, 9, 10]


async def test_a_job_without_a_seed_is_given_one_that_is_recorded(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT):
        seeds = [(await stage.made_by(await stage.submit(engines.INSTANT)))["seed"] for _ in range(2)]

    assert seeds[0] != seeds[1]
    assert all(0 <= seed < 2**32 for seed in seeds)


async def test_a_large_picture_gets_a_thumbnail(stage: Stage) -> None:
    async with stage.worker(engines.POSTER):
        job = await stage.until_ended(await stage.submit(engines.POSTER))

    thumbnail = job.outputs[0].thumbnail_key
    assert thumbnail is not None
    assert stage.stored() == {job.outputs[0].key, thumbnail}
    with Image.open(stage.folder / "assets" / thumbnail) as image:
        assert image.size == (320, 200)


async def test_an_input_image_is_brought_to_the_engine(stage: Stage) -> None:
    asset_id = new_id()
    key = key_for(stage.caller.account_id, asset_id, asset_id, "png")
    stored = await stage.assets.write(key, engines.png(99), "image/png")
    asset = NewAsset(asset_id, key, "image/png", "png", stored.size, stored.sha256)
    async with stage.database.connection() as db:
        await asset_rows.insert_input(db, asset, stage.caller.account_id, stage.lifecycle._policy.retention)

    async with stage.worker(engines.COPYING):
        job = await stage.until_ended(await stage.submit(engines.COPYING, image={"asset_id": str(asset_id)}))

    assert job.outputs[0].sha256 == stored.sha256


async def test_an_input_image_of_another_account_is_not_there(stage: Stage) -> None:
    async with stage.worker(engines.COPYING):
        job = await stage.until_ended(await stage.submit(engines.COPYING, image={"asset_id": str(new_id())}))

    assert job.error is not None
    assert job.error.message == "an input image is no longer there"


async def test_jobs_in_a_row_are_served_by_one_warm_process(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT, engines.OTHER):
        jobs = [await stage.submit(card) for card in (engines.INSTANT, engines.OTHER, engines.INSTANT)]
        pids = {(await stage.made_by(job))["pid"] for job in jobs}

    assert len(pids) == 1


async def test_a_process_is_exchanged_after_enough_switches(stage: Stage) -> None:
    pids = []
    async with stage.worker(engines.INSTANT, engines.OTHER, recycle_after_switches=2):
        for card in (engines.INSTANT, engines.OTHER, engines.INSTANT, engines.OTHER):
            pids.append((await stage.made_by(await stage.submit(card)))["pid"])  # noqa: PERF401 - one after the other

    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_progress_and_previews_are_shown_while_it_runs_and_gone_afterwards(stage: Stage) -> None:
    async with stage.worker(engines.BRIEF):
        job_id = await stage.submit(engines.BRIEF)
        running = await stage.until(job_id, lambda job: job.preview_key is not None)
        assert running.state is JobState.RUNNING
        assert running.preview_key in stage.stored()
        job = await stage.until_ended(job_id)

    assert 10 <= running.progress.percent < 95
    assert (running.progress.phase, running.progress.total) == ("denoising", 20)
    assert stage.stored() == {job.outputs[0].key}
    assert job.load_ms is not None
    assert job.load_ms >= 0
    async with stage.database.connection() as db:
        row = await (await db.execute("select count(*) from job_events where event = 'progress'")).fetchone()
    assert row is not None
    assert 1 <= row["count"] <= 4


async def test_a_worker_is_registered_while_it_works_and_writes_down_what_it_offers(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT, engines.MISSING):
        await stage.made_by(await stage.submit(engines.INSTANT))
        async with stage.database.connection() as db:
            [row] = await workers.listed(db)
            offered = {card["id"] for card in await models.all_cards(db)}
            assert await workers.dead(db) == []
    async with stage.database.connection() as db:
        assert await workers.listed(db) == []

    assert "test-instant" in offered
    assert "test-missing" not in offered
    assert row["models"] == [name for name in row["models"] if name in offered]  # type: ignore[attr-defined]


async def test_the_next_job_starts_as_soon_as_one_ends(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT):
        jobs = [await stage.submit(engines.INSTANT) for _ in range(20)]
        ended = [await stage.until_ended(job) for job in jobs]

    waits = [
        (after.started_at - before.finished_at).total_seconds()
        for before, after in itertools.pairwise(ended)
        if after.started_at and before.finished_at
    ]
    assert sorted(waits)[len(waits) // 2] < 0.1


async def test_a_waiting_model_gets_its_turn_after_enough_jobs_of_the_warm_one(stage: Stage) -> None:
    warm = [await stage.submit(engines.INSTANT) for _ in range(6)]
    other = await stage.submit(engines.OTHER)
    async with stage.worker(engines.INSTANT, engines.OTHER, warm_jobs=3):
        ended = [await stage.until_ended(job) for job in (*warm, other)]

    order = sorted(ended, key=lambda job: job.started_at)  # type: ignore[arg-type, return-value]
    assert [job.id for job in order].index(other) == 3


async def test_nothing_is_left_in_scratch(stage: Stage) -> None:
    async with stage.worker(engines.INSTANT):
        for _ in range(3):
            await stage.made_by(await stage.submit(engines.INSTANT))
        [worker] = stage.left_in_scratch()
        attempts = [name for name in listed(stage.folder / "scratch" / worker) if name != "lock"]

    assert len(attempts) <= 1  # the last one's is removed after its end is written down
    assert stage.left_in_scratch() == []


def listed(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
