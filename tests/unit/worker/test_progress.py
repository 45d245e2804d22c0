from __future__ import annotations

import pytest

from calotype.engines.base import Phase
from calotype.worker.progress import percent_of


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize(("done", "total"), [(0, 0), (-1, 10), (0, 10), (5, 10), (10, 10), (11, 10)])
def test_a_percent_stays_below_the_end_whatever_an_engine_says(phase: Phase, done: int, total: int) -> None:
    assert 0 <= percent_of(phase, done, total) < 100


def test_the_phases_of_a_job_follow_each_other() -> None:
    way = [Phase.LOADING, Phase.ENCODING, Phase.DENOISING, Phase.DECODING, Phase.SAVING]

    percents = [percent_of(phase, done, 2) for phase in way for done in (0, 1, 2)]

    assert percents == sorted(percents)


def test_half_of_the_steps_is_half_of_the_work() -> None:
    assert percent_of(Phase.TILES, 5, 10) == 50
