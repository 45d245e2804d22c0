"""How drawings are given a colour."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from calotype.engines.drawing.colour import NAMED, already, apart, body_of, distinct, from_oklch, paint, to_oklch


def picture(*bands: str) -> Image.Image:
    """A square of equal bands."""
    drawn = Image.new("RGBA", (40, 10 * len(bands)))
    for number, colour in enumerate(bands):
        drawn.paste(colour, (0, 10 * number, 40, 10 * number + 10))
    return drawn


def painted(drawn: Image.Image, colour: str) -> Image.Image:
    return drawn.convert("RGB").filter(paint(body_of(drawn), colour))


@pytest.mark.parametrize("colour", [name for name, (_, chroma, _hue) in NAMED.items() if chroma > 0.05])
def test_a_painted_body_has_the_hue_it_was_given(colour: str) -> None:
    result = np.asarray(painted(picture("#e04030"), colour), np.float64) / 255

    _, chroma, hue = to_oklch(result)
    assert abs(float(apart(hue, NAMED[colour][2]).mean())) < 14
    assert float(chroma.mean()) > 0.04


def test_outlines_and_whites_stay_as_they_are() -> None:
    result = np.asarray(painted(picture("#e04030", "#e04030", "#101010", "#ffffff"), "blue"), np.int16)

    assert abs(result[25, 20] - 16).max() < 6
    assert abs(result[35, 20] - 255).max() < 6


def test_light_and_shade_are_kept() -> None:
    result = np.asarray(painted(picture("#e86050", "#e04030", "#a02818"), "green").convert("L"), np.int16)

    assert result[5, 20] > result[15, 20] > result[25, 20]


def test_a_grey_thing_can_be_painted() -> None:
    result = np.asarray(painted(picture("#c8c8d0"), "red"), np.float64) / 255

    assert float(to_oklch(result)[1].mean()) > 0.1


def test_a_thing_that_has_the_colour_is_left_alone() -> None:
    assert already(body_of(picture("#e5383b")), "red")
    assert not already(body_of(picture("#e5383b")), "blue")


def test_colours_survive_the_way_to_oklab_and_back() -> None:
    colours = np.random.default_rng(1).random((50, 3))

    assert np.abs(from_oklch(*to_oklch(colours)) - colours).max() < 1e-5


def test_every_thing_in_an_id_picture_has_a_colour_of_its_own() -> None:
    assert len({distinct(number) for number in range(1, 61)}) == 60
