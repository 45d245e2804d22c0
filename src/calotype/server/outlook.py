"""How soon a waiting job may begin: who offers its model, and how long such jobs took of late.

Asked once a moment for each model.
"""

from __future__ import annotations

from dataclasses import dataclass

from calotype.clock import Clock
from calotype.store import jobs, workers
from calotype.store.database import Connection

_FRESH = 2.0
"""Seconds that an answer is believed: a worker that comes or goes sends no NOTIFY that we hear."""
_LEAST = 5
"""Jobs of the model that must have ended of late: fewer say nothing."""
_MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many workers offer a model, and the median seconds of its recent jobs; None = too few to say."""

    workers: int
    seconds: float | None

    def eta(self, position: int | None) -> float | None:
        """Return about how many seconds until a job in that place begins; None = nobody can tell.

        Each worker is taken to be half-way through a job, and all to serve this lane alone.
        """
        if position is None or self.seconds is None or not self.workers:
            return None
        return round(self.seconds * (position / self.workers + 0.5), 1)


class Outlooks:
    """What was last found, by model."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, Outlook]] = {}

    async def of(self, db: Connection, model: str) -> Outlook:
        """Return a model's outlook."""
        known = self._known.get(model)
        if known is not None and self._clock.monotonic() < known[0]:
            return known[1]
        taken = await jobs.recent_seconds(db, model)
        found = Outlook(
            await workers.offering(db, model), sorted(taken)[len(taken) // 2] if len(taken) >= _LEAST else None
        )
        if len(self._known) >= _MOST_MODELS:
            self._known.clear()
        self._known[model] = (self._clock.monotonic() + _FRESH, found)
        return found
