"""The sea and what is under it."""

# ruff: noqa: E501 - a path reads best unbroken
from __future__ import annotations

from calotype.engines.drawing.scenery.palette import mix
from calotype.engines.drawing.scenery.stage import Stage, moving

_WATER = {
    "day": ("#8fd4ee", "#2f9fd6", "#0e5fa3"), "sunset": ("#ffbe7d", "#b9557f", "#3b2a66"), "night": ("#5b80b8", "#1f3f78", "#0a1738"),
    "overcast": ("#a9bfcb", "#5f8397", "#35566b"),
}  # fmt: skip


def paint_sea(stage: Stage) -> None:
    """Paint water from the horizon down, with the light's path on it, waves, and a beach where the stage has a shore."""
    far, middle, near = _WATER[stage.palette.name]
    stage.band(stage.horizon, stage.height, stage.gradient(far, middle, near))
    stage.band(stage.horizon - 1, stage.horizon + 3, mix(far, "#ffffff", 0.35))
    _light_path(stage, far)
    _waves(stage, far, middle)
    if stage.shore is not None:
        _beach(stage)


def wave(x: float, y: float, breadth: float, paint: str, thick: float, opacity: float) -> str:
    """Return one small crest."""
    swing = thick * 1.4
    return (
        f'<path d="M{x - breadth:.1f},{y:.1f} q{breadth / 2:.1f},{-swing:.1f} {breadth:.1f},0 t{breadth:.1f},0" stroke="{paint}" '
        f'stroke-width="{thick:.1f}" stroke-linecap="round" fill="none" opacity="{opacity:.2f}"/>'
    )


def _light_path(stage: Stage, far: str) -> None:
    if stage.sun is None:
        return
    paint = {"sunset": "#ffe9a8", "night": "#dfe9ff"}.get(stage.palette.name, mix(far, "#ffffff", 0.7))
    depth = stage.height - stage.horizon
    for number in range(26):
        down = (number + 0.5) / 26
        breadth = (14 + 90 * down) * stage.rng.uniform(0.4, 1.2)
        x = stage.sun[0] + stage.rng.uniform(-1, 1) * (12 + 60 * down)
        stage.ellipse(
            x,
            stage.horizon + depth * down * 0.9 + 6,
            breadth,
            1.6 + 3.4 * down,
            paint,
            0.75 - 0.5 * down,
            sense="glint",
        )


def _waves(stage: Stage, far: str, middle: str) -> None:
    rng, depth = stage.rng, stage.height - stage.horizon
    for _ in range(round(70 * stage.width / 1000)):
        down = rng.random()
        x, y = rng.uniform(0, stage.width), stage.horizon + 10 + down * depth
        paint = rng.choice((mix(far, "#ffffff", 0.5), mix(middle, "#ffffff", 0.3), mix(middle, "#001a33", 0.25)))
        breadth, thick = 10 + 46 * down, 1.2 + 3 * down
        crest = wave(x, y, breadth, paint, thick, 0.2 + 0.4 * rng.random())
        stage.back.append(moving("wave", crest, (x, y), (breadth + 2 * thick, 3 * thick)))


def _beach(stage: Stage) -> None:
    """Paint sand in front, with the last wave's foam along it."""
    assert stage.shore is not None, "asked for by paint_sea"
    light, dark = stage.soil if stage.banks else ("#f8e3b0", "#dfb878")
    edge, grain = (mix(dark, "#3a2f20", 0.3), mix(dark, "#20301c", 0.2)) if stage.banks else ("#cda46a", "#b98f55")
    sand = stage.gradient(stage.shade(light), stage.shade(dark))
    for lift, paint, opacity in ((16, "#ffffff", 0.55), (7, stage.shade(edge), 1.0), (0, sand, 1.0)):
        top = stage.shore - lift
        third = stage.width / 3
        stage.back.append(
            f'<path d="M-2,{top + 14:.1f} q{third / 2:.1f},-26 {third:.1f},-4 t{third:.1f},-6 t{third + 6:.1f},6 V{stage.height + 2:.0f} H-2z" '
            f'fill="{paint}" opacity="{opacity}"/>'
        )
    for _ in range(round(26 * stage.width / 1000)):
        x, y = stage.rng.uniform(0, stage.width), stage.rng.uniform(stage.shore + 30, stage.height)
        size = stage.rng.uniform(1.5, 4)
        stage.ellipse(x, y, size * 1.5, size * 0.7, stage.shade(grain), 0.45)


