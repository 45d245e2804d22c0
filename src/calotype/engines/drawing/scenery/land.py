"""Open land: meadow, snow, desert, savanna and forest, each as layers from the far hills to the ground one stands on."""

# ruff: noqa: E501 - a path reads best unbroken
from __future__ import annotations

import math
from dataclasses import dataclass

from calotype.engines.drawing.scenery.palette import mix
from calotype.engines.drawing.scenery.stage import Stage, ellipse


@dataclass(frozen=True, slots=True)
class Land:
    """The colours of a landscape from the far to the near, and what grows on it."""

    hills: tuple[str, ...]
    ground: tuple[str, str]
    rough: float
    tuft: tuple[str, ...] = ()
    flowers: tuple[str, ...] = ()
    trees: str = ""


LANDS = {
    "meadow": Land(("#7fb6b0", "#6fb78c", "#79c267"), ("#86cf5d", "#3f9a45"), 1.0, ("#5cb04a", "#3c8f40"),
                   ("#ffffff", "#ffd84d", "#ff8fb5", "#b78bff"), "round"),
    "autumn": Land(("#a9b08c", "#c99a52", "#d08a3c"), ("#dba85a", "#a86a2e"), 1.0, ("#c4843a", "#9a5f2a"),
                   ("#e2582e", "#f2a03a"), "autumn"),
    "snow": Land(("#b9cfe6", "#cfe0f0", "#e2edf7"), ("#f7fbff", "#cfdff0"), 0.8, (), (), "snowy"),
    "desert": Land(("#d9a877", "#e3b06b", "#ecc07a"), ("#f5d390", "#d9a355"), 0.7, ("#c08e4a",), (), ""),
    "savanna": Land(("#b79a62", "#cfa856", "#dcb655"), ("#e6c566", "#b98a38"), 0.6, ("#c79a3e", "#a87c2c"), (), "flat"),
}  # fmt: skip


def paint_land(stage: Stage, name: str, *, trees: bool = True) -> None:
    """Paint a landscape below the sky."""
    land = LANDS[name]
    if name == "snow":
        _mountains(stage, "#a9c2de", "#ffffff")
    if name == "desert":
        _mesas(stage)
    layers = len(land.hills)
    for number, colour in enumerate(land.hills):
        lift = (layers - number) * 30 * land.rough
        paint = stage.far_away(colour, 0.45 - 0.15 * number)
        stage.back.append(ridge(stage, stage.horizon - lift + 20, 26 * land.rough, paint, 1.2 + number * 0.6))
        if trees and land.trees and number >= 1:
            _distant_trees(stage, land.trees, stage.horizon - lift + 26, 26 + 16 * number, 0.28 - 0.1 * number)
    top, bottom = stage.shade(land.ground[0]), stage.shade(land.ground[1])
    stage.back.append(ridge(stage, stage.horizon + 22, 10 * land.rough, stage.gradient(top, bottom), 0.9))
    _swells(stage, land)
    if name == "desert":
        _dunes(stage)
    _tufts(stage, land)


def paint_far_bank(stage: Stage, name: str) -> None:
    """Paint the hills and trees on a lake's or a river's other side."""
    land = LANDS[name]
    for number, colour in enumerate(land.hills):
        paint = stage.far_away(colour, 0.4 - 0.17 * number)
        stage.back.append(ridge(stage, stage.horizon - 46 + number * 20, 24 - 7 * number, paint, 1.1 + number * 0.6))
    _distant_trees(stage, land.trees, stage.horizon - 6, 40, 0.08)
    stage.band(stage.horizon - 8, stage.horizon, stage.shade(land.ground[0]))


def ridge(stage: Stage, base: float, swing: float, paint: str, waves: float) -> str:
    """Return rolling hills: everything below a smooth line."""
    first, second = stage.rng.uniform(0, 6.28), stage.rng.uniform(0, 6.28)
    points = []
    for step in range(33):
        along = step / 32
        rise = math.sin(first + along * waves * 6.28) + 0.5 * math.sin(second + along * waves * 13.1)
        points.append(f"{along * stage.width:.1f},{base - rise * swing:.1f}")
    return f'<path d="M-2,{stage.height + 2:.0f} L-2,{base:.1f} L{" L".join(points)} L{stage.width + 2:.1f},{stage.height + 2:.0f}z" fill="{paint}"/>'


