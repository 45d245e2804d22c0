"""Whoever comes second is told so, and the money agrees: pairs of calls that meet on one job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from faults.instruments import planted, races

COUNT = 2_000
EACH = -(-COUNT // len(races.RACES))


@pytest.mark.parametrize("name", races.RACES)
def test_when_calls_meet_one_wins_and_the_others_are_told(
    database_url: str, name: str, record_property: Callable[[str, object], None]
) -> None:
    counts = asyncio.run(races.run(database_url, name, EACH // 5 if name in races.CROWDED else EACH))

    record_property("counts", f"races, {name}: {counts.races:,} with {counts.acknowledged:,} moves")
    assert counts.findings == []


@pytest.mark.parametrize("name", ["cancel or succeed", "lapse or succeed"])
def test_a_move_without_its_guard_is_found(database_url: str, name: str) -> None:
    with planted.moves_unguarded():
        counts = asyncio.run(races.run(database_url, name, 30))

    assert counts.findings


def test_a_balance_checked_before_it_is_lowered_is_found(database_url: str) -> None:
    with planted.balance_checked_first():
        counts = asyncio.run(races.run(database_url, "eight submits for the last credit", 30))

    assert counts.findings


def test_a_rate_that_is_looked_at_before_it_is_counted_is_found(database_url: str) -> None:
    with planted.rate_looked_at_first():
        counts = asyncio.run(races.run(database_url, "eight submits for the last of a rate", 10))

    assert counts.findings


def test_a_claim_that_counts_without_its_turn_is_found(database_url: str) -> None:
    with planted.claims_without_a_turn():
        counts = asyncio.run(races.run(database_url, "claims where one job may run", 30))

    assert counts.findings


def test_batches_that_lock_balances_in_any_order_are_found(database_url: str) -> None:
    with planted.batches_in_any_order():
        counts = asyncio.run(races.run(database_url, "two upkeeps", 6))

    assert [found for found in counts.findings if "Deadlock" in found]
