"""A stage for worker tests: a real database, real files, real engine processes, upkeep at work, and one account."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

import engines_for_tests
from calotype.accounts import Accounts
from calotype.assets.files import FileAssets
from calotype.clock import SystemClock
from calotype.config import WorkerSettings
from calotype.engines.base import Card
from calotype.jobs.kinds import Kind
from calotype.jobs.model import Caller, Job, Submission
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle, Policy
from calotype.store import jobs
from calotype.store.database import Database
from calotype.upkeep import Upkeep
from calotype.worker.parts import WorkerParts
from calotype.worker.process import run_worker
from hook_stage import make_deliverer

POLICY = Policy(lease=timedelta(seconds=4))
QUICK = WorkerSettings(
    heartbeat=timedelta(seconds=1),
    grace=timedelta(seconds=0.4),
    drain=timedelta(seconds=5),
    memory_limit=1_000_000_000,
)


@dataclass
class Stage:
    """What a test plays on."""

    url: str
    folder: Path
    database: Database
    lifecycle: Lifecycle
    assets: FileAssets
    caller: Caller
    accounts: Accounts
    no_upkeep: asyncio.Event

    async def submit(self, card: Card, *, deadline: timedelta | None = None, **given: Any) -> UUID:
        given.setdefault("prompt", "x")
        submission = Submission(Kind.IMAGE, card.id, given, deadline=deadline)
        return (await self.lifecycle.submit(self.caller, submission)).job.id

    async def job(self, job_id: UUID) -> Job:
        async with self.database.connection() as db:
            found = await jobs.get(db, job_id)
        assert found is not None
        return found

    async def until(self, job_id: UUID, is_so: Callable[[Job], bool], seconds: float = 20) -> Job:
        async with asyncio.timeout(seconds):
            while not is_so(job := await self.job(job_id)):  # noqa: ASYNC110 - the job is in another process
                await asyncio.sleep(0.02)
        return job

    async def until_ended(self, job_id: UUID, seconds: float = 20) -> Job:
        return await self.until(job_id, lambda job: job.state.is_terminal, seconds)

    async def until_running(self, job_id: UUID, percent: float = 0) -> Job:
        return await self.until(job_id, lambda job: job.state is JobState.RUNNING and job.progress.percent >= percent)

    async def made_by(self, job_id: UUID) -> dict[str, Any]:
        """Return the provenance of a job's first output, once it has succeeded."""
        job = await self.until_ended(job_id)
        assert job.state is JobState.SUCCEEDED, job.error
        return dict(job.outputs[0].provenance)

    async def balance(self) -> int:
        return (await self.accounts.balance(self.caller.account_id)).balance

    def stored(self) -> set[str]:
        """Return the keys of all files in the asset store."""
        root = self.folder / "assets"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    def left_in_scratch(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "scratch").glob("*"))

    def parts(
        self, database: Database, lifecycle: Lifecycle | None, cards: tuple[Card, ...], **settings: Any
    ) -> WorkerParts:
        return WorkerParts(
            database=database,
            lifecycle=lifecycle or Lifecycle(database, POLICY),
            assets=self.assets,
            settings=QUICK.model_copy(update={k: v for k, v in settings.items() if k != "device"}),
            clock=SystemClock(),
            scratch=self.folder / "scratch",
            device=settings.get("device", "cpu"),
            cards=cards,
        )

    @asynccontextmanager
    async def worker(
        self, *cards: Card, lifecycle: Lifecycle | None = None, **settings: Any
    ) -> AsyncIterator[asyncio.Event]:
        """Run a worker in this process that offers these cards; the event stops it."""
        stop = asyncio.Event()
        async with Database(self.url) as database:
            working = asyncio.create_task(run_worker(self.parts(database, lifecycle, cards, **settings), stop))
            try:
                yield stop
            finally:
                stop.set()
                await working

    def worker_command(self, *cards: Card) -> tuple[list[str], dict[str, str]]:
        """Return the command and environment of a worker in a process of its own."""
        path = os.pathsep.join(entry for entry in sys.path if entry)
        names = [card.title for card in cards]
        return [sys.executable, "-m", "worker_stage", self.url, str(self.folder), *names], os.environ | {
            "PYTHONPATH": path
        }


def children() -> set[int]:
    """Return the process ids of the engine processes this test process has started."""
    found = set()
    for process in psutil.Process().children():
        if process.status() != psutil.STATUS_ZOMBIE and "calotype.engines.child" in process.cmdline():
            found.add(process.pid)
    return found


async def assert_still_serving(stage: Stage) -> None:
    assert (await stage.until_ended(await stage.submit(engines_for_tests.INSTANT))).state is JobState.SUCCEEDED


@asynccontextmanager
async def a_stage(url: str, folder: Path) -> AsyncIterator[Stage]:
    """Set the stage; upkeep runs meanwhile."""
    clock = SystemClock()
    async with Database(url) as database:
        accounts = Accounts(database, clock)
        key = await accounts.create_key("test", account="test", credits_granted=1000)
        lifecycle, assets = Lifecycle(database, POLICY), FileAssets(folder / "assets", floor_bytes=1)
        caller = await accounts.authenticate(key.key)
        stop = asyncio.Event()
        upkeep = asyncio.create_task(Upkeep(database, lifecycle, assets, clock, make_deliverer(database)).run(stop))
        try:
            yield Stage(url, folder, database, lifecycle, assets, caller, accounts, no_upkeep=stop)
        finally:
            stop.set()
            await upkeep


async def _work_until_killed(url: str, folder: str, *names: str) -> None:
    async with Database(url) as database:
        assets = FileAssets(Path(folder, "assets"), floor_bytes=1)
        cards = tuple(getattr(engines_for_tests, name).card for name in names)
        parts = WorkerParts(
            database, Lifecycle(database, POLICY), assets, QUICK, SystemClock(), Path(folder, "scratch"), cards=cards
        )
        await run_worker(parts, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(_work_until_killed(*sys.argv[1:]))
