"""A drawing made ready to stand: its markup cut to what it fills, and a body for what is drawn as a mere head or bust.

Bodies are drawn in hundredths of the head's width, in the head's own colours, so that they suit any art set.
"""

# ruff: noqa: E501 - a path reads best unbroken
from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import resvg_py
from PIL import Image

from calotype.engines.drawing import traits
from calotype.engines.drawing.art import SIDES, Drawing, Library, Outline
from calotype.engines.drawing.colour import named
from calotype.engines.drawing.scenery.palette import mix

_SHIRTS = ("#3f8fd6", "#e4574c", "#3fae72", "#8f63c9", "#f0943a", "#2fa7a7")
_TROUSERS = "#34466b"
_SHOES = "#2c2430"


Outfit = tuple[tuple[str, str | None], ...]
"""Clothes: how each is cut ("dress", "coat", "top", "bottom"), and the name of its colour."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Markup and the box of it (x, y, width, height) that the figure fills."""

    markup: str
    box: tuple[float, float, float, float]

    @property
    def aspect(self) -> float:
        """Width by height."""
        return self.box[2] / self.box[3]

    def tops(self) -> tuple[float, ...]:
        """Return how far down the figure begins in each of its 24 columns, 0 to 1."""
        solid = np.asarray(self.render(24, 48))[..., 3] > 127
        return tuple(float(row) / 48 for row in np.where(solid.any(0), solid.argmax(0), 48))

    def svg(self, width: int, height: int) -> str:
        """Return the figure as an SVG picture of this size."""
        x, y, wide, tall = self.box
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{x:.3f} {y:.3f} {wide:.3f} {tall:.3f}" preserveAspectRatio="none" '
            f'width="{width}" height="{height}">{self.markup}</svg>'
        )

    def render(self, width: int, height: int) -> Image.Image:
        """Return the figure in pixels."""
        data = resvg_py.svg_to_bytes(svg_string=self.svg(width, height), skip_system_fonts=True)
        return Image.open(io.BytesIO(data)).convert("RGBA")


