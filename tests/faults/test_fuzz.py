"""Malformed media and forms against a real server: no crash, no 5xx, bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faults.instruments import fuzz
from served import served

COUNT = 1_000
MOST_OF_THE_API = 600_000_000
MOST_OF_A_CHILD = 1_600_000_000


@pytest.mark.timeout(1_200)
def test_whatever_is_sent_is_answered_and_the_server_is_unharmed(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with served(tmp_path / "data") as server:
        outcome = fuzz.run(server, COUNT, seed=1)

    assert outcome.findings == []
    assert outcome.statuses.total() == COUNT
    assert sum(count for status, count in outcome.statuses.items() if 400 <= status < 500) > COUNT / 2
    assert outcome.statuses[201] > 0, "some mutants are still files: the way in is open at all"
    assert outcome.peak_of_api < MOST_OF_THE_API
    assert outcome.peak_of_a_child < MOST_OF_A_CHILD
    record_property("counts", outcome.sentence())
