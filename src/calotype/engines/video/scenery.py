"""The scene's own movement: clouds drift, stars twinkle, water glints, weed sways, snow and rain fall."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from PIL import Image

from calotype.engines.drawing.compose import Composition
from calotype.engines.drawing.paint import Painter
from calotype.engines.drawing.scenery.stage import Moving
from calotype.engines.video.layers import Layer
from calotype.engines.video.moves import Beat, Pose

Poses = Callable[[Beat, "Piece"], tuple[Pose, ...]]


@dataclass(frozen=True, slots=True)
class Piece:
    """What a moving piece of scenery needs to know: its box, the scene's size in pixels, and its number in its kind."""

    width: float
    height: float
    scene_width: float
    scene_height: float
    number: int


@dataclass(frozen=True, slots=True)
class _Sense:
    """How one kind of piece is moved: in how many groups (0: each alone), at which nearness, about which point, and how."""

    groups: int
    nearness: float
    pivot: tuple[float, float]
    poses: Poses


@dataclass(frozen=True, slots=True)
class Pace:
    """The clip's length and manner, from which each piece's beat is made."""

    seconds: float
    loop: bool
    tempo: float

    def beat(self, along: float, phase: float) -> Beat:
        """Return the moment for a piece of this phase."""
        return Beat(along, self.seconds, self.loop, phase, self.tempo)


def backdrop_and_layers(
    composition: Composition, painter: Painter, pace: Pace, rng: random.Random
) -> tuple[Image.Image, list[Layer], list[Layer]]:
    """Return what is behind everything, the moving and the still layers before it, and those in front of the drawings."""
    back = composition.stage.back
    behind = list(_layers(composition, painter, back, pace, rng))
    front = list(_layers(composition, painter, composition.stage.front, pace, rng))
    return behind[0].image.convert("RGB"), behind[1:], front


def _layers(
    composition: Composition, painter: Painter, markup: Sequence[str], pace: Pace, rng: random.Random
) -> Iterator[Layer]:
    definitions = [piece for piece in (*composition.stage.back, *composition.stage.front) if piece.startswith("<defs>")]
    shapes = [piece for piece in markup if not piece.startswith("<defs>")]
    for sense, run in groupby(shapes, lambda piece: piece.sense if isinstance(piece, Moving) else ""):
        for number, group in enumerate(_grouped(list(run), _SENSES[sense].groups)):
            painted = _painted(composition, painter, definitions, group)
            if painted is not None:
                yield _layer(composition, *painted, sense, number, pace, rng)


def _grouped(pieces: list[str], groups: int) -> list[list[str]]:
    return [pieces[start::groups] for start in range(min(groups, len(pieces)))] if groups else [[one] for one in pieces]


def _painted(
    composition: Composition, painter: Painter, definitions: list[str], group: list[str]
) -> tuple[Image.Image, tuple[int, int]] | None:
    """Return the pieces as a picture with a clear edge, and where its corner lies; None when nothing of them is seen."""
    first = group[0]
    if isinstance(first, Moving) and first.box is not None and len(group) == 1:
        left, top, right, bottom = (edge * composition.scale for edge in first.box)
        box = (math.floor(left) - 2, math.floor(top) - 2, math.ceil(right) + 2, math.ceil(bottom) + 2)
        needed = definitions if "url(#" in first else []
        return painter.scenery(composition, [*needed, first], box), (box[0], box[1])
    picture = painter.scenery(composition, [*definitions, *group])
    found = picture.getchannel("A").getbbox()
    if found is None:
        return None
    if not isinstance(first, Moving):
        return picture.crop(found), (found[0], found[1])
    left, top, right, bottom = found[0] - 1, found[1] - 1, found[2] + 1, found[3] + 1
    return picture.crop((left, top, right, bottom)), (left, top)


def _layer(
    composition: Composition,
    image: Image.Image,
    corner: tuple[int, int],
    sense: str,
    number: int,
    pace: Pace,
    rng: random.Random,
) -> Layer:
    how, phase = _SENSES[sense], rng.uniform(0, 2 * math.pi)
    piece = Piece(image.width, image.height, composition.width, composition.height, number)
    pivot = (corner[0] + how.pivot[0] * image.width, corner[1] + how.pivot[1] * image.height)
    return Layer(image, corner, pivot, how.nearness, lambda along: how.poses(pace.beat(along, phase), piece))


