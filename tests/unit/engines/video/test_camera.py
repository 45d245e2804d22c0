"""The camera: never past the scene's edge, never a jump, and each motion the way its name says."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from calotype.engines.video.camera import Camera, View
from calotype.jobs.inputs.video import Motion

MOTIONS = ("", *get_args(Motion))
STEPS = 96


def views(motion: str, *, from_rest: bool = False, loop: bool = False) -> list[View]:
    camera = Camera([motion] if motion else [], from_rest=from_rest, loop=loop)
    return [camera.view(step / STEPS) for step in range(STEPS + 1)]


@pytest.mark.parametrize("from_rest", [False, True])
@pytest.mark.parametrize("motion", MOTIONS)
def test_it_never_looks_past_the_scenes_edge(motion: str, from_rest: bool) -> None:
    for view in views(motion, from_rest=from_rest):
        room = (1 - 1 / view.zoom) / 2 + 1e-9
        assert view.zoom >= 1
        assert abs(view.x) <= room
        assert abs(view.y) <= room


@pytest.mark.parametrize("motion", MOTIONS)
def test_it_never_jumps(motion: str) -> None:
    seen = views(motion)

    for one, other in pairwise(seen):
        assert abs(one.x - other.x) < 0.012
        assert abs(one.y - other.y) < 0.012
        assert abs(one.zoom / other.zoom - 1) < 0.012


@pytest.mark.parametrize("motion", [one for one in MOTIONS if one not in {"zoom_out", "pull_out", "dolly_zoom"}])
def test_from_rest_it_begins_with_the_whole_picture(motion: str) -> None:
    first = Camera([motion] if motion else [], from_rest=True).view(0)

    assert (first.x, first.y, first.roll, first.shift_x, first.shift_y) == (0, 0, 0, 0, 0)
    assert first.zoom == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_loop_ends_where_it_began(motion: str) -> None:
    first, *_, last = views(motion, loop=True)

    for name in View.__slots__:
        assert getattr(first, name) == pytest.approx(getattr(last, name), abs=1e-9)


def test_each_motion_goes_the_way_its_name_says() -> None:
    first_and_last = {motion: (views(motion)[0], views(motion)[-1]) for motion in MOTIONS}
    moved = {
        motion: (last.x - first.x, last.y - first.y, last.zoom - first.zoom)
        for motion, (first, last) in first_and_last.items()
    }

    assert moved["pan_left"][0] < 0 < moved["pan_right"][0]
    assert moved["tilt_up"][1] < 0 < moved["tilt_down"][1]
    assert moved["zoom_out"][2] < 0 < moved["zoom_in"][2]
    assert moved["pull_out"][2] < 0 < moved["push_in"][2]
    assert moved["static"] == (0, 0, 0)


def test_what_is_to_be_kept_stays_in_sight() -> None:
    camera = Camera([], from_rest=False, keep=(0.02, 0.01, 0.5, 0.5))

    for step in range(STEPS + 1):
        view = camera.view(step / STEPS)
        assert 0.5 + view.y - 0.5 / view.zoom <= 0.02
        assert 0.5 + view.x - 0.5 / view.zoom <= 0.025
