"""The camera: which part of the scene it shows at each moment, and how near things shift against far ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

_LEAST_NEARER = 0.045
"""How much nearer a camera comes that was told nothing, even where that costs the outermost edge of what it shows."""

TRAVEL = 0.96
"""How much of the room that a zoom leaves a pan uses."""


@dataclass(frozen=True, slots=True)
class View:
    """What the camera sees at one moment: shares of the frame, and radians.

    `x`, `y`: how far the middle is off the scene's; `shift_x`, `shift_y`, `push`: how far, and how much larger, a thing of
    nearness 1 appears beside one of nearness 0.
    """

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    roll: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    push: float = 0.0


@dataclass(frozen=True, slots=True)
class _Part:
    """What one motion adds: `across` and `up` are shares of the room that the zoom leaves, from -1 to 1."""

    across: float = 0.0
    up: float = 0.0
    zoom: float = 1.0
    roll: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    push: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a motion is: `done` from 0 to 1 and eased, `swing` from -1 to 1 and 0 where a picture's clip begins."""

    done: float
    swing: float
    along: float
    """From 0 to 1, not eased."""
    from_rest: bool


class Camera:
    """A camera that carries out motions over a clip. `from_rest`: it begins with the whole scene, unmoved.

    `keep`: the part of the scene (left, top, right, bottom, as shares) that it keeps in sight, unless told to look elsewhere.
    """

    def __init__(self, motions: Sequence[str], *, from_rest: bool, loop: bool = False, keep: Box = WHOLE) -> None:
        self.motions = tuple(motions)
        self._from_rest = from_rest
        self._loop = loop
        self._keep = keep

    def view(self, along: float) -> View:
        """Return what is seen when a share of the clip from 0 to 1 has passed."""
        moment = self._moment(along)
        parts = [_MOTIONS[name](moment) for name in self.motions or ("auto",)]
        zoom = math.prod(part.zoom for part in parts)
        roll = sum(part.roll for part in parts)
        if not self.motions and not self._from_rest:
            zoom = max(1.02 + _LEAST_NEARER * moment.done, min(zoom, self._widest()))
        zoom *= math.cos(roll) + 1.8 * abs(math.sin(roll))
        room = TRAVEL * (1 - 1 / zoom) / 2
        across, up = (_within(sum(values)) for values in zip(*((part.across, part.up) for part in parts), strict=True))
        left, top, right, bottom = self._keep
        return View(
            _aimed(across * room, zoom, room, left, right),
            _aimed(up * room, zoom, room, top, bottom),
            zoom,
            roll,
            sum(part.shift_x for part in parts),
            sum(part.shift_y for part in parts),
            sum(part.push for part in parts),
        )

    def _widest(self) -> float:
        """Return the zoom at which what is to be kept just fills the frame."""
        left, top, right, bottom = self._keep
        return 0.98 / max(right - left, bottom - top)

    def largest_zoom(self) -> float:
        """Return the most that anything is enlarged in this clip."""
        return max(self.view(step / 24).zoom for step in range(25))

    def _moment(self, along: float) -> Moment:
        if self._loop:
            done = (1 - math.cos(2 * math.pi * along)) / 2
            return Moment(done, math.sin(2 * math.pi * along), along, self._from_rest)
        done = ease(along)
        return Moment(done, done if self._from_rest else 2 * done - 1, along, self._from_rest)


def mirrored(motions: Sequence[str]) -> list[str]:
    """Return the motions that, played backwards, go the same way to the side: for a picture that is arrived at."""
    return [_MIRRORED.get(name, name) for name in motions]


def ease(along: float) -> float:
    """Return a course from 0 to 1 that begins and ends gently, and never stands still."""
    return 0.35 * along + 0.65 * along * along * (3 - 2 * along)


def _aimed(middle: float, zoom: float, room: float, first: float, last: float) -> float:
    """Return where to look along one axis so that what is to be kept is seen, as far as the zoom lets it; a pan goes its way."""
    if middle != 0:
        return middle
    half = 0.5 / zoom
    lowest, highest = last - 0.5 - half, first - 0.5 + half
    wanted = (first + last) / 2 - 0.5 if lowest > highest else max(lowest, min(highest, 0.0))
    return max(-room, min(room, wanted))


