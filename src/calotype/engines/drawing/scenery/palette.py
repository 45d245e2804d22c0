"""The colours and the light of a time of day."""

# ruff: noqa: E501 - a table reads best in rows
from __future__ import annotations

from dataclasses import dataclass, replace

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """What a time of day does to a scene: the sky's gradient, the light on things, and how shadows fall."""

    name: str
    sky: tuple[str, ...]
    cloud: str
    cloud_shade: str
    haze: str
    tint: Rgb
    """What the colours of things are multiplied by."""
    shadow: str
    shadow_strength: float
    shade: float
    """How much the scenery's own colours are darkened, 0 to 1, toward `dusk`."""
    dusk: str


DAY = Palette(
    "day", ("#3f9be8", "#8fcbf5", "#d9f0fb", "#fff6e2"), "#ffffff", "#dcebf7", "#cfe8f5", (1.0, 1.0, 1.0), "#14324a", 0.30, 0.0,
    "#000000",
)  # fmt: skip
SUNSET = Palette(
    "sunset", ("#43306f", "#a8457c", "#f0705a", "#ffb35c", "#ffe29a"), "#ffc9a3", "#e0807f", "#ff9f6b", (1.0, 0.90, 0.84), "#3a1233",
    0.36, 0.34, "#5b2a55",
)  # fmt: skip
NIGHT = Palette(
    "night", ("#070b24", "#12204d", "#24407c", "#41639c"), "#4d6a9c", "#33507f", "#2b477c", (0.80, 0.86, 1.0), "#02040f", 0.42, 0.62,
    "#0c1a40",
)  # fmt: skip
OVERCAST = replace(
    DAY, name="overcast", sky=("#5f7386", "#8499aa", "#aebdc8", "#cfd8dc"), cloud="#b4c0ca", cloud_shade="#8d9dab", haze="#b3c0c9",
    tint=(0.93, 0.95, 0.98), shadow_strength=0.2, shade=0.18, dusk="#3c4c5c",
)  # fmt: skip


def palette_for(scenes: list[str]) -> Palette:
    """Return the palette of the scenes' time and weather."""
    if "night" in scenes:
        return NIGHT
    if "sunset" in scenes:
        return SUNSET
    return OVERCAST if "rain" in scenes or "fog" in scenes else DAY


def mix(one: str, other: str, share: float) -> str:
    """Return the colour `share` of the way from one to the other."""
    pairs = zip(rgb(one), rgb(other), strict=True)
    return "#{:02x}{:02x}{:02x}".format(*(round(a + (b - a) * share) for a, b in pairs))


def rgb(colour: str) -> tuple[int, int, int]:
    """Return a #rrggbb colour as numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
