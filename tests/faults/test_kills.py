"""Killed at any moment, nothing that was acknowledged is lost and no charge is missing or double."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faults.instruments import kills

CYCLES = 2_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_whenever_a_process_is_killed_the_audit_is_clean(
    postgres: str, tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    counts = kills.run(postgres, tmp_path, CYCLES // 2, seed)

    record_property(
        "counts",
        f"SIGKILL cycles: {counts.cycles:,} with {counts.acknowledged:,} acknowledged operations in {counts.seconds:.0f} s",
    )
    assert counts.findings == []
    assert counts.cycles == CYCLES // 2
    assert counts.acknowledged > counts.cycles // 4  # on a busy machine a kill often comes before the first one


@pytest.mark.parametrize("plant", kills.PLANTS)
def test_money_that_is_settled_apart_from_the_move_is_found(postgres: str, tmp_path: Path, plant: str) -> None:
    counts = kills.run(postgres, tmp_path, 300, 3, plant)

    assert [found for found in counts.findings if found.startswith("I4")]
