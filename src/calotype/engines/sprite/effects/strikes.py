"""Forms that strike, stand on the ground or fall: bolts, crystals, splashes, slashes, circles, meteors, showers."""

from __future__ import annotations

import itertools
import math

import numpy as np

from calotype.engines.sprite.effects.forms import blast
from calotype.engines.sprite.effects.looks import LOOKS, Look
from calotype.engines.sprite.effects.particles import burst, particle, stream
from calotype.engines.sprite.effects.shapes import Point, glow, puff, ring, strokes, thin, zigzag
from calotype.engines.sprite.effects.stage import Array, Stage, rise_and_fall, step


def bolt(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Lightning: a leader feels its way down, the stroke flashes, its light lingers."""
    reach = float(step(0, 0.25, stage.t))
    strength = float(step(0.05, 0.3, stage.t) * step(1, 0.5, stage.t)) * 0.75 + 0.25 * float(step(1, 0.8, stage.t))
    moment = int(stage.t * 8)
    rng = stage.rng("bolt", moment)
    ground = (0.08 * math.sin(moment), -0.82)
    points = zigzag(rng, (rng.uniform(-0.25, 0.25), 1.05), ground, 0.3)
    points = points[: max(2, int(len(points) * max(reach, 0.3)))]
    strokes(stage, look.ramp, list(itertools.pairwise(points)), 0.022 * size, strength * 1.25)
    for number in range(6):
        own = stage.rng("branch", moment, number)
        start = points[int(own.uniform(0.1, 0.85) * (len(points) - 1))]
        way, far = own.choice([-1, 1]) * own.uniform(0.35, 0.9), own.uniform(0.25, 0.6)
        end = (start[0] + math.sin(way) * far, start[1] - math.cos(way) * far)
        branch = zigzag(own, start, end, 0.3, 4)
        strokes(stage, look.ramp, list(itertools.pairwise(branch)), 0.009 * size, strength * 0.85)
    hit = float(step(0.2, 0.32, stage.t) * step(1, 0.5, stage.t))
    glow(stage, look.ramp, *ground, 0.42 * size, 1.1 * hit, 0.55)
    burst(
        stage,
        look,
        "struck",
        26,
        shape="spark",
        at=ground,
        age=(stage.t - 0.22) / 0.7,
        reach=0.6 * size,
        size=0.05,
        pull=0.15,
        spread=(0.2, 2.9),
    )


def crystals(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Spikes that shoot up from the ground, stand and glitter, then break."""
    rng = stage.rng("crystals")
    spikes = []
    for number in range(11):
        place = (number - 5) / 5 + rng.uniform(-0.08, 0.08)
        tall = (1.35 - 0.95 * abs(place)) * rng.uniform(0.75, 1.08) * size
        spikes.append(
            (
                rng.random(),
                place * 0.62 * size,
                place * 0.55 + rng.uniform(-0.1, 0.1),
                tall,
                rng.uniform(0.1, 0.17) * size,
            )
        )
    gone = float(step(0.72, 0.95, stage.t))
    glow(stage, look.ramp, 0, -0.7, 0.8 * size, 0.4 * (1 - gone), 0.4)
    for delay, base, lean, tall, wide in sorted(spikes, key=lambda one: one[3], reverse=True):
        grown = float(step(0.02 + 0.12 * delay, 0.22 + 0.14 * delay, stage.t))
        _spike(stage, look, base, lean, tall * grown, wide * (0.6 + 0.4 * grown), 1 - gone)
    rock = look.name == "earth"
    for number in range(9):
        own = stage.rng("mist", number)
        x = own.uniform(-0.85, 0.85) * size
        fog = look if rock else LOOKS["snow"].tinted([look.bright])
        puff(
            stage,
            fog,
            x,
            -0.78 + 0.05 * own.random(),
            0.2 * size,
            0.4 * rise_and_fall(stage.t, 0.2, 0.7),
            own.random() + 0.1 * stage.t,
        )
    burst(
        stage,
        look,
        "shatter",
        34,
        shape="rock" if rock else "shard",
        at=(0, -0.2),
        age=(stage.t - 0.7) / 0.3,
        reach=0.95 * size,
        size=0.07,
        pull=0.2,
    )
    burst(
        stage,
        look,
        "chips",
        18,
        shape="rock" if rock else "shard",
        at=(0, -0.7),
        age=stage.t / 0.5,
        reach=0.7 * size,
        size=0.045,
        pull=0.35,
        spread=(0.5, 2.6),
    )
    if not rock:
        for number in range(8):
            own = stage.rng("glint", number)
            shine = (
                max(0.0, math.sin(math.tau * (stage.t * 2 + own.random()))) ** 4
                * (1 - gone)
                * float(step(0.25, 0.4, stage.t))
            )
            particle(
                stage, look, "sparkle", own.uniform(-0.5, 0.5) * size, own.uniform(-0.55, 0.45) * size, 0.1, 0, shine
            )


def _spike(stage: Stage, look: Look, base: float, lean: float, tall: float, wide: float, cover: float) -> None:
    if tall < 0.02 or cover < 0.01:
        return
    part = stage.box(base + math.sin(lean) * tall / 2, -0.82 + tall / 2, tall * 0.75 + wide)
    if part is None:
        return
    x, y = stage.x[part] - base, stage.y[part] + 0.84
    along = (x * math.sin(lean) + y * math.cos(lean)) / tall
    across = (x * math.cos(lean) - y * math.sin(lean)) / wide
    half = np.minimum(np.clip((1 - along) / 0.42, 0, 1), 0.72 + 0.28 * np.clip(along / 0.58, 0, 1))
    inside = np.maximum(np.abs(across) - half, np.maximum(-along, along - 1) * tall / wide)
    facet = np.where(across < -0.28 * half, 0.9, np.where(across < 0.4 * half, 0.62, 0.3))
    tip = np.where(along > 0.6 + 0.12 * across, 0.12, 0.0)
    vein = (stage.noise(across * 0.1 + base, along * 0.4) - 0.5) * 0.4
    lit = np.clip(facet + tip + vein + 0.15 * (along - 0.5), 0.02, 1)
    edge = 1.4 * stage.pixel / wide
    stage.lay(look.solid.of(lit), step(edge, -edge, inside) * cover * (1.0 if look.name == "earth" else 0.9), part)
    rim = np.exp(-(((np.abs(across) - half) * 9) ** 2)) * step(0.02, 0.2, along) * (along < 1) * 0.3
    if look.name != "earth":
        stage.shine(rim * cover, look.ramp, part)


def splash(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Water thrown up: a crown rises, breaks into drops, and falls back."""
    t = stage.t
    field = np.zeros(stage.x.shape, np.float32)
    for number in range(26):
        own = stage.rng("jet", number)
        side = (number - 12.5) / 12.5 + own.uniform(-0.06, 0.06)
        up = own.uniform(0.72, 1.0) * (1.2 - 0.5 * abs(side))
        big = own.uniform(0.055, 0.085) * size
        for back in range(20):
            age = t - back * 0.015
            if age <= 0:
                break
            x = side * (0.2 + 0.72 * age) * size
            y = -0.76 + (3.0 * up * age - 3.6 * age * age) * size
            if y > -0.8:
                _blob(stage, field, x, y, big * (1.0 if back == 0 else 0.7 - 0.02 * back), 1.0)
        _blob(stage, field, side * (0.2 + 0.55 * t) * size, -0.79, 0.11 * size * float(step(1, 0.6, t)), 0.8)
    _liquid(stage, look, field)
    for number in range(3):
        grown = (t * 1.25 - number * 0.16) * size
        if grown > 0:
            ring(stage, look.ramp, 0.15 + 0.75 * grown, 0.012, 0.55 * float(step(1, 0.4, t)), (0, -0.78), 0.2)
    burst(
        stage,
        look,
        "spray",
        46,
        at=(0, -0.7),
        age=t / 0.9,
        reach=1.25 * size,
        size=0.036,
        pull=0.75,
        spread=(0.45, 2.7),
    )
    burst(
        stage,
        LOOKS["snow"],
        "foam",
        30,
        shape="mote",
        at=(0, -0.72),
        age=t / 0.8,
        reach=0.75 * size,
        size=0.035,
        pull=0.3,
        spread=(0.2, 2.95),
    )


def _blob(stage: Stage, field: Array, x: float, y: float, radius: float, strength: float) -> None:
    part = stage.box(x, y, radius * 2.2) if radius > 0.004 and strength > 0.01 else None
    if part is not None:
        away = ((stage.x[part] - x) ** 2 + (stage.y[part] - y) ** 2) / (radius * radius)
        field[part] += np.clip(1 - away / 4.4, 0, 1) ** 3 * strength


def _liquid(stage: Stage, look: Look, field: Array) -> None:
    """Draw where drops have run together: clear inside, bright at the rim, with lights on it."""
    soft = 0.05 + stage.pixel
    body = step(0.3 - soft, 0.3 + soft, field) * float(step(0.95, 0.7, stage.t))
    ripple = stage.noise(stage.x * 0.5 + field * 0.12, stage.y * 0.6 - stage.t * 0.6)
    rim = np.exp(-(((field - 0.36) / 0.12) ** 2))
    lit = np.clip(0.42 + 0.5 * rim + (ripple - 0.5) * 1.0 + 0.1 * stage.y, 0.03, 1)
    stage.lay(look.solid.of(lit), body * (0.62 + 0.34 * rim + 0.1 * (ripple - 0.5)))
    stage.shine(np.clip((ripple - 0.62) * 4, 0, 0.7) * body, look.ramp)


def circle(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A magic circle: it is drawn, turns with its signs, blazes, and dissolves."""
    radius, t = 0.86 * size, stage.t
    shown = float(step(0, 0.4, t))
    strength = float(step(1, 0.75, t)) * (0.85 + 0.25 * rise_and_fall(t, 0.5, 0.6))
    angle = (np.arctan2(stage.y, stage.x) / math.tau + 0.25) % 1
    drawn = step(shown * 1.08, shown * 1.08 - 0.06, angle) if shown < 1 else 1.0
    away = np.hypot(stage.x, stage.y)
    for place, width in ((1.0, 0.012), (0.94, 0.005), (0.72, 0.009), (0.68, 0.004), (0.27, 0.009)):
        stage.shine(thin(np.abs(away - radius * place), width, stage.pixel) * strength * drawn, look.ramp)
    turn = t * math.pi * 0.5
    for points, skip, place, way in ((6, 2, 0.70, 1), (8, 3, 0.70, -1), (3, 1, 0.27, 2)):
        star = _corners(points, radius * place, turn * way)
        lines = [(star[one], star[(one + skip) % points]) for one in range(points)]
        strokes(
            stage, look.ramp, lines[: max(1, round(points * shown))], 0.006, strength * (0.8 if points != 8 else 0.45)
        )
    for number in range(16):
        if number / 16 < shown:
            _sign(stage, look, number, radius * 0.83, -turn + number * math.tau / 16, strength)
    for x, y in _corners(6, radius * 0.70, turn):
        ring(stage, look.ramp, 0.055 * size, 0.005, strength * shown, (x, y))
    glow(stage, look.ramp, 0, 0, radius * 0.9, 0.3 * strength * shown)

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        way, far = math.tau * one, radius * (0.3 + 0.75 * other)
        return math.cos(way) * far, math.sin(way) * far + 0.25 * age

    stream(stage, look, "motes", 26, path=path, size=0.035, strength=shown * float(step(1, 0.8, t)))


def _corners(count: int, radius: float, turn: float) -> list[Point]:
    return [
        (radius * math.sin(turn + k * math.tau / count), radius * math.cos(turn + k * math.tau / count))
        for k in range(count)
    ]


def _sign(stage: Stage, look: Look, number: int, far: float, angle: float, strength: float) -> None:
    """Draw an invented sign: a few strokes on a small grid, upright to the middle."""
    rng = stage.rng("sign", number)
    spots = [(i * 0.022, j * 0.03) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    order = rng.permutation(9)[:5]
    middle = (math.sin(angle) * far, math.cos(angle) * far)
    placed = [
        (middle[0] + u * math.cos(angle) + v * math.sin(angle), middle[1] - u * math.sin(angle) + v * math.cos(angle))
        for u, v in (spots[spot] for spot in order)
    ]
    strokes(stage, look.ramp, [*itertools.pairwise(placed[:4]), (placed[1], placed[4])], 0.0045, strength * 0.9)


def heal(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Healing: a soft column, a ring at the feet, crosses and sparkles that rise."""
    strength = rise_and_fall(stage.t, 0.25, 0.65)
    side = np.abs(stage.x) / (0.62 * size)
    column = np.exp(-(side**4) * 1.6) * step(-0.9, -0.6, stage.y) * step(1.0, -0.3, stage.y)
    rays = stage.noise(stage.x * 0.6, stage.y * 0.1 - stage.t)
    stage.shine(column * (0.22 + 0.5 * (rays - 0.3)) * strength, look.ramp)
    for number in range(2):
        ring(stage, look.ramp, (0.36 + 0.2 * number + 0.14 * stage.t) * size, 0.014, 0.75 * strength, (0, -0.74), 0.28)
    glow(stage, look.ramp, 0, -0.72, 0.6 * size, 0.55 * strength, 0.34)

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        return (one - 0.5) * 1.2 * size + 0.05 * math.sin(7 * age), -0.7 + age * (0.9 + 0.6 * other)

    stream(stage, look, "crosses", 12, shape="plus", path=path, size=0.085, strength=strength)
    stream(stage, look, "sparkles", 26, shape="sparkle", path=path, size=0.075, strength=strength)


def slash(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A blade's stroke: a crescent that sweeps round, sharp at its head, and leaves its edge behind."""
    t = stage.t
    head = -0.35 + 3.3 * (1 - (1 - min(t / 0.55, 1)) ** 2)
    tail = -0.35 + 3.3 * float(step(0.3, 1.0, t)) ** 1.3
    away = np.hypot(stage.x + 0.12, (stage.y + 0.1) / 0.92) / (0.82 * size)
    angle = (np.arctan2(-(stage.y + 0.1), -(stage.x + 0.12)) + 2.25) % math.tau
    share = np.clip((angle - tail) / max(head - tail, 0.05), -1, 2)
    between = step(-0.02, 0.05, share) * step(1.03, 0.99, share)
    thick = 0.42 * np.sin(np.clip(share, 0, 1) ** 1.6 * math.pi * 0.92) + 0.015
    depth = (1.0 - away) / thick
    streaks = stage.noise(angle * 0.12, away * 1.6)
    inside = step(-0.06, 0.03, depth) * step(1.0, 0.5, depth + (streaks - 0.5) * 0.7)
    strength = float(step(1, 0.62, t))
    stage.shine(np.clip(1.05 - depth * 0.85 + (streaks - 0.5) * 0.5, 0, 1.1) * inside * between * strength, look.ramp)
    edge = np.exp(-np.abs(away - 1) * 34) * between * (0.35 + 0.65 * np.clip(share, 0, 1))
    stage.shine(edge * strength, look.ramp)
    way = head - 2.25
    tip = (-0.12 - math.cos(way) * 0.82 * size, -0.1 - math.sin(way) * 0.82 * size * 0.92)
    burst(stage, look, "cut", 22, at=tip, age=(t - 0.2) / 0.75, reach=0.6 * size, size=0.06, pull=0.1)
    if t < 0.6:
        particle(stage, look, "sparkle", *tip, 0.17 * size, 0.4, 0.9 * float(step(0.6, 0.3, t)))


def hit(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A blow that lands: a star of spikes, a ring, sparks. No blood."""
    t = stage.t
    grown = 1 - (1 - min(t / 0.4, 1)) ** 3
    strength = float(step(0.85, 0.2, t))
    away, angle = np.hypot(stage.x, stage.y), np.arctan2(stage.y, stage.x)
    rng = stage.rng("spikes")
    reach = np.zeros_like(away)
    for number in range(13):
        way = number * math.tau / 13 + rng.uniform(-0.12, 0.12)
        off = np.abs((angle - way + math.pi) % math.tau - math.pi)
        long = rng.uniform(0.4, 1.0) * 0.95 * size * (0.25 + 0.75 * grown)
        reach = np.maximum(reach, long * np.clip(1 - off / 0.2, 0, 1) ** 1.4)
    reach = np.maximum(reach, 0.2 * size * grown)
    hollow = 0.75 * float(step(0.3, 0.85, t))
    inside = np.clip(1 - away / np.maximum(reach, 0.02), 0, 1) * step(hollow * 0.7, hollow * 0.9 + 0.02, away / size)
    stage.shine(np.clip(inside * 1.7, 0, 1.1) * strength, look.ramp)
    glow(stage, look.ramp, 0, 0, 0.42 * size, 0.9 * float(step(0.5, 0.05, t)))
    ring(stage, look.ramp, (0.15 + 0.7 * grown) * size, 0.018, 0.6 * float(step(0.75, 0.2, t)))
    burst(stage, look, "hit-sparks", 34, shape="spark", age=t / 0.95, reach=1.0 * size, size=0.085, pull=0.1)
    burst(stage, look, "hit-bits", 14, age=t, reach=0.85 * size, size=0.06, pull=0.15)


def meteor(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A burning rock that falls from the upper right, strikes, and bursts."""
    fall = min(stage.t / 0.62, 1)
    ground = (-0.22, -0.34)
    x, y = 1.0 - (1.0 - ground[0]) * fall**1.25, 1.05 - (1.05 - ground[1]) * fall**1.25
    if stage.t > 0.6:
        blast(stage, look, 0.1 + 0.9 * (stage.t - 0.6) / 0.4, ground, 0.66 * size)
        return
    slope = math.atan2(1.05 - ground[1], 1.0 - ground[0])
    dx, dy = stage.x - x, stage.y - y
    along, across = dx * math.cos(slope) + dy * math.sin(slope), dy * math.cos(slope) - dx * math.sin(slope)
    radius = 0.21 * size
    trail = stage.noise(along * 0.3 - stage.t * 3, across * 0.5)
    fine = stage.noise(along * 0.5 - stage.t * 5, across * 0.9)
    width = radius * 1.5 * np.sqrt(np.clip(1 - along / 1.5, 0, 1)) + 0.01
    heat = 1.2 - np.abs(across) / width * 0.8 - np.clip(along, 0, 2) * 0.55 + (trail - 0.5) * 1.1 + (fine - 0.5) * 0.6
    front = step(-radius * 1.35, -radius * 0.9, along - 0.4 * np.abs(across))
    stage.shine(np.clip(heat, 0, 1.1) * front * step(1.5, 0.8, np.abs(across) / width), look.ramp)
    rock = LOOKS["earth"] if look.name in ("fire", "earth") else look
    u, v = dx / radius, dy / radius
    rough = stage.noise(u * 0.2 + 0.3, v * 0.2 + stage.t * 0.3)
    edge = np.hypot(u, v) + (rough - 0.5) * 0.4
    stage.lay(rock.solid.of(np.clip(0.32 + (rough - 0.5) * 1.3 - 0.16 * u + 0.12 * v, 0.02, 1)), step(1.0, 0.92, edge))
    stage.shine(np.clip((rough - 0.6) * 4, 0, 1) * step(1.0, 0.9, edge), look.ramp)
    stage.shine(np.exp(-((edge - 1.0) ** 2) * 30) * np.clip(0.5 - 0.6 * (u + v) * 0.7, 0, 1), look.ramp)
    glow(stage, look.ramp, x, y, 0.5 * size, 0.5)
    rng = stage.rng("meteor-bits")
    for _ in range(24):
        far, off, big = rng.uniform(0.1, 1.3), rng.uniform(-0.16, 0.16), rng.uniform(0.4, 1)
        px, py = x + math.cos(slope) * far - math.sin(slope) * off, y + math.sin(slope) * far + math.cos(slope) * off
        particle(stage, look, "ember", px, py, 0.04 * big, 0, 1 - far / 1.5)


def tornado(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A whirling funnel that never stops, with what it carries."""
    height = np.clip((stage.y + 0.85) / 1.7, 0, 1)
    bend = 0.09 * np.sin(height * 5 + math.tau * stage.t) * (0.4 + height)
    width = (0.1 + 0.6 * height**1.5) * size
    u = np.clip((stage.x - bend) / width, -1.2, 1.2)
    around = np.arcsin(np.clip(u, -1, 1)) / math.tau
    front = stage.noise(around * 2 + height * 0.9 - 2 * stage.t, height * 1.1 + around * 0.5)
    back = stage.noise(around * 2 - height * 0.7 + 2 * stage.t + 0.5, height * 1.1 - around * 0.5)
    inside = step(1.04, 0.9, np.abs(u)) * step(-0.9, -0.8, stage.y) * step(0.97, 0.8, stage.y)
    round_ = np.sqrt(np.clip(1 - u * u, 0, 1))
    streaks = step(0.42, 0.72, front)
    stage.lay(
        look.solid.of(np.clip(0.2 + 0.35 * round_ - 0.12 * u + 0.2 * (back - 0.5), 0.05, 1)),
        inside * (0.3 + 0.3 * step(0.4, 0.7, back)),
    )
    stage.lay(look.solid.of(np.clip(0.45 + 0.6 * streaks - 0.15 * u, 0.05, 1)), inside * streaks * 0.72)
    strength = 0.75 if look.name in ("fire", "lightning", "arcane", "dark", "poison") else 0.4
    stage.shine(inside * np.clip(streaks * (0.35 + 0.5 * round_), 0, 1) * strength, look.ramp)
    for number in range(8):
        own = stage.rng("dust", number)
        puff(
            stage,
            look,
            own.uniform(-0.45, 0.45) * size,
            -0.82,
            0.15 * size,
            0.5,
            own.random() + 0.06 * math.sin(math.tau * stage.t),
        )

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        high = -0.8 + 1.6 * age
        return (0.2 + 0.62 * age**1.4) * size * math.sin(math.tau * (one + 2 * age)) * (0.9 + 0.3 * other), high

    stream(stage, look, "carried", 30, path=path, size=0.045)


def dust(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Dust that bursts out low over the ground and settles."""
    t = stage.t
    spread = 1 - (1 - t) ** 2.4
    rng = stage.rng("dust-burst")
    for _ in range(30):
        side, lift, big = rng.uniform(-1, 1), rng.uniform(0, 1), rng.uniform(0.16, 0.3)
        x = side * (0.12 + 0.72 * spread) * size
        y = -0.68 + lift * (0.08 + 0.55 * spread * (1 - abs(side) * 0.6)) * size
        cover = 0.85 * float(step(0, 0.08, t) * step(1, 0.45 + 0.25 * lift, t))
        puff(stage, look, x, y, big * size * (0.55 + 0.75 * spread), cover, rng.random() + 0.15 * t)
    burst(
        stage,
        look,
        "pebbles",
        24,
        shape="rock",
        at=(0, -0.65),
        age=t / 0.85,
        reach=1.0 * size,
        size=0.035,
        pull=0.55,
        spread=(0.25, 2.9),
    )


def swirl(stage: Stage, look: Look, size: float = 1.0) -> None:
    """What the element flies with, whirling round in a spiral of air."""
    angle = np.arctan2(stage.y, stage.x) / math.tau
    away = np.hypot(stage.x, stage.y)
    arms = stage.noise(angle + np.log(np.maximum(away, 0.05)) * 0.45 - stage.t, away * 0.4)
    stage.shine(step(0.5, 0.85, arms) * step(0.95 * size, 0.6 * size, away) * step(0.05, 0.3, away) * 0.5, look.ramp)

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        way, far = math.tau * (one + age), (0.2 + 0.65 * other) * size
        return math.cos(way) * far, math.sin(way) * far

    stream(stage, look, "whirled", 44, path=path, size=0.1, turns=2)
    stream(stage, look, "glints", 20, shape="sparkle", path=path, size=0.06)


def fall(stage: Stage, look: Look, size: float = 1.0) -> None:
    """What the element flies with, falling from above without end."""

    def path(age: float, one: float, other: float) -> tuple[float, float]:
        return (one - 0.5) * 2.1 + 0.12 * math.sin(math.tau * age + other * 6), 1.12 - 2.25 * age

    big = {"drop": 0.035, "flake": 0.07, "petal": 0.08, "leaf": 0.1}.get(look.accent, 0.07)
    stream(stage, look, "falling", 70, path=path, size=big * size)
    stream(stage, look, "far", 50, path=path, size=big * 0.5 * size, strength=0.55)


def sparkle_burst(stage: Stage, look: Look, size: float = 1.0) -> None:
    """A burst of light and of what the element flies with: what an unknown wish becomes."""
    t = stage.t
    strength = float(step(1, 0.4, t))
    glow(stage, look.ramp, 0, 0, (0.25 + 0.5 * t) * size, 1.15 * float(step(0, 0.1, t)) * strength)
    rays = stage.noise(np.arctan2(stage.y, stage.x) / math.tau * 4, np.full_like(stage.x, 0.3 + 0.1 * t))
    away = np.hypot(stage.x, stage.y)
    stage.shine(
        step(0.5, 0.75, rays) * np.exp(-away * 2.2 / size) * 0.8 * strength * float(step(0, 0.15, t)), look.ramp
    )
    ring(stage, look.ramp, (0.1 + 0.75 * (1 - (1 - t) ** 2.5)) * size, 0.014, 0.6 * float(step(0.8, 0.2, t)))
    burst(stage, look, "big", 30, age=0.06 + t * 0.94, reach=0.95 * size, size=0.11, pull=0.12)
    burst(stage, look, "small", 40, shape="sparkle", age=0.05 + t * 0.95, reach=1.0 * size, size=0.08, pull=0.05)


def firework(stage: Stage, look: Look, size: float = 1.0) -> None:
    """Rockets that burst into stars, one after the other."""
    others = (look, look.tinted([look.bright]), LOOKS["love"], LOOKS["ice"])
    for number, (x, y, start) in enumerate(((0.0, 0.25, 0.0), (-0.45, -0.1, 0.16), (0.48, -0.05, 0.3))):
        own = others[number] if look.name != "gold" else others[(number * 2) % 4]
        age = (stage.t - start) / 0.68
        if 0 < age < 0.12:
            particle(stage, own, "spark", x, -1 + (y + 1) * age / 0.12, 0.12, math.pi / 2)
        since = (age - 0.12) / 0.88
        glow(stage, own.ramp, x, y, 0.25 * size, float(step(0.3, 0, since)) if since > 0 else 0)
        burst(
            stage,
            own,
            f"stars-{number}",
            60,
            shape="spark",
            at=(x, y),
            age=since,
            reach=0.52 * size,
            size=0.055,
            pull=0.16,
        )
        burst(
            stage,
            own,
            f"glitter-{number}",
            24,
            shape="sparkle",
            at=(x, y),
            age=since,
            reach=0.48 * size,
            size=0.05,
            pull=0.2,
        )
