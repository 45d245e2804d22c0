from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from calotype.engines.upscale.card import CARD
from calotype.engines.upscale.limits import check_size, output_size
from calotype.errors import InvalidInputError


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_scale_multiplies_both_sides(scale: int) -> None:
    assert output_size(321, 200, scale=scale) == (321 * scale, 200 * scale)


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ((480, 320), "1K", (1024, 683)),
        ((320, 480), "2K", (1365, 2048)),
        ((1000, 1000), "4K", (4096, 4096)),
        ((5000, 2500), "1K", (1024, 512)),
        ((1, 5000), "1K", (1, 1024)),
        ((1024, 3), "1K", (1024, 3)),
    ],
)
def test_a_target_is_the_longer_side_and_keeps_the_aspect(
    source: tuple[int, int], target: str, wanted: tuple[int, int]
) -> None:
    assert output_size(*source, target=target) == wanted


@pytest.mark.parametrize(
    ("source", "wish", "field"),
    [
        ((2049, 16), {"scale": 4, "target": None}, "/input/scale"),
        ((2048, 2048), {"scale": 4}, "/input/scale"),
        ((4000, 4000), {"scale": 2}, "/input/scale"),
    ],
)
def test_an_output_beyond_the_cards_limit_is_refused(source: tuple[int, int], wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError, match="which is more than") as refused:
        check_size(*source, wish)

    assert refused.value.problems[0].pointer == field


def test_every_target_is_within_the_limit() -> None:
    assert check_size(7000, 7000, {"target": "4K"}) == (4096, 4096)
    assert CARD.limits["max_side"] == 8192


def test_the_card_and_the_limits_import_nothing_heavy() -> None:
    code = (
        "import sys, calotype.engines.upscale.card, calotype.engines.upscale.limits;"
        "sys.exit(bool({'onnxruntime', 'numpy', 'PIL'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
