"""Effects: read as a person means them, drawn alike in every strip and size, looping where they should."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calotype.engines.sprite.effects import paint
from calotype.engines.sprite.effects.paint import FORMS, Effect
from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.effects.words import read_wish
from calotype.engines.sprite.pictures import main_colours

ASKED = tomllib.loads((Path(__file__).parents[3] / "gallery" / "effects.toml").read_text("utf-8"))["effect"]
NOISE = Noise(7)


def effect_of(text: str, seed: int = 7) -> Effect:
    wish = read_wish(text)
    return Effect(FORMS[wish.form], wish.look(), wish.size, wish.mirrored, seed, NOISE)


def pixels(picture: Image.Image) -> Any:
    return np.asarray(picture).astype(np.int16)


@pytest.mark.parametrize("asked", ASKED, ids=[asked["text"] for asked in ASKED])
def test_a_description_is_understood(asked: dict[str, Any]) -> None:
    wish = read_wish(asked["text"])

    assert wish.form == asked["form"]
    assert wish.elements[0] == asked["element"]
    assert "colour" not in asked or asked["colour"] in wish.colours
    assert list(wish.unknown) == asked.get("unknown", [])


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_shows_something_at_its_peak_and_keeps_its_edges_clear(form: str) -> None:
    effect = Effect(FORMS[form], read_wish("fire").look(), 1.0, False, 7, NOISE)

    alpha = pixels(effect.paint(effect.form.peak, 96))[..., 3]

    assert (alpha > 60).mean() > 0.03
    assert alpha.max() > 150
    assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) < 90


@pytest.mark.parametrize("form", sorted(name for name, form in FORMS.items() if form.loops))
def test_a_loop_s_end_meets_its_start(form: str) -> None:
    effect = Effect(FORMS[form], read_wish("water").look(), 1.0, False, 7, NOISE)

    start, end = pixels(effect.paint(0.0, 96)), pixels(effect.paint(1.0, 96))

    assert np.abs(start - end).mean() < 1.5


@pytest.mark.parametrize("form", sorted(name for name, form in FORMS.items() if not form.loops))
def test_a_story_rises_and_fades(form: str) -> None:
    effect = Effect(FORMS[form], read_wish("fire").look(), 1.0, False, 7, NOISE)
    first, *_, last = effect.moments(9)

    amounts = [pixels(effect.paint(t, 96))[..., 3].mean() for t in (first, effect.form.peak, last)]

    assert amounts[1] > amounts[0]
    assert amounts[1] > 1.5 * amounts[2]


def test_strips_make_the_same_picture_as_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    effect = effect_of("an explosion")
    whole = effect.paint(0.3, 128)

    monkeypatch.setattr(paint, "STRIP", 128 * 10)
    strips = effect.paint(0.3, 128)

    assert np.abs(pixels(whole) - pixels(strips)).max() <= 2


def test_a_named_colour_is_what_is_seen() -> None:
    blue, red = (pixels(effect_of(f"{colour} flame").paint(0.3, 96)) for colour in ("blue", "red"))

    assert blue[..., 2].sum() > 1.5 * blue[..., 0].sum()
    assert red[..., 0].sum() > 1.5 * red[..., 2].sum()


def test_left_is_the_mirror_of_right() -> None:
    plain, mirrored = (pixels(effect_of(text).paint(0.6, 96)) for text in ("laser", "laser to the left"))

    assert np.array_equal(plain[:, ::-1], mirrored)


def test_a_reference_lends_its_liveliest_colours() -> None:
    picture = Image.new("RGBA", (60, 60), (128, 128, 128, 255))
    picture.paste((20, 200, 60, 255), (10, 10, 50, 50))

    red, green, blue = main_colours(picture, 1)[0]

    assert green > 0.7
    assert max(red, blue) < 0.3


def test_a_reference_of_nothing_lends_nothing() -> None:
    assert main_colours(Image.new("RGBA", (60, 60)), 2) == []


def test_another_seed_draws_another_effect() -> None:
    one, other = (pixels(effect_of("lightning", seed).paint(0.4, 96)) for seed in (1, 2))

    assert np.abs(one - other).mean() > 1
