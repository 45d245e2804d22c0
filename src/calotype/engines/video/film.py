"""A film of a drawn scene: the composition's layers, each moving in its own way, seen by the camera."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from PIL import Image

from calotype.engines.drawing.compose import Composition, Placed
from calotype.engines.drawing.paint import Painter
from calotype.engines.video.camera import Camera
from calotype.engines.video.layers import Affine, Layer, Lens, backdrop_seen, lay
from calotype.engines.video.moves import MOVES, REST, WAYS, Body, Move, Pose
from calotype.engines.video.scenery import Pace, backdrop_and_layers
from calotype.engines.video.senses import move_of

Box = tuple[float, float, float, float]
_REFERENCE_SECONDS = 4.0
_EDGE = 0.06
"""How near to the picture's edge something may go by itself, as a share of its width."""
_AIR = 0.02
"""What the camera leaves around the things it keeps in sight, as a share of the frame."""
_MOMENTS = 33
_LOST = 0.03
_LEASHES = (1.0, 0.75, 0.5, 0.3, 0.15, 0.0)
_ALIVE = ("animal", "person")
_AIRBORNE = {"flap", "flutter", "fly", "hover", "rise"}
"""What flies goes its own way, even above something that it was named with."""


@dataclass(frozen=True, slots=True)
class _Motion:
    """How one block moves: the move, what it turns about, the way it may go, and its own phase."""

    name: str
    move: Move
    pivot: tuple[float, float]
    body: Body
    phase: float
    leash: float = 1.0
    """How much of its way it goes."""

    def at(self, along: float, pace: Pace) -> Pose:
        """Return the pose at a moment."""
        pose = self.move(pace.beat(along, self.phase), self.body)
        return pose if self.leash == 1 else replace(pose, dx=pose.dx * self.leash, dy=pose.dy * self.leash)


class Film:
    """Frames of a drawn scene, at any moment of the clip."""

    def __init__(self, composition: Composition, painter: Painter, camera: Camera, lens: Lens, pace: Pace, seed: int, *,
                 liveliness: str | None = None) -> None:  # fmt: skip
        rng = random.Random(f"motion {seed}")  # noqa: S311 - for looks, not for secrets
        self._camera, self._lens, self._pace = camera, lens, pace
        self.moves: dict[str, str] = {}
        self._backdrop, behind, front = backdrop_and_layers(composition, painter, pace, rng)
        drawn = self._drawn(composition, painter, liveliness, rng)
        self._layers = [*behind, *drawn, *front]

    def frame(self, along: float) -> Image.Image:
        """Return the picture when a share of the clip, 0 to 1, has passed."""
        view = self._camera.view(along)
        frame = backdrop_seen(self._backdrop, view, self._lens)
        for layer in self._layers:
            for pose in layer.pose(along):
                lay(frame, layer, pose, view, self._lens)
        return frame

    def _drawn(
        self, composition: Composition, painter: Painter, liveliness: str | None, rng: random.Random
    ) -> list[Layer]:
        boxes = {number: _box_of(composition, number) for number in {one.block for one in composition.placed}}
        motions: dict[int, _Motion] = {}
        for root in (one for one in composition.placed if one.is_root):
            name = move_of(root, composition.stage.kind, liveliness)
            self.moves[root.drawing.label] = name
            way = _way(name, root, boxes, composition, self._pace)
            motion = _motion(name, root, composition.scale, way, rng)
            motions[root.block] = self._leashed(motion, _scaled(boxes[root.block], composition.scale))
        found = []
        for placed in composition.placed:
            found += self._layers_of(placed, motions[placed.block], composition, painter, liveliness, rng)
        return found

    def _leashed(self, motion: _Motion, box: Box) -> _Motion:
        """Return the motion kept so short that it does not lead out of sight, whatever the camera does."""
        for leash in _LEASHES:
            tried = replace(motion, leash=leash)
            if max(self._lost(tried, box, step / (_MOMENTS - 1)) for step in range(_MOMENTS)) <= _LOST:
                return tried
        return replace(motion, leash=_LEASHES[-2])

    def _lost(self, motion: _Motion, box: Box, along: float) -> float:
        """Return how much farther out of sight something is than where it was drawn, as a share of its size."""
        pose = motion.at(along, self._pace)
        way = self._lens.sees(self._camera.view(along), 0.3)
        moved = (box[0] + pose.dx, box[1] + pose.dy, box[2] + pose.dx, box[3] + pose.dy)
        return _outside(moved, way, self._lens) - _outside(box, way, self._lens)

    def _layers_of(
        self,
        placed: Placed,
        motion: _Motion,
        composition: Composition,
        painter: Painter,
        liveliness: str | None,
        rng: random.Random,
    ) -> list[Layer]:
        own, name = None, move_of(placed, composition.stage.kind, liveliness)
        if not placed.is_root and name in _AIRBORNE:
            motion = _motion(name, placed, composition.scale, 0.05 * composition.stage.width * composition.scale, rng)
            motion = self._leashed(motion, _scaled(placed.box, composition.scale))
            self.moves[placed.drawing.label] = name
        elif not placed.is_root and placed.drawing.group.startswith(_ALIVE):
            name = "sleep" if liveliness == "rest" else "breathe"
            own = _motion(name, placed, composition.scale, 0.0, rng)
        nearness = 0.18 + 0.22 * placed.depth if placed.stands or placed.afloat else 0.3
        nearness = -0.25 if motion.name in {"shine", "shimmer", "twinkle", "drift"} else nearness
        return [
            Layer(piece.image, piece.corner, motion.pivot, nearness, _poses(piece.part, motion, own, self._pace))
            for piece in painter.layers(placed, composition)
        ]


