"""When a webhook is tried again, when a receiver is left alone, and who comes first: tables and pure functions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.deliveries import (
    LONGEST_ASKED,
    ONCE,
    STANDARD,
    Breaker,
    DeliveryPlan,
    Fate,
    Queued,
    Receiver,
    fate_of,
    share,
    slots_of,
)
from calotype.jobs.model import Webhook
from calotype.jobs.states import JobState

HOUR = timedelta(hours=1)
BREAKER = Breaker()


@pytest.mark.parametrize(
    ("statuses", "fate"),
    [
        ((200, 201, 204, 299), Fate.DELIVERED),
        ((410,), Fate.REFUSED),
        ((429, 502, 504), Fate.THROTTLED),
        ((None, 100, 199, 300, 301, 302, 307, 400, 404, 408, 500, 503, 599, 999), Fate.FAILED),
    ],
)
def test_an_answer_means_one_thing(statuses: tuple[int | None, ...], fate: Fate) -> None:
    assert {fate_of(status) for status in statuses} == {fate}


def test_there_are_ten_tries_in_75_hours() -> None:
    assert STANDARD.tries == 10
    assert timedelta(hours=75) <= STANDARD.span < timedelta(hours=76)
    assert STANDARD.wait_after(10, 0.5) is None
    assert STANDARD.timeout == timedelta(seconds=15)


def test_waits_grow_and_are_spread_by_a_tenth() -> None:
    for number, wait in enumerate(STANDARD.waits, 1):
        assert STANDARD.wait_after(number, 0.5) == wait
        assert STANDARD.wait_after(number, 0.0) == wait * 0.9
        assert STANDARD.wait_after(number, 1.0) == wait * 1.1
    assert list(STANDARD.waits) == sorted(STANDARD.waits)


@given(st.integers(1, 9), st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_what_a_receiver_asks_for_is_the_least_up_to_a_day(tries: int, chance: float, asked: timedelta) -> None:
    wait = STANDARD.wait_after(tries, chance, asked)

    assert wait is not None
    assert wait >= min(asked, LONGEST_ASKED)
    assert wait <= max(LONGEST_ASKED, STANDARD.waits[tries - 1] * 1.1)


def test_a_single_try_is_never_followed() -> None:
    assert (ONCE.tries, ONCE.span, ONCE.wait_after(1, 0.5)) == (1, timedelta(0), None)


def test_an_api_may_have_a_plan_of_its_own() -> None:
    plan = DeliveryPlan(tuple(timedelta(minutes=wait) for wait in (1, 4, 10, 15, 30)), timeout=timedelta(seconds=10))

    assert (plan.tries, plan.span) == (6, HOUR)


def test_a_receiver_is_left_alone_from_the_third_failure_on_ever_longer() -> None:
    pauses = [BREAKER.pause_after(failures) for failures in range(1, 11)]

    seconds = [None if pause is None else pause.total_seconds() for pause in pauses]
    assert seconds == [None, None, 5, 10, 20, 40, 80, 160, 300, 300]
    assert BREAKER.pause_after(10**9) == BREAKER.longest


def test_one_that_asks_for_fewer_is_left_alone_at_once_and_as_long_as_it_asks() -> None:
    assert BREAKER.pause_after(1, is_throttled=True) == BREAKER.first
    assert BREAKER.pause_after(1, is_throttled=True, asked=HOUR) == HOUR
    assert BREAKER.pause_after(1, is_throttled=True, asked=timedelta(days=90)) == LONGEST_ASKED


def test_few_tries_are_under_way_until_a_receiver_has_answered_well() -> None:
    assert [slots_of(Receiver()), slots_of(Receiver(0, is_proven=True)), slots_of(Receiver(1, is_proven=True))] == [
        2,
        8,
        1,
    ]


def test_a_crowd_of_dead_receivers_takes_no_room_from_good_ones() -> None:
    dead = [Queued(f"dead {number}", Receiver(), 0) for number in range(1_000)]
    good = [Queued(f"good {number}", Receiver(is_proven=True), 0) for number in range(4)]

    shares = share([*dead, *good], 32, 64)

    assert [shares[each.name] for each in good] == [8, 8, 8, 8]
    assert sum(shares[each.name] for each in dead if each.name in shares) == 64


def test_what_is_under_way_counts() -> None:
    queued = [Queued("a", Receiver(), 1), Queued("b", Receiver(), 2), Queued("c", Receiver(3), 1)]

    assert share(queued, 10, 10) == {"a": 1}


def test_without_room_nothing_is_taken() -> None:
    assert share([Queued("a", Receiver(), 0)], 10, 0) == {}


@pytest.mark.parametrize(
    ("webhook", "state", "shown"),
    [
        (Webhook("u"), JobState.RUNNING, None),
        (Webhook("u"), JobState.FAILED, "pending"),
        (Webhook("u", fate="delivered"), JobState.FAILED, "delivered"),
        (Webhook("u", fate="failed"), JobState.SUCCEEDED, "failed"),
        (Webhook("u", ("job.succeeded",)), JobState.FAILED, None),
        (Webhook("u", ("job.running",)), JobState.RUNNING, None),
    ],
)
def test_a_job_shows_how_the_last_thing_told_fares(webhook: Webhook, state: JobState, shown: str | None) -> None:
    assert webhook.state_of(state) == shown
