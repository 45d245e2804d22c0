"""The only place that asks the time.

The database is the clock for leases, deadlines and retry times; this one serves a process: what a log says, what a link's
expiry is compared with, and how long something took.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A wall clock, a monotonic clock, and how far the wall clock is moved from the real one."""

    offset: timedelta

    def now(self) -> datetime:
        """Return the moment, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never fall, for durations within one process."""
        ...


class SystemClock:
    """The machine's clock. The offset is zero outside tests."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """Return the moment, aware and in UTC."""
        return datetime.now(UTC) + self.offset  # noqa: TID251 - this is the clock

    def monotonic(self) -> float:
        """Return seconds that never fall."""
        return time.monotonic()
