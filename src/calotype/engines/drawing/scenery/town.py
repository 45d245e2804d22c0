"""Where people live: the city street and the room."""

# ruff: noqa: E501 - a path reads best unbroken
from __future__ import annotations

from calotype.engines.drawing.scenery.palette import mix
from calotype.engines.drawing.scenery.stage import Stage

_WALLS = (
    ("#f6e3cf", "#ecd0b4"),
    ("#dbe9e4", "#c2dad2"),
    ("#e9e1f3", "#d3c7e6"),
    ("#fbe6d8", "#f2cdb6"),
    ("#dfeaf4", "#c5d8e8"),
)
_FLOORS = ("#b98257", "#c99468", "#a87450")
_RUGS = (("#d9695f", "#f2b48f"), ("#4f8fa8", "#a9d3dc"), ("#7d6bb0", "#c9bde6"))


def paint_city(stage: Stage) -> None:
    """Paint a skyline in three depths, a pavement and a street."""
    for row, colour in enumerate(("#8aa6c4", "#6f8db3", "#54739c")):
        _buildings(stage, row, colour)
    lit = stage.palette.name in {"night", "sunset"}
    _kerb(stage)
    if lit:
        glow = stage.gradient("#ffcf7a", "#ffcf7a", opacities=(0.0, 0.22))
        stage.band(stage.horizon - 140, stage.horizon + 6, glow)


def _buildings(stage: Stage, row: int, colour: str) -> None:
    rng, x = stage.rng, -20.0
    while x < stage.width + 20:
        broad, tall = rng.uniform(56, 120), rng.uniform(120, 330) * (1.15 - row * 0.22)
        top = stage.horizon + 6 - tall
        paint = stage.far_away(mix(colour, rng.choice(("#b5654a", "#d0a878", "#4a5f86")), 0.14 * row), 0.5 - row * 0.2)
        stage.back.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{broad:.1f}" height="{tall + 4:.1f}" fill="{paint}"/>'
        )
        stage.back.append(
            f'<rect x="{x + broad * 0.72:.1f}" y="{top:.1f}" width="{broad * 0.28:.1f}" height="{tall + 4:.1f}" fill="#000" opacity=".09"/>'
        )
        if rng.random() < 0.3:
            stage.back.append(
                f'<path d="M{x + broad * 0.3:.1f},{top + 1:.1f} v-26 h{broad * 0.2:.1f} v26z M{x + broad * 0.39:.1f},{top - 25:.1f} v-26 h2.5 v26z" fill="{paint}"/>'
            )
        if row:
            _windows(stage, x, top, broad, tall)
        x += broad + rng.uniform(-6, 22 - row * 6)


