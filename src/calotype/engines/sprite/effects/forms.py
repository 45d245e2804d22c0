"""Forms that live in the air: flames, blasts, clouds, orbs, rings, beams. Each draws itself at its moment on a stage."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from calotype.engines.sprite.effects.looks import LOOKS, Look
from calotype.engines.sprite.effects.particles import burst, particle, stream
from calotype.engines.sprite.effects.shapes import glow, puff, ring, strokes, zigzag
from calotype.engines.sprite.effects.stage import Stage, rise_and_fall, step, turned


def flame(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A fire that burns on: tongues rise, embers fly."""
    height = (stage.y + 0.82) / (1.6 * size)
    up = np.clip(height, 0, 1.4)
    sway = (stage.noise(stage.x * 0.18 + 0.3, stage.y * 0.3 - stage.t) - 0.5) * 0.9 * up
    fine = stage.noise(stage.x * 0.55, stage.y * 0.42 - 2 * stage.t)
    big = stage.noise(stage.x * 0.28 + 0.5, stage.y * 0.2 - stage.t)
    width = 0.62 * size * np.sqrt(np.clip(1.05 - up, 0, 1)) * (0.55 + 0.45 * step(-0.05, 0.22, height))
    side = np.abs(stage.x + sway) / np.maximum(width, 0.02)
    heat = 1.25 - side * 0.85 - up * 0.62 + (fine - 0.5) * (0.5 + 1.5 * up) + (big - 0.5) * (0.4 + 1.6 * up)
    heat *= step(-0.08, 0.05, height) * step(1.12, 0.75, up) * step(1.35, 0.8, side)
    stage.shine(np.clip(heat, 0, 1.1), look.ramp)
    glow(stage, look.ramp, 0, -0.5, 0.75 * size, 0.3)

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        return (one - 0.5) * 0.8 * size + 0.12 * math.sin(age * 6 + other * 6), -0.65 + age * (0.9 + 0.6 * other)

    stream(stage, look, "embers", 26, path=path, size=0.028)


