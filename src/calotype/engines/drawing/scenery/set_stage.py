"""Choose and paint the scene: what the prompt named, else where the things it named belong."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from calotype.engines.drawing.scenery import land, town, water
from calotype.engines.drawing.scenery import open as open_scenes
from calotype.engines.drawing.scenery.palette import DAY, palette_for
from calotype.engines.drawing.scenery.sky import paint_sky
from calotype.engines.drawing.scenery.stage import Stage
from calotype.engines.drawing.scenery.weather import paint_weather

GRAIN = 1000.0
"""The picture's shorter side in the scenes' own unit."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The scene to paint: its kind ("sea", "plain" ...), the prompt's scene words, and what the objects already bring."""

    kind: str
    scenes: list[str] = field(default_factory=list)
    background: str | None = None
    shore: bool = False
    has_orb: bool = False
    """Whether a sun or moon is among the objects, so that the sky needs none of its own."""
    has_trees: bool = False
    has_planet: bool = False
    has_clouds: bool = False


def set_stage(setting: Setting, width: int, height: int, seed: int) -> Stage:
    """Return the painted stage for a picture of this shape."""
    shorter = min(width, height)
    wide, tall = width / shorter * GRAIN, height / shorter * GRAIN
    rng = random.Random(f"scenery {seed}")  # noqa: S311 - for looks, not for secrets
    palette = palette_for(setting.scenes) if setting.kind not in {"plain", "studio"} else DAY
    horizon, far, near = _LINES.get(setting.kind, (0.60, 0.70, 0.93))
    stage = Stage(wide, tall, palette, rng, setting.kind, horizon * tall, near * tall, far * tall)
    stage.shore = tall * 0.76 if setting.kind == "sea" and setting.shore else None
    stage.banks = "banks" in setting.scenes
    stage.reflects = setting.kind == "sea"
    _PAINTERS[setting.kind](stage, setting)
    paint_weather(stage, setting.scenes)
    return stage


_LINES = {
    "sea": (0.52, 0.60, 0.90), "city": (0.64, 0.73, 0.94), "room": (0.66, 0.76, 0.95), "forest": (0.60, 0.72, 0.94),
    "underwater": (0.80, 0.86, 0.96), "studio": (0.60, 0.69, 0.90), "plain": (0.70, 0.60, 0.84), "space": (1.0, 0.6, 0.96),
    "waterline": (0.86, 0.36, 0.40), "sky": (1.0, 0.6, 0.94), "mood": (0.7, 0.8, 0.9),
}  # fmt: skip


def _land(stage: Stage, setting: Setting) -> None:
    name = "autumn" if setting.kind == "meadow" and "autumn" in setting.scenes else setting.kind
    paint_sky(stage, orb=not setting.has_orb, clouds=not setting.has_clouds)
    land.paint_land(stage, name, trees=not setting.has_trees)


def _forest(stage: Stage, setting: Setting) -> None:
    paint_sky(stage, orb=not setting.has_orb, clouds=False)
    land.paint_forest(stage, autumn="autumn" in setting.scenes, snowy="snow" in setting.scenes)


def _sea(stage: Stage, setting: Setting) -> None:
    paint_sky(stage, orb=not setting.has_orb, clouds=not setting.has_clouds)
    if stage.banks:
        name = "snow" if "snow" in setting.scenes else "autumn" if "autumn" in setting.scenes else "meadow"
        stage.soil = land.LANDS[name].ground
        land.paint_far_bank(stage, name)
    water.paint_sea(stage)


def _city(stage: Stage, setting: Setting) -> None:
    paint_sky(stage, orb=not setting.has_orb, clouds=not setting.has_clouds)
    town.paint_city(stage)


def _sky(stage: Stage, setting: Setting) -> None:
    paint_sky(stage, orb=not setting.has_orb, clouds=not setting.has_clouds)


def _waterline(stage: Stage, setting: Setting) -> None:
    water.paint_underwater(stage)
    below, bed = list(stage.back), stage.horizon
    stage.back.clear()
    stage.horizon = stage.far
    paint_sky(stage, orb=not setting.has_orb, clouds=not setting.has_clouds)
    above = list(stage.back)
    stage.back[:] = below
    stage.horizon = bed
    water.paint_surface(stage, above)


_PAINTERS: dict[str, Callable[[Stage, Setting], None]] = {
    "meadow": _land, "snow": _land, "desert": _land, "savanna": _land, "forest": _forest, "sea": _sea, "city": _city, "sky": _sky,
    "room": lambda stage, _: town.paint_room(stage),
    "waterline": _waterline,
    "underwater": lambda stage, _: water.paint_underwater(stage),
    "space": lambda stage, setting: open_scenes.paint_space(stage, planet=not setting.has_planet),
    "studio": lambda stage, _: open_scenes.paint_studio(stage),
    "plain": lambda stage, setting: open_scenes.paint_plain(stage, setting.background or "plain"),
    "mood": lambda stage, _: open_scenes.paint_mood(stage),
}  # fmt: skip
