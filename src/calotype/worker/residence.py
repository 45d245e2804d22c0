"""What a device has loaded: one engine process, kept warm, exchanged when it can no longer be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calotype.engines.base import Card
from calotype.engines.process import EngineProcess
from calotype.jobs.lanes import Residency
from calotype.telemetry import log
from calotype.worker.parts import WorkerParts
from calotype.worker.printed import Printed

_HIGH_WATER = 0.75
"""A process that holds more than this share of its limit after a job is exchanged before it runs into it."""


class Residence:
    """The engine process of one device. It starts with the first need of it."""

    def __init__(self, parts: WorkerParts) -> None:
        self.printed = Printed()
        self._settings = parts.settings
        self._device = parts.device
        self._clock = parts.clock
        self._process: EngineProcess | None = None
        self._model: str | None = None
        self._served: str | None = None
        self._streak = 0
        self._streak_began = 0.0
        self._switches = 0

    def residency(self) -> Residency:
        """Return what is loaded, and for how long it has been served in a row."""
        if self._served is None or self._served != self._model:
            return Residency(self._model)
        return Residency(self._model, self._streak, self._clock.monotonic() - self._streak_began)

    def begin_streak_anew(self) -> None:
        """Count from here: nobody else is waiting."""
        self._streak, self._streak_began = 0, self._clock.monotonic()

    async def able(self, cards: Sequence[Card]) -> list[Card]:
        """Return the cards whose engines can run here; the log says why the others cannot."""
        found = []
        for card in cards:
            probe = await (await self.process()).probe(card)
            if probe.ok:
                found.append(card)
            else:
                log.warning("engine.missing", model=card.id, reason=probe.reason)
        return found

    async def process(self) -> EngineProcess:
        """Return the process, a new one if there is none that lives."""
        if self._process is not None and not self._process.is_alive:
            await self.leave("it had ended")
        if self._process is None:
            limit = self._settings.memory_limit if self._device == "cpu" else 0
            self._process = await EngineProcess.start(memory_limit=limit, printed=self.printed)
            log.info("child.started", pid=self._process.pid, device=self._device)
        return self._process

    async def prepare(self, card: Card) -> EngineProcess:
        """Return the process that is to serve this card, a fresh one when there were enough switches."""
        if self._model not in {None, card.id}:
            self._switches += 1
            if self._switches >= self._settings.recycle_after_switches:
                await self.leave("enough switches")
        process = await self.process()
        self._count(card.id)
        return process

    async def load(self, card: Card, report: Callable[[float], None]) -> int | None:
        """Load the card's engine unless it is; return the milliseconds it took, None when it was there."""
        if self._model == card.id:
            return None
        assert self._process is not None, "prepare() comes first"
        self._model = None
        load_ms = await self._process.load(card, self._device, report)
        self._model = card.id
        log.info("model.loaded", model=card.id, load_ms=load_ms, switches=self._switches)
        return load_ms

    async def tidy(self, *, is_tainted: bool) -> None:
        """After a job: exchange a process that ran out of memory, has ended, or is about to run out."""
        if self._process is None:
            return
        if is_tainted:
            await self.leave("out of memory")
        elif not self._process.is_alive:
            await self.leave("it had ended")
        elif 0 < _HIGH_WATER * self._settings.memory_limit < self._process.memory():
            await self.leave("much memory")

    async def leave(self, why: str) -> None:
        """End the process."""
        process, self._process = self._process, None
        self._model, self._switches = None, 0
        if process is not None:
            await process.close()
            log.info("child.ended", pid=process.pid, why=why)

    def _count(self, model: str) -> None:
        if model != self._served:
            self._served = model
            self.begin_streak_anew()
        self._streak += 1