def _within(share: float) -> float:
    return max(-1.0, min(1.0, share))


def _room(moment: Moment) -> float:
    """Return the zoom that leaves room to move: from rest it grows as the motion does."""
    return 1 + 0.2 * abs(moment.swing) if moment.from_rest else 1.2


def _sideways(direction: int, shift: float = 0.0) -> Callable[[Moment], _Part]:
    return lambda m: _Part(across=direction * m.swing, zoom=_room(m), shift_x=-direction * m.swing * shift)


def _upright(direction: int, shift: float = 0.0) -> Callable[[Moment], _Part]:
    return lambda m: _Part(up=-direction * m.swing, zoom=_room(m), shift_y=direction * m.swing * shift)


def _nearer(first: float, last: float, push: float = 0.0) -> Callable[[Moment], _Part]:
    def part(m: Moment) -> _Part:
        near, far = (1.0 if m.from_rest else 1.03), max(first, last)
        start, end = (near, far) if last > first else (far, near)
        done = m.done
        return _Part(zoom=start + (end - start) * done, push=push * (done if last > first else 1 - done))

    return part


def _around(direction: int) -> Callable[[Moment], _Part]:
    return lambda m: _Part(across=-0.5 * direction * m.swing, zoom=_room(m), shift_x=direction * m.swing * 0.05)


def _rolled(direction: int) -> Callable[[Moment], _Part]:
    return lambda m: _Part(roll=direction * m.swing * math.radians(5), zoom=1.0 if m.from_rest else 1.03)


def _dolly_zoom(m: Moment) -> _Part:
    zoom = 1.02 + 0.3 * m.done
    return _Part(zoom=zoom, push=1 / zoom - 1)


def _handheld(m: Moment) -> _Part:
    turn = 2 * math.pi * m.along
    calm = min(1.0, m.along * 6) if m.from_rest else 1.0
    x, y = (
        math.sin(3 * turn) + 0.5 * math.sin(7 * turn),
        math.sin(2 * turn + 1) - math.sin(1) + 0.5 * math.sin(5 * turn),
    )
    zoom = 1 + 0.08 * calm if m.from_rest else 1.08
    return _Part(across=0.4 * x * calm, up=0.4 * y * calm, zoom=zoom, roll=0.006 * math.sin(2 * turn) * calm)


def _auto(m: Moment) -> _Part:
    """Come a little nearer, and a little to the side: what a clip gets when nobody asked for anything."""
    sway = math.sin(math.pi * m.along) if m.from_rest else m.swing
    start = 1.0 if m.from_rest else 1.04
    return _Part(zoom=start + 0.09 * m.done, shift_x=0.014 * sway, push=0.05 * m.done)


_OPPOSITES = (("left", "right"), ("up", "down"))
_MIRRORED = {
    f"{verb}_{one}": f"{verb}_{other}"
    for pair in _OPPOSITES
    for one, other in (pair, pair[::-1])
    for verb in ("pan", "tilt", "truck", "pedestal", "crane", "orbit", "roll")
}
_MOTIONS: Mapping[str, Callable[[Moment], _Part]] = {
    "auto": _auto,
    "static": lambda m: _Part(zoom=1.0 if m.from_rest else 1.03),
    "pan_left": _sideways(-1), "pan_right": _sideways(1), "tilt_up": _upright(1), "tilt_down": _upright(-1),
    "zoom_in": _nearer(0, 1.3), "zoom_out": _nearer(1.3, 0),
    "push_in": _nearer(0, 1.24, 0.14), "pull_out": _nearer(1.24, 0, 0.14),
    "truck_left": _sideways(-1, 0.04), "truck_right": _sideways(1, 0.04),
    "pedestal_up": _upright(1, 0.03), "pedestal_down": _upright(-1, 0.03),
    "crane_up": _upright(1, 0.05), "crane_down": _upright(-1, 0.05),
    "orbit_left": _around(-1), "orbit_right": _around(1), "roll_left": _rolled(-1), "roll_right": _rolled(1),
    "dolly_zoom": _dolly_zoom, "handheld": _handheld,
}  # fmt: skip
