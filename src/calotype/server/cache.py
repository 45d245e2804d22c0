"""Jobs as this process last read them. NOTIFY says which are out of date; what it may have missed, age does.

A poll of an unchanged job is a dictionary look-up, and its answer's bytes are made once for each version and link window.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from uuid import UUID

from calotype.clock import Clock
from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.server.answer import Answer
from calotype.server.outlook import Outlooks
from calotype.store import jobs
from calotype.store.database import Database

_FRESH = 2.0
"""Seconds a job that may change is believed unread: queue positions move without a NOTIFY, and a listener may be deaf."""
_FRESH_ENDED = 300.0
"""An ended job never changes; erasing it sends a NOTIFY too, and a listener that was deaf makes us forget everything."""
_MOST_WORDINGS = 8


@dataclass(frozen=True, slots=True)
class Rendered:
    """A job's answer on one face, good until its links change or the job has to be read again (on the monotonic clock)."""

    etag: str
    answer: Answer
    good_until: float


@dataclass(slots=True)
class Entry:
    """One job, its place in the queue, and its answers by (face, base URL)."""

    job: Job
    queue_position: int | None
    is_possible: bool | None
    good_until: float
    eta_seconds: float | None = None
    looked_at: float = -math.inf
    """When a look at it was last free (`server.reads`)."""
    rendered: dict[tuple[str, str], Rendered] = field(default_factory=dict)

    def keep(self, key: tuple[str, str], rendered: Rendered) -> None:
        """Remember an answer; a caller who keeps changing the Host header fills no memory."""
        if len(self.rendered) >= _MOST_WORDINGS:
            self.rendered.clear()
        self.rendered[key] = rendered


@dataclass(slots=True)
class _Load:
    future: asyncio.Future[Entry | None]
    least_version: float = 0
    """What has been heard meanwhile: an older version is right for whoever asked before that, not for the next."""


class JobCache:
    """At most `size` jobs. Reads of one job that is not here share one look into the database."""

    def __init__(self, database: Database, clock: Clock, size: int = 20_000) -> None:
        self._database = database
        self._clock = clock
        self._size = size
        self._outlooks = Outlooks(clock)
        self._entries: dict[UUID, Entry] = {}
        self._loads: dict[UUID, _Load] = {}

    async def get(self, job_id: UUID) -> Entry | None:
        """Return the job as it stands, or None. The caller checks whose it is."""
        entry = self._entries.get(job_id)
        if entry is not None and self._clock.monotonic() < entry.good_until:
            return entry
        load = self._loads.get(job_id)
        if load is None or load.least_version:
            load = _Load(asyncio.ensure_future(self._read(job_id)))
            self._loads[job_id] = load
            load.future.add_done_callback(lambda _: self._loaded(job_id, load))
        return await asyncio.shield(load.future)

    def holds(self, entry: Entry) -> bool:
        """Return whether this is still the job as it stands."""
        return self._entries.get(entry.job.id) is entry

    def heard(self, job_id: UUID, version: int) -> None:
        """Forget a job that has a newer version."""
        entry = self._entries.get(job_id)
        if entry is not None and entry.job.version < version:
            del self._entries[job_id]
        self._outdate(job_id, version)

    def forget(self, job_id: UUID) -> None:
        """Forget a job that this process has just written."""
        self._entries.pop(job_id, None)
        self._outdate(job_id, math.inf)

    def forget_all(self) -> None:
        """Forget everything: notices went by unheard."""
        self._entries.clear()
        for load in self._loads.values():
            load.least_version = math.inf

    def _outdate(self, job_id: UUID, least_version: float) -> None:
        load = self._loads.get(job_id)
        if load is not None:
            load.least_version = max(load.least_version, least_version)

    async def _read(self, job_id: UUID) -> Entry | None:
        async with self._database.connection() as db:
            job = await jobs.get(db, job_id)
            if job is None:
                return None
            position, is_possible, eta = None, None, None
            if job.state is JobState.QUEUED:
                position = await jobs.queue_position(db, job)
                outlook = await self._outlooks.of(db, job.model)
                is_possible, eta = outlook.workers > 0, outlook.eta(position)
        fresh = _FRESH_ENDED if job.state.is_terminal else _FRESH
        return Entry(job, position, is_possible, self._clock.monotonic() + fresh, eta)

    def _loaded(self, job_id: UUID, load: _Load) -> None:
        if self._loads.get(job_id) is load:
            del self._loads[job_id]
        if load.future.cancelled() or load.future.exception() is not None:
            return
        entry = load.future.result()
        if entry is None or entry.job.version < load.least_version:
            return
        self._entries.pop(job_id, None)
        while len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        self._entries[job_id] = entry
