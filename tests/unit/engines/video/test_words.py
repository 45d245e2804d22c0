"""What of a prompt is about the camera, and what is left to be drawn."""

from __future__ import annotations

import pytest

from calotype.engines.video.words import read_direction


@pytest.mark.parametrize(
    ("prompt", "motions", "rest"),
    [
        ("a boat on the sea, slow zoom in", ("zoom_in",), "a boat on the sea"),
        ("the camera slowly pans left, a fox in the snow", ("pan_left",), "a fox in the snow"),
        ("a castle, camera tilts up and zooms out", ("zoom_out", "tilt_up"), "a castle, and"),
        ("dolly zoom on a cat", ("dolly_zoom",), "on a cat"),
        ("orbit left", ("orbit_left",), ""),
        ("a frying pan left on the stove", ("pan_left",), "a frying on the stove"),
        ("a cat with a handbag", (), "a cat with a handbag"),
    ],
)
def test_camera_words_are_taken_out(prompt: str, motions: tuple[str, ...], rest: str) -> None:
    direction = read_direction(prompt)

    assert (direction.motions, direction.text) == (motions, rest)


def test_tempo_and_verbs_are_heard() -> None:
    assert read_direction("two dogs running in slow motion").tempo < 1
    assert read_direction("two dogs running in slow motion").liveliness == "run"
    assert read_direction("a sleeping cat").liveliness == "rest"
    assert read_direction("a house").liveliness is None


def test_birds_that_fly_are_drawn_with_open_wings() -> None:
    assert read_direction("a flock of birds flying over a lake").text == "a flock of seagulls flying over a lake"
    assert read_direction("birds on a branch").text == "birds on a branch"
