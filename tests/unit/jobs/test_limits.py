"""Rates and buckets: what comes back when, worked out without a clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.limits import BUILT_IN, Bucket, Rate, Subject

TEN_A_MINUTE = Rate(10, timedelta(minutes=1), 10)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


@pytest.mark.parametrize(("until_full", "remaining"), [(0, 10), (6, 9), (7, 8), (54, 1), (55, 0), (60, 0), (70, 0)])
def test_what_is_left_follows_from_how_long_all_takes_to_come_back(until_full: float, remaining: int) -> None:
    assert TEN_A_MINUTE.remaining(seconds(until_full)) == remaining


@pytest.mark.parametrize(("until_full", "pause"), [(0, 0), (54, 0), (57, 3), (60, 6)])
def test_the_next_request_comes_back_after_one_interval_at_the_most(until_full: float, pause: float) -> None:
    assert TEN_A_MINUTE.pause(seconds(until_full)) == seconds(pause)


def test_a_smaller_burst_spreads_the_same_rate() -> None:
    rate = Rate(60, timedelta(minutes=1), 5)

    assert (rate.interval, rate.tolerance, rate.remaining(timedelta(0))) == (seconds(1), seconds(5), 5)


@pytest.mark.parametrize(
    ("plan", "requests"), [("productai-free", 10), ("productai-pro", 60), ("productai-b", 15), ("apiframe", 500)]
)
def test_the_vendors_figures_are_plans(plan: str, requests: int) -> None:
    assert BUILT_IN[plan].rate == Rate(requests, timedelta(minutes=1), requests)


def test_a_subject_is_called_by_its_noun() -> None:
    assert [subject.noun for subject in Subject] == ["account", "key"]


def test_a_bucket_gives_what_it_holds_and_then_says_when_there_is_more() -> None:
    bucket = Bucket(rate=2.0, most=3.0, now=0.0)

    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.25) == 0.25
    assert bucket.take(0.5) == 0.0


def test_a_bucket_never_holds_more_than_its_most() -> None:
    bucket = Bucket(rate=2.0, most=3.0, now=0.0)

    assert [bucket.take(1_000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


@given(st.lists(st.floats(0, 2), max_size=200), st.floats(0.5, 50), st.floats(1, 100))
def test_over_any_time_a_bucket_gives_no_more_than_its_most_and_its_rate(
    pauses: list[float], rate: float, most: float
) -> None:
    bucket, now, taken = Bucket(rate, most, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += not bucket.take(now)

    assert taken <= most + rate * now + 1e-6
