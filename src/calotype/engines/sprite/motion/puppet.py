"""The subject on its canvas, bent into a pose; and two subjects of which one becomes the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.engines.sprite.motion.pose import Pose

Array = NDArray[Any]

FEET = 0.87
"""How far down the canvas the feet stand."""
_TALL, _WIDE = 0.58, 0.66
"""The most of the canvas that a subject at rest fills: the rest is room to move."""
_CELLS = 24
_BANDS = 40


@dataclass(frozen=True, slots=True)
class Puppet:
    """A subject at rest on a square canvas. `height` and `half` (half its width) are in pixels, `edges` its outline by bands."""

    canvas: Image.Image
    height: float
    half: float
    edges: tuple[Array, Array]

    @classmethod
    def of(cls, subject: Image.Image, side: int) -> Puppet:
        """Return the subject stood on a canvas of this side."""
        shrink = min(_TALL * side / subject.height, _WIDE * side / subject.width)
        size = (max(2, round(subject.width * shrink)), max(2, round(subject.height * shrink)))
        figure = subject.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
        canvas = Image.new("RGBA", (side, side))
        canvas.paste(figure, ((side - size[0]) // 2, round(FEET * side) - size[1]))
        return cls(canvas, size[1], size[0] / 2, _edges(figure))

    def posed(self, pose: Pose) -> Image.Image:
        """Return the canvas with the subject in a pose."""
        return _lit(_warped(self.canvas, *self._sources(pose, self)), pose)

    def becoming(self, other: Puppet, share: float, pose: Pose) -> Image.Image:
        """Return the canvas with the subject partly become another one: outlines between the two, colours mixed."""
        if share <= 0:
            return self.posed(pose)
        if share >= 1:
            return other.posed(pose)
        between = Puppet(
            self.canvas,
            self.height + (other.height - self.height) * share,
            self.half + (other.half - self.half) * share,
            (
                self.edges[0] + (other.edges[0] - self.edges[0]) * share,
                self.edges[1] + (other.edges[1] - self.edges[1]) * share,
            ),
        )
        one, two = (
            np.asarray(_warped(puppet.canvas, *puppet._sources(pose, between)).convert("RGBa"), np.float32)  # noqa: SLF001 - a puppet's own
            for puppet in (self, other)
        )
        mixed = one * (1 - share) + two * share
        return _lit(Image.frombytes("RGBa", self.canvas.size, np.uint8(mixed + 0.5).tobytes()).convert("RGBA"), pose)

    def _sources(self, pose: Pose, shape: Puppet) -> tuple[Array, Array]:
        """Return where each corner of the mesh is seen from on this canvas, when the subject has another's shape."""
        side = self.canvas.width
        corners = np.linspace(0, side, _CELLS + 1)
        across, down = np.meshgrid(corners, corners)
        feet, middle = round(FEET * side), side / 2
        x, y = (across - middle) / shape.height, (feet - down) / shape.height
        x, y = pose.source_of(x, y, shape.half / shape.height)
        if shape is not self:
            x = _between(x * shape.height, y, shape.edges, self.edges, shape, self) / self.height
        return middle + x * self.height, feet - y * self.height


def _between(
    x: Array, y: Array, shown: tuple[Array, Array], own: tuple[Array, Array], shape: Puppet, puppet: Puppet
) -> Array:
    """Return places across one outline as places across another, in pixels from the middle."""
    bands = (np.arange(_BANDS) + 0.5) / _BANDS
    left, right = (np.interp(np.clip(y, 0, 1), bands, edge) * shape.half for edge in shown)
    own_left, own_right = (np.interp(np.clip(y, 0, 1), bands, edge) * puppet.half for edge in own)
    share = (x - left) / np.maximum(right - left, 1)
    inside = own_left + share * (own_right - own_left)
    found: Array = np.where(share < 0, own_left + (x - left), np.where(share > 1, own_right + (x - right), inside))
    return found


def _edges(figure: Image.Image) -> tuple[Array, Array]:
    """Return the left and right edge of the figure in bands from its feet up, in halves of its width from the middle."""
    solid = np.asarray(figure.getchannel("A").resize((96, _BANDS), Image.Resampling.BOX))[::-1] > 60
    columns = np.linspace(-1, 1, 96)
    left = np.array([columns[row.argmax()] if row.any() else -0.1 for row in solid])
    right = np.array([columns[95 - row[::-1].argmax()] if row.any() else 0.1 for row in solid])
    kernel = np.ones(5) / 5
    return tuple(np.convolve(np.pad(edge, 2, mode="edge"), kernel, "valid") for edge in (left, right))  # type: ignore[return-value] # two


def _warped(canvas: Image.Image, x: Array, y: Array) -> Image.Image:
    side = canvas.width
    edges = [round(side * number / _CELLS) for number in range(_CELLS + 1)]
    mesh = [
        (
            (edges[i], edges[j], edges[i + 1], edges[j + 1]),
            (x[j, i], y[j, i], x[j + 1, i], y[j + 1, i], x[j + 1, i + 1], y[j + 1, i + 1], x[j, i + 1], y[j, i + 1]),
        )
        for j in range(_CELLS)
        for i in range(_CELLS)
    ]
    return canvas.transform(canvas.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


def _lit(picture: Image.Image, pose: Pose) -> Image.Image:
    if pose.flash <= 0.01 and pose.fade <= 0.01:
        return picture
    alpha = picture.getchannel("A")
    light = Image.new("RGB", picture.size, (255, 244, 236))
    lit = Image.blend(picture.convert("RGB"), light, min(pose.flash, 1))
    lit.putalpha(alpha.point([round(value * (1 - min(pose.fade, 1))) for value in range(256)]))
    return lit
