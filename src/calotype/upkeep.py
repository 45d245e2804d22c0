"""What nobody waits for and everything needs: rescue, retries, deadlines, lost tickets, webhooks, retention.

Any number may run at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from calotype.assets.base import Assets
from calotype.clock import Clock
from calotype.errors import CalotypeError
from calotype.lifecycle import Lifecycle
from calotype.store import assets as asset_rows
from calotype.store import events, tries, workers
from calotype.store.database import Database
from calotype.telemetry import log
from calotype.webhooks.deliver import Deliverer

_PRUNE_AFTER = timedelta(minutes=1)
_TRIES_KEPT = timedelta(days=30)
_GRACE = timedelta(seconds=3)
"""What a try under way may take when upkeep stops."""
_BATCH = 200
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to look after, every so many seconds. It returns how many it mended: after a full batch it looks again at once."""

    name: str
    every: float
    do: Callable[[], Awaitable[int]]


class Upkeep:
    """The duties of one upkeep process. Two at work on one database pass over what the other holds."""

    def __init__(
        self, database: Database, lifecycle: Lifecycle, assets: Assets, clock: Clock, deliverer: Deliverer
    ) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._assets = assets
        self._clock = clock
        self._deliverer = deliverer
        self.duties = (
            Duty("rescue", 0.7, self.rescue),
            Duty("requeue", 0.3, lifecycle.requeue_due),
            Duty("expire", 0.5, lifecycle.expire_due),
            Duty("webhooks", 0.15, deliverer.deliver),
            Duty("tickets", 2.0, lifecycle.reissue_tickets),
            Duty("parked", 1.0, lifecycle.unpark_due),
            Duty("retention", 30.0, self.purge_expired),
            Duty("prune", 60.0, self.prune),
            Duty("sweep", 3600.0, self.sweep),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Look after everything until told to stop."""
        async with asyncio.TaskGroup() as group:
            for duty in self.duties:
                group.create_task(_attend(duty, stop), name=duty.name)
        await self._deliverer.drain(_GRACE)

    async def run_once(self) -> None:
        """Do every duty once: what a test about tomorrow calls after moving the clock."""
        for duty in self.duties:
            await duty.do()
        await self._deliverer.drain()

    async def rescue(self) -> int:
        """Give back the jobs of dead workers and of lapsed leases."""
        async with self._database.connection() as db:
            dead = await workers.dead(db)
        count = 0
        if dead:
            count = await self._lifecycle.lapse_of_workers(dead)
            async with self._database.connection() as db:
                await workers.forget(db, dead)
            log.info("workers.died", workers=len(dead), jobs=count)
        count += await self._lifecycle.lapse_due()
        return count + await self._lifecycle.requeue_due() if count else 0

    async def purge_expired(self) -> int:
        """Delete the files of assets past their time: first recorded, then deleted, so that nothing promised is missing."""
        async with self._database.connection() as db:
            rows = await asset_rows.expired(db, _BATCH)
            marked = await asset_rows.mark_expired(db, [row.file.asset_id for row in rows])
        for row in rows:
            if row.file.asset_id not in marked:
                continue
            for key in filter(None, (row.file.key, row.file.thumbnail_key)):
                await self._assets.delete(key)
        return len(marked)

    async def prune(self) -> int:
        """Drop progress events of jobs that ended a while ago, and old tries in vain to deliver a webhook."""
        async with self._database.connection() as db:
            dropped = await events.prune_progress(db, _PRUNE_AFTER, limit=10_000)
            return dropped + await tries.prune(db, _TRIES_KEPT, limit=10_000)

    async def sweep(self) -> int:
        """Remove what writers that died left in the asset store."""
        return await self._assets.sweep(self._clock.now() - timedelta(hours=1))


async def _attend(duty: Duty, stop: asyncio.Event) -> None:
    """Do one duty again and again; a failure is logged and tried again, ever more slowly, and stops no other duty."""
    pause = duty.every
    while not stop.is_set():
        try:
            mended = await duty.do()
            pause = 0.0 if mended >= _BATCH else duty.every
            if mended:
                log.info("upkeep.mended", duty=duty.name, count=mended)
        except (CalotypeError, psycopg.Error, OSError) as error:
            pause = min(max(pause, duty.every) * 2, max(_LONGEST_PAUSE, duty.every))
            log.warning("upkeep.failed", duty=duty.name, error=type(error).__name__, reason=str(error).splitlines()[:1])
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()
