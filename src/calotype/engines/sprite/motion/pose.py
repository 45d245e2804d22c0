"""How a subject is bent at one moment, and where each point of the frame then shows the subject from."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ON_ITS_SIDE = 1.54
_LONG = 0.42


@dataclass(frozen=True, slots=True)
class Pose:
    """Lengths are in the subject's heights, x to the right and y upward from the middle of its feet; angles in radians.

    `shift` and `lift` move it; `turn` turns it about its feet, `roll` about its middle, staying on
    the ground; `topple` 1 lays it on its side, and what is longer than tall on its back; `wide` and `tall` stretch it from
    the feet;
    `bend` curves it sideways, `lean` slants it; `stride` swings its two lower sides apart, `step` lifts one of them; `reach` pushes
    its upper half sideways, `raise_` lifts its upper right side; `flap` lifts both sides; `breath` swells its chest; `flash` lights
    it, `fade` makes it see-through.
    """

    shift: float = 0.0
    lift: float = 0.0
    turn: float = 0.0
    roll: float = 0.0
    topple: float = 0.0
    wide: float = 1.0
    tall: float = 1.0
    bend: float = 0.0
    lean: float = 0.0
    stride: float = 0.0
    step: float = 0.0
    reach: float = 0.0
    raise_: float = 0.0
    flap: float = 0.0
    breath: float = 0.0
    flash: float = 0.0
    fade: float = 0.0

    def weakened(self, share: float) -> Pose:
        """Return the pose with only this share of it left: 0 is the subject at rest."""
        rest = Pose()
        return Pose(
            **{
                one.name: getattr(rest, one.name) + (getattr(self, one.name) - getattr(rest, one.name)) * share
                for one in fields(Pose)
            }
        )

    def source_of(self, x: Array, y: Array, half: float) -> tuple[Array, Array]:
        """Return where the subject is seen from at places of the frame. `half` is half the subject's width."""
        x, y = x - self.shift, y - self.lift
        x, y = self._rolled(x, y, half)
        x, y = _turned(x, y, self.turn)
        wide = math.copysign(max(abs(self.wide), 0.04), self.wide)
        x, y = x / wide, y / max(self.tall, 0.04)
        up = np.clip(y, 0, 1.2)
        x = x - self.lean * up - self.bend * up * up
        x = x / (1 + self.breath * np.exp(-(((up - 0.58) / 0.22) ** 2)))
        return self._limbs(x, y, up, max(half, 0.05))

    def _rolled(self, x: Array, y: Array, half: float) -> tuple[Array, Array]:
        """Turn about the middle, which is as high as leaves the lowest corner on the ground."""
        angle = self.roll + self.topple * (_ON_ITS_SIDE if half < _LONG else math.pi)
        if not angle:
            return x, y
        middle = abs(math.sin(angle)) * half + abs(math.cos(angle)) * 0.5
        x, y = _turned(x, y - middle, angle)
        return x, y + 0.5

    def _limbs(self, x: Array, y: Array, up: Array, half: float) -> tuple[Array, Array]:
        side = np.tanh(x / (0.22 * half))
        low = np.clip(1 - up / 0.42, 0, 1) ** 1.2
        high = _smooth((up - 0.35) / 0.4)
        out = np.clip((np.abs(x) / half - 0.35) / 0.65, 0, 1.3)
        moved = x - self.stride * low * side - self.reach * high
        raised = y - low * (self.step * (side + 1) / 2 if self.step > 0 else -self.step * (1 - side) / 2)
        arm = _smooth((x / half - 0.3) / 0.4) * _smooth((up - 0.2) / 0.25) * (1 - 0.8 * _smooth((up - 0.62) / 0.25))
        raised = raised - self.raise_ * out * arm
        return moved, raised - self.flap * out**1.4 * _smooth((up - 0.12) / 0.3)


def _turned(x: Array, y: Array, angle: float) -> tuple[Array, Array]:
    """Return places turned back by an angle: positive turns what is seen to the right, as a clock's hand goes."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return x * cosine - y * sine, x * sine + y * cosine


def _smooth(value: Array) -> Array:
    share = np.clip(value, 0, 1)
    smooth: Array = share * share * (3 - 2 * share)
    return smooth
