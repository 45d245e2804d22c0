"""Everything that may end an attempt before its engine does: a cancel, a lost lease, the deadline, a hang, too much memory."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import psycopg

from calotype.config import WorkerSettings
from calotype.engines.process import EngineProcess, StoppedError
from calotype.errors import DatabaseUnavailableError, LeaseLostError
from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle
from calotype.telemetry import log
from calotype.worker.tasks import end

_LOOK = 0.5


class Why(StrEnum):
    """Why an attempt is stopped."""

    CANCELLED = "cancelled"
    LOST = "lost"
    DEADLINE = "deadline"
    DRAIN = "drain"
    HUNG = "hung"
    MEMORY = "memory"


_AT_ONCE = {Why.HUNG, Why.MEMORY}
"""Asking would not help."""


@dataclass(frozen=True, slots=True)
class _Worked:
    process: EngineProcess
    grace: timedelta


class Watch:
    """Watches over one attempt, renews its lease, and stops its engine: it asks, waits the grace, and kills."""

    def __init__(self, job: Job, lifecycle: Lifecycle, settings: WorkerSettings) -> None:
        self.why: Why | None = None
        self._job = job
        self._lifecycle = lifecycle
        self._settings = settings
        # by the database's clock, which wrote both: ours may differ
        self._ends_at = _now() + (job.deadline_at - job.updated_at).total_seconds()
        self._worked: _Worked | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._has_moved = asyncio.Event()

    async def __aenter__(self) -> Watch:
        self._start(self._beat())
        self._start(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worked = None
        await end(self._tasks)

    @property
    def seconds_left(self) -> float:
        """How long until the deadline."""
        return self._ends_at - _now()

    def over(self, process: EngineProcess, *, grace: timedelta) -> None:
        """Watch over this process from now on. `check` tells whether the attempt was stopped before there was one."""
        self._worked = _Worked(process, grace)

    def let_go(self) -> None:
        """Leave the process alone from now on: what was asked of it has ended."""
        self._worked = None

    def check(self) -> None:
        """Raise `StoppedError` when the attempt is to stop."""
        if self.why is not None:
            raise StoppedError

    def stop(self, why: Why) -> None:
        """Stop the attempt. The first reason counts, but a lost lease overrules every other."""
        if self.why is None:
            log.info("attempt.stopping", job_id=str(self._job.id), attempt=self._job.attempt, why=why)
            self._start(self._end(why))
        if self.why is None or why is Why.LOST:
            self.why = why

    def note_move(self) -> None:
        """Look at the job now: someone moved it. Once the engine has ended that is us."""
        if self._worked is not None:
            self._has_moved.set()

    def note_state(self, state: JobState | None) -> None:
        """Note what the job's row said; None = another attempt holds it, or it has ended."""
        if state is None:
            self.stop(Why.LOST)
        elif state is JobState.CANCELLING:
            self.stop(Why.CANCELLED)

    def _start(self, doing: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(doing))

    async def _beat(self) -> None:
        """Renew the lease. A database that is away is waited for, and the engine goes on meanwhile."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.heartbeat.total_seconds()):
                    await self._has_moved.wait()
            self._has_moved.clear()
            try:
                self.note_state(await self._lifecycle.heartbeat(self._job))
            except LeaseLostError:
                self.note_state(None)
            except (DatabaseUnavailableError, psycopg.Error) as error:
                log.warning("heartbeat.missed", job_id=str(self._job.id), reason=str(error))

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK, max(self.seconds_left, 0.01)))
            if self.seconds_left <= 0:
                self.stop(Why.DEADLINE)
            if self._worked is not None:
                self._look_at(self._worked.process)

    def _look_at(self, process: EngineProcess) -> None:
        process.ping()
        if process.silence > self._settings.silence.total_seconds():
            self.stop(Why.HUNG)
        elif 0 < self._settings.memory_limit < process.memory():
            self.stop(Why.MEMORY)

    async def _end(self, why: Why) -> None:
        if self._worked is not None and why not in _AT_ONCE:
            self._worked.process.cancel()
            await asyncio.sleep(self._worked.grace.total_seconds())
        if self._worked is not None:
            log.info("child.killed", job_id=str(self._job.id), pid=self._worked.process.pid, why=why)
            self._worked.process.kill()


def _now() -> float:
    return asyncio.get_running_loop().time()
