"""How things move: each way of moving as a function from the moment to a pose."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pose:
    """How something is at one moment beside how it was drawn: pixels, radians, factors."""

    dx: float = 0.0
    dy: float = 0.0
    turn: float = 0.0
    sx: float = 1.0
    sy: float = 1.0
    lean: float = 0.0
    """How far the top leans to the side, as a share of the height."""
    opacity: float = 1.0


REST = Pose()


@dataclass(frozen=True, slots=True)
class Beat:
    """A moment for one thing: `along` is the share of the clip that has passed, `phase` is the thing's own."""

    along: float
    seconds: float
    loop: bool
    phase: float = 0.0
    tempo: float = 1.0

    def cycles(self, hz: float) -> float:
        """Return how often something of this frequency happens in the whole clip; a loop holds whole ones."""
        count = hz * self.seconds * self.tempo
        return max(1.0, float(round(count))) if self.loop else count

    def wave(self, hz: float, offset: float = 0.0) -> float:
        """Return a sine of this frequency, of the thing's own phase."""
        return math.sin(2 * math.pi * self.cycles(hz) * self.along + self.phase + offset)

    def travel(self) -> float:
        """Return the way from -0.5 to 0.5 over the clip; a loop goes there and back."""
        return 0.5 * math.sin(2 * math.pi * self.along) if self.loop else self.along - 0.5

    def falling(self, hz: float, offset: float = 0.0) -> float:
        """Return a course from 0 to 1 that begins anew this often."""
        return (self.cycles(hz) * self.along + offset) % 1.0


@dataclass(frozen=True, slots=True)
class Body:
    """What a move needs to know of a thing: its size and the way it may go, in pixels, and where it looks (-1 left, 1 right)."""

    width: float
    height: float
    way: float = 0.0
    facing: int = -1


Move = Callable[[Beat, Body], Pose]


def _rock(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=b.travel() * o.way * o.facing,
        dy=0.012 * o.height * b.wave(0.45),
        turn=math.radians(2.6) * b.wave(0.32, 0.7),
    )


def _glide(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=b.travel() * o.way * o.facing + 0.02 * o.width * b.wave(0.3),
        dy=0.02 * o.height * b.wave(0.6),
        turn=math.radians(2) * b.wave(0.5, 1),
    )


def _swim(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=b.travel() * o.way * o.facing,
        dy=0.10 * o.height * b.wave(0.35),
        turn=math.radians(5) * b.wave(0.35, 1.2) * -o.facing,
        sx=1 + 0.035 * b.wave(1.7),
        lean=0.03 * b.wave(1.7, 1),
    )


def _pulse(b: Beat, o: Body) -> Pose:
    beat = b.wave(0.8)
    return Pose(
        dy=0.10 * o.height * b.wave(0.4), sx=1 - 0.05 * beat, sy=1 + 0.06 * beat, turn=math.radians(3) * b.wave(0.3)
    )


def _flap(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=b.travel() * o.way * o.facing,
        dy=-0.09 * o.height * b.wave(1.9) - 0.12 * o.height * b.wave(0.3),
        sy=1 + 0.10 * b.wave(1.9, 1.3),
        turn=math.radians(3) * b.wave(0.3, 1),
    )


def _flutter(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=0.28 * o.width * b.wave(0.23) + 0.1 * o.width * b.wave(0.61),
        dy=0.22 * o.height * b.wave(0.37, 1) + 0.05 * o.height * b.wave(2.7),
        sx=0.78 + 0.22 * b.wave(2.7),
        turn=math.radians(9) * b.wave(0.31, 2),
    )


def _fly(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=b.travel() * o.way,
        dy=-0.22 * b.travel() * o.way + 0.03 * o.height * b.wave(0.5),
        turn=math.radians(2.5) * b.wave(0.4),
    )


def _hover(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=0.06 * o.width * b.wave(0.22),
        dy=0.07 * o.height * b.wave(0.36, 1),
        turn=math.radians(6) * b.wave(0.19, 0.5),
    )


def _rise(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=0.06 * o.width * b.wave(0.25), dy=-b.travel() * 0.32 * o.height, turn=math.radians(2.5) * b.wave(0.25, 1.2)
    )


def _sink(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=0.3 * o.width * b.wave(0.4), dy=b.travel() * 0.8 * o.height, turn=math.radians(24) * b.wave(0.4, 1.5)
    )


