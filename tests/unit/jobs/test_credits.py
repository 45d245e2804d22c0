"""What each ledger entry does to a balance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.credits import Entry, effect_on_balance


@given(st.integers(0, 10**15))
def test_a_hold_and_its_refund_leave_the_balance_as_it_was(amount: int) -> None:
    assert effect_on_balance(Entry.HOLD, amount) + effect_on_balance(Entry.REFUND, amount) == 0


@given(st.integers(0, 10**15))
def test_a_hold_and_its_capture_cost_the_price_once(amount: int) -> None:
    assert effect_on_balance(Entry.HOLD, amount) + effect_on_balance(Entry.CAPTURE, amount) == -amount


def test_a_grant_adds() -> None:
    assert effect_on_balance(Entry.GRANT, 5) == 5
