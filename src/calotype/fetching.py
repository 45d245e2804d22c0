"""Fetches the files that jobs wait for: inputs behind URLs, of submissions whose receipt did not wait. Any number may run at once.

A fetch is a row with a lease. Whoever dies at it loses the lease, and another takes it; a claim that comes too late is refused.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from calotype.clock import Clock
from calotype.errors import (
    AttemptsExhaustedError,
    CallerError,
    CalotypeError,
    LeaseLostError,
    OperatorError,
    OutboundFailedError,
)
from calotype.inputs import Inputs
from calotype.jobs.kinds import read_input
from calotype.jobs.model import Caller, Fetch, Job
from calotype.lifecycle import Lifecycle
from calotype.store import fetches, jobs
from calotype.store.database import Database
from calotype.telemetry import log

_LEASE = timedelta(seconds=15)
_HEARTBEAT = 4.0
_LOOK = 0.4
"""Seconds between looks for work: a fetch takes longer than that anyway."""
_AT_ONCE = 8
_PATIENCE = timedelta(seconds=60)
_PAUSES = (timedelta(seconds=2), timedelta(seconds=10))
"""Before each further try at a host that did not answer; once they are used up, the job fails."""
_MOST_CLAIMS = 6
"""A fetch whose process died so often is given up."""
_MAY_PASS = frozenset({"dns", "refused", "timeout", "broken", "protocol"})


class Fetcher:
    """The fetches of one process; `scratch` is a folder of its own for what is on its way."""

    def __init__(self, database: Database, lifecycle: Lifecycle, inputs: Inputs, scratch: Path, clock: Clock) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._inputs = inputs
        self._scratch = scratch
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Fetch until told to stop; what is on its way then is left to the next one."""
        self._sweep()
        async with asyncio.TaskGroup() as group:
            lines = [group.create_task(self._line()) for _ in range(_AT_ONCE)]
            await stop.wait()
            for line in lines:
                line.cancel()

    async def run_once(self) -> int:
        """Fetch all that is due, one after another; return how many."""
        count = 0
        while await self._next():
            count += 1
        return count

    def _sweep(self) -> None:
        """Remove the folders of fetchers that were killed: none is at work for so long."""
        oldest = self._clock.now() - timedelta(hours=1)
        for left in self._scratch.glob("*"):
            with suppress(OSError):
                if datetime.fromtimestamp(left.stat().st_mtime, UTC) < oldest:
                    shutil.rmtree(left)

    async def _line(self) -> None:
        """Fetch one after another; what fails is logged, and looked at again after a while."""
        pause = _LOOK
        while True:
            try:
                pause = 0.0 if await self._next() else _LOOK
            except (psycopg.Error, OperatorError, OSError) as error:
                pause = 5.0
                log.warning("fetch.failed", error=type(error).__name__)
            await asyncio.sleep(pause)

    async def _next(self) -> bool:
        """Take one fetch and see it through; return whether there was one."""
        async with self._database.connection() as db:
            fetch = await fetches.claim(db, _LEASE)
            job = await jobs.get(db, fetch.job_id) if fetch else None
        if fetch is None or job is None:
            return False
        try:
            async with self._holding(fetch):
                await self._see_through(fetch, job)
        except LeaseLostError:
            log.info("fetch.lost", job_id=str(job.id))
        return True

    async def _see_through(self, fetch: Fetch, job: Job) -> None:
        """Bring the files in and queue the job, try again later, or say why it fails."""
        if fetch.claims > _MOST_CLAIMS:
            await self._lifecycle.inputs_failed(
                fetch, AttemptsExhaustedError(_MOST_CLAIMS, "its files could not be fetched.")
            )
            return
        try:
            await self._bring_in(fetch, job)
        except CallerError as error:
            if _may_pass(error) and fetch.claims <= len(_PAUSES):
                async with self._database.connection() as db:
                    await fetches.put_off(db, fetch, _PAUSES[fetch.claims - 1])
                return
            await self._lifecycle.inputs_failed(fetch, error)
            log.info("fetch.refused", job_id=str(job.id), code=error.code)

    async def _bring_in(self, fetch: Fetch, job: Job) -> None:
        caller = Caller(job.account_id, job.user_id, job.key_id)
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:

            async def folder() -> Path:
                return Path(name)

            wanted = read_input(job.kind, job.input)
            resolved = await self._inputs.resolve(caller, job.kind, wanted, {}, folder, patience=_PATIENCE)
        try:
            await self._lifecycle.inputs_ready(fetch, resolved.input)
        except CalotypeError:
            await self._inputs.discard(resolved.fresh)
            raise

    @asynccontextmanager
    async def _holding(self, fetch: Fetch) -> AsyncIterator[None]:
        """Renew the lease meanwhile; stop when it is lost, which it is too when the job has ended."""
        holder = asyncio.current_task()
        assert holder is not None, "called from a task"
        is_lost = False

        async def renew() -> None:
            nonlocal is_lost
            while True:
                await asyncio.sleep(_HEARTBEAT)
                with suppress(psycopg.Error, OperatorError):
                    async with self._database.connection() as db:
                        if not await fetches.put_off(db, fetch, _LEASE):
                            is_lost = True
                            holder.cancel()
                            return

        renewing = asyncio.create_task(renew())
        try:
            yield
        except asyncio.CancelledError:
            if is_lost and not holder.uncancel():
                raise LeaseLostError from None
            raise
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)


def _may_pass(error: CallerError) -> bool:
    return isinstance(error, OutboundFailedError) and error.reason in _MAY_PASS
