"""Draws one moment of an effect: strip by strip at full size, with a bloom taken from a small copy of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from calotype.engines.sprite.effects import forms, strikes
from calotype.engines.sprite.effects.looks import Look
from calotype.engines.sprite.effects.stage import Noise, Stage

Array = NDArray[Any]

STRIP = 400_000
"""Pixels drawn at once: about 60 MB of work."""
SMALL = 192


@dataclass(frozen=True, slots=True)
class Form:
    """How a form is drawn, the moment it is best seen, and whether its end meets its beginning."""

    draw: Callable[..., None]
    peak: float
    loops: bool = False


FORMS = {
    "flame": Form(forms.flame, 0.3, loops=True),
    "explosion": Form(forms.explosion, 0.27),
    "cloud": Form(forms.cloud, 0.5, loops=True),
    "orb": Form(forms.orb, 0.2, loops=True),
    "shield": Form(forms.shield, 0.25, loops=True),
    "portal": Form(forms.portal, 0.3, loops=True),
    "black_hole": Form(forms.black_hole, 0.3, loops=True),
    "beam": Form(forms.beam, 0.45),
    "laser": Form(forms.laser, 0.6),
    "wave": Form(forms.wave, 0.4),
    "aura": Form(forms.aura, 0.3, loops=True),
    "bolt": Form(strikes.bolt, 0.4),
    "crystals": Form(strikes.crystals, 0.5),
    "splash": Form(strikes.splash, 0.3),
    "circle": Form(strikes.circle, 0.5),
    "heal": Form(strikes.heal, 0.45),
    "slash": Form(strikes.slash, 0.42),
    "hit": Form(strikes.hit, 0.2),
    "meteor": Form(strikes.meteor, 0.45),
    "tornado": Form(strikes.tornado, 0.3, loops=True),
    "dust": Form(strikes.dust, 0.4),
    "swirl": Form(strikes.swirl, 0.3, loops=True),
    "fall": Form(strikes.fall, 0.3, loops=True),
    "burst": Form(strikes.sparkle_burst, 0.3),
    "firework": Form(strikes.firework, 0.62),
}


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect ready to be drawn at any moment and size."""

    form: Form
    look: Look
    size: float
    mirrored: bool
    seed: int
    noise: Noise

    def moments(self, count: int) -> list[float]:
        """Return when each of several frames is: a loop's end leads to its start, a story's shows the last of it."""
        if self.form.loops:
            return [number / count for number in range(count)]
        return [0.06 + 0.85 * number / (count - 1) for number in range(count)]

    def paint(self, t: float, side: int, after: Callable[[float], None] = lambda _: None) -> Image.Image:
        """Return the effect on transparency. `after` takes the share done with each strip, and may raise to stop."""
        bloom = self._bloom(t)
        picture = Image.new("RGBA", (side, side))
        height = max(1, STRIP // side)
        for top in range(0, side, height):
            rows = slice(top, min(side, top + height))
            strip = _finished(self._drawn(t, side, rows), _part_of(bloom, side, rows))
            picture.paste(Image.fromarray(strip), (0, top))
            after(rows.stop / side)
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self.mirrored else picture

    def _drawn(self, t: float, side: int, rows: slice) -> Stage:
        stage = Stage(self.noise, self.seed, t, side, rows)
        self.form.draw(stage, self.look, self.size)
        return stage

    def _bloom(self, t: float) -> list[Image.Image]:
        """Return the light of a small copy, blurred: red, green and blue."""
        light = np.clip(self._drawn(t, SMALL, slice(0, SMALL)).light - 0.25, 0, 1.5)
        return [
            Image.fromarray(np.uint8(np.clip(light[..., channel] * 110, 0, 255))).filter(
                ImageFilter.GaussianBlur(SMALL / 30)
            )
            for channel in range(3)
        ]


def _part_of(bloom: list[Image.Image], side: int, rows: slice) -> Array:
    """Return a strip of the bloom at full size, made with a margin: at a strip's edge the filter must see what is beyond."""
    margin = 3 * side // SMALL + 3
    top, bottom = max(0, rows.start - margin), min(side, rows.stop + margin)
    box = (0, top * SMALL / side, SMALL, bottom * SMALL / side)
    parts = [
        np.asarray(one.resize((side, bottom - top), Image.Resampling.BICUBIC, box=box), np.float32)[
            rows.start - top : rows.stop - top
        ]
        for one in bloom
    ]
    return np.stack(parts, -1) * (0.6 / 110)


def _finished(stage: Stage, bloom: Array) -> Array:
    """Return the strip as straight RGBA bytes: light is as opaque as it is bright, and fades before the square's edge."""
    light = stage.light + bloom
    peak = light.max(-1)
    light = np.where(peak[..., None] > 1, light / np.maximum(peak, 1e-6)[..., None] * 0.25 + light * 0.75, light)
    edge = np.minimum(1 - np.abs(stage.x), 1 - np.abs(stage.y))
    fade = np.clip(edge / 0.06, 0, 1)
    glow = np.clip(peak, 0, 1)
    alpha = 1 - (1 - stage.cover) * (1 - glow)
    mixed = np.clip(stage.matter + light, 0, 1)
    colour = mixed / np.maximum(alpha, 1e-4)[..., None]
    values = np.concatenate([np.clip(colour, 0, 1), (alpha * fade)[..., None]], -1)
    return (values * 255 + 0.5).astype(np.uint8)
