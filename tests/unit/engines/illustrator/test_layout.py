"""Where things come to stand."""

from __future__ import annotations

import pytest

from calotype.engines.drawing.compose import Composition, Placed
from calotype.engines.drawing.illustrator import Illustrator
from calotype.jobs.inputs.image import ImageInput

SHAPES = [(1024, 1024), (1600, 900), (900, 1600), (2100, 300), (300, 2100)]
PROMPTS = [
    "a dog",
    "a bus, a cat and two birds in the city",
    "nine sheep in a meadow",
    "a cat on a table under the moon",
    "12 stars in space",
]


def compose(illustrator: Illustrator, prompt: str, width: int = 512, height: int = 512, seed: int = 7) -> Composition:
    return illustrator.compose(ImageInput(prompt=prompt, width=width, height=height), seed)


def placed(composition: Composition, label: str) -> list[Placed]:
    return [one for one in composition.placed if one.drawing.label == label]


@pytest.mark.parametrize(("width", "height"), SHAPES)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_nothing_is_cut_off(illustrator: Illustrator, prompt: str, width: int, height: int) -> None:
    composition = compose(illustrator, prompt, width, height)

    stage = composition.stage
    assert composition.placed
    for one in composition.placed:
        assert one.box[0] >= 0
        assert one.box[1] >= 0
        assert one.box[2] <= stage.width
        assert one.box[3] <= stage.height


@pytest.mark.parametrize("seed", range(5))
def test_a_mouse_is_smaller_than_an_elephant_and_still_to_be_seen(illustrator: Illustrator, seed: int) -> None:
    composition = compose(illustrator, "an elephant and a mouse", seed=seed)

    (elephant,), (mouse,) = placed(composition, "elephant"), placed(composition, "mouse")
    assert mouse.box[3] - mouse.box[1] < 0.5 * (elephant.box[3] - elephant.box[1])
    assert mouse.box[2] - mouse.box[0] > 0.06 * composition.stage.width


@pytest.mark.parametrize("seed", range(5))
def test_what_stands_stands_on_the_ground_and_what_flies_is_above_it(illustrator: Illustrator, seed: int) -> None:
    composition = compose(illustrator, "a cow and an airplane in a meadow", seed=seed)

    (cow,), (airplane,) = placed(composition, "cow"), placed(composition, "airplane")
    assert cow.box[3] > composition.stage.horizon
    assert cow.stands
    assert airplane.box[3] < composition.stage.horizon
    assert not airplane.stands


def test_boats_lie_in_the_water_and_people_stand_on_the_shore(illustrator: Illustrator) -> None:
    composition = compose(illustrator, "a sailboat and a dog by the sea")

    (boat,), (dog,) = placed(composition, "sailboat"), placed(composition, "dog")
    assert boat.afloat
    assert not dog.afloat
    assert composition.stage.shore is not None
    assert dog.box[3] > composition.stage.shore > boat.box[3]


@pytest.mark.parametrize("seed", range(5))
def test_left_and_right_are_kept_for_every_seed(illustrator: Illustrator, seed: int) -> None:
    composition = compose(illustrator, "a pig to the left of a barn", seed=seed)

    (pig,), (barn,) = placed(composition, "pig"), placed(composition, "barn")
    assert pig.box[2] <= barn.box[0] + 1


def test_the_size_changes_nothing_but_the_size(illustrator: Illustrator) -> None:
    small, large = (compose(illustrator, PROMPTS[1], side, side) for side in (128, 2048))

    assert [one.box for one in small.placed] == [one.box for one in large.placed]


def test_things_without_a_scene_come_where_they_are_at_home(illustrator: Illustrator) -> None:
    kinds = {prompt: compose(illustrator, prompt).stage.kind for prompt in ("a sofa", "a ship", "a comet", "a cow")}

    assert kinds == {"a sofa": "room", "a ship": "sea", "a comet": "space", "a cow": "meadow"}


@pytest.mark.parametrize("seed", range(3))
def test_what_is_behind_is_painted_first_and_what_is_before_it_last(illustrator: Illustrator, seed: int) -> None:
    behind = compose(illustrator, "a bear behind a tree", seed=seed)
    before = compose(illustrator, "a dog in front of a house", seed=seed)

    assert [one.drawing.label for one in behind.placed] == ["bear", "deciduous tree"]
    assert [one.drawing.label for one in before.placed] == ["house", "dog"]


def test_a_whale_under_a_boat_swims_below_the_surface_it_floats_on(illustrator: Illustrator) -> None:
    composition = compose(illustrator, "a whale under a boat")

    (boat,), (whale,) = placed(composition, "sailboat"), placed(composition, "whale")
    assert boat.afloat
    assert boat.box[3] < whale.box[1]


def test_clothes_are_drawn_on_who_wears_them(illustrator: Illustrator) -> None:
    composition = compose(illustrator, "a girl in a red dress")

    assert [(one.drawing.label, one.outfit) for one in composition.placed] == [("girl", (("dress", "red"),))]
