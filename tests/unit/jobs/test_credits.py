"""Prices, and what each ledger entry does to a balance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.credits import DEFAULT_PRICES, Entry, effect_on_balance, price_of
from calotype.jobs.kinds import Kind


def test_every_kind_has_a_price() -> None:
    assert set(DEFAULT_PRICES) == set(Kind)


@pytest.mark.parametrize(("asked", "price"), [({}, 1), ({"count": 1}, 1), ({"count": 4}, 4)])
def test_each_output_asked_for_is_paid(asked: dict[str, int], price: int) -> None:
    assert price_of(Kind.IMAGE, asked) == price


def test_an_installation_sets_its_own_prices() -> None:
    assert price_of(Kind.IMAGE, {"count": 3}, {Kind.IMAGE: 7}) == 21


@given(st.integers(0, 10**15))
def test_a_hold_and_its_refund_leave_the_balance_as_it_was(amount: int) -> None:
    assert effect_on_balance(Entry.HOLD, amount) + effect_on_balance(Entry.REFUND, amount) == 0


@given(st.integers(0, 10**15))
def test_a_hold_and_its_capture_cost_the_price_once(amount: int) -> None:
    assert effect_on_balance(Entry.HOLD, amount) + effect_on_balance(Entry.CAPTURE, amount) == -amount


def test_a_grant_adds() -> None:
    assert effect_on_balance(Entry.GRANT, 5) == 5
