"""Small things that fly about in an effect: each shape is light that glows or matter with a lit side, turned and sized."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from calotype.engines.sprite.effects.looks import Look
from calotype.engines.sprite.effects.stage import Array, Stage, step, turned

_Shape = Callable[[Array, Array], tuple[Array, Array]]
"""Takes places in the shape's own size, returns how far inside they are (below 0: inside) and how lit, 0 to 1."""


def particle(
    stage: Stage, look: Look, shape: str, x: float, y: float, size: float, angle: float = 0.0, strength: float = 1.0
) -> None:
    """Draw one. `size` is half its length in the stage's units; `strength` 0 to 1 fades it."""
    if strength <= 0.01 or size <= 0:
        return
    size = max(size, stage.pixel * 0.8)
    is_matter = shape in _MATTER
    part = stage.box(x, y, size * (1.6 if is_matter else 2.6))
    if part is None:
        return
    u, v = turned((stage.x[part] - x) / size, (stage.y[part] - y) / size, angle)
    if is_matter:
        inside, lit = _MATTER[shape](u, v)
        edge = 1.4 * stage.pixel / size
        stage.lay(look.solid.of(lit), step(edge, -edge, inside) * strength * _OPACITY.get(shape, 1.0), part)
        if shape in _GLOWING:
            stage.shine(np.exp(-(u * u + v * v) * 1.1) * 0.34 * strength, look.ramp, part)
    else:
        stage.shine(_LIGHT[shape](u, v) * strength, look.ramp, part)


def _spark(u: Array, v: Array) -> Any:
    return np.exp(-((v * 4.5) ** 2) - (u * 1.5) ** 2) * 1.1


def _streak(u: Array, v: Array) -> Any:
    return np.exp(-((v * 12) ** 2) - (u * 1.0) ** 4) * 0.7


def _ember(u: Array, v: Array) -> Any:
    return np.exp(-(u * u + v * v) * 5) * 1.1


def _mote(u: Array, v: Array) -> Any:
    return np.exp(-(u * u + v * v) * 3) * 0.6


def _wisp(u: Array, v: Array) -> Any:
    bent = v - 0.35 * np.sin(u * 2.2)
    return np.exp(-((bent * 3.2) ** 2) - (u * 1.1) ** 2) * 0.8


def _sparkle(u: Array, v: Array) -> Any:
    star = np.clip(1 - (np.sqrt(np.abs(u)) + np.sqrt(np.abs(v))) / 1.25, 0, 1)
    return star * 2.2 + np.exp(-(u * u + v * v) * 7) * 0.5


def _shard(u: Array, v: Array) -> tuple[Array, Array]:
    return np.abs(u) + np.abs(v) / 0.34 - 1, np.where(v > 0, 0.92, 0.5) - 0.1 * u


def _rock(u: Array, v: Array) -> tuple[Array, Array]:
    angle = np.arctan2(v, u)
    edge = 0.82 + 0.12 * np.cos(3 * angle + 1) + 0.08 * np.cos(5 * angle)
    radius = np.hypot(u, v)
    return radius - edge, np.clip(0.5 + 0.35 * v - 0.25 * u - 0.15 * radius, 0.05, 1)


def _drop(u: Array, v: Array) -> tuple[Array, Array]:
    radius = np.hypot(u, v)
    shine = np.exp(-((u + 0.3) ** 2 + (v - 0.35) ** 2) * 9)
    return radius - 0.85, np.clip(0.42 + 0.32 * radius**3 + shine, 0, 1)


def _bubble(u: Array, v: Array) -> tuple[Array, Array]:
    radius = np.hypot(u, v)
    shine = np.exp(-((u + 0.32) ** 2 + (v - 0.36) ** 2) * 12)
    return np.where(shine > 0.35, -1.0, np.abs(radius - 0.78) - 0.13), np.clip(0.55 + 0.45 * v + shine, 0, 1)


def _leaf(u: Array, v: Array) -> tuple[Array, Array]:
    lit = np.where(v > 0, 0.82, 0.55) - 0.35 * np.exp(-((v * 14) ** 2))
    return np.abs(v) - 0.46 * (1 - u * u), lit


def _petal(u: Array, v: Array) -> tuple[Array, Array]:
    width = 0.6 * np.sqrt(np.clip(1 - u * u, 0, 1)) * (0.62 + 0.38 * u)
    return np.abs(v) - width - np.where(np.abs(u) > 1, -1, 0), 0.62 + 0.35 * u


def _plus(u: Array, v: Array) -> tuple[Array, Array]:
    wide, tall = np.maximum(np.abs(u) - 0.9, np.abs(v) - 0.29), np.maximum(np.abs(v) - 0.9, np.abs(u) - 0.29)
    return np.minimum(wide, tall), 0.75 + 0.2 * v


