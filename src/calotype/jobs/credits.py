"""What a job costs. Prices are whole credits and are frozen into the job at submit."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from calotype.jobs.kinds import Kind


class Entry(StrEnum):
    """What a ledger row does to the balance: a grant adds, a hold sets aside, a capture keeps it, a refund gives it back."""

    GRANT = "grant"
    HOLD = "hold"
    CAPTURE = "capture"
    REFUND = "refund"


DEFAULT_PRICES: Mapping[Kind, int] = {Kind.IMAGE: 1, Kind.UPSCALE: 1}


def price_of(kind: Kind, given: Mapping[str, Any], prices: Mapping[Kind, int] = DEFAULT_PRICES) -> int:
    """Return the price in credits: the kind's price for each output asked for."""
    return prices[kind] * int(given.get("count", 1))


def effect_on_balance(entry: Entry, amount: int) -> int:
    """Return how a ledger entry of `amount` credits changes the balance: a capture keeps what its hold already took."""
    match entry:
        case Entry.GRANT | Entry.REFUND:
            return amount
        case Entry.HOLD:
            return -amount
        case Entry.CAPTURE:
            return 0
