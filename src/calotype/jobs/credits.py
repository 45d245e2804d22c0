"""What a ledger entry does to a balance. Credits are whole; what a job costs stands in `jobs.prices`."""

from __future__ import annotations

from enum import StrEnum


class Entry(StrEnum):
    """What a ledger row does to the balance: a grant adds, a hold sets aside, a capture keeps it, a refund gives it back."""

    GRANT = "grant"
    HOLD = "hold"
    CAPTURE = "capture"
    REFUND = "refund"


_SIGNS = {Entry.GRANT: 1, Entry.HOLD: -1, Entry.CAPTURE: 0, Entry.REFUND: 1}


def effect_on_balance(entry: Entry, amount: int) -> int:
    """Return how a ledger entry of `amount` credits changes the balance: a capture keeps what its hold already took."""
    return _SIGNS[entry] * amount
