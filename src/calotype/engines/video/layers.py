"""Layers: flat pictures at their nearness, each moved by its pose and seen by the camera, by affine transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from calotype.engines.video.camera import View
from calotype.engines.video.moves import REST, Pose

Affine = tuple[float, float, float, float, float, float]
"""x' = a x + b y + c, y' = d x + e y + f."""
IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_UNSEEN = 0.02


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture in the scene: where its corner lies in the scene's pixels, what it turns about, and how it moves.

    `nearness`: 0 moves with the backdrop, 1 is nearest, below 0 is farther than it. `pose(along)` tells the pose; several
    poses show it several times, for what comes round again.
    """

    image: Image.Image
    corner: tuple[float, float] = (0.0, 0.0)
    pivot: tuple[float, float] = (0.0, 0.0)
    nearness: float = 0.0
    pose: Callable[[float], tuple[Pose, ...]] = lambda _: (REST,)


@dataclass(frozen=True, slots=True)
class Lens:
    """The frame's size, and how many of the scene's pixels go into one of the frame's at zoom 1."""

    width: int
    height: int
    density: float

    def sees(self, view: View, nearness: float) -> Affine:
        """Return the way from the scene's pixels to the frame's."""
        zoom = view.zoom * (1 + view.push * nearness) / self.density
        cos, sin = math.cos(view.roll) * zoom, math.sin(view.roll) * zoom
        x = (0.5 + view.x) * self.width * self.density
        y = (0.5 + view.y) * self.height * self.density
        right = self.width / 2 + view.shift_x * nearness * self.width
        down = self.height / 2 + view.shift_y * nearness * self.width
        return (cos, -sin, right - cos * x + sin * y, sin, cos, down - sin * x - cos * y)


def backdrop_seen(image: Image.Image, view: View, lens: Lens) -> Image.Image:
    """Return the frame that an opaque layer of nearness 0 fills."""
    to_scene = inverse(lens.sees(view, 0.0))
    return image.transform((lens.width, lens.height), Image.Transform.AFFINE, to_scene, Image.Resampling.BILINEAR)


def lay(frame: Image.Image, layer: Layer, pose: Pose, view: View, lens: Lens) -> None:
    """Paint a layer into the frame as the camera sees it."""
    if pose.opacity < _UNSEEN:
        return
    placed = then(_posed(layer, pose), lens.sees(view, layer.nearness))
    box = _bounds(placed, layer.image.size, frame.size)
    if box is None:
        return
    left, top, right, bottom = box
    back = inverse(then(placed, (1, 0, -left, 0, 1, -top)))
    seen = layer.image.transform((right - left, bottom - top), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    mask = seen.getchannel("A")
    if pose.opacity < 1:
        mask = mask.point([round(value * pose.opacity) for value in range(256)])
    frame.paste(seen, (left, top), mask)


def then(first: Affine, second: Affine) -> Affine:
    """Return one way after another."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = second
    return (p * a + q * d, p * b + q * e, p * c + q * f + r, s * a + t * d, s * b + t * e, s * c + t * f + u)


def inverse(way: Affine) -> Affine:
    """Return the way back."""
    a, b, c, d, e, f = way
    area = a * e - b * d
    return (e / area, -b / area, (b * f - c * e) / area, -d / area, a / area, (c * d - a * f) / area)


def _posed(layer: Layer, pose: Pose) -> Affine:
    """Return the way from the layer's own pixels to the scene's."""
    px, py = layer.pivot
    cx, cy = layer.corner
    local = (pose.sx, -pose.lean, pose.lean * (py - cy) - pose.sx * (px - cx), 0.0, pose.sy, -pose.sy * (py - cy))
    cos, sin = math.cos(pose.turn), math.sin(pose.turn)
    return then(local, (cos, -sin, px + pose.dx, sin, cos, py + pose.dy))


def _bounds(way: Affine, size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Return the part of the frame that the layer may touch; None when it is out of sight."""
    a, b, c, d, e, f = way
    corners = [(x, y) for x in (0, size[0]) for y in (0, size[1])]
    across = [a * x + b * y + c for x, y in corners]
    down = [d * x + e * y + f for x, y in corners]
    left, right = max(0, math.floor(min(across)) - 1), min(frame[0], math.ceil(max(across)) + 1)
    top, bottom = max(0, math.floor(min(down)) - 1), min(frame[1], math.ceil(max(down)) + 1)
    return (left, top, right, bottom) if left < right and top < bottom else None