def paint_forest(stage: Stage, *, autumn: bool = False, snowy: bool = False) -> None:
    """Paint a forest: rows of trees ever nearer and darker, a glade in front."""
    leaf = "#d4883a" if autumn else "#3f8f57"
    ground = ("#b98a4a", "#7d5a2c") if autumn else ("#6ea84f", "#2f6b3a")
    if snowy:
        leaf, ground = "#5f8f86", ("#f4f9ff", "#c9dbee")
    stage.band(stage.horizon * 0.5, stage.height, stage.gradient(stage.palette.haze, stage.far_away(leaf, 0.5)))
    for row in range(3):
        base, tall = stage.horizon + 8 + row * 16, 300 + row * 110
        count = round((9 - row * 1.5) * stage.width / 1000) + 1
        for number in range(count):
            x = (number + stage.rng.uniform(0.2, 0.8)) / count * stage.width
            colour = stage.far_away(mix(leaf, "#16382c", 0.12 * row), 0.55 - row * 0.22)
            conifer = (snowy or stage.rng.random() < 0.55) and not autumn
            draw = pine if conifer else round_tree
            stage.back.append(
                draw(x, base, tall * stage.rng.uniform(0.8, 1.15), colour, stage.far_away("#6b4a35", 0.4 - row * 0.18))
            )
    stage.back.append(
        ridge(stage, stage.horizon + 44, 9, stage.gradient(stage.shade(ground[0]), stage.shade(ground[1])), 0.8)
    )
    _light_shafts(stage)
    land = LANDS["snow" if snowy else "autumn" if autumn else "meadow"]
    _swells(stage, land)
    _tufts(stage, land)
    _trunks(stage)


def pine(x: float, base: float, tall: float, paint: str, trunk: str) -> str:
    """Return a conifer standing on `base`."""
    shape = f'<rect x="{x - tall * 0.025:.1f}" y="{base - tall * 0.16:.1f}" width="{tall * 0.05:.1f}" height="{tall * 0.18:.1f}" fill="{trunk}"/>'
    for number in range(4):
        top, half = base - tall * (1 - number * 0.2), tall * (0.10 + number * 0.055)
        foot = top + tall * (0.26 + number * 0.02)
        shape += f'<path d="M{x:.1f},{top:.1f} L{x + half:.1f},{foot:.1f} Q{x:.1f},{foot + tall * 0.04:.1f} {x - half:.1f},{foot:.1f}z" fill="{mix(paint, "#000000", 0.05 * (number % 2))}"/>'
    return shape


def round_tree(x: float, base: float, tall: float, paint: str, trunk: str) -> str:
    """Return a broad-leaved tree standing on `base`."""
    shape = f'<path d="M{x - tall * 0.03:.1f},{base + 4:.1f} L{x - tall * 0.018:.1f},{base - tall * 0.6:.1f} h{tall * 0.036:.1f} L{x + tall * 0.03:.1f},{base + 4:.1f}z" fill="{trunk}"/>'
    for across, up, size in ((-0.13, 0.58, 0.17), (0.14, 0.6, 0.16), (0.0, 0.74, 0.2), (0.02, 0.55, 0.18)):
        shape += ellipse(x + across * tall, base - up * tall, size * tall, size * tall, paint)
    return shape + ellipse(
        x - 0.05 * tall, base - 0.8 * tall, 0.09 * tall, 0.07 * tall, mix(paint, "#ffffff", 0.16), 0.7
    )


def _mountains(stage: Stage, rock: str, snow: str) -> None:
    rng = stage.rng
    for number in range(3):
        x, tall = (0.1 + number * 0.4 + rng.uniform(-0.08, 0.08)) * stage.width, rng.uniform(170, 260)
        base, half = stage.horizon + 10, tall * rng.uniform(1.2, 1.5)
        paint = stage.far_away(rock, 0.25)
        stage.back.append(
            f'<path d="M{x - half:.1f},{base:.1f} L{x:.1f},{base - tall:.1f} L{x + half:.1f},{base:.1f}z" fill="{paint}"/>'
        )
        cap = [(0, -1), (0.32, -0.68), (0.16, -0.72), (0.06, -0.6), (-0.08, -0.72), (-0.2, -0.64), (-0.3, -0.7)]
        points = " ".join(f"{x + a * half:.1f},{base + b * tall:.1f}" for a, b in cap)
        stage.back.append(f'<polygon points="{points}" fill="{stage.far_away(snow, 0.1)}"/>')


def _mesas(stage: Stage) -> None:
    """Paint flat-topped rocks on the horizon."""
    for number in range(3):
        x, half, tall = (
            (0.12 + 0.36 * number + stage.rng.uniform(-0.08, 0.08)) * stage.width,
            stage.rng.uniform(60, 130),
            stage.rng.uniform(60, 130),
        )
        base, paint = stage.horizon + 10, stage.far_away("#c4774e", 0.42)
        stage.back.append(
            f'<path d="M{x - half * 1.5:.1f},{base:.1f} L{x - half:.1f},{base - tall * 0.7:.1f} L{x - half * 0.92:.1f},{base - tall:.1f} '
            f'H{x + half * 0.86:.1f} L{x + half:.1f},{base - tall * 0.66:.1f} L{x + half * 1.6:.1f},{base:.1f}z" fill="{paint}"/>'
        )
        for stripe in (0.3, 0.55):
            y = base - tall * (1 - stripe)
            stage.back.append(
                f'<rect x="{x - half:.1f}" y="{y:.1f}" width="{2 * half:.1f}" height="5" fill="{stage.far_away("#a85f3e", 0.35)}" opacity=".6"/>'
            )


