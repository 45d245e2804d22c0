"""What an effect is made of: an element's colours as light and as matter, and what flies about in it."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Colour = tuple[float, float, float]

_STEPS = 1024


class Ramp:
    """Colours of a strength: black at 0, through the stops, to the last one at 1 and above."""

    def __init__(self, stops: Sequence[tuple[float, Colour]]) -> None:
        at = [0.0, *(place for place, _ in stops)]
        colours = np.array([(0.0, 0.0, 0.0), *(colour for _, colour in stops)])
        places = np.linspace(0, 1, _STEPS)
        self._table = np.stack([np.interp(places, at, colours[:, channel]) for channel in range(3)], -1).astype(
            np.float32
        )

    def of(self, strength: Array) -> Array:
        """Return the colours, with a last axis of three."""
        found: Array = self._table[(np.clip(strength, 0, 1) * (_STEPS - 1)).astype(np.int16)]
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """An element's look. `deep`, `main` and `bright` are its light; `matter` and `shade` what it is when it is solid."""

    name: str
    deep: Colour
    main: Colour
    bright: Colour
    matter: Colour
    shade: Colour
    accent: str
    form: str
    """The form it takes when none is named."""

    @property
    def ramp(self) -> Ramp:
        """Return its light, from the faint edge to the white heart."""
        white = tuple(1 - (1 - part) * 0.25 for part in self.bright)
        faint = tuple(part * 0.45 for part in self.deep)
        return Ramp([(0.18, faint), (0.42, self.deep), (0.66, self.main), (0.86, self.bright), (1.0, white)])  # type: ignore[list-item] # three parts each

    @property
    def solid(self) -> Ramp:
        """Return its matter, from shade to highlight."""
        light: Colour = tuple(1 - (1 - part) * 0.45 for part in self.matter)  # type: ignore[assignment] # three parts
        return Ramp([(0.001, self.shade), (0.55, self.matter), (1.0, light)])

    def tinted(self, colours: Sequence[Colour]) -> Look:
        """Return the same in one or more colours of its own."""
        if not colours:
            return self
        deep, main, bright = shades_of(colours[0])
        if len(colours) > 1:
            bright = shades_of(colours[1])[1]
        return replace(self, deep=deep, main=main, bright=bright, matter=main, shade=_times(deep, 0.6))


def shades_of(colour: Colour) -> tuple[Colour, Colour, Colour]:
    """Return a deep, a plain and a bright shade of a colour."""
    hue, light, full = colorsys.rgb_to_hls(*colour)
    if light < 0.22:  # black light cannot be seen: a dim violet-grey stands for it
        return (0.10, 0.06, 0.16), (0.24, 0.16, 0.36), (0.55, 0.42, 0.72)
    if full < 0.12:
        return _times(colour, 0.45), _times(colour, 0.85), (0.97, 0.97, 1.0)
    deep = colorsys.hls_to_rgb(hue, 0.33, min(1, full * 1.05))
    main = colorsys.hls_to_rgb(hue, min(max(light, 0.5), 0.62), full)
    return deep, main, colorsys.hls_to_rgb((hue + 0.02) % 1, 0.82, full)


def _times(colour: Colour, by: float) -> Colour:
    return colour[0] * by, colour[1] * by, colour[2] * by


def _look(name: str, hexes: str, accent: str, form: str) -> Look:
    """Return a look from five colours: deep, main and bright light, then matter and its shade."""
    deep, main, bright, matter, shade = (_read(each) for each in hexes.split())
    return Look(name, deep, main, bright, matter, shade, accent, form)


def _read(text: str) -> Colour:
    return int(text[:2], 16) / 255, int(text[2:4], 16) / 255, int(text[4:], 16) / 255


LOOKS = {
    look.name: look
    for look in (
        _look("fire", "b01a02 ff6a0a ffd24a 5a4a42 1c1512", "ember", "flame"),
        _look("ice", "1c5fb8 4fb4f5 c4f1ff a9dcf5 3b7fc0", "shard", "crystals"),
        _look("water", "0b4fa8 2f9df0 a6e4ff 4fb0f2 125aa8", "drop", "splash"),
        _look("lightning", "3a36d8 6f8cff d8e6ff 8fa8ff 30306a", "spark", "bolt"),
        _look("poison", "1f6d10 62d020 d2ff5a 7fb83a 27521c", "bubble", "cloud"),
        _look("holy", "b27a10 ffcf4a fff4b8 fff0c8 b08a3c", "sparkle", "beam"),
        _look("dark", "38086a 8a2be8 d890ff 2a1838 08040e", "wisp", "orb"),
        _look("nature", "1c7a2c 58cf4a d6ff94 5fb84a 1f5a28", "leaf", "swirl"),
        _look("wind", "3f8f92 9be0dc f2ffff cfe9e6 7fb0b0", "streak", "tornado"),
        _look("earth", "7a4a18 c88a3c ffd894 9a7a58 4a3826", "rock", "dust"),
        _look("arcane", "5a16b0 b04cff f2b8ff a060e0 401878", "sparkle", "circle"),
        _look("heal", "0f8a4c 4cf09a d8ffe6 8af0b4 2a9a60", "plus", "heal"),
        _look("love", "b01258 ff5a9c ffc8de ff7aae a83068", "heart", "burst"),
        _look("smoke", "4a4a50 8c8c94 d0d0d6 a8a8ae 4c4c54", "mote", "cloud"),
        _look("steel", "5a7a9a c8e0f4 ffffff c8d4e0 6a7a8c", "spark", "slash"),
        _look("gold", "a86a08 ffbf24 fff0a0 ffc838 a86c10", "coin", "burst"),
        _look("petal", "c03878 ff94c0 ffe4ee ffb4d0 d06c98", "petal", "fall"),
        _look("snow", "6a9cc8 c4e2fa ffffff f4faff b8d4ec", "flake", "fall"),
        _look("light", "9a7a30 ffe08a ffffe0 fff6d0 b8a060", "sparkle", "burst"),
    )
}
