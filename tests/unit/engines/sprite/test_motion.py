"""Sprites in motion: words become motions, frames line up, loops close, and the palette is one for all."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from calotype.engines.sprite.motion.files import CLEAR, Palette, Sheet, pixelated, save_gif
from calotype.engines.sprite.motion.motions import MOTIONS, names_of, read_script
from calotype.engines.sprite.motion.pose import Pose
from calotype.engines.sprite.motion.puppet import FEET, Puppet
from calotype.engines.sprite.subject import Cutter

ASKED = tomllib.loads((Path(__file__).parents[3] / "gallery" / "motions.toml").read_text("utf-8"))["motion"]
SIDE = 128


def cut_out(picture: Image.Image) -> tuple[Image.Image, str]:
    return Cutter().cut_out(picture, lambda: None)


def somebody(ground: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Image.Image:
    """Return a figure with a head, a body and two legs."""
    picture = Image.new("RGBA", (200, 300), ground)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 20, 140, 100), fill=(240, 190, 150, 255))
    draw.rectangle((50, 100, 150, 200), fill=(200, 40, 40, 255))
    draw.rectangle((60, 200, 90, 280), fill=(40, 40, 160, 255))
    draw.rectangle((110, 200, 140, 280), fill=(40, 40, 160, 255))
    return picture


@pytest.fixture(name="puppet", scope="module")
def _puppet() -> Puppet:
    return Puppet.of(cut_out(somebody())[0], SIDE)


def box(picture: Image.Image) -> tuple[int, int, int, int]:
    found = picture.getchannel("A").point([0] * 100 + [255] * 156).getbbox()
    assert found is not None
    return found


@pytest.mark.parametrize("asked", ASKED, ids=[asked["text"] for asked in ASKED])
def test_words_for_a_motion_are_understood(asked: dict[str, Any]) -> None:
    script = read_script(asked["text"])

    assert names_of(script.motions) == asked["motions"]
    assert list(script.unknown) == asked.get("unknown", [])


def test_a_subject_on_a_plain_ground_is_cut_out_like_one_on_none() -> None:
    (alone, by_alpha), (cut, by_border) = cut_out(somebody()), cut_out(somebody((120, 200, 230, 255)))

    assert (by_alpha, by_border) == ("alpha", "border")
    assert abs(alone.width - cut.width) <= 4
    assert abs(alone.height - cut.height) <= 4


def test_without_alpha_or_a_plain_ground_the_network_is_asked() -> None:
    crowd = Image.effect_noise((60, 60), 120).convert("RGBA")
    matte = np.zeros((60, 60), np.float32)
    matte[10:50, 20:40] = 1

    cut, how = Cutter(lambda *_: matte).cut_out(crowd, lambda: None)

    assert (how, cut.size) == ("network", (20, 40))


def test_a_picture_without_a_subject_is_taken_whole() -> None:
    assert cut_out(Image.new("RGBA", (50, 50), (1, 2, 3, 255)))[1] == "whole"


def test_a_subject_at_rest_stands_on_the_ground_in_the_middle(puppet: Puppet) -> None:
    left, _, right, bottom = box(puppet.posed(Pose()))

    assert abs(bottom - FEET * SIDE) <= 1
    assert abs((left + right) / 2 - SIDE / 2) <= 1


@pytest.mark.parametrize("motion", MOTIONS, ids=names_of(MOTIONS))
def test_a_motion_moves_and_stays_on_the_canvas(motion: Any, puppet: Puppet) -> None:
    rest = np.asarray(puppet.posed(Pose())).astype(int)
    furthest = 0.0
    for share in range(8):
        frame = puppet.posed(motion.pose(share / 8))
        left, top, right, bottom = box(frame)
        assert left > 0
        assert top > 0
        assert right < SIDE
        assert bottom < SIDE
        furthest = max(furthest, float(np.abs(np.asarray(frame).astype(int) - rest).mean()))

    assert furthest > 0.8


@pytest.mark.parametrize("motion", [one for one in MOTIONS if not one.stays], ids=lambda one: one.name)
def test_a_repeated_motion_ends_where_it_starts(motion: Any, puppet: Puppet) -> None:
    start, end = (np.asarray(puppet.posed(motion.pose(share))).astype(int) for share in (0.0, 0.9999))

    assert np.abs(start - end).mean() < 0.5


def test_what_dies_stays_down() -> None:
    poses = read_script("dies").poses(25)

    assert poses[-1].topple == poses[-3].topple == 1


def test_two_motions_share_the_frames() -> None:
    script = read_script("jumps, then spins")

    poses = script.poses(50)

    assert len(poses) == 50
    assert any(pose.lift > 0.2 for pose in poses[:25])
    assert any(pose.wide < 0 for pose in poses[25:])


def test_to_the_left_is_the_mirror_of_to_the_right() -> None:
    right, left = (read_script(f"runs to the {way}").poses(25)[3] for way in ("right", "left"))

    assert (left.lean, left.turn, left.lift) == (-right.lean, -right.turn, right.lift)


def test_a_subject_becomes_another_one(puppet: Puppet) -> None:
    other = Puppet.of(Image.new("RGBA", (300, 200), (10, 200, 10, 255)), SIDE)

    start, middle, end = (puppet.becoming(other, share, Pose()) for share in (0.0, 0.5, 1.0))

    assert np.array_equal(np.asarray(start), np.asarray(puppet.posed(Pose())))
    assert np.array_equal(np.asarray(end), np.asarray(other.posed(Pose())))
    widths = [box(one)[2] - box(one)[0] for one in (start, middle, end)]
    assert widths[0] < widths[1] < widths[2]


def test_the_gif_has_one_palette_clear_ground_and_every_frame(puppet: Puppet, tmp_path: Path) -> None:
    palette = Palette([puppet.canvas], 255)
    frames = [palette.indices(puppet.posed(pose)) for pose in read_script("walks").poses(25)]

    save_gif(frames, palette, tmp_path / "sprite.gif", lambda: None)

    data = (tmp_path / "sprite.gif").read_bytes()
    with Image.open(io.BytesIO(data)) as gif:
        assert gif.n_frames == 25  # type: ignore[attr-defined] # Pillow's, for GIF
        assert gif.info["loop"] == 0
        for number, indices in enumerate(frames):
            gif.seek(number)
            shown = np.asarray(gif.convert("RGBA"))
            assert np.array_equal(shown[..., 3] == 0, indices == CLEAR)
            solid = indices != CLEAR
            assert np.array_equal(shown[solid], np.asarray(palette.in_colour(indices))[solid])


def test_pixel_art_has_few_colours_and_square_pixels(puppet: Puppet) -> None:
    palette = Palette([pixelated(puppet.canvas, 4)], 28)

    indices = palette.indices(pixelated(puppet.posed(read_script("jumps").poses(25)[9]), 4)).repeat(4, 0).repeat(4, 1)

    assert indices.shape == (SIDE, SIDE)
    assert len(np.unique(indices)) <= 29
    assert np.array_equal(indices[::4, ::4].repeat(4, 0).repeat(4, 1), indices)


def test_a_sheet_is_filled_row_by_row() -> None:
    sheet = Sheet(4, 10)
    for colour in ("red", "lime", "blue", "white"):
        sheet.add(Image.new("RGBA", (10, 10), colour))

    assert sheet.picture.size == (20, 20)
    assert [sheet.picture.getpixel(place)[:3] for place in ((15, 5), (5, 15))] == [(0, 255, 0), (0, 0, 255)]  # type: ignore[index] # RGBA
