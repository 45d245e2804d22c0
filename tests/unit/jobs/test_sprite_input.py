"""What a sprite job may be asked: each operation takes its own fields and refuses the others'."""

from __future__ import annotations

from typing import Any

import pytest

from calotype.errors import InvalidInputError
from calotype.jobs.inputs.sprite import SpriteInput
from calotype.jobs.kinds import Kind, read_input


def read(operation: str, **given: Any) -> SpriteInput:
    wanted = read_input(Kind.SPRITE, {"operation": operation, **given})
    assert isinstance(wanted, SpriteInput)
    return wanted


def refused(operation: str, **given: Any) -> set[str]:
    with pytest.raises(InvalidInputError) as caught:
        read(operation, **given)
    return {problem.pointer for problem in caught.value.problems}


@pytest.mark.parametrize(("resolution", "side"), [("512", 512), ("1K", 1024), ("2K", 2048), ("4K", 4096)])
def test_an_effect_has_the_side_asked_for(resolution: str, side: int) -> None:
    assert read("effect", prompt="fire", resolution=resolution).side() == side


@pytest.mark.parametrize("frames", [4, 9, 16])
def test_an_effect_sheet_has_a_square_of_cells(frames: int) -> None:
    assert read("effect_sheet", prompt="fire", frames=frames).frames == frames


@pytest.mark.parametrize("frames", [None, 5, 25, "9", True])
def test_an_effect_sheet_has_no_other_number_of_cells(frames: Any) -> None:
    assert refused("effect_sheet", prompt="fire", frames=frames) <= {"/input", "/input/frames"}


def test_an_effect_has_no_frames() -> None:
    assert refused("effect", prompt="fire", frames=4) == {"/input"}


@pytest.mark.parametrize(
    "given", [{}, {"prompt": " "}, {"prompt": "fire", "resolution": "8K"}, {"prompt": "x", "size": 3}]
)
def test_what_is_no_effect_is_refused(given: dict[str, Any]) -> None:
    assert refused("effect", **given)


def test_an_unknown_operation_is_refused() -> None:
    assert refused("dance", prompt="fire") == {"/input/operation"}