def _motion(name: str, placed: Placed, scale: float, way: float, rng: random.Random) -> _Motion:
    left, top, right, bottom = (edge * scale for edge in placed.box)
    rises = placed.stands or placed.afloat or not placed.is_root or name in {"sway", "breathe", "sleep", "still"}
    line = bottom - 0.07 * (bottom - top) if placed.afloat else bottom
    pivot = ((left + right) / 2, line if rises else (top + bottom) / 2)
    body = Body(right - left, bottom - top, way, 1 if placed.flip else -1)
    return _Motion(name, MOVES[name], pivot, body, rng.uniform(0, 2 * math.pi))


def _poses(part: str, motion: _Motion, own: _Motion | None, pace: Pace) -> Callable[[float], tuple[Pose, ...]]:
    def poses(along: float) -> tuple[Pose, ...]:
        pose = motion.at(along, pace)
        if own is not None and part == "body":
            pose = _both(pose, own.at(along, pace))
        return (_cast(pose, part, motion.body),)

    return poses


def _both(first: Pose, second: Pose) -> Pose:
    return replace(first, sx=first.sx * second.sx, sy=first.sy * second.sy, turn=first.turn + 0.5 * second.turn)


def _cast(pose: Pose, part: str, body: Body) -> Pose:
    """Return how a shadow, a mirror image or the foam follows what throws it."""
    if part == "shadow":
        off_ground = min(0.5, max(0.0, -pose.dy) / max(1.0, body.height) * 3)
        return Pose(dx=pose.dx, sx=1 - 0.25 * off_ground, opacity=1 - off_ground)
    if part == "mirror":
        return replace(pose, dy=-0.6 * pose.dy, turn=-pose.turn, sy=pose.sy)
    return replace(REST, dx=pose.dx, sx=1 + 0.3 * (pose.sx - 1)) if part == "foam" else pose


def _scaled(box: Box, scale: float) -> Box:
    return (box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale)


def _outside(box: Box, way: Affine, lens: Lens) -> float:
    """Return how far a box reaches out of the frame, as a share of its own size."""
    left, top = way[0] * box[0] + way[2], way[4] * box[1] + way[5]
    right, bottom = way[0] * box[2] + way[2], way[4] * box[3] + way[5]
    across = max(0.0, -left, right - lens.width) / max(1.0, right - left)
    return max(across, max(0.0, -top, bottom - lens.height) / max(1.0, bottom - top))


def _box_of(composition: Composition, block: int) -> Box:
    boxes = [one.box for one in composition.placed if one.block == block]
    return (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))


def _way(name: str, root: Placed, boxes: Mapping[int, Box], composition: Composition, pace: Pace) -> float:
    """Return how many pixels a thing may go: as its kind does, without leaving the picture or running into another."""
    if name not in WAYS:
        return 0.0
    stage, box = composition.stage, boxes[root.block]
    wanted = WAYS[name] * stage.width * min(2.0, pace.seconds / _REFERENCE_SECONDS) * min(1.5, pace.tempo)
    edge = _EDGE * stage.width
    room = 2 * max(0.0, min(box[0] - edge, stage.width - edge - box[2]))
    others = [other for block, other in boxes.items() if block != root.block]
    room = min([room, *(_gap(box, other) for other in others)])
    return max(0.012 * stage.width, min(wanted, room)) * composition.scale


def _gap(box: Box, other: Box) -> float:
    """Return how far something may go until it covers a good part of another on its level; without end where it passes by."""
    across = max(box[0] - other[2], other[0] - box[2])
    is_level = box[1] < other[3] and other[1] < box[3]
    if not is_level or across < 0:
        return math.inf
    return 2 * across + 0.3 * min(box[2] - box[0], other[2] - other[0])


def kept_in_sight(composition: Composition) -> Box:
    """Return the part of the scene, as shares of it, that what the prompt names takes up."""
    if not composition.placed:
        return (0.4, 0.4, 0.6, 0.6)
    stage, boxes = composition.stage, [one.box for one in composition.placed]
    return (
        max(0.0, min(box[0] for box in boxes) / stage.width - _AIR),
        max(0.0, min(box[1] for box in boxes) / stage.height - _AIR),
        min(1.0, max(box[2] for box in boxes) / stage.width + _AIR),
        min(1.0, max(box[3] for box in boxes) / stage.height + _AIR),
    )
