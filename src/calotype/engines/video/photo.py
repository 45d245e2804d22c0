"""A clip of one picture: the camera moves through its depth. The picture is bent over a fine grid, so nothing tears open."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from calotype.engines.video.camera import Camera, View
from calotype.engines.video.depth import nearness_of

Floats = np.ndarray[Any, np.dtype[np.float64]]
Cell = tuple[int, int, int, int]

CELL = 20
"""The grid's spacing in pixels of the frame: bending is smooth, so no finer one is needed."""
SHARPER = 1.2
"""How many pixels of the source go into one of the frame, so that coming nearer stays sharp."""
_MEET = 0.2
"""How long, as a share of the clip, each of two pictures is seen alone."""
_CALM = 0.10
"""At the picture's edges, as a share of its sides, nothing is bent: the edge stays the edge."""


class Photo:
    """Frames of a picture that a camera moves through. At the beginning of a clip from rest it is the picture itself."""

    def __init__(self, picture: Image.Image, size: tuple[int, int], camera: Camera) -> None:
        self._size, self._camera = size, camera
        detail = min(SHARPER, max(1.0, max(picture.width / size[0], picture.height / size[1])))
        inner = (round(size[0] * detail), round(size[1] * detail))
        self._source = ImageOps.fit(picture.convert("RGB"), inner, Image.Resampling.LANCZOS)
        columns, rows = math.ceil(size[0] / CELL) + 1, math.ceil(size[1] / CELL) + 1
        self._across = np.minimum(np.arange(columns) * CELL, size[0]).astype(np.float64)
        self._down = np.minimum(np.arange(rows) * CELL, size[1]).astype(np.float64)
        self._nearness = (nearness_of(self._source, columns, rows) - 0.5) * _window(columns, rows)

    def frame(self, along: float) -> Image.Image:
        """Return the picture when a share of the clip, 0 to 1, has passed."""
        x, y = self._looked_up(self._camera.view(along))
        cells = [
            (box, corners)
            for row in range(len(self._down) - 1)
            for box, corners in _row(self._across, self._down, x, y, row)
        ]
        return self._source.transform(self._size, Image.Transform.MESH, cells, Image.Resampling.BICUBIC)

    def _looked_up(self, view: View) -> tuple[Floats, Floats]:
        """Return where in the source each point of the grid in the frame is taken from."""
        wide, tall = self._size
        across = np.broadcast_to(self._across[None] - wide / 2, self._nearness.shape)
        down = np.broadcast_to(self._down[:, None] - tall / 2, self._nearness.shape)
        across = across - view.shift_x * self._nearness * wide
        down = down - view.shift_y * self._nearness * wide
        zoom = view.zoom * (1 + view.push * self._nearness)
        cos, sin = math.cos(view.roll), math.sin(view.roll)
        x = (cos * across + sin * down) / zoom + (0.5 + view.x) * wide
        y = (-sin * across + cos * down) / zoom + (0.5 + view.y) * tall
        scale = self._source.width / wide
        return np.clip(x, 0, wide) * scale, np.clip(y, 0, tall) * scale


class Dissolve:
    """Frames that lead from one picture to another: the first frame is the one, the last frame the other."""

    def __init__(self, first: Photo, last: Photo) -> None:
        self._first, self._last = first, last

    def frame(self, along: float) -> Image.Image:
        """Return the picture when a share of the clip, 0 to 1, has passed."""
        share = min(1.0, max(0.0, (along - _MEET) / (1 - 2 * _MEET)))
        share = share * share * (3 - 2 * share)
        if share <= 0:
            return self._first.frame(along)
        if share >= 1:
            return self._last.frame(1 - along)
        return Image.blend(self._first.frame(along), self._last.frame(1 - along), share)


def _row(across: Floats, down: Floats, x: Floats, y: Floats, row: int) -> Iterator[tuple[Cell, tuple[float, ...]]]:
    for column in range(len(across) - 1):
        left, right = int(across[column]), int(across[column + 1])
        top, bottom = int(down[row]), int(down[row + 1])
        if left < right and top < bottom:
            corners = (
                x[row, column], y[row, column], x[row + 1, column], y[row + 1, column],
                x[row + 1, column + 1], y[row + 1, column + 1], x[row, column + 1], y[row, column + 1],
            )  # fmt: skip
            yield (left, top, right, bottom), corners


def _window(columns: int, rows: int) -> Floats:
    """Return weights that fall to 0 at the edges, smoothly."""
    return np.outer(_calm(rows), _calm(columns))


def _calm(count: int) -> Floats:
    along = np.linspace(0, 1, count)
    rise = np.clip(np.minimum(along, 1 - along) / _CALM, 0, 1)
    return rise * rise * (3 - 2 * rise)