def _drive(b: Beat, o: Body) -> Pose:
    return Pose(
        dx=b.travel() * o.way * o.facing, dy=-0.008 * o.height * abs(b.wave(2.6)), turn=math.radians(0.5) * b.wave(1.3)
    )


def _walk(b: Beat, o: Body) -> Pose:
    step = b.wave(1.1)
    return Pose(
        dx=b.travel() * o.way * o.facing,
        dy=-0.028 * o.height * abs(step),
        turn=math.radians(2.2) * step,
        sy=1 + 0.012 * b.wave(2.2),
    )


def _run(b: Beat, o: Body) -> Pose:
    step = b.wave(1.7)
    return Pose(
        dx=b.travel() * o.way * 1.3 * o.facing,
        dy=-0.07 * o.height * abs(step),
        turn=math.radians(4.5) * b.wave(1.7, 0.8),
    )


def _hop(b: Beat, o: Body) -> Pose:
    up = abs(b.wave(0.8))
    squash = max(0.0, 0.3 - up) / 0.3
    return Pose(dy=-0.11 * o.height * up, sy=1 + 0.03 * up - 0.07 * squash, sx=1 - 0.02 * up + 0.06 * squash)


def _sway(b: Beat, o: Body) -> Pose:
    del o
    return Pose(lean=0.035 * b.wave(0.31) + 0.012 * b.wave(0.83))


def _breathe(b: Beat, o: Body) -> Pose:
    del o
    return Pose(sy=1 + 0.014 * b.wave(0.42), sx=1 - 0.006 * b.wave(0.42), turn=math.radians(0.7) * b.wave(0.23))


def _sleep(b: Beat, o: Body) -> Pose:
    del o
    return Pose(sy=1 + 0.022 * b.wave(0.28), sx=1 + 0.006 * b.wave(0.28))


def _rattle(b: Beat, o: Body) -> Pose:
    return Pose(dy=-0.008 * o.height * abs(b.wave(2.4)), turn=math.radians(0.5) * b.wave(1.2))


def _flicker(b: Beat, o: Body) -> Pose:
    del o
    return Pose(sy=1 + 0.022 * b.wave(2.3) + 0.014 * b.wave(3.7), lean=0.015 * b.wave(1.9))


def _shine(b: Beat, o: Body) -> Pose:
    del o
    size = 1 + 0.018 * b.wave(0.3)
    return Pose(sx=size, sy=size, turn=math.radians(2) * b.wave(0.17))


def _twinkle(b: Beat, o: Body) -> Pose:
    del o
    size = 1 + 0.07 * b.wave(0.7)
    return Pose(sx=size, sy=size, turn=math.radians(5) * b.wave(0.35), opacity=0.88 + 0.12 * b.wave(0.7))


def _shimmer(b: Beat, o: Body) -> Pose:
    del o
    return Pose(opacity=0.85 + 0.15 * b.wave(0.3))


def _drift(b: Beat, o: Body) -> Pose:
    return Pose(dx=b.travel() * 0.5 * o.width, dy=0.01 * o.height * b.wave(0.3))


def _spin(b: Beat, o: Body) -> Pose:
    del o
    if b.loop:
        return Pose(turn=2 * math.pi * max(1, round(b.cycles(0.2))) * b.along)
    return Pose(turn=2 * math.pi * b.cycles(0.16) * (b.along - 0.5))


def _wheel(b: Beat, o: Body) -> Pose:
    """Turn a planet: slowly, and never upside down."""
    return replace(_hover(b, o), turn=math.radians(7) * b.wave(0.12))


MOVES: Mapping[str, Move] = {
    "rock": _rock, "glide": _glide, "swim": _swim, "pulse": _pulse, "flap": _flap, "flutter": _flutter, "fly": _fly,
    "hover": _hover, "rise": _rise, "sink": _sink, "drive": _drive, "walk": _walk, "run": _run, "hop": _hop, "sway": _sway,
    "breathe": _breathe, "sleep": _sleep, "rattle": _rattle, "flicker": _flicker, "shine": _shine, "twinkle": _twinkle,
    "shimmer": _shimmer, "drift": _drift, "spin": _spin, "wheel": _wheel, "still": lambda b, o: REST,  # noqa: ARG005 - as all
}  # fmt: skip
WAYS = {"rock": 0.10, "glide": 0.05, "swim": 0.16, "flap": 0.22, "fly": 0.16, "drive": 0.24, "walk": 0.07, "run": 0.13}
"""How far each goes in a clip of four seconds, as a share of the picture's width."""