class Figures:
    """Figures by drawing and art set; each is made once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.of = lru_cache(maxsize=128)(self._make)

    def _make(self, drawing: Drawing, set_name: str, outfit: Outfit = ()) -> Figure:
        """Return a drawing of one set, whole."""
        side, outline = SIDES[set_name], drawing.sets[set_name]
        left, top, right, bottom = (edge * side for edge in outline.box)
        plain = Figure(self._library.body(drawing, set_name), (left, top, right - left, bottom - top))
        if drawing.id in traits.HEADS:
            return _seated(plain, drawing.id)
        if drawing.id in traits.PROFILES:
            return _four_legged(plain)
        if drawing.id in traits.MACHINES:
            return _android(plain, drawing.id)
        if drawing.id in traits.FACES:
            return _person(plain, drawing.id, dict(outfit))
        if drawing.id in traits.BUSTS:
            return _legged(plain, outline, dict(outfit))
        return plain


def main_colour(figure: Figure, upper: float = 1.0) -> str:
    """Return the colour most pixels of a figure, or of its upper share, have."""
    pixels = np.asarray(figure.render(40, 40))[: round(40 * upper)].reshape(-1, 4)
    solid = pixels[pixels[:, 3] > 220][:, :3]
    if not len(solid):
        return "#888888"
    coarse = (solid >> 5).astype(np.int32)
    keys = coarse[:, 0] * 64 + coarse[:, 1] * 8 + coarse[:, 2]
    bright = keys[solid.max(1) > 70] if (solid.max(1) > 70).any() else keys
    common = np.bincount(bright).argmax()
    return "#{:02x}{:02x}{:02x}".format(*(int(part) for part in np.median(solid[keys == common], 0)))


def _head(plain: Figure, x: float, y: float, width: float) -> str:
    """Return the drawing, scaled to a width, at a place."""
    left, top, wide, _ = plain.box
    scale = width / wide
    return (
        f'<g transform="translate({x - left * scale:.3f},{y - top * scale:.3f}) scale({scale:.5f})">{plain.markup}</g>'
    )


def _shine(name: str, colour: str) -> str:
    """Define a soft vertical shading of a colour, to sit with drawings that are shaded."""
    return (
        f'<linearGradient id="{name}" x1="0" y1="0" x2="0.25" y2="1"><stop stop-color="{mix(colour, "#ffffff", 0.12)}"/>'
        f'<stop offset="1" stop-color="{mix(colour, "#3a1f4a", 0.18)}"/></linearGradient>'
    )


_COATS = {"lion": "#f2b441", "panda": "#f3f0f6", "chicken": "#f6f2f4"}
_LIMBS = {"panda": "#3a3440"}
_BUSHY = {"fox", "wolf", "raccoon"}
_TUFTED = {"lion", "cow-face"}
_TAILLESS = {"frog", "bear", "panda", "polar-bear", "koala", "hamster", "chicken", "pig-face"}


def _seated(plain: Figure, name: str) -> Figure:
    """Seat an animal below its head: haunches, arms, belly and tail."""
    coat = _COATS.get(name) or main_colour(plain, 0.5)
    limb = _LIMBS.get(name, coat)
    high = 100 / plain.aspect
    neck = high - 20
    foot = neck + 92
    parts = [
        f"<defs>{_shine('coat', coat)}{_shine('limb', mix(limb, '#000000', 0.06))}</defs>",
        _tail(name, coat, neck),
    ]
    parts.append(
        f'<ellipse cx="26" cy="{foot - 22:.1f}" rx="20" ry="21" fill="url(#limb)"/><ellipse cx="74" cy="{foot - 22:.1f}" rx="20" ry="21" fill="url(#limb)"/>'
    )
    parts.append(
        f'<path d="M30,{neck:.1f} C14,{neck + 34:.1f} 14,{foot - 4:.1f} 36,{foot - 2:.1f} H64 C86,{foot - 4:.1f} 86,{neck + 34:.1f} 70,{neck:.1f}z" fill="url(#coat)"/>'
    )
    parts.append(f'<ellipse cx="50" cy="{neck + 56:.1f}" rx="23" ry="31" fill="{mix(coat, "#ffe8cc", 0.5)}"/>')
    for side in (-1, 1):
        x = 50 + side * 20
        parts.append(
            f'<rect x="{x - 7:.1f}" y="{neck + 32:.1f}" width="14" height="58" rx="7" fill="url(#limb)"/><ellipse cx="{x + side * 2:.1f}" cy="{foot - 6:.1f}" rx="11" ry="7.500" fill="{mix(limb, "#ffffff", 0.16)}"/>'
        )
        parts.append(
            f'<ellipse cx="{50 + side * 34:.1f}" cy="{foot - 6.5:.1f}" rx="13" ry="7" fill="{mix(limb, "#ffffff", 0.1)}"/>'
        )
    parts.append(_head(plain, 0, 0, 100))
    wide = 118 if name not in _TAILLESS else 100
    return Figure("".join(parts), (0, 0, wide, foot + 1))


def _tail(name: str, coat: str, neck: float) -> str:
    if name in _TAILLESS:
        return ""
    foot = neck + 92
    if name in _BUSHY:
        tip = mix(coat, "#ffffff", 0.75) if name != "raccoon" else "#3a3a44"
        return (
            f'<path d="M70,{foot - 12:.1f} C104,{foot - 4:.1f} 122,{foot - 40:.1f} 108,{foot - 66:.1f} C104,{foot - 48:.1f} 92,{foot - 38:.1f} 72,{foot - 32:.1f}z" fill="url(#coat)"/>'
            f'<path d="M116,{foot - 46:.1f} C116,{foot - 56:.1f} 112,{foot - 62:.1f} 108,{foot - 66:.1f} C106,{foot - 56:.1f} 103,{foot - 51:.1f} 98,{foot - 46:.1f} C104,{foot - 48:.1f} 110,{foot - 49:.1f} 116,{foot - 46:.1f}z" fill="{tip}"/>'
        )
    tuft = (
        f'<ellipse cx="112" cy="{foot - 50:.1f}" rx="6" ry="8" fill="{mix(coat, "#5a2d12", 0.6)}"/>'
        if name in _TUFTED
        else ""
    )
    return f'<path d="M76,{foot - 12:.1f} C100,{foot - 6:.1f} 114,{foot - 22:.1f} 111,{foot - 46:.1f}" stroke="{mix(coat, "#000000", 0.08)}" stroke-width="7" stroke-linecap="round" fill="none"/>{tuft}'


def _four_legged(plain: Figure) -> Figure:
    """Give a head drawn from the left side a body on four legs."""
    coat = main_colour(plain)
    high = 100 / plain.aspect
    back, foot = high * 0.72, high + 96
    mane = "#c77bf0" if high > 95 else mix(coat, "#2a1510", 0.4)
    legs = "".join(
        f'<path d="M{x},{back + 40:.1f} h20 l-3,{foot - back - 40:.1f} h-14z" fill="{mix(coat, "#3a1f4a", dark)}"/><path d="M{x + 2.6},{foot - 9:.1f} h14.800 l-.5,9 h-13.800z" fill="#6b5a7a"/>'
        for x, dark in ((62, 0.22), (148, 0.22), (42, 0.08), (128, 0.08))
    )
    parts = [f"<defs>{_shine('coat', coat)}</defs>"]
    parts.append(
        f'<path d="M160,{back + 14:.1f} C192,{back - 4:.1f} 196,{back + 40:.1f} 184,{back + 74:.1f} C180,{back + 50:.1f} 172,{back + 40:.1f} 158,{back + 42:.1f}z" fill="{mane}"/>'
    )
    parts.append(legs)
    parts.append(
        f'<path d="M34,{back + 4:.1f} C70,{back + 12:.1f} 120,{back - 6:.1f} 152,{back + 6:.1f} C178,{back + 18:.1f} 176,{back + 66:.1f} 148,{back + 74:.1f} H60 C34,{back + 74:.1f} 26,{back + 40:.1f} 34,{back + 4:.1f}z" fill="url(#coat)"/>'
    )
    parts.append(_head(plain, 0, 0, 100))
    return Figure("".join(parts), (0, 0, 192, foot))


def _android(plain: Figure, name: str) -> Figure:
    """Give a robot its boxy body, and an alien its slender one."""
    shell = main_colour(plain, 1.0 if name == "robot" else 0.3)
    high, robot = 100 / plain.aspect, name == "robot"
    neck = high - (4 if robot else 12)
    half, round_by = (30, 10) if robot else (20, 18)
    foot = neck + 92
    dark = mix(shell, "#2a2f4a", 0.45)
    parts = [f"<defs>{_shine('shell', shell)}{_shine('dark', dark)}</defs>"]
    for side in (-1, 1):
        shoulder = 50 + side * (half + 6)
        parts.append(
            f'<path d="M{shoulder - side * 8:.1f},{neck + 14:.1f} Q{shoulder + side * 10:.1f},{neck + 24:.1f} {shoulder + side * 6:.1f},{neck + 48:.1f}" stroke="url(#dark)" stroke-width="{10 if robot else 8}" stroke-linecap="round" fill="none"/>'
        )
        parts.append(
            f'<circle cx="{shoulder + side * 6:.1f}" cy="{neck + 50:.1f}" r="{8 if robot else 6}" fill="url(#shell)"/>'
        )
        parts.append(
            f'<rect x="{50 + side * half * 0.5 - 7:.1f}" y="{neck + 54:.1f}" width="14" height="34" rx="5" fill="url(#dark)"/><path d="M{50 + side * half * 0.5 - 13:.1f},{foot:.1f} q0,-13 13,-13 t13,13z" fill="url(#shell)"/>'
        )
    parts.append(f'<rect x="42" y="{neck - 6:.1f}" width="16" height="16" fill="{dark}"/>')
    parts.append(
        f'<rect x="{50 - half}" y="{neck + 4:.1f}" width="{2 * half}" height="58" rx="{round_by}" fill="url(#shell)"/>'
    )
    if robot:
        parts.append(
            f'<rect x="34" y="{neck + 16:.1f}" width="32" height="20" rx="4" fill="#26304f"/><circle cx="42" cy="{neck + 26:.1f}" r="4" fill="#5fe0c0"/><circle cx="58" cy="{neck + 26:.1f}" r="4" fill="#ff8a6b"/><rect x="36" y="{neck + 43:.1f}" width="28" height="4" rx="2" fill="{dark}"/>'
        )
    parts.append(_head(plain, 0, 0, 100))
    return Figure("".join(parts), (-6 if robot else 0, 0, 112 if robot else 100, foot))


def _cloth(outfit: Mapping[str, str | None], cuts: Sequence[str], otherwise: str) -> str:
    """Return the colour of the first of these garments that is worn."""
    worn = next((outfit[cut] for cut in cuts if outfit.get(cut)), None)
    return named(worn) if worn else otherwise


def _person(plain: Figure, name: str, outfit: Mapping[str, str | None]) -> Figure:
    """Stand a person below a face: shirt, arms, trousers and shoes."""
    shirt = "#d8342f" if "claus" in name else _SHIRTS[sum(map(ord, name)) % len(_SHIRTS)]
    shirt = _cloth(outfit, ("coat", "dress", "top"), shirt)
    trousers = _cloth(outfit, ("bottom",), _TROUSERS)
    skin = "#ffc83d"
    high = 100 / plain.aspect
    neck, foot = high - 10, high + (70 if name == "baby" else 100)
    waist = neck + (foot - neck) * 0.52
    parts = [
        f"<defs>{_shine('shirt', shirt)}{_shine('legs', shirt if name == 'baby' else skin if 'dress' in outfit else trousers)}</defs>"
    ]
    for side in (-1, 1):
        x = 50 + side * 24
        parts.append(
            f'<path d="M{x:.1f},{neck + 12:.1f} L{x + side * 14:.1f},{waist + 2:.1f}" stroke="{mix(shirt, "#000000", 0.08)}" stroke-width="13" stroke-linecap="round"/><circle cx="{x + side * 15.5:.1f}" cy="{waist + 7:.1f}" r="7" fill="{skin}"/>'
        )
        parts.append(
            f'<path d="M{50 + side * 1:.1f},{waist - 8:.1f} h{side * 21} l{-side * 3},{foot - waist:.1f} h{-side * 15}z" fill="url(#legs)"/><path d="M{50 + side * 2:.1f},{foot:.1f} v-6 q0,-5 6,-5 h4 q13,2 13,11z" transform="{"" if side > 0 else "translate(100,0) scale(-1,1)"}" fill="{_SHOES}"/>'
            if side > 0
            else f'<path d="M49,{waist - 8:.1f} h-21 l3,{foot - waist:.1f} h15z" fill="url(#legs)"/><path d="M48,{foot:.1f} v-6 q0,-5 -6,-5 h-4 q-13,2 -13,11z" fill="{_SHOES}"/>'
        )
    parts.append(f'<rect x="42" y="{neck - 4:.1f}" width="16" height="18" fill="{mix(skin, "#c77a1a", 0.3)}"/>')
    parts.append(
        f'<path d="M28,{neck + 12:.1f} Q30,{neck + 4:.1f} 42,{neck + 5:.1f} Q50,{neck + 14:.1f} 58,{neck + 5:.1f} Q70,{neck + 4:.1f} 72,{neck + 12:.1f} L70,{waist + 2:.1f} H30z" fill="url(#shirt)"/>'
    )
    if "dress" in outfit or "coat" in outfit:
        hem, flare = (foot - 16, 12) if "dress" in outfit else (foot - 24, 3)
        parts.append(
            f'<path d="M31,{waist - 12:.1f} H69 L{70 + flare},{hem:.1f} Q50,{hem + 5:.1f} {30 - flare},{hem:.1f}z" fill="url(#shirt)"/>'
        )
        parts.append(
            f'<path d="M31,{waist - 13:.1f} h38 v4 h-38z" fill="{mix(shirt, "#000000", 0.22)}"/>'
            if "dress" in outfit
            else f'<path d="M49.200,{neck + 12:.1f} h1.600 V{hem + 2:.1f} h-1.600z" fill="{mix(shirt, "#000000", 0.3)}"/>'
        )
    parts.append(_head(plain, 0, 0, 100))
    return Figure("".join(parts), (0, 0, 100, foot))


def _legged(plain: Figure, outline: Outline, outfit: Mapping[str, str | None]) -> Figure:
    """Stand someone drawn to the chest on legs, in the cloth the drawing ends in."""
    cloth = _cloth(outfit, ("coat", "dress", "top"), outline.cloth)
    high = 100 / plain.aspect
    legs = cloth if _is_pale(cloth) else mix(cloth, "#1d2440", 0.45)
    hip, foot = high + 22, high + 66
    parts = [f"<defs>{_shine('cloth', cloth)}{_shine('legs', legs)}</defs>"]
    for side in (-1, 1):
        parts.append(
            f'<path d="M{50 + side * 1.5},{hip - 6:.1f} h{side * 25} l{-side * 3},{foot - hip:.1f} h{-side * 18}z" fill="url(#legs)"/>'
        )
        parts.append(
            f'<path d="M{50 + side * 3},{foot:.1f} v-5 q0,-6 {side * 8},-6 h{side * 5} q{side * 13},2 {side * 13},11z" fill="{_SHOES}"/>'
        )
    parts.append(f'<path d="M20,{high - 3:.1f} H80 L77,{hip:.1f} Q50,{hip + 4:.1f} 23,{hip:.1f}z" fill="url(#cloth)"/>')
    parts.append(_head(plain, 0, 0, 100))
    return Figure("".join(parts), (0, 0, 100, foot))


def _is_pale(colour: str) -> bool:
    return min(int(colour[at : at + 2], 16) for at in (1, 3, 5)) > 170
