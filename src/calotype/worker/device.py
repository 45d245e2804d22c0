"""One device at work: which lane next, claim, attempt, and so on until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg

from calotype.engines.base import Card
from calotype.errors import CalotypeError, TransientEngineError
from calotype.jobs.lanes import LaneView, WarmBound, order_of
from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.store import lanes
from calotype.telemetry import log
from calotype.worker.attempt import Attempt
from calotype.worker.parts import WorkerParts
from calotype.worker.presence import Presence
from calotype.worker.residence import Residence
from calotype.worker.scratch import Scratch
from calotype.worker.tasks import end
from calotype.worker.watch import Why

_SAFETY_POLL = 2.0
_PAUSE_AFTER_FAILURE = 0.5


class Device:
    """Serves the lanes of the engines that can run here, one job at a time."""

    def __init__(self, parts: WorkerParts, cards: Sequence[Card], residence: Residence, scratch: Scratch) -> None:
        self.presence = Presence(parts.database, parts.device, cards, self._wake, self._note_move)
        self._parts = parts
        self._cards: Mapping[str, Card] = {card.id: card for card in cards}
        self._residence = residence
        self._scratch = scratch
        self._has_work = asyncio.Event()
        self._bound = WarmBound(parts.settings.warm_jobs, parts.settings.warm_time.total_seconds())
        self._attempt: Attempt | None = None

    async def serve(self, stop: asyncio.Event) -> None:
        """Take job after job until told to stop; then end the one in hand within the drain time, or hand it back."""
        stopping = asyncio.create_task(self._drain(stop))
        try:
            while not stop.is_set():
                await self._serve_next(stop)
        finally:
            await end([stopping])

    async def _serve_next(self, stop: asyncio.Event) -> None:
        await _first(self.presence.is_standing.wait(), stop.wait())
        if stop.is_set():
            return
        self._has_work.clear()
        try:
            job = await self._claim(self.presence.worker_id)
        except (CalotypeError, psycopg.Error) as error:
            log.warning("claim.failed", reason=str(error).strip())
            await _first(asyncio.sleep(_PAUSE_AFTER_FAILURE), stop.wait())
        else:
            if job is not None:
                await self._try(job)
            else:
                await _first(self._has_work.wait(), stop.wait(), asyncio.sleep(_SAFETY_POLL))

    async def _claim(self, worker_id: UUID) -> Job | None:
        """Claim the next job: of the resident model's lane within a bound, then of the lane that waited longest.

        Not to be cancelled: what it has claimed would wait for its lease to lapse.
        """
        async with self._parts.database.connection() as db:
            waiting = await lanes.waiting(db, list(self._cards))
        for lane in self._in_order(waiting):
            job = await self._parts.lifecycle.claim(worker_id, lane.lane_id)
            if job is not None:
                log.info("job.claimed", job_id=str(job.id), attempt=job.attempt, model=job.model)
                return job
        return None

    def _in_order(self, waiting: Sequence[LaneView]) -> list[LaneView]:
        if len(waiting) < 2:
            self._residence.begin_streak_anew()
        return order_of(waiting, self._residence.residency(), self._bound)

    async def _try(self, job: Job) -> None:
        """Make one attempt. What nobody foresaw costs this attempt and the engine's process, not the worker."""
        with self._scratch.of(job.id, job.attempt) as folder:
            self._attempt = Attempt(job, self._cards[job.model], self._parts, self._residence, folder)
            try:
                await self._attempt.run()
            except Exception:  # noqa: BLE001 - an assertion that fails stops that job, not the server
                log.exception("attempt.broke", job_id=str(job.id), attempt=job.attempt)
                await self._residence.leave("the worker failed")
                await self._give_up(job)
            finally:
                self._attempt = None

    async def _give_up(self, job: Job) -> None:
        try:
            await self._parts.lifecycle.retry(job, TransientEngineError("the worker failed unexpectedly"))
        except (CalotypeError, psycopg.Error) as error:
            log.warning("attempt.unrecorded", job_id=str(job.id), reason=str(error).strip())

    async def _drain(self, stop: asyncio.Event) -> None:
        await stop.wait()
        await self.presence.drain()
        await asyncio.sleep(self._parts.settings.drain.total_seconds())
        if self._attempt is not None:
            self._attempt.watch.stop(Why.DRAIN)

    def _wake(self) -> None:
        self._has_work.set()

    def _note_move(self, job_id: UUID, state: str) -> None:
        if self._attempt is not None and self._attempt.job.id == job_id and state != JobState.RUNNING:
            self._attempt.watch.note_move()


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Return as soon as one of them is over, and drop the others."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(tasks)