def _windows(stage: Stage, x: float, top: float, broad: float, tall: float) -> None:
    night = stage.palette.name in {"night", "sunset"}
    lit, dark = ("#ffd97a", "#1d2f57") if night else ("#e4f3fc", "#40618c")
    columns, rows = max(2, int(broad // 22)), int((tall - 26) // 26)
    shapes: dict[str, list[str]] = {lit: [], dark: []}
    for column in range(columns):
        for row in range(rows):
            left = x + (column + 0.5) * broad / columns - 5
            shapes[lit if stage.rng.random() < (0.45 if night else 0.6) else dark].append(
                f"M{left:.1f},{top + 14 + row * 26:.1f}h10v13h-10z"
            )
    for paint, paths in shapes.items():
        stage.back.append(
            f'<path d="{"".join(paths)}" fill="{paint}" opacity="{0.9 if paint == lit and night else 0.5}"/>'
        )


def _kerb(stage: Stage) -> None:
    """Paint the pavement, the kerb and the road with its broken line."""
    pavement, road = stage.shade("#c9c3bb"), stage.shade("#5b5f6b")
    stage.band(stage.horizon, stage.horizon + 46, stage.gradient(stage.shade("#b3ada6"), pavement))
    stage.band(stage.horizon + 44, stage.horizon + 54, stage.shade("#8f8a85"))
    stage.band(stage.horizon + 54, stage.height, stage.gradient(stage.shade("#6b6f7b"), road))
    middle = stage.horizon + 54 + (stage.height - stage.horizon - 54) * 0.52
    at = -30.0
    while at < stage.width:
        stage.back.append(
            f'<path d="M{at:.1f},{middle:.1f} h86 l-5,13 h-90z" fill="{stage.shade("#f3ecd6")}" opacity=".8"/>'
        )
        at += 170


def paint_room(stage: Stage) -> None:
    """Paint a room: papered wall, window, picture, skirting board, floorboards and a rug."""
    rng = stage.rng
    wall, deep = rng.choice(_WALLS)
    stage.band(0, stage.horizon, stage.gradient(stage.shade(wall), stage.shade(deep)))
    stripe = stage.width / 12
    for number in range(12):
        stage.back.append(
            f'<rect x="{number * stripe:.1f}" y="0" width="{stripe / 2:.1f}" height="{stage.horizon:.1f}" fill="#fff" opacity=".13"/>'
        )
    _window(stage, rng.choice((0.2, 0.78)))
    _picture(stage)
    _floor(stage, rng.choice(_FLOORS))
    rug, edge = rng.choice(_RUGS)
    middle = (stage.horizon + stage.height) / 2 + 26
    stage.ellipse(stage.width / 2, middle, stage.width * 0.4, (stage.height - stage.horizon) * 0.34, stage.shade(rug))
    stage.ellipse(stage.width / 2, middle, stage.width * 0.37, (stage.height - stage.horizon) * 0.3, stage.shade(edge))
    stage.ellipse(
        stage.width / 2, middle, stage.width * 0.345, (stage.height - stage.horizon) * 0.275, stage.shade(rug)
    )


def _window(stage: Stage, where: float) -> None:
    broad, tall = min(230.0, stage.width * 0.26), stage.horizon * 0.44
    x, y = where * stage.width - broad / 2, stage.horizon * 0.12
    sky = stage.gradient(*stage.palette.sky)
    stage.back.append(
        f'<rect x="{x - 10:.1f}" y="{y - 10:.1f}" width="{broad + 20:.1f}" height="{tall + 20:.1f}" rx="5" fill="#fbf7f0"/>'
    )
    stage.back.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{broad:.1f}" height="{tall:.1f}" fill="{sky}"/>')
    stage.back.append(
        f'<path d="M{x:.1f},{y + tall:.1f} v{-tall * 0.2:.1f} q{broad * 0.25:.1f},{-tall * 0.16:.1f} {broad * 0.5:.1f},0 t{broad * 0.5:.1f},{-tall * 0.04:.1f} V{y + tall:.1f}z" fill="{stage.shade("#7cba72")}"/>'
    )
    stage.back.append(
        f'<path d="M{x + broad / 2 - 4:.1f},{y:.1f} h8 v{tall:.1f} h-8z M{x:.1f},{y + tall / 2 - 4:.1f} h{broad:.1f} v8 h{-broad:.1f}z" fill="#fbf7f0"/>'
    )
    stage.back.append(
        f'<rect x="{x - 22:.1f}" y="{y + tall + 8:.1f}" width="{broad + 44:.1f}" height="15" rx="4" fill="#efe6da"/>'
    )
    curtain = stage.shade(stage.rng.choice(("#e58a7b", "#8fb7c9", "#e6b866", "#a7c191")))
    for side in (-1, 1):
        edge = x - 26 if side < 0 else x + broad + 26
        stage.back.append(
            f'<path d="M{edge:.1f},{y - 22:.1f} h{-side * broad * 0.36:.1f} q{side * 10:.1f},{tall * 0.6:.1f} {side * broad * 0.24:.1f},{tall + 50:.1f} h{side * broad * 0.12:.1f}z" fill="{curtain}"/>'
        )
    stage.back.append(
        f'<rect x="{x - 40:.1f}" y="{y - 28:.1f}" width="{broad + 80:.1f}" height="8" rx="4" fill="#8a5f3f"/>'
    )


def _picture(stage: Stage) -> None:
    broad = min(130.0, stage.width * 0.14)
    x, y, tall = stage.width * 0.5 - broad / 2, stage.horizon * 0.16, broad * 0.78
    stage.back.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{broad:.1f}" height="{tall:.1f}" rx="3" fill="#9a6b43"/>')
    stage.back.append(
        f'<rect x="{x + 7:.1f}" y="{y + 7:.1f}" width="{broad - 14:.1f}" height="{tall - 14:.1f}" fill="#f7f1e4"/>'
    )
    stage.back.append(
        f'<path d="M{x + 15:.1f},{y + tall - 16:.1f} l{broad * 0.26:.1f},{-tall * 0.4:.1f} l{broad * 0.18:.1f},{tall * 0.22:.1f} l{broad * 0.12:.1f},{-tall * 0.14:.1f} l{broad * 0.2:.1f},{tall * 0.32:.1f}z" fill="#8fb3b0"/>'
    )


def _floor(stage: Stage, wood: str) -> None:
    light, dark = stage.shade(mix(wood, "#ffffff", 0.14)), stage.shade(wood)
    stage.band(stage.horizon, stage.height, stage.gradient(dark, light))
    for number in range(-9, 10):
        top, foot = stage.width / 2 + number * stage.width / 9, stage.width / 2 + number * stage.width / 4.2
        stage.back.append(
            f'<path d="M{top:.1f},{stage.horizon:.1f} L{foot:.1f},{stage.height:.1f}" stroke="{stage.shade("#6f4629")}" stroke-width="1.6" opacity=".4"/>'
        )
    stage.band(stage.horizon - 20, stage.horizon, "#f7f0e6")
    stage.band(stage.horizon - 2, stage.horizon + 2, stage.shade("#c9b79f"))
