"""Colours by name, and how a drawing's body is given one: a look-up table that moves its main hue and keeps the rest.

All work is in OKLab, where equal steps look equal. What a drawing mostly is (its main hue, or its greys) is moved to the
colour asked for, keeping its light and shade; outlines, whites and eyes are no part of that and stay.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[np.float64]
LUT_SIDE = 33
GREY = 0.045
"""Chroma below which a colour counts as grey."""
_DARK = 0.36
"""Lightness below which a colour is an outline, a tyre or a shadow rather than what the thing is painted in."""

NAMED: dict[str, tuple[float, float, float]] = {
    "red": (0.60, 0.225, 27), "orange": (0.74, 0.175, 56), "yellow": (0.87, 0.175, 95), "gold": (0.80, 0.15, 86),
    "green": (0.66, 0.185, 144), "olive": (0.60, 0.11, 115), "lime": (0.84, 0.20, 128), "mint": (0.87, 0.10, 165),
    "turquoise": (0.76, 0.125, 195), "blue": (0.58, 0.185, 257), "navy": (0.38, 0.12, 262), "indigo": (0.42, 0.17, 280),
    "purple": (0.53, 0.215, 303), "lavender": (0.77, 0.10, 300), "pink": (0.77, 0.155, 354), "magenta": (0.64, 0.26, 340),
    "coral": (0.72, 0.16, 33), "peach": (0.86, 0.09, 55), "maroon": (0.42, 0.14, 22), "brown": (0.46, 0.085, 52),
    "tan": (0.76, 0.08, 75), "cream": (0.95, 0.035, 90), "black": (0.25, 0.008, 280), "white": (0.95, 0.004, 250),
    "grey": (0.64, 0.008, 250), "silver": (0.79, 0.012, 250),
}  # fmt: skip
"""Each name's lightness, chroma and hue in degrees, in OKLCH."""
MIXED = ("red", "blue", "yellow", "green", "purple", "orange", "pink", "turquoise")
"""What "colourful" things are painted in, one after the other."""
_SHADES = {"light": 0.10, "dark": -0.13}

_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip
_FROM_LAB, _FROM_LMS = np.linalg.inv(_TO_LAB), np.linalg.inv(_TO_LMS)


@dataclass(frozen=True, slots=True)
class Body:
    """What a drawing mostly is: its main hue in degrees (None: grey), with the median lightness and chroma there."""

    hue: float | None
    lightness: float
    chroma: float
    reach: tuple[float, float] = (40.0, 40.0)
    """How far below and above the main hue the body's hues go, in degrees."""


