"""Reskins: words are understood, the material is seen, and no outline moves."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.reskin.materials import MATERIALS, STYLES, read_skin
from calotype.engines.sprite.reskin.skin import coloured, in_style, made_of

ASKED = tomllib.loads((Path(__file__).parents[3] / "gallery" / "reskins.toml").read_text("utf-8"))["reskin"]
NOISE = Noise(7)


def sheet() -> Image.Image:
    """Return a sheet of four figures on nothing."""
    picture = Image.new("RGBA", (200, 200))
    draw = ImageDraw.Draw(picture)
    for x, y in ((10, 10), (110, 14), (14, 110), (112, 116)):
        draw.ellipse((x + 20, y, x + 60, y + 40), fill=(240, 190, 150, 255))
        draw.rectangle((x + 15, y + 40, x + 65, y + 78), fill=(200, 60, 60, 255))
    return picture


def solid(picture: Image.Image) -> Any:
    return np.asarray(picture.getchannel("A")) > 100


@pytest.mark.parametrize("asked", ASKED, ids=[asked["text"] for asked in ASKED])
def test_a_skin_is_understood(asked: dict[str, Any]) -> None:
    skin = read_skin(asked["text"])

    assert (skin.material.name if skin.material else None) == asked.get("material")
    assert skin.colour == asked.get("colour")
    assert skin.style == asked.get("style")
    assert list(skin.unknown) == asked.get("unknown", [])


@pytest.mark.parametrize("material", MATERIALS, ids=[one.name for one in MATERIALS])
def test_a_material_is_seen_and_moves_no_outline(material: Any) -> None:
    before = sheet()

    after = made_of(before, material, NOISE)

    assert np.array_equal(solid(before), solid(after))
    there = solid(before)
    assert np.abs(np.asarray(after)[there].astype(int) - np.asarray(before)[there]).mean() > 15


@pytest.mark.parametrize("style", sorted(set(STYLES.values())))
def test_a_style_keeps_the_outline_within_a_block(style: str) -> None:
    before = sheet()

    after = in_style(before, style)

    assert after.size == before.size
    assert (solid(before) != solid(after)).mean() < 0.02


def test_a_colour_leaves_what_is_not_the_body() -> None:
    picture = Image.new("RGBA", (90, 60), (200, 60, 60, 255))
    picture.paste((255, 255, 255, 255), (60, 0, 90, 60))

    after = coloured(picture, "blue").convert("RGB")

    red, _, blue = after.getpixel((10, 10))  # type: ignore[misc] # RGB
    assert blue > red + 40
    assert min(after.getpixel((80, 30))) > 240  # type: ignore[arg-type] # RGB
