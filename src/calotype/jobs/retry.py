"""When a job may run again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """How many attempts, and how long to wait between them: the wait doubles from `first` up to `longest`."""

    attempts: int = 3
    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(seconds=30)

    def delay_after(self, attempt: int) -> timedelta | None:
        """Return the wait before the next attempt, or None when there is none left.

        `attempt` counts from 1. A first lost attempt runs again at once, so that a job whose worker died does not wait.
        """
        if attempt >= self.attempts:
            return None
        if attempt <= 1:
            return timedelta(0)
        doublings = min(attempt - 2, 30)  # past any wait worth having, and short of what a timedelta holds
        factor: int = 2**doublings
        return min(self.first * factor, self.longest)
