"""How often a key may ask this process for what creates nothing: a bucket of tokens a key, in memory alone.

Looking at a job once a second is always free, so that a client may follow as many jobs as it has at the pace its vendor advises.
"""

from __future__ import annotations

from datetime import timedelta

from calotype.clock import Clock
from calotype.config import LimitSettings
from calotype.errors import RateLimitedError
from calotype.jobs.limits import Bucket
from calotype.jobs.model import Caller
from calotype.server.cache import Entry

FREE_EVERY = 1.0
"""Seconds between two looks at one job that cost nothing."""
_SIZE = 20_000
_NAME = "reads"


class Reads:
    """The buckets of one process. A key that has not asked for a while has a full one, which need not be remembered."""

    def __init__(self, settings: LimitSettings, clock: Clock) -> None:
        self._rate = settings.reads
        self._burst = settings.read_burst
        self._clock = clock
        self._buckets: dict[object, Bucket] = {}

    def take(self, caller: Caller) -> None:
        """Count one request; raise `RateLimitedError` when the key has asked too often."""
        pause = self._pause(caller, self._clock.monotonic())
        if pause:
            rate = caller.reads or self._rate
            span = timedelta(seconds=1)
            raise RateLimitedError(_NAME, max(1, int(rate)), span, timedelta(seconds=pause), timedelta(seconds=pause))

    def look(self, caller: Caller, entry: Entry) -> None:
        """Count one look at a job, unless the last one was long enough ago."""
        if not self.may_look(caller, entry, self._clock.monotonic()):
            self.take(caller)

    def may_look(self, caller: Caller, entry: Entry, now: float) -> bool:
        """Count one look at a job; return False, and count nothing, when the key has asked too often."""
        if now - entry.looked_at >= FREE_EVERY:
            entry.looked_at = now
            return True
        return not self._pause(caller, now)

    def _pause(self, caller: Caller, now: float) -> float:
        rate = caller.reads or self._rate
        if not rate:
            return 0.0
        bucket = self._buckets.get(caller.key_id)
        if bucket is None or bucket.rate != rate:
            if len(self._buckets) >= _SIZE:
                self._buckets.clear()
            bucket = self._buckets[caller.key_id] = Bucket(rate, max(1.0, rate * self._burst), now)
        return bucket.take(now)
