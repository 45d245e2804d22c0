"""How much one caller may ask for: plans, the rate of requests, jobs at once. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID


class Subject(StrEnum):
    """Whose limit it is; the value is the column of `jobs` that names it."""

    ACCOUNT = "account_id"
    KEY = "key_id"

    @property
    def noun(self) -> str:
        """Return the word for people."""
        return self.value.removesuffix("_id")


class Window(StrEnum):
    """What a spend cap is for: each day, each month (both begin at midnight UTC), or all there is."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in each span of time, and so many at once (`burst`), by GCRA: what was taken comes back evenly."""

    requests: int
    per: timedelta
    burst: int

    @property
    def interval(self) -> timedelta:
        """Return after how long one request is given back."""
        return self.per / self.requests

    @property
    def tolerance(self) -> timedelta:
        """Return how far ahead of the clock requests may be taken."""
        return self.interval * self.burst

    def remaining(self, until_full: timedelta) -> int:
        """Return how many requests may be made at once, when all will have been given back after `until_full`."""
        return max(0, math.floor(self.burst - until_full / self.interval))

    def pause(self, until_full: timedelta) -> timedelta:
        """Return how long to wait for one request more."""
        return max(timedelta(0), until_full - self.interval * (self.burst - 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """A named set of limits, for the keys or accounts that have it; None = no limit, for `reads` the server's own."""

    name: str
    rate: Rate | None = None
    max_waiting: int | None = None
    max_running: int | None = None
    reads: float | None = None


def per_minute(name: str, requests: int) -> Plan:
    """Return a plan of so many requests a minute."""
    return Plan(name, Rate(requests, timedelta(minutes=1), requests))


BUILT_IN: dict[str, Plan] = {
    plan.name: plan
    for plan in (
        per_minute("productai-free", 10),
        per_minute("productai-pro", 60),
        per_minute("productai-b", 15),
        per_minute("apiframe", 500),
    )
}
"""The vendors' figures, for keys that are to be held to them. An installation's own plans stand above these."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one submit is held to, by the caller's key or by its account."""

    subject: Subject
    subject_id: UUID
    plan: str
    rate: Rate | None = None
    max_waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands with a rate: how long until all is given back. Its `RateLimit` fields are made from it."""

    policy: str
    rate: Rate
    until_full: timedelta


class Bucket:
    """Tokens that come back at a steady rate, up to a most; one request takes one. Moments are of a monotonic clock."""

    __slots__ = ("_at", "_left", "most", "rate")

    def __init__(self, rate: float, most: float, now: float) -> None:
        self.rate = rate
        self.most = most
        self._left = most
        self._at = now

    def take(self, now: float) -> float:
        """Take a token: return 0.0, or when there is none the seconds until there is one."""
        left = min(self.most, self._left + (now - self._at) * self.rate)
        self._at = now
        if left < 1.0:
            self._left = left
            return (1.0 - left) / self.rate
        self._left = left - 1.0
        return 0.0
