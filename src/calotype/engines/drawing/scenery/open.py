"""Scenes without ground to walk on: space, a plain background, a studio, and the mood of a prompt that names nothing."""

# ruff: noqa: E501 - a path reads best unbroken
from __future__ import annotations

import colorsys

from calotype.engines.drawing.scenery.land import ridge
from calotype.engines.drawing.scenery.palette import mix
from calotype.engines.drawing.scenery.sky import paint_stars
from calotype.engines.drawing.scenery.stage import Stage

BACKGROUNDS = {
    "white": "#ffffff", "black": "#15151a", "grey": "#b4b7bd", "silver": "#c9ccd2", "red": "#e5484d", "orange": "#ff9440",
    "yellow": "#ffd84a", "gold": "#f0bf4c", "green": "#5fbf6a", "olive": "#93974a", "lime": "#a6e05a", "mint": "#b5ecd3",
    "turquoise": "#4fcfd0", "blue": "#4c8ff0", "navy": "#1f2f66", "indigo": "#44389c", "purple": "#8f57d6", "lavender": "#cdb8f5",
    "pink": "#ffa9cf", "magenta": "#e5489f", "coral": "#ff8a75", "peach": "#ffcfae", "maroon": "#7b2636", "brown": "#8c5e42",
    "tan": "#d9bb92", "cream": "#fdf4dc", "plain": "#eef1f5",
}  # fmt: skip
_STUDIOS = ("#bfe3f2", "#fbd9c5", "#d8ead0", "#e5daf5", "#fde9b8", "#f9d3de", "#cfe7e3")


def paint_plain(stage: Stage, colour: str) -> None:
    """Paint a background of one named colour."""
    stage.band(0, stage.height, BACKGROUNDS[colour])


def paint_studio(stage: Stage) -> None:
    """Paint a soft pastel backdrop that turns into a floor, with a pool of light."""
    base = stage.shade(stage.rng.choice(_STUDIOS))
    stage.band(0, stage.horizon, stage.gradient(mix(base, "#ffffff", 0.35), base))
    stage.band(stage.horizon - 1, stage.height, stage.gradient(mix(base, "#8a7f9a", 0.16), mix(base, "#ffffff", 0.3)))
    glow = stage.gradient("#ffffff", "#ffffff", kind="radial", opacities=(0.75, 0))
    stage.ellipse(stage.width / 2, stage.horizon * 0.62, stage.width * 0.6, stage.horizon * 0.75, glow)
    for _ in range(7):
        x, y, size = (
            stage.rng.uniform(0, stage.width),
            stage.rng.uniform(0, stage.horizon * 0.9),
            stage.rng.uniform(12, 60),
        )
        stage.ellipse(x, y, size, size, "#ffffff", stage.rng.uniform(0.12, 0.3))


def paint_space(stage: Stage, *, planet: bool = True) -> None:
    """Paint deep space: nebulae, stars and, unless the prompt names its own, a far planet."""
    stage.band(0, stage.height, stage.gradient("#0b0a26", "#1a1146", "#0c1d4a", "#060818"))
    rng = stage.rng
    for _ in range(6):
        x, y = rng.uniform(0, stage.width), rng.uniform(0, stage.height)
        colour = rng.choice(("#7a3fc7", "#2f6fd0", "#c43f8f", "#2fa7b5"))
        paint = stage.gradient(colour, colour, kind="radial", opacities=(0.42, 0))
        stage.ellipse(x, y, rng.uniform(200, 430), rng.uniform(140, 320), paint)
    paint_stars(stage, stage.height, 240)
    if planet:
        x, size = rng.choice((0.1, 0.9)) * stage.width, rng.uniform(60, 110)
        _planet(
            stage,
            x,
            rng.uniform(0.12, 0.3) * stage.height,
            size,
            rng.choice(("#e08a5b", "#5b9fe0", "#9a7be0", "#5bc0a0")),
        )


def _planet(stage: Stage, x: float, y: float, size: float, colour: str) -> None:
    paint = stage.gradient(mix(colour, "#ffffff", 0.35), colour, mix(colour, "#05061a", 0.75), x2=1, y2=0.8)
    stage.ellipse(x, y, size * 1.5, size * 1.5, stage.gradient(colour, colour, kind="radial", opacities=(0.35, 0)))
    stage.ellipse(x, y, size, size, paint)
    for number in range(3):
        stage.ellipse(
            x,
            y + (number - 1) * size * 0.42,
            size * (0.85 - 0.12 * abs(number - 1)),
            size * 0.07,
            mix(colour, "#ffffff", 0.3),
            0.28,
        )


def paint_mood(stage: Stage) -> None:
    """Paint a quiet abstract landscape: layered ranges under a low sun, in hues drawn from the seed."""
    rng = stage.rng
    hue = rng.random()
    tones = [
        _tone(hue + shift, light, strength)
        for shift, light, strength in ((0.0, 0.9, 0.22), (0.06, 0.8, 0.36), (0.12, 0.66, 0.45))
    ]
    stage.band(0, stage.height, stage.gradient(tones[2], tones[1], tones[0]))
    x, y = rng.uniform(0.25, 0.75) * stage.width, rng.uniform(0.25, 0.42) * stage.height
    stage.ellipse(x, y, 300, 300, stage.gradient("#ffffff", "#ffffff", kind="radial", opacities=(0.7, 0)))
    stage.ellipse(x, y, 92, 92, "#fffaf0", 0.92)
    for number in range(6):
        depth = number / 5
        paint = stage.gradient(
            _tone(hue + 0.52 + 0.08 * depth, 0.74 - 0.5 * depth, 0.36), _tone(hue + 0.6, 0.8 - 0.5 * depth, 0.3)
        )
        stage.back.append(
            ridge(stage, stage.height * (0.5 + 0.085 * number), 34 - 3 * number, paint, 0.7 + 0.35 * number)
        )
    for number in range(5):
        bird_x, bird_y = x + rng.uniform(-160, 160), y + rng.uniform(-90, 60)
        span = 8 + number * 2.4
        stage.back.append(
            f'<path d="M{bird_x - span:.1f},{bird_y:.1f} q{span / 2:.1f},{-span * 0.6:.1f} {span:.1f},0 q{span / 2:.1f},{-span * 0.6:.1f} {span:.1f},0" stroke="{_tone(hue + 0.55, 0.3, 0.3)}" stroke-width="2.2" fill="none" stroke-linecap="round"/>'
        )


def _tone(hue: float, light: float, strength: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, max(0.06, light), strength)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
