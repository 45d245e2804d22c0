"""How near each part of a picture is, guessed from colour, place and detail: smooth, so that a camera may move through it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageFilter

Floats = np.ndarray[Any, np.dtype[np.float64]]

LONGER_SIDE = 128
_CENTRES = 4
_ROUNDS = 6
_SOFT = 0.045
"""How far, as a share of the longer side, a border between near and far is spread."""


def nearness_of(picture: Image.Image, columns: int, rows: int) -> Floats:
    """Return a grid of (rows, columns) from 0 (far) to 1 (near)."""
    small = picture.convert("RGB")
    small.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float64) / 255
    tall, wide = pixels.shape[:2]
    down, across = np.mgrid[0:tall, 0:wide]
    central = np.exp(-(((across / wide - 0.5) / 0.34) ** 2 + ((down / tall - 0.54) / 0.40) ** 2))
    stands_out = _scaled(_unlike_the_border(pixels)) * (0.35 + 0.65 * central)
    detail = _scaled(_blurred(_edges(pixels), 0.06)) * central
    near = _scaled(0.55 * stands_out + 0.2 * detail + 0.35 * central) * 0.72 + 0.28 * down / tall
    soft = Image.fromarray((_scaled(near) * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(_SOFT * max(tall, wide))
    )
    grid = soft.resize((columns, rows), Image.Resampling.BILINEAR)
    return _scaled(np.asarray(grid, np.float64))


def _unlike_the_border(pixels: Floats) -> Floats:
    """Return how far each pixel's colour is from the colours along the picture's edge."""
    tall, wide = pixels.shape[:2]
    edge = max(2, round(0.06 * min(tall, wide)))
    rims = (pixels[:edge], pixels[: round(tall * 0.8), :edge], pixels[: round(tall * 0.8), -edge:])
    border = np.concatenate([rim.reshape(-1, 3) for rim in rims])
    order = np.argsort(border.sum(1), kind="stable")
    centres = border[order[np.linspace(0, len(order) - 1, _CENTRES).astype(int)]]
    for _ in range(_ROUNDS):
        nearest = ((border[:, None] - centres[None]) ** 2).sum(2).argmin(1)
        centres = np.array(
            [border[nearest == n].mean(0) if (nearest == n).any() else centres[n] for n in range(_CENTRES)]
        )
    away: Floats = np.sqrt(((pixels[:, :, None] - centres) ** 2).sum(3).min(2))
    return away


def _edges(pixels: Floats) -> Floats:
    grey = pixels.mean(2)
    steep: Floats = np.abs(np.gradient(grey, axis=0)) + np.abs(np.gradient(grey, axis=1))
    return steep


def _blurred(values: Floats, share: float) -> Floats:
    image = Image.fromarray((_scaled(values) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(share * max(values.shape))), np.float64)


def _scaled(values: Floats) -> Floats:
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    return np.clip((values - low) / max(1e-6, high - low), 0, 1)
