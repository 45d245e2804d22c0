"""One try at one job: inputs in, the engine at work, results stored, and how it ended written down."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from calotype.engines.base import Card, Grain, Order, Phase
from calotype.engines.process import EngineProcess, StoppedError
from calotype.engines.protocol import Word
from calotype.errors import (
    CalotypeError,
    DatabaseUnavailableError,
    IllegalTransitionError,
    LeaseLostError,
)
from calotype.jobs.model import Job
from calotype.telemetry import log
from calotype.worker.endings import Ending, Failure, ending_of, error_of, is_out_of_memory
from calotype.worker.inputs import fetch
from calotype.worker.outputs import Made, Results
from calotype.worker.parts import WorkerParts
from calotype.worker.progress import Teller
from calotype.worker.residence import Residence
from calotype.worker.watch import Watch, Why

Written = TypeVar("Written")

_SEEDS = 2**32
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Attempt:
    """One try at one job by the engine of `card`, in a folder of its own."""

    def __init__(self, job: Job, card: Card, parts: WorkerParts, residence: Residence, folder: Path) -> None:
        self.job = job
        self.watch = Watch(job, parts.lifecycle, parts.settings)
        self._card = card
        self._parts = parts
        self._residence = residence
        self._folder = folder
        self._results = Results(job, parts.assets)

    async def run(self) -> None:
        """Let the engine work and record how it ended; afterwards nothing of the attempt is left but its outcome."""
        async with self.watch:
            made, failure = await self._outcome()
            ending, failure = await self._stored(made, failure)
            await self._record(ending, failure)
        await self._residence.tidy(is_tainted=is_out_of_memory(self.watch.why, failure))

    async def _outcome(self) -> tuple[list[Made], Failure | None]:
        teller = Teller(self.job, self._parts.lifecycle, self._parts.assets, self.watch.note_state)
        self._residence.printed.begin(self.job.input)
        try:
            async with teller:
                return await self._make(teller), None
        except (CalotypeError, StoppedError) as failure:
            return [], failure
        finally:
            self.watch.let_go()

    async def _make(self, teller: Teller) -> list[Made]:
        """Bring the inputs, load the engine, order, and listen until it has made everything."""
        inputs = await fetch(self.job, self._parts.database, self._parts.assets, self._folder)
        process = await self._residence.prepare(self._card)
        self.watch.over(process, grace=self._grace())
        self.watch.check()
        load_ms = await self._residence.load(self._card, teller.note_loading)
        if load_ms is not None:
            teller.note_load_time(load_ms)
        self.watch.check()
        process.order(self._order(), scratch=self._folder, inputs=inputs, seconds=self.watch.seconds_left)
        return await _listened(process, teller)

    def _order(self) -> Order:
        given = dict(self.job.input)
        seed = given.get("seed")
        return Order(self.job.kind, given, secrets.randbelow(_SEEDS) if seed is None else seed)

    def _grace(self) -> timedelta:
        """An engine that cannot stop in the middle is not waited for."""
        return timedelta(0) if self._card.cancel in {Grain.PROCESS, Grain.NONE} else self._parts.settings.grace

    async def _stored(self, made: Sequence[Made], failure: Failure | None) -> tuple[Ending, Failure | None]:
        """Make the results durable when they are wanted, and return what to write down."""
        ending = ending_of(self.watch.why, failure)
        if ending is not Ending.SUCCEED:
            return ending, failure
        try:
            self._files = await self._results.store(made)
        except CalotypeError as error:
            return ending_of(self.watch.why, error), error
        return ending, None

    async def _record(self, ending: Ending, failure: Failure | None) -> None:
        """Write down how it ended, and keep files only for a job that has taken them."""
        is_kept = False
        try:
            job = await self._patiently(lambda: self._write(ending, failure))
            is_kept = ending is Ending.SUCCEED
            log.info("attempt.ended", **self._name(), ending=ending, state=job.state if job else None)
        except LeaseLostError:
            log.info("attempt.refused", **self._name(), ending=ending)
        except IllegalTransitionError as error:
            log.info("attempt.refused", **self._name(), ending=ending, state=error.state)
            await self._confirm_cancel()
        except DatabaseUnavailableError as error:
            log.warning("attempt.unrecorded", **self._name(), ending=ending, reason=str(error))
        if not is_kept:
            await self._results.discard(self._parts.database)

    async def _write(self, ending: Ending, failure: Failure | None) -> Job | None:
        lifecycle, job, why = self._parts.lifecycle, self.job, self.watch.why
        writings: Mapping[Ending, Callable[[], Awaitable[Job]]] = {
            Ending.SUCCEED: lambda: lifecycle.succeed(job, self._files),
            Ending.FAIL: lambda: lifecycle.fail(job, error_of(why, failure)),
            Ending.RETRY: lambda: lifecycle.retry(job, error_of(why, failure)),
            Ending.RELEASE: lambda: lifecycle.release(job),
            Ending.CONFIRM_CANCEL: lambda: lifecycle.confirm_cancel(job),
        }
        return await writings[ending]() if ending in writings else None

    async def _confirm_cancel(self) -> None:
        """The job was being cancelled when its result came: it is cancelled."""
        try:
            await self._patiently(lambda: self._parts.lifecycle.confirm_cancel(self.job))
        except (LeaseLostError, IllegalTransitionError, DatabaseUnavailableError) as error:
            log.info("attempt.refused", **self._name(), ending=Ending.CONFIRM_CANCEL, reason=str(error))

    async def _patiently(self, write: Callable[[], Awaitable[Written]]) -> Written:
        """Write, again and again while the database is away, until it answers or nobody may wait any longer."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await write()
            except (DatabaseUnavailableError, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                if self.watch.why in {Why.DRAIN, Why.LOST}:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _name(self) -> dict[str, Any]:
        return {"job_id": str(self.job.id), "attempt": self.job.attempt}


async def _listened(process: EngineProcess, teller: Teller) -> list[Made]:
    """Return what the engine made, once it says that this was all."""
    made = []
    while (frame := await process.receive()).word is not Word.DONE:
        facts = frame.facts
        if frame.word is Word.PROGRESS:
            teller.note(Phase(facts["phase"]), facts["done"], facts["total"], frame.body)
        elif frame.word is Word.OUTPUT:
            given = {name: facts[name] for name in ("media_type", "width", "height", "duration", "provenance")}
            poster = Path(facts["poster"]) if facts.get("poster") else None
            made.append(Made(path=Path(facts["path"]), poster=poster, **given))
    return made
