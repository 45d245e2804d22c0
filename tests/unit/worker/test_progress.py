from __future__ import annotations

import pytest

from calotype.engines.base import Phase
from calotype.worker.progress import percent_of


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize(("done", "total"), [(0, 0), (-1, 10), (0, 10), (5, 10), (10, 10), (11, 10)])
def test_a_percent_stays_below_the_end_whatever_an_engine_says(phase: Phase, done: int, total: int) -> None:
    assert 0 <= percent_of(phase, done, total) < 100


def test_loading_comes_before_what_the_engine_counts() -> None:
    way = [(Phase.LOADING, 0), (Phase.LOADING, 2), (Phase.TILES, 0), (Phase.TILES, 1), (Phase.SAVING, 2)]

    percents = [percent_of(phase, done, 2) for phase, done in way]

    assert percents == sorted(percents)
    assert percents[2] == percents[1]


def test_half_of_the_steps_is_about_half_of_the_job() -> None:
    assert 45 <= percent_of(Phase.TILES, 5, 10) <= 55
