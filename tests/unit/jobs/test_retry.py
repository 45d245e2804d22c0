"""When a job may run again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.retry import RetryPlan


def test_a_first_lost_attempt_runs_again_at_once() -> None:
    assert RetryPlan().delay_after(1) == timedelta(0)


@pytest.mark.parametrize(("attempt", "seconds"), [(2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 30), (60, 30)])
def test_later_waits_double_up_to_the_longest(attempt: int, seconds: int) -> None:
    assert RetryPlan(attempts=100).delay_after(attempt) == timedelta(seconds=seconds)


@pytest.mark.parametrize("attempts", [1, 2, 3, 10])
def test_after_the_last_attempt_there_is_none(attempts: int) -> None:
    assert RetryPlan(attempts).delay_after(attempts) is None


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_waits_are_never_negative_nor_above_the_longest(attempts: int, attempt: int) -> None:
    delay = RetryPlan(attempts).delay_after(attempt)

    assert delay is None or timedelta(0) <= delay <= timedelta(seconds=30)
