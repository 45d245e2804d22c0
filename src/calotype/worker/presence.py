"""A worker's standing in the database: registered, holding its lock, and hearing of new work and of cancels."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

import psycopg
from psycopg import sql

from calotype.engines.base import Card
from calotype.engines.registry import facts_of
from calotype.errors import DatabaseUnavailableError
from calotype.queue.tickets import WAKE_CHANNEL
from calotype.store import models, workers
from calotype.store.database import JOBS_CHANNEL, Connection, Database
from calotype.store.workers import WorkerRow
from calotype.telemetry import log

_PAUSE, _LONGEST_PAUSE = 0.1, 0.25
"""Well below the time between two looks of upkeep, so that a restarted database does not cost the job in hand."""


class Presence:
    """One session of its own does it all, so that a lost connection is noticed at once: then it takes its lock again.

    `woken()` is called when there may be work; `moved(job_id, state)` when a job has moved.
    """

    def __init__(
        self,
        database: Database,
        device: str,
        cards: Sequence[Card],
        woken: Callable[[], None],
        moved: Callable[[UUID, str], None],
    ) -> None:
        self._database = database
        self._device = device
        self._cards = cards
        self._woken = woken
        self._moved = moved
        self._row: WorkerRow | None = None
        self.is_standing = asyncio.Event()

    @property
    def worker_id(self) -> UUID:
        """The id to claim with, once the worker stands."""
        assert self._row is not None, "standing means registered"
        return self._row.id

    async def keep(self) -> None:
        """Stand, for ever."""
        pause = _PAUSE
        while True:
            try:
                async with self._database.session() as session:
                    await self._stand(session)
                    pause = _PAUSE
                    await self._hear(session)
            except (DatabaseUnavailableError, psycopg.Error) as error:
                log.warning("worker.disconnected", reason=str(error).strip())
            finally:
                self.is_standing.clear()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def drain(self) -> None:
        """Let it be known that this worker takes no new jobs."""
        if self._row is not None:
            with suppress(DatabaseUnavailableError, psycopg.Error):
                async with self._database.connection() as db:
                    await workers.drain(db, self._row.id)

    async def leave(self) -> None:
        """Strike the worker off; the end of its session frees its lock."""
        if self._row is not None:
            with suppress(DatabaseUnavailableError, psycopg.Error):
                async with self._database.connection() as db:
                    await workers.forget(db, [self._row.id])

    async def _stand(self, session: Connection) -> None:
        for channel in (WAKE_CHANNEL, JOBS_CHANNEL):
            await session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        if self._row is None or not await _taken_again(session, self._row):
            self._row = await self._registered(session)
        self.is_standing.set()
        self._woken()  # tickets may have come before we listened

    async def _registered(self, session: Connection) -> WorkerRow:
        names = [card.id for card in self._cards]
        await models.register(session, [facts_of(card) for card in self._cards])
        row = await workers.register(
            session, host=socket.gethostname(), pid=os.getpid(), device=self._device, models=names
        )
        log.info("worker.registered", worker_id=str(row.id), models=names, device=self._device)
        return row

    async def _hear(self, session: Connection) -> None:
        async for notice in session.notifies():
            if notice.channel == WAKE_CHANNEL:
                self._woken()
            else:
                job_id, _, _, state = notice.payload.split(" ")
                self._moved(UUID(job_id), state)


async def _taken_again(session: Connection, row: WorkerRow) -> bool:
    """Take the lock again under the same name, so that the job in hand is still ours; False when upkeep was quicker."""
    found = await (
        await session.execute(
            "select pg_try_advisory_lock(%s, %s) as is_held from workers where id = %s",
            (workers.LOCK_CLASS, row.lock_key, row.id),
        )
    ).fetchone()
    return found is not None and bool(found["is_held"])
