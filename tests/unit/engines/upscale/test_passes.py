from __future__ import annotations

import math

import pytest

from calotype.engines.upscale.passes import STRETCH, passes_for


@pytest.mark.parametrize(
    ("factor", "wanted"),
    [
        (0.5, ()),
        (1.0, ()),
        (1.05, ()),
        (1.2, (2,)),
        (2.0, (2,)),
        (2.3, (3,)),
        (4.0, (4,)),
        (4.3, (4,)),
        (6.0, (2, 3)),
        (7.0, (2, 4)),
        (16.0, (4, 4)),
    ],
)
def test_the_passes_fit_the_factor_with_the_least_work(factor: float, wanted: tuple[int, ...]) -> None:
    assert passes_for(factor) == wanted


def test_passes_reach_every_factor_up_to_a_single_pixel_made_4k() -> None:
    for factor in range(2, 4097):
        assert math.prod(passes_for(factor)) * STRETCH >= factor
