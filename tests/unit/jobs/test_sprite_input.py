"""What a sprite job may be asked: each operation takes its own fields and refuses the others'."""

from __future__ import annotations

from typing import Any

import pytest

from calotype.errors import InvalidInputError
from calotype.jobs.inputs.sprite import SpriteInput
from calotype.jobs.kinds import Kind, read_input

IMAGE = {"asset_id": "00000000-0000-7000-8000-000000000000"}


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


@pytest.mark.parametrize("frames", [25, 36, 49, 64, 81, 100, 121, 144, 169])
def test_an_animation_has_a_square_of_frames(frames: int) -> None:
    assert read("animate", prompt="walks", image=IMAGE, frames=frames, pixel=True).frames == frames


def test_another_number_of_frames_is_refused_in_words() -> None:
    with pytest.raises(InvalidInputError) as caught:
        read("animate", prompt="walks", image=IMAGE, frames=30)

    assert caught.value.problems[0].message == "frames should be one of 25, 36, 49, 64, 81, 100, 121, 144, 169"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"frames": 25}, "animate needs image"),
        ({"image": IMAGE}, "animate needs frames"),
        ({"image": IMAGE, "frames": 25, "resolution": "1K"}, "resolution does not belong to animate"),
    ],
)
def test_what_an_animation_needs_is_said(given: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read("animate", prompt="walks", **given)

    assert caught.value.problems[0].message == why


def test_a_reskin_has_a_style_of_four() -> None:
    assert read("reskin", prompt="gold", image=IMAGE, style="quater_view").style == "quater_view"
    assert refused("reskin", prompt="gold", image=IMAGE, style="oil") == {"/input/style"}
    assert refused("reskin", prompt="gold") == {"/input"}
