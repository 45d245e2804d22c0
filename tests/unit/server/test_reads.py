"""How often a key may ask for what creates nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from calotype.config import LimitSettings
from calotype.errors import RateLimitedError
from calotype.jobs.ids import new_id
from calotype.jobs.model import Caller
from calotype.server import reads
from calotype.server.cache import Entry
from calotype.server.reads import Reads
from factories import make_job

CALLER = Caller(UUID(int=1), UUID(int=2), UUID(int=3))


class HeldClock:
    """Stands still until it is moved."""

    offset = timedelta(0)

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


def counting(clock: HeldClock, rate: float = 2.0) -> Reads:
    return Reads(LimitSettings(reads=rate, read_burst=1.0), clock)


def entry() -> Entry:
    return Entry(make_job(), None, None, 1e9)


def taken(counted: Reads, caller: Caller = CALLER, times: int = 10) -> int:
    """Return how many of so many requests are let in."""
    count = 0
    for _ in range(times):
        try:
            counted.take(caller)
        except RateLimitedError:
            continue
        count += 1
    return count


def test_a_key_asks_so_often_and_then_waits(clock: HeldClock) -> None:
    counted = counting(clock)

    assert taken(counted) == 2
    with pytest.raises(RateLimitedError, match="the 2 in each second that 'reads' allows") as caught:
        counted.take(CALLER)
    clock.seconds += caught.value.pause.total_seconds()
    counted.take(CALLER)


def test_each_key_has_its_own(clock: HeldClock) -> None:
    counted = counting(clock)

    assert taken(counted) == 2
    assert taken(counted, replace(CALLER, key_id=UUID(int=4))) == 2


def test_a_plan_says_otherwise(clock: HeldClock) -> None:
    counted = counting(clock)

    assert taken(counted, replace(CALLER, reads=5.0)) == 5
    assert taken(counted) == 2


def test_without_a_limit_nothing_is_counted(clock: HeldClock) -> None:
    assert taken(counting(clock, 0.0), times=1_000) == 1_000


def test_a_look_at_each_of_many_jobs_once_a_second_is_free(clock: HeldClock) -> None:
    counted, jobs = counting(clock), [entry() for _ in range(500)]
    for _ in range(10):
        for job in jobs:
            counted.look(CALLER, job)
        clock.seconds += 1.0

    assert taken(counted) == 2


def test_a_look_sooner_than_that_counts(clock: HeldClock) -> None:
    counted, job = counting(clock), entry()
    for _ in range(3):
        counted.look(CALLER, job)

    with pytest.raises(RateLimitedError):
        counted.look(CALLER, job)
    assert not counted.may_look(CALLER, job, clock.seconds)
    clock.seconds += 1.0
    assert counted.may_look(CALLER, job, clock.seconds)


def test_many_keys_do_not_fill_the_memory(clock: HeldClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "_SIZE", 3)
    counted = counting(clock)
    for _ in range(20):
        counted.take(replace(CALLER, key_id=new_id()))

    assert len(counted._buckets) <= 3
