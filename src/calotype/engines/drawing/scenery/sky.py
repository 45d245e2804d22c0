"""The sky: its gradient, sun or moon, clouds and stars."""

# ruff: noqa: E501 - a path reads best unbroken
from __future__ import annotations

import math

from calotype.engines.drawing.scenery.palette import mix
from calotype.engines.drawing.scenery.stage import Stage, ellipse, moving


def paint_sky(stage: Stage, *, orb: bool = True, clouds: bool = True) -> None:
    """Paint everything above the horizon. `orb`: whether the sky has a sun or moon of its own."""
    stage.band(0, stage.horizon + 4, stage.gradient(*stage.palette.sky))
    if stage.palette.name == "night":
        paint_stars(stage, stage.horizon * 0.92, 90)
    if orb:
        _ORBS.get(stage.palette.name, _no_orb)(stage)
    if clouds:
        for _ in range(stage.rng.randint(2, 4)):
            paint_cloud(stage)


def paint_stars(stage: Stage, bottom: float, count: int) -> None:
    """Strew small stars, a few of them with a gleam."""
    rng = stage.rng
    for number in range(round(count * stage.width / 1000)):
        x, y = rng.uniform(0, stage.width), rng.uniform(0, bottom)
        radius = rng.choice((0.8, 1.1, 1.5, 2.2))
        stage.ellipse(
            x, y, radius, radius, rng.choice(("#ffffff", "#dbe6ff", "#fff1d0")), rng.uniform(0.5, 1), sense="star"
        )
        if number % 14 == 0:
            size = rng.uniform(7, 13)
            stage.back.append(moving("star", gleam(x, y, size), (x, y), (size, size)))


def gleam(x: float, y: float, size: float, paint: str = "#ffffff") -> str:
    """Return a four-pointed gleam."""
    inner = size * 0.12
    points = [(x, y - size), (x + inner, y - inner), (x + size, y), (x + inner, y + inner)]
    points += [(x, y + size), (x - inner, y + inner), (x - size, y), (x - inner, y - inner)]
    return f'<path d="M{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}z" fill="{paint}" opacity=".9"/>'


def paint_cloud(stage: Stage) -> None:
    """Paint one soft cloud: a flat-bottomed heap of circles."""
    rng = stage.rng
    x, y = rng.uniform(-0.05, 1.05) * stage.width, rng.uniform(0.10, 0.62) * stage.horizon
    size = rng.uniform(60, 120) * (0.55 + 0.6 * (1 - y / stage.horizon))
    puffs = [(-1.1, 0.05, 0.42), (-0.5, -0.22, 0.58), (0.15, -0.36, 0.68), (0.75, -0.12, 0.5), (1.25, 0.08, 0.36)]
    shape = "".join(ellipse(x + a * size, y + b * size, c * size, c * size * 0.8, "PAINT") for a, b, c in puffs)
    shape += f'<rect x="{x - 1.5 * size:.1f}" y="{y + size * 0.02:.1f}" width="{size * 3.1:.1f}" height="{size * 0.36:.1f}" rx="{size * 0.18:.1f}" fill="PAINT"/>'
    opacity = 0.35 if stage.palette.name in {"night", "sunset"} else 0.85
    below = shape.replace("PAINT", stage.palette.cloud_shade)
    above = shape.replace("PAINT", stage.palette.cloud)
    whole = f'<g opacity="{opacity}"><g transform="translate(0,{size * 0.1:.1f})">{below}</g>{above}</g>'
    stage.back.append(moving("cloud", whole))


def _no_orb(_: Stage) -> None:
    """An overcast sky shows no sun."""


def _paint_day_sun(stage: Stage) -> None:
    x, y = stage.rng.choice((0.14, 0.84)) * stage.width, stage.horizon * 0.24
    stage.sun = (x, y)
    stage.ellipse(
        x, y, 210, 210, stage.gradient("#fff6c8", "#fff6c8", kind="radial", opacities=(0.75, 0)), sense="glow"
    )
    stage.ellipse(x, y, 48, 48, "#fff3b0")


def _paint_setting_sun(stage: Stage) -> None:
    x, y = stage.rng.uniform(0.3, 0.7) * stage.width, stage.horizon - 42
    stage.sun = (x, y)
    stage.ellipse(
        x, y, 480, 400, stage.gradient("#fff2b0", "#ffb45e", "#ff8f5a", kind="radial", opacities=(0.95, 0.35, 0))
    )
    stage.ellipse(x, y, 84, 84, stage.gradient("#fffbe0", "#ffd873"))
    for number in range(5):
        breadth, drop = stage.rng.uniform(160, 380), stage.rng.uniform(60, stage.horizon * 0.55)
        at = x + stage.rng.uniform(-0.5, 0.5) * stage.width
        paint = mix("#ffd9a0", "#c4507c", number / 5)
        stage.ellipse(at, stage.horizon - drop, breadth, stage.rng.uniform(5, 13), paint, 0.5)


def _paint_moon(stage: Stage) -> None:
    x, y = stage.rng.choice((0.2, 0.8)) * stage.width, stage.horizon * 0.25
    stage.sun = (x, y)
    paint_moon(stage, x, y, 58)


def paint_moon(stage: Stage, x: float, y: float, radius: float) -> None:
    """Paint a moon with its glow and craters."""
    stage.ellipse(
        x,
        y,
        radius * 4,
        radius * 4,
        stage.gradient("#cfdcff", "#9fb7f0", "#7f9be0", kind="radial", opacities=(0.5, 0.15, 0)),
    )
    stage.ellipse(x, y, radius, radius, stage.gradient("#fffdf0", "#e6e3cf"))
    for turn, away, size in ((0.4, 0.45, 0.2), (2.4, 0.5, 0.14), (4.4, 0.4, 0.24), (5.5, 0.7, 0.1)):
        stage.ellipse(
            x + math.cos(turn) * away * radius,
            y + math.sin(turn) * away * radius,
            size * radius,
            size * radius,
            "#d3cfb8",
            0.6,
        )


_ORBS = {"day": _paint_day_sun, "sunset": _paint_setting_sun, "night": _paint_moon}