def paint_underwater(stage: Stage) -> None:
    """Paint the deep: light from above, a sandy bed, coral, weed and bubbles."""
    night = stage.palette.name == "night"
    top, middle, low = ("#16467c", "#0c2a5c", "#061436") if night else ("#7fe0ef", "#1f9bcf", "#0b4f8f")
    stage.band(0, stage.height, stage.gradient(top, middle, low))
    _rays(stage)
    for number, colour in enumerate(("#1c78a8", "#155f8c")):
        _reef(
            stage, stage.horizon - 60 + number * 44, mix(colour, low, 0.5 if night else 0.15 * number), 50 - number * 12
        )
    sand = stage.gradient(mix("#f7e3ac", low, 0.12), mix("#d9b878", low, 0.25))
    _reef(stage, stage.horizon + 14, sand, 12)
    _weeds(stage, low)
    for _ in range(round(16 * stage.width / 1000)):
        x, y, size = stage.rng.uniform(0, stage.width), stage.rng.uniform(20, stage.horizon), stage.rng.uniform(2.5, 7)
        bubble = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="#ffffff" fill-opacity=".14" stroke="#ffffff" stroke-opacity=".5" stroke-width="1.2"/>'
        stage.back.append(moving("bubble", bubble, (x, y), (size + 1, size + 1)))


def paint_surface(stage: Stage, sky: list[str]) -> None:
    """Show the sky above the water's surface, in a cut through the water."""
    line, step = stage.far - 8, stage.width / 6
    swell = "".join(f"q{step / 2:.1f},{-12 if n % 2 else 12} {step:.1f},0 " for n in range(6))
    path = f"M0,{line:.1f} {swell}"
    stage.back.append(f'<defs><clipPath id="dry"><path d="{path} V-2 H0z"/></clipPath></defs>')
    stage.back.append(f'<g clip-path="url(#dry)">{"".join(sky)}</g>')
    stage.back.append(f'<path d="{path}" stroke="#ffffff" stroke-opacity=".8" stroke-width="5" fill="none"/>')


def _rays(stage: Stage) -> None:
    paint = stage.gradient("#ffffff", "#ffffff", opacities=(0.32, 0.0))
    for number in range(6):
        x, broad = (number + stage.rng.uniform(0.1, 0.9)) / 6 * stage.width, stage.rng.uniform(24, 80)
        lean = (x - stage.width / 2) * 0.35
        ray = f'<path d="M{x:.1f},-5 h{broad:.1f} L{x + broad * 2.2 + lean:.1f},{stage.horizon:.1f} H{x - broad * 0.8 + lean:.1f}z" fill="{paint}" opacity="{stage.rng.uniform(0.4, 1):.2f}"/>'
        stage.back.append(moving("ray", ray))


def _reef(stage: Stage, base: float, paint: str, swing: float) -> None:
    step = stage.width / 5
    line = " ".join(f"t{step:.1f},{stage.rng.uniform(-0.4, 0.4) * swing:.1f}" for _ in range(5))
    stage.back.append(
        f'<path d="M-2,{stage.height + 2:.0f} V{base:.1f} q{step / 2:.1f},{-swing:.1f} {step:.1f},0 {line} V{stage.height + 2:.0f}z" fill="{paint}"/>'
    )


def _weeds(stage: Stage, low: str) -> None:
    """Let weed and coral grow from the bed, thickest at the picture's edges."""
    rng = stage.rng
    for number in range(round(16 * stage.width / 1000)):
        side = rng.choice((0.0, 1.0))
        x = abs(side - rng.random() ** 1.8 * 0.5) * stage.width
        base = stage.horizon + rng.uniform(20, 60)
        if number % 3 == 0:
            coral = _coral(
                x,
                base,
                rng.uniform(50, 100),
                mix(rng.choice(("#ff7f6b", "#ff9fc0", "#ffb65c", "#b98be8")), low, 0.22),
                rng.uniform(-0.2, 0.2),
            )
            stage.back.append(moving("coral", coral))
            continue
        tall, lean = rng.uniform(80, 200), rng.uniform(-16, 16)
        paint = mix(rng.choice(("#2fa36b", "#57b84f", "#1f8a70")), low, 0.3)
        weed = (
            f'<path d="M{x:.1f},{base:.1f} q{lean + 14:.1f},{-tall * 0.3:.1f} {lean:.1f},{-tall * 0.5:.1f} t{lean:.1f},{-tall * 0.5:.1f}" '
            f'stroke="{paint}" stroke-width="{tall * 0.07:.1f}" stroke-linecap="round" fill="none"/>'
        )
        stage.back.append(moving("weed", weed))


def _coral(x: float, base: float, tall: float, paint: str, lean: float) -> str:
    branches = f"M{x:.1f},{base:.1f} v{-tall * 0.9:.1f}"
    for side, start, reach in ((-1, 0.25, 0.5), (1, 0.4, 0.42), (-1, 0.55, 0.28)):
        branches += f" M{x:.1f},{base - tall * start:.1f} q{side * tall * 0.3:.1f},{-tall * 0.02:.1f} {side * tall * (0.32 + lean * 0.2):.1f},{-tall * reach:.1f}"
    return (
        f'<path d="{branches}" stroke="{paint}" stroke-width="{tall * 0.13:.1f}" stroke-linecap="round" fill="none"/>'
    )
