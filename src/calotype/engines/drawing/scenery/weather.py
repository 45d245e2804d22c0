"""What lies over everything: falling snow, rain, fog, the darkening of the corners."""

from __future__ import annotations

from calotype.engines.drawing.scenery.stage import Stage, ellipse, moving


def paint_weather(stage: Stage, scenes: list[str]) -> None:
    """Add the front layer the scenes ask for."""
    if "snowing" in scenes or stage.kind == "snow":
        _snowfall(stage, 110 if "snowing" in scenes else 34)
    if "rain" in scenes and stage.kind not in {"room", "underwater", "space"}:
        _rain(stage)
    if "fog" in scenes:
        for number in range(4):
            x, y = stage.rng.uniform(0, 1) * stage.width, stage.horizon + number * 40 - 40
            stage.front.append(moving("fog", ellipse(x, y, stage.width * 0.6, 46, "#ffffff", 0.22)))


def _snowfall(stage: Stage, count: int) -> None:
    for _ in range(round(count * stage.width / 1000)):
        size = stage.rng.uniform(1.5, 5.5)
        x, y = stage.rng.uniform(0, stage.width), stage.rng.uniform(0, stage.height)
        flake = ellipse(x, y, size, size, "#ffffff", stage.rng.uniform(0.55, 0.95))
        stage.front.append(moving("snow", flake, (x, y), (size, size)))


def _rain(stage: Stage) -> None:
    drops = []
    for _ in range(round(120 * stage.width / 1000)):
        x, y, long = stage.rng.uniform(0, stage.width), stage.rng.uniform(0, stage.height), stage.rng.uniform(16, 40)
        drops.append(f"M{x:.1f},{y:.1f} l{-long * 0.25:.1f},{long:.1f}")
    path = f'<path d="{" ".join(drops)}" stroke="#e6f2fb" stroke-width="1.8" stroke-linecap="round" opacity=".55"/>'
    stage.front.append(moving("rain", path))
    for _ in range(round(9 * stage.width / 1000)):
        x, y = stage.rng.uniform(0, stage.width), stage.rng.uniform(stage.horizon + 80, stage.height)
        stage.back.append(ellipse(x, y, stage.rng.uniform(30, 80), stage.rng.uniform(5, 10), "#d6e6f2", 0.35))