def _cloud(b: Beat, p: Piece) -> tuple[Pose, ...]:
    return (Pose(dx=b.travel() * (0.035 + 0.015 * (p.number % 3)) * p.scene_width),)


def _star(b: Beat, p: Piece) -> tuple[Pose, ...]:
    return (Pose(opacity=0.68 + 0.32 * b.wave(0.35 + 0.12 * (p.number % 4))),)


def _glow(b: Beat, p: Piece) -> tuple[Pose, ...]:
    del p
    size = 1 + 0.02 * b.wave(0.25)
    return (Pose(sx=size, sy=size, opacity=0.93 + 0.07 * b.wave(0.25)),)


def _glint(b: Beat, p: Piece) -> tuple[Pose, ...]:
    return (Pose(dx=0.006 * p.scene_width * b.wave(0.5), opacity=0.7 + 0.3 * b.wave(0.62, 2.1)),)


def _wave(b: Beat, p: Piece) -> tuple[Pose, ...]:
    return (
        Pose(
            dx=0.011 * p.scene_width * b.wave(0.24),
            dy=0.0045 * p.scene_height * b.wave(0.4, 1.3),
            opacity=0.8 + 0.2 * b.wave(0.4),
        ),
    )


def _ray(b: Beat, p: Piece) -> tuple[Pose, ...]:
    return (Pose(lean=0.03 * b.wave(0.16), opacity=0.74 + 0.26 * b.wave(0.22, p.number)),)


def _weed(b: Beat, p: Piece) -> tuple[Pose, ...]:
    del p
    return (Pose(lean=0.09 * b.wave(0.28) + 0.03 * b.wave(0.6)),)


def _bubble(b: Beat, p: Piece) -> tuple[Pose, ...]:
    """Rise, and come again from below: seen only in the middle of the way."""
    way = b.falling(0.22 + 0.03 * (p.number % 4), b.phase / (2 * math.pi))
    return (
        Pose(
            dx=0.004 * p.scene_width * b.wave(0.9),
            dy=(0.5 - way) * 0.34 * p.scene_height,
            opacity=min(1.0, 5 * min(way, 1 - way)),
        ),
    )


def _snow(b: Beat, p: Piece) -> tuple[Pose, ...]:
    size = p.width / p.scene_height
    fall = p.scene_height * (1 + 2 * size)
    way = b.falling(0.07 + 8 * size)  # what is nearer is larger, and falls faster
    side = 0.012 * p.scene_width * b.wave(0.3)
    return tuple(Pose(dx=side, dy=(way - turn) * fall) for turn in (0, 1))


def _rain(b: Beat, p: Piece) -> tuple[Pose, ...]:
    way = b.falling(1.3, b.phase / (2 * math.pi))
    tall = p.scene_height * 1.06
    return tuple(Pose(dx=-(way - turn) * tall * 0.25, dy=(way - turn) * tall) for turn in (0, 1))


def _fog(b: Beat, p: Piece) -> tuple[Pose, ...]:
    return (Pose(dx=0.05 * p.scene_width * b.wave(0.11 + 0.02 * p.number), opacity=0.85 + 0.15 * b.wave(0.2)),)


_SENSES: Mapping[str, _Sense] = {
    "": _Sense(1, 0.0, (0.5, 0.5), lambda b, p: (Pose(),)),  # noqa: ARG005 - as all
    "cloud": _Sense(0, -0.3, (0.5, 0.5), _cloud),
    "star": _Sense(0, -0.3, (0.5, 0.5), _star),
    "glow": _Sense(0, 0.0, (0.5, 0.5), _glow),
    "glint": _Sense(0, 0.0, (0.5, 0.5), _glint),
    "wave": _Sense(0, 0.0, (0.5, 0.5), _wave),
    "ray": _Sense(3, 0.0, (0.5, 0.0), _ray),
    "weed": _Sense(0, 0.0, (0.5, 1.0), _weed),
    "coral": _Sense(1, 0.0, (0.5, 1.0), lambda b, p: (Pose(),)),  # noqa: ARG005 - as all
    "bubble": _Sense(0, 0.1, (0.5, 0.5), _bubble),
    "snow": _Sense(0, 0.5, (0.5, 0.5), _snow),
    "rain": _Sense(1, 0.5, (0.5, 0.5), _rain),
    "fog": _Sense(0, 0.3, (0.5, 0.5), _fog),
}