def to_oklch(rgb: Array) -> tuple[Array, Array, Array]:
    """Return lightness, chroma and hue in degrees of sRGB values from 0 to 1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    return lab[..., 0], chroma, np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360


def from_oklch(lightness: Array, chroma: Array, hue: Array) -> Array:
    """Return sRGB values from 0 to 1, clipped."""
    angle = np.radians(hue)
    lab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], -1)
    linear = np.clip((lab @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T, 0, 1)
    encoded: Array = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded


def named(colour: str) -> str:
    """Return a named colour as a hexadecimal triple."""
    lightness, chroma, hue = (np.array(part) for part in NAMED[colour])
    red, green, blue = (round(float(part) * 255) for part in from_oklch(lightness, chroma, hue))
    return f"#{red:02x}{green:02x}{blue:02x}"


def apart(one: Array, other: float) -> Array:
    """Return the signed angle between hues, -180 to 180."""
    return (one - other + 180) % 360 - 180


def body_of(picture: Image.Image, *, prefer_hue: bool = False) -> Body:
    """Return what a small rendering of a drawing mostly is. `prefer_hue`: even a small coloured part is the body."""
    pixels = np.asarray(picture.convert("RGBA"), np.float64) / 255
    solid = pixels[pixels[..., 3] > 0.8][:, :3]
    if not len(solid):
        return Body(None, 0.5, 0.0)
    lightness, chroma, hue = to_oklch(solid)
    coloured = (chroma > GREY) & (lightness > _DARK)
    if not coloured.any():
        coloured = chroma > GREY
    counts = np.histogram(hue[coloured], 36, (0, 360))[0].astype(np.float64)
    smooth = counts + sum(np.roll(counts, step) for step in (-2, -1, 1, 2))
    peak = int(np.argmax(smooth))
    middle = peak * 10.0 + 5
    reach = (_reach(counts, peak, -1), _reach(counts, peak, 1))
    away = apart(hue, middle)
    member = coloured & (away > -reach[0]) & (away < reach[1])
    pale = ~coloured & (lightness > 0.55)
    if member.mean() > (0.04 if prefer_hue else max(0.14, 0.9 * float(pale.mean()))):
        middle = (middle + float(np.median(away[member]))) % 360
        return Body(middle, float(np.median(lightness[member])), float(np.median(chroma[member])), reach)
    grey = next(part for part in (pale, ~coloured, np.ones_like(coloured)) if part.any())
    return Body(None, float(np.median(lightness[grey])), float(np.median(chroma[grey])))


def _reach(counts: Array, peak: int, step: int) -> float:
    """Return how far, in degrees, hues run on from the peak without a gap: a gradient is one body, a beak is not."""
    least, reach, missed = 0.012 * float(counts.sum()), 40.0, 0
    for away in range(1, 11):
        if counts[(peak + step * away) % 36] >= least:
            reach, missed = max(reach, away * 10.0 + 8), 0
        else:
            missed += 1
        if missed > 1:
            break
    return reach


def paint(body: Body, colour: str, shade: str | None = None, *, has_eyes: bool = True) -> ImageFilter.Color3DLUT:
    """Return the look-up table that paints a drawing of this body in a colour."""
    target_lightness, target_chroma, target_hue = NAMED[colour]
    target_lightness = float(np.clip(target_lightness + _SHADES.get(shade or "", 0.0), 0.12, 0.97))
    rgb = _lut_grid()
    lightness, chroma, hue = to_oklch(rgb)
    member = _membership(body, lightness, chroma, hue)
    extreme = colour in {"white", "black", "cream"}
    painted_lightness = np.clip(target_lightness + (lightness - body.lightness) * (0.5 if extreme else 0.8), 0.05, 0.99)
    ratio = np.clip(chroma / max(body.chroma, 0.02), 0.65, 1.25) if body.hue is not None else np.ones_like(chroma)
    painted_chroma = target_chroma * ratio * np.clip((1.02 - painted_lightness) / 0.12, 0.2, 1)
    drift = np.clip(apart(hue, body.hue), -25, 25) * 0.3 if body.hue is not None else 0.0
    painted = from_oklch(painted_lightness, painted_chroma, np.full_like(hue, target_hue) + drift)
    if colour == "black" and has_eyes:
        rgb = _with_gleaming_eyes(rgb, lightness, chroma)
    return _lut(rgb + (painted - rgb) * member[..., None])


def already(body: Body, colour: str) -> bool:
    """Whether a drawing of this body is that colour as it stands."""
    lightness, chroma, hue = NAMED[colour]
    if chroma < GREY or body.hue is None:
        return chroma < GREY and body.chroma < GREY and abs(body.lightness - lightness) < 0.1
    return bool(
        abs(apart(np.array(body.hue), hue)) < 12
        and abs(body.lightness - lightness) < 0.1
        and body.chroma > 0.6 * chroma
    )


def _membership(body: Body, lightness: Array, chroma: Array, hue: Array) -> Array:
    """Return how much each colour belongs to the body, 0 to 1."""
    if body.hue is None:
        light = np.clip((lightness - (0.38 if body.lightness > 0.5 else 0.0)) / 0.1, 0, 1)
        return np.clip((0.09 - chroma) / 0.04, 0, 1) * light
    away = apart(hue, body.hue)
    near = np.clip((np.where(away < 0, body.reach[0], body.reach[1]) + 34 - np.abs(away)) / 28, 0, 1)
    return near * np.clip((chroma - 0.02) / 0.025, 0, 1)


def _with_gleaming_eyes(rgb: Array, lightness: Array, chroma: Array) -> Array:
    """Turn near-black to pale amber, so that a thing painted black keeps its eyes."""
    dark = np.clip((0.36 - lightness) / 0.06, 0, 1) * np.clip((0.06 - chroma) / 0.03, 0, 1)
    return rgb + (np.array([1.0, 0.86, 0.5]) - rgb) * dark[..., None]


def light_up(
    tint: tuple[float, float, float], haze: tuple[float, float, float], share: float
) -> ImageFilter.Color3DLUT:
    """Return the table that puts a drawing into the scene's light: multiplied by `tint`, a share lost in the haze."""
    lit = _lut_grid() * np.array(tint)
    return _lut(lit + (np.array(haze) - lit) * share)


def distinct(number: int) -> tuple[int, int, int]:
    """Return the flat colour that stands for the number-th thing in an id picture."""
    red, green, blue = colorsys.hsv_to_rgb((number * 0.381966) % 1, 0.9, 0.5 + 0.5 * ((number * 7) % 5) / 5)
    return round(red * 255), round(green * 255), round(blue * 255)


def _lut_grid() -> Array:
    """Return the table's own colours: blue slowest, red fastest, as Pillow wants them."""
    axis = np.linspace(0, 1, LUT_SIDE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([red, green, blue], -1)


def _lut(colours: Array) -> ImageFilter.Color3DLUT:
    return ImageFilter.Color3DLUT(LUT_SIDE, np.clip(colours, 0, 1).astype(np.float32).ravel().tolist())