def _dunes(stage: Stage) -> None:
    """Paint dunes with a lit and a shaded side."""
    depth = stage.height - stage.horizon
    for number in range(3):
        crest_x, crest_y = stage.rng.uniform(0.1, 0.9) * stage.width, stage.horizon + depth * (0.04 + 0.24 * number)
        half, fall = stage.width * stage.rng.uniform(0.45, 0.7), depth * (0.16 + 0.08 * number)
        lit, shaded = stage.shade("#f7d795"), stage.shade("#d6a35c")
        stage.back.append(
            f'<path d="M{crest_x - half:.1f},{crest_y + fall:.1f} Q{crest_x - half * 0.4:.1f},{crest_y + fall * 0.3:.1f} {crest_x:.1f},{crest_y:.1f} Q{crest_x + half * 0.4:.1f},{crest_y + fall * 0.5:.1f} {crest_x + half:.1f},{crest_y + fall:.1f}z" fill="{lit}" opacity=".75"/>'
        )
        stage.back.append(
            f'<path d="M{crest_x:.1f},{crest_y:.1f} Q{crest_x + half * 0.4:.1f},{crest_y + fall * 0.5:.1f} {crest_x + half:.1f},{crest_y + fall:.1f} H{crest_x - half * 0.1:.1f} Q{crest_x + half * 0.12:.1f},{crest_y + fall * 0.5:.1f} {crest_x:.1f},{crest_y:.1f}z" fill="{shaded}" opacity=".5"/>'
        )


def _distant_trees(stage: Stage, kind: str, base: float, tall: float, haze: float) -> None:
    leaf = {"round": "#4f9a57", "autumn": "#d27d33", "snowy": "#6f9a94", "flat": "#8a8a44"}[kind]
    draw = pine if kind == "snowy" else round_tree
    for _ in range(round(7 * stage.width / 1000)):
        x, size = stage.rng.uniform(0, stage.width), tall * stage.rng.uniform(0.8, 1.5)
        stage.back.append(
            draw(
                x,
                base + 8,
                size * 1.6,
                stage.far_away(leaf, max(0.1, haze + 0.15)),
                stage.far_away("#6b4a35", haze + 0.2),
            )
        )


def _swells(stage: Stage, land: Land) -> None:
    """Lay broad soft shapes over the ground, so that it is not one flat colour."""
    for number in range(4):
        y = stage.horizon + 70 + (stage.height - stage.horizon - 40) * number / 4
        x = stage.rng.uniform(0, stage.width)
        paint = stage.shade(land.ground[number % 2])
        stage.ellipse(x, y + 60, stage.width * stage.rng.uniform(0.45, 0.8), 46 + number * 16, paint, 0.3)


def _tufts(stage: Stage, land: Land) -> None:
    if not land.tuft:
        return
    rng, depth = stage.rng, stage.height - stage.horizon - 50
    for number in range(round(46 * stage.width / 1000)):
        near = rng.random() ** 0.7
        x, y, size = rng.uniform(0, stage.width), stage.horizon + 50 + near * depth, 6 + 16 * near
        paint = stage.shade(rng.choice(land.tuft))
        blades = "".join(
            f"M{x + lean * size * 0.3:.1f},{y:.1f}q{lean * 2:.1f},{-size * 0.6:.1f} {lean * size * 0.5:.1f},{-size:.1f}"
            for lean in (-1, 0, 1)
        )
        stage.back.append(
            f'<path d="{blades}" stroke="{paint}" stroke-width="{size * 0.16:.1f}" stroke-linecap="round" fill="none"/>'
        )
        if land.flowers and number % 3 == 0:
            stage.ellipse(x, y - size, size * 0.22, size * 0.22, stage.shade(rng.choice(land.flowers), -0.1))


def _light_shafts(stage: Stage) -> None:
    """Let light fall between the trees."""
    glow = {"night": "#9db8ff", "sunset": "#ffc07a"}.get(stage.palette.name, "#fff7cf")
    paint = stage.gradient(glow, glow, opacities=(0.34, 0.0))
    for _ in range(3):
        x, broad = stage.rng.uniform(0.1, 0.9) * stage.width, stage.rng.uniform(40, 90)
        stage.back.append(
            f'<path d="M{x:.1f},-5 h{broad:.1f} l{-broad * 1.6:.1f},{stage.horizon + 120:.1f} h{-broad * 2:.1f}z" fill="{paint}"/>'
        )


def _trunks(stage: Stage) -> None:
    """Frame the glade with two near trunks at the picture's edges."""
    bark = stage.gradient(stage.shade("#5c4030", 0.1), stage.shade("#3b281e", 0.2), x2=1, y2=0)
    for side in (0.0, 1.0):
        x, broad = side * stage.width, 46 + stage.rng.uniform(0, 26)
        foot = stage.horizon + 120
        stage.back.append(
            f'<path d="M{x - broad:.1f},-5 h{2 * broad:.1f} C{x + broad * 0.8:.1f},{foot * 0.5:.1f} {x + broad:.1f},{foot * 0.8:.1f} {x + broad * 1.5:.1f},{foot:.1f}'
            f' H{x - broad * 1.5:.1f} C{x - broad:.1f},{foot * 0.8:.1f} {x - broad * 0.8:.1f},{foot * 0.5:.1f} {x - broad:.1f},-5z" fill="{bark}"/>'
        )
