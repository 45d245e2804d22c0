"""Jobs on the shelf: submitted, claimed and ended through the lifecycle, in a lane that no worker serves."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

from calotype.accounts import Accounts
from calotype.clock import SystemClock
from calotype.jobs.ids import new_id
from calotype.jobs.kinds import Kind
from calotype.jobs.model import Caller, Job, NewAsset, Submission
from calotype.lifecycle import Lifecycle, Policy
from calotype.store import lanes
from calotype.store.database import Database

MODEL = "bench"
TASKS = 8


async def stock(database: Database, key: str, *, ended: int, queued: int) -> list[UUID]:
    """Store so many succeeded and queued jobs of a key's account; return their ids."""
    caller = await caller_of(database, key)
    lifecycle = Lifecycle(database, Policy(deadline=timedelta(hours=1)))
    worker_id = uuid4()
    ids: list[UUID] = []

    async def put(number: int) -> None:
        ids.append((await lifecycle.submit(caller, submission(number))).job.id)

    async def end(_: int) -> None:
        claimed = await lifecycle.claim(worker_id, lane_id)
        assert claimed is not None, "each claim has a ticket"
        await lifecycle.succeed(claimed, [_picture(claimed)])

    async with database.connection() as db:
        lane_id = await lanes.ensure(db, MODEL)
    await in_parallel(ended, put)
    await in_parallel(ended, end)
    await in_parallel(queued, put)
    return ids


def submission(number: int, model: str = MODEL) -> Submission:
    """Return a submission like any other, with a prompt of its own."""
    digest = hashlib.sha256(b"%d" % number).digest()
    given = {"prompt": f"a red sailboat on the sea at sunset, number {number}", "count": 1}
    return Submission(Kind.IMAGE, model, given, digest=digest)


async def in_parallel(count: int, work: Callable[[int], Awaitable[None]]) -> None:
    """Do a numbered work so many times, from a few tasks at once."""
    numbers = iter(range(count))

    async def task() -> None:
        for number in numbers:
            await work(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(task())


async def caller_of(database: Database, key: str) -> Caller:
    """Return whose key it is."""
    return await Accounts(database, SystemClock()).authenticate(key)


def _picture(job: Job) -> NewAsset:
    asset_id = new_id()
    key = f"bench/{asset_id}.png"
    return NewAsset(
        asset_id, key, "image/png", "png", 1000, "0" * 64, 512, 512, provenance={"seed": 7, "engine": job.model}
    )