def _heart(u: Array, v: Array) -> tuple[Array, Array]:
    u, v = u * 1.2, v * 1.2 + 0.1
    shine = np.exp(-((u + 0.45) ** 2 + (v - 0.5) ** 2) * 12)
    return (u * u + v * v - 1) ** 3 - u * u * v**3, np.clip(0.5 + 0.18 * v + shine * 0.6, 0, 1)


def _coin(u: Array, v: Array) -> tuple[Array, Array]:
    radius = np.hypot(u / 0.72, v)
    return radius - 0.95, np.where(np.abs(radius - 0.74) < 0.07, 0.35, np.clip(0.62 - 0.3 * u + 0.25 * v, 0, 1))


def _flake(u: Array, v: Array) -> tuple[Array, Array]:
    arms = np.minimum.reduce([np.abs(turned(u, v, k * math.pi / 3)[1]) for k in range(3)])
    radius = np.hypot(u, v)
    return np.maximum(np.minimum(arms - 0.1, radius - 0.26), radius - 0.95), np.full_like(u, 0.85)


_LIGHT: dict[str, Callable[[Array, Array], Any]] = {
    "spark": _spark, "streak": _streak, "ember": _ember, "mote": _mote, "wisp": _wisp, "sparkle": _sparkle,
}  # fmt: skip
_MATTER: dict[str, _Shape] = {
    "shard": _shard, "rock": _rock, "drop": _drop, "bubble": _bubble, "leaf": _leaf, "petal": _petal, "plus": _plus,
    "heart": _heart, "coin": _coin, "flake": _flake,
}  # fmt: skip
_OPACITY = {"bubble": 0.85, "drop": 0.9, "flake": 0.95}
_GLOWING = frozenset({"shard", "plus", "heart", "coin"})


def burst(
    stage: Stage,
    look: Look,
    name: str,
    count: int,
    *,
    shape: str | None = None,
    at: tuple[float, float] = (0.0, 0.0),
    age: float,
    reach: float = 0.9,
    size: float = 0.05,
    pull: float = 0.0,
    spread: tuple[float, float] = (0.0, math.tau),
) -> None:
    """Draw things thrown out of a place at age 0, slowing down, drawn down by `pull`, gone at age 1."""
    if not 0 < age < 1:
        return
    rng = stage.rng(name)
    shape = shape or look.accent
    for _ in range(count):
        way, far, big, turn = rng.uniform(*spread), rng.uniform(0.35, 1), rng.uniform(0.5, 1.2), rng.uniform(-4, 4)
        gone = rng.uniform(0.55, 1)
        own = age / gone
        run = (1 - (1 - min(own, 1)) ** 2.2) * far * reach
        x, y = at[0] + math.cos(way) * run, at[1] + math.sin(way) * run - pull * own * own
        slope = math.atan2(
            math.sin(way) * far * reach * 2.2 * (1 - min(own, 1)) - 2 * pull * own, math.cos(way) * far * reach
        )
        angle = slope if shape in ("spark", "streak", "shard", "wisp", "ember") else turn * age + way
        upright = shape in ("plus", "heart", "sparkle", "bubble", "drop")
        particle(
            stage, look, shape, x, y, size * big * (1 - 0.4 * own), 0.0 if upright else angle, float(step(1, 0.6, own))
        )


def stream(
    stage: Stage,
    look: Look,
    name: str,
    count: int,
    *,
    shape: str | None = None,
    path: Callable[[float, float, float], tuple[float, float]],
    size: float = 0.04,
    strength: float = 1.0,
    turns: float = 1.0,
) -> None:
    """Draw things that are born again and again, so that the end meets the beginning.

    `path(age, one, other)` returns where a thing is at its age, 0 to 1, given two random numbers of its own.
    """
    rng = stage.rng(name)
    shape = shape or look.accent
    for _ in range(count):
        born, one, other, big, turn = (
            rng.random(),
            rng.random(),
            rng.random(),
            rng.uniform(0.5, 1.2),
            rng.uniform(-1, 1),
        )
        age = (stage.t + born) % 1
        x, y = path(age, one, other)
        fade = float(step(0, 0.15, age) * step(1, 0.7, age)) * strength
        after = path(min(age + 0.02, 1), one, other)
        along = math.atan2(after[1] - y, after[0] - x)
        angle = (
            along
            if shape in ("spark", "streak", "wisp", "ember")
            else turn * 3 + math.tau * turns * stage.t * (1 if turn > 0 else -1)
        )
        upright = shape in ("plus", "heart", "sparkle", "bubble", "drop")
        particle(stage, look, shape, x, y, size * big, 0.0 if upright else angle, fade)