def explosion(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A flash, a ball of heat, a ring, debris; then smoke that thins out."""
    blast(stage, look, stage.t, (0.0, 0.0), size)


def blast(stage: Stage, look: Look, t: float, at: tuple[float, float], size: float) -> None:
    """Draw an explosion at its own time, 0 to 1, at a place."""
    if not 0 <= t <= 1:
        return
    grown = 1 - (1 - min(t / 0.55, 1)) ** 3
    radius = (0.12 + 0.62 * grown) * size
    fog = replace(LOOKS["smoke"], matter=(0.36, 0.33, 0.32), shade=(0.10, 0.09, 0.09)) if look.name == "fire" else look
    rng = stage.rng("smoke")
    for _ in range(16):
        way, far, big = rng.uniform(0, math.tau), rng.uniform(0.25, 0.85), rng.uniform(0.32, 0.6)
        cover = float(step(0.16, 0.42, t) * step(1.0, 0.6, t)) * 0.78
        lift = 0.28 * t * t
        x, y = at[0] + math.cos(way) * far * radius, at[1] + math.sin(way) * far * radius + lift
        puff(stage, fog, x, y, big * radius * 1.1, cover, rng.random(), 0.36 * float(step(0.5, 0.2, t)))
    u, v = (stage.x - at[0]) / radius, (stage.y - at[1]) / radius
    away = np.hypot(u, v)
    boil = stage.noise(u * 0.2 + t * 0.3, v * 0.2 - t * 0.5) - 0.5
    fine = stage.noise(u * 0.5 - t * 0.2, v * 0.5 - t * 0.4) - 0.5
    cooling = float(step(0.75, 0.12, t))
    heat = (1.15 - away**1.5 * 0.95 + boil * 1.6 + fine * 0.8) * cooling * step(1.3, 0.85, away)
    stage.shine(np.clip(heat, 0, 1.1), look.ramp)
    glow(stage, look.ramp, *at, radius * 1.5, 0.6 * cooling)
    flash = float(step(0.22, 0.0, t))
    glow(stage, look.ramp, *at, 0.5 * size, 1.2 * flash)
    ring(stage, look.ramp, (0.1 + 0.86 * grown) * size, 0.02 + 0.02 * (1 - t), 0.75 * float(step(0.6, 0.15, t)), at)
    burst(stage, look, "debris", 34, at=at, age=t / 0.85, reach=0.98 * size, size=0.055 * size, pull=0.22)
    burst(stage, look, "sparks", 26, shape="spark", at=at, age=t / 0.6, reach=1.0 * size, size=0.08 * size)


def cloud(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Puffs that well up and drift away, on and on; what the element flies with comes along."""
    rng = stage.rng("cloud")
    puffs = []
    for _ in range(20):
        born, one, other, big = rng.random(), rng.uniform(-1, 1), rng.random(), rng.uniform(0.26, 0.4)
        age = (stage.t + born) % 1
        puffs.append(
            (age, one * (0.42 + 0.2 * age), -0.5 + age * (0.7 + 0.35 * other), big * (0.6 + 0.75 * age), other)
        )
    for age, x, y, radius, turn in sorted(puffs, reverse=True):
        cover = float(step(0, 0.2, age) * step(1, 0.55, age)) * 0.85
        puff(
            stage,
            look,
            x * size,
            y * size,
            radius * size,
            cover,
            turn + 0.1 * age,
            0.0 if look.name == "smoke" else 0.16,
        )
    if look.name == "smoke":
        return

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        return (one - 0.5) * 1.3 * size + 0.06 * math.sin(9 * age + 6 * other), -0.55 + age * (0.8 + 0.5 * other)

    stream(stage, look, "cloud-bits", 16, path=path, size=0.05)


def orb(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A ball of power that turns in itself, with arcs or sparks about it."""
    radius = 0.46 * size * (1 + 0.04 * math.sin(math.tau * stage.t))
    away = np.hypot(stage.x, stage.y) / radius
    angle = np.arctan2(stage.y, stage.x) / math.tau
    bulge = np.clip(away, 0.05, 1)
    swirl = stage.noise(angle * 2 + bulge * 0.35 - stage.t, np.sqrt(bulge) * 0.5 - stage.t)
    fine = stage.noise(angle * 4 - bulge * 0.6 + stage.t, bulge * 0.6 - stage.t)
    if look.name == "dark":
        stage.lay(look.solid.of(np.clip(swirl * 0.5, 0, 1)), step(1.02, 0.9, away) * 0.94)
    body = (0.35 + 0.85 * (swirl - 0.25) + 0.4 * (fine - 0.5) + 0.5 * bulge**6) * step(1.05, 0.95, away)
    stage.shine(np.clip(body, 0, 1) * (0.62 if look.name == "dark" else 1.0), look.ramp)
    if look.name != "dark":
        stage.shine(np.exp(-(away**2) * 4.5) * 0.8, look.ramp)
    stage.shine(np.exp(-np.clip(away - 1, 0, 9) * 4.2) * 0.42 * step(0.85, 1.0, away), look.ramp)
    moment = int(stage.t * 16)
    for number in range(5):
        rng = stage.rng("arcs", moment, number)
        way = rng.uniform(0, math.tau)
        a = (math.cos(way) * radius * 0.9, math.sin(way) * radius * 0.9)
        turn, far = way + rng.uniform(-0.7, 0.7), radius * rng.uniform(1.3, 1.75)
        if look.accent in ("spark", "wisp", "sparkle"):
            points = zigzag(rng, a, (math.cos(turn) * far, math.sin(turn) * far), 0.3, 4)
            strokes(stage, look.ramp, list(itertools.pairwise(points)), 0.007, 0.8)

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        way, far = math.tau * (one + age * 0.6), (0.95 - 0.45 * age * other) * size * 0.85
        return math.cos(way) * far, math.sin(way) * far

    stream(stage, look, "orbit", 22, path=path, size=0.04)


def shield(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A dome of light with a honeycomb on it, over which a shimmer runs."""
    radius = 0.8 * size
    away = np.hypot(stage.x, stage.y) / radius
    inside = step(1.01, 0.99, away)
    depth = np.sqrt(np.clip(1 - away * away, 0, 1))
    bulge = np.arcsin(np.clip(away, 0, 1)) / np.maximum(away, 1e-3)
    cells = _honeycomb(stage.x / radius * bulge * 3.6, stage.y / radius * bulge * 3.6)
    band = np.cos(math.tau * (stage.t - (stage.y - stage.x * 0.3) * 0.35)) * 0.5 + 0.5
    rim = np.clip(1 - depth, 0, 1) ** 2.2
    lines = step(0.13, 0.03, cells) * (0.16 + 0.3 * band**6 + 0.28 * rim)
    fill = 0.13 + 0.1 * band**6 + 0.62 * rim
    clouds = (stage.noise(stage.x * 0.3 + stage.t, stage.y * 0.3) - 0.5) * 0.14
    stage.shine((np.clip(fill + clouds, 0, 1) + lines) * inside, look.ramp)
    ring(stage, look.ramp, radius, 0.012, 0.8)
    glint = np.exp(-((stage.x + 0.32 * size) ** 2 * 9 + (stage.y - 0.46 * size) ** 2 * 30))
    stage.shine(glint * 0.5, look.ramp)

    def path(age: float, one: float, _: float) -> tuple[float, float]:
        way = math.tau * (one + 0.15 * age)
        return math.cos(way) * radius * (1.0 + 0.16 * age), math.sin(way) * radius * (1.0 + 0.16 * age)

    stream(stage, look, "rim", 18, path=path, size=0.035)


def _honeycomb(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance to the nearest wall of a honeycomb, in cells."""
    height = math.sqrt(3)
    ax, ay = x % 1 - 0.5, y % height - height / 2
    bx, by = (x - 0.5) % 1 - 0.5, (y - height / 2) % height - height / 2
    nearer = ax * ax + ay * ay < bx * bx + by * by
    u, v = np.abs(np.where(nearer, ax, bx)), np.abs(np.where(nearer, ay, by))
    wall: np.ndarray = 0.5 - np.maximum(u, u * 0.5 + v * height / 2)
    return wall


def portal(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A standing gate: a spiral falls into the dark of its middle, its rim burns."""
    x, y = stage.x / (0.6 * size), stage.y / (0.88 * size)
    _vortex(stage, look, x, y, 2, 0.5)
    rng = stage.rng("stars")
    for _ in range(14):
        px, py, born = rng.uniform(-0.2, 0.2), rng.uniform(-0.3, 0.3), rng.random()
        particle(stage, look, "sparkle", px * size, py * size, 0.03, 0, 0.6 * abs(math.sin(math.pi * (stage.t + born))))

    def path(age: float, one: float, _: float) -> tuple[float, float]:
        way, far = math.tau * (one + age * 0.3), 1.25 - 0.5 * age
        return math.cos(way) * far * 0.6 * size, math.sin(way) * far * 0.85 * size

    stream(stage, look, "drawn", 24, path=path, size=0.035)


def _vortex(stage: Stage, look: Look, x: np.ndarray, y: np.ndarray, arms: int, hollow: float) -> None:
    away = np.hypot(x, y)
    angle = np.arctan2(y, x) / math.tau
    deep = np.log(np.maximum(away, 0.03))
    swirl = stage.noise(angle * arms + deep * 0.55 - stage.t, deep * 0.5 + stage.t)
    fine = stage.noise(angle * arms * 2 + deep * 1.3 - stage.t * 2, deep * 0.7 + stage.t)
    ragged = away + (swirl - 0.5) * 0.22
    stage.lay(look.solid.of(np.clip((swirl - 0.3) * 0.5, 0, 0.6)) * 0.45, step(1.02, 0.9, ragged) * 0.95)
    spiral = (
        np.clip((swirl - 0.42) * 2.4 + (fine - 0.5) * 0.8, 0, 1)
        * step(hollow * 0.25, 0.95, away)
        * step(1.05, 0.9, ragged)
    )
    stage.shine(spiral * 0.85, look.ramp)
    rim = np.exp(-(((ragged - 0.93) / 0.1) ** 2)) * (0.75 + 0.5 * (fine - 0.5))
    stage.shine(np.clip(rim, 0, 1), look.ramp)
    stage.shine(np.exp(-np.clip(ragged - 0.95, 0, 9) * 5.5) * step(0.9, 1.0, ragged) * 0.4, look.ramp)


def black_hole(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A black disc with a bright ring of light bent about it and matter falling in."""
    radius = 0.3 * size
    x, y = turned(stage.x, stage.y, 0.35)
    flat = np.hypot(x, y / 0.3)
    angle = np.arctan2(y / 0.3, x) / math.tau
    bands = stage.noise(angle * 2 + flat * 0.8 - 2 * stage.t, flat * 1.1 + np.zeros_like(x))
    disc = step(radius * 1.05, radius * 1.5, flat) * step(0.98 * size, 0.5 * size, flat) * (0.35 + 0.95 * bands)
    disc = disc * (1 + 0.35 * np.clip(-x, -1, 1))
    away = np.hypot(x, y)
    behind = y > 0
    glow(stage, look.ramp, 0, 0, 0.8 * size, 0.3)
    stage.shine(np.clip(disc, 0, 1.1) * behind, look.ramp)
    halo = np.exp(-(((away - radius * 1.22) / (0.1 * size)) ** 2)) * (
        0.55 + 0.6 * stage.noise(np.arctan2(y, x) / math.tau * 2 - stage.t, away)
    )
    stage.shine(np.clip(halo, 0, 1), look.ramp)
    stage.lay(np.zeros((*x.shape, 3), np.float32), step(radius * 1.06, radius * 0.98, away))
    ring(stage, look.ramp, radius * 1.06, 0.01, 0.9)
    stage.shine(np.clip(disc, 0, 1.1) * ~behind, look.ramp)

    def path(age: float, one: float, _: float) -> tuple[float, float]:
        way, far = math.tau * (one + age * 0.8), (0.98 - 0.62 * age) * size
        return math.cos(way) * far, math.sin(way) * far * 0.75

    stream(stage, look, "falling", 30, shape="spark", path=path, size=0.05)


def beam(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A pillar of light from above: it opens, stands, and closes to a thread."""
    open_ = rise_and_fall(stage.t, 0.22, 0.62)
    width = (0.03 + 0.3 * size * open_) * (1 + 0.03 * math.sin(40 * stage.t))
    side = np.abs(stage.x) / width
    rays = stage.noise(stage.x * 0.9 + 0.2, stage.y * 0.12 + stage.t * 2)
    ground = step(-0.86, -0.7, stage.y)
    fade = 0.6 + 0.4 * step(1.0, 0.2, stage.y)
    strength = float(step(0, 0.1, stage.t) * step(1, 0.85, stage.t))
    stage.shine(np.exp(-(side**2) * 1.5) * (0.62 + 0.75 * (rays - 0.4)) * ground * fade * strength, look.ramp)
    stage.shine(np.exp(-(side**2) * 9) * 0.75 * ground * strength * fade, look.ramp)
    for number, radius in enumerate((0.34, 0.52)):
        grown = radius * size * (0.4 + 0.6 * open_) * (1 + 0.2 * number * stage.t)
        ring(stage, look.ramp, grown, 0.014, 0.62 * strength * open_, (0, -0.76), 0.28)
    glow(stage, look.ramp, 0, -0.76, 0.62 * size, 0.7 * open_, 0.32)

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        return (one - 0.5) * 0.9 * size, -0.75 + age * (0.8 + 0.8 * other)

    stream(stage, look, "rising", 24, path=path, size=0.045, strength=open_)


def laser(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A beam shot sideways from a charged muzzle."""
    fired = float(step(0.2, 0.42, stage.t))
    strength = fired * float(step(1, 0.75, stage.t))
    charge = float(step(0, 0.25, stage.t) * step(1, 0.7, stage.t))
    head = -0.68 + 1.7 * fired
    width = 0.13 * size * (0.35 + 0.65 * strength)
    ripple = stage.noise(stage.x * 0.4 - stage.t * 3, stage.y * 0.6)
    side = np.abs(stage.y) / (width * (0.8 + 0.4 * ripple))
    along = step(-0.72, -0.6, stage.x) * step(head, head - 0.12, stage.x)
    stage.shine(
        (np.exp(-(side**2) * 1.1) * (0.5 + 0.6 * ripple) + np.exp(-(side**2) * 8) * 0.7) * along * strength, look.ramp
    )
    glow(stage, look.ramp, -0.66, 0, 0.34 * size, 1.0 * charge)
    ring(stage, look.ramp, 0.24 * size * (1.4 - 0.4 * charge), 0.012, 0.7 * charge, (-0.6, 0), 1.7)
    burst(
        stage,
        look,
        "muzzle",
        22,
        shape="spark",
        at=(-0.6, 0),
        age=(stage.t - 0.25) / 0.6,
        reach=0.7,
        size=0.06,
        spread=(-1.0, 1.0),
    )


def wave(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A ring that runs out over the ground, with what it throws up."""
    grown = 1 - (1 - stage.t) ** 2.2
    radius = (0.06 + 0.86 * grown) * size
    strength = float(step(1, 0.45, stage.t))
    away = np.hypot(stage.x, (stage.y + 0.1) / 0.5)
    angle = np.arctan2(stage.y + 0.1, stage.x) / math.tau
    ragged = away + (stage.noise(angle * 3, away * 0.2 - stage.t) - 0.5) * 0.2
    tail = np.where(ragged < radius, np.exp(-(radius - ragged) * 5), np.exp(-(ragged - radius) * 30))
    stage.shine(np.clip(tail, 0, 1) * strength, look.ramp)
    ring(stage, look.ramp, radius * 0.6, 0.012, 0.5 * strength, (0, -0.1), 0.5)
    glow(stage, look.ramp, 0, -0.1, 0.45, 1.1 * float(step(0.35, 0, stage.t)), 0.6)
    burst(stage, look, "thrown", 30, at=(0, -0.1), age=stage.t / 0.9, reach=0.85 * size, size=0.05, pull=-0.05)


def aura(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Power that streams up about where somebody stands: hollow in the middle."""
    height = stage.y + 0.85
    width = 0.5 * size * (1 - 0.28 * np.clip(height - 0.9, 0, 1))
    side = np.abs(stage.x) / width
    streaks = stage.noise(stage.x * 0.75, stage.y * 0.22 - 2 * stage.t)
    big = stage.noise(stage.x * 0.3 + 0.4, stage.y * 0.25 - stage.t)
    wall = np.exp(-(((side - 0.92 - (big - 0.5) * 0.5) / 0.34) ** 2))
    heat = (
        wall
        * (0.25 + 1.15 * (streaks - 0.18))
        * step(-0.05, 0.15, height)
        * step(1.75, 0.5, height + (big - 0.5) * 0.9)
    )
    stage.shine(np.clip(heat, 0, 1), look.ramp)
    ring(stage, look.ramp, 0.52 * size, 0.016, 0.7, (0, -0.78), 0.26)
    glow(stage, look.ramp, 0, -0.78, 0.6 * size, 0.5, 0.3)

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        return (one - 0.5) * 1.15 * size, -0.75 + age * (0.9 + 0.6 * other)

    stream(stage, look, "aura-bits", 26, path=path, size=0.04)
