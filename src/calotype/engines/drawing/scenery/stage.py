"""The stage: the scene's light and lie of the land, and the two layers of SVG it is painted with.

Lengths are in thousandths of the picture's height, or of its width where that is shorter: see `Stage.width`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from calotype.engines.drawing.scenery.palette import Palette, mix


class Moving(str):
    """A piece of the scene that moves in a film, and how: "cloud", "star", "wave" …; in a picture it is like any other."""

    __slots__ = ("box", "sense")
    sense: str
    box: tuple[float, float, float, float] | None
    """Where it is painted (left, top, right, bottom), where that is known beforehand."""


def moving(
    sense: str, markup: str, at: tuple[float, float] | None = None, reach: tuple[float, float] = (0, 0)
) -> Moving:
    """Return markup that a film may move; it lies around `at`, no farther off than `reach`, where these are given."""
    piece = Moving(markup)
    piece.sense = sense
    piece.box = None if at is None else (at[0] - reach[0], at[1] - reach[1], at[0] + reach[0], at[1] + reach[1])
    return piece


@dataclass(slots=True)
class Stage:
    """One scene, being painted."""

    width: float
    height: float
    palette: Palette
    rng: random.Random
    kind: str
    horizon: float
    """Where the ground or the water begins."""
    near: float
    """The lowest line things stand on."""
    far: float
    """The highest line things stand on."""
    back: list[str] = field(default_factory=list)
    front: list[str] = field(default_factory=list)
    sun: tuple[float, float] | None = None
    shore: float | None = None
    """Where the beach begins, in a scene by the water."""
    banks: bool = False
    """Whether the water is a river or a lake, with banks instead of a beach."""
    soil: tuple[str, str] = ("#86cf5d", "#3f9a45")
    """What the banks are covered with, from the light to the dark."""
    reflects: bool = False
    shows_shadows: bool = True
    _ids: int = 0

    def shade(self, colour: str, more: float = 0.0) -> str:
        """Return one of the scenery's colours as it looks in this light."""
        return mix(colour, self.palette.dusk, max(0.0, min(0.92, self.palette.shade + more)))

    def far_away(self, colour: str, distance: float) -> str:
        """Return a colour in this light, `distance` (0 to 1) of the way into the haze."""
        return mix(self.shade(colour), self.palette.haze, distance)

    def gradient(
        self, *stops: str, x2: float = 0, y2: float = 1, kind: str = "linear", opacities: tuple[float, ...] = ()
    ) -> str:
        """Define a gradient and return the paint that uses it."""
        self._ids += 1
        name = f"p{self._ids}"
        rows = []
        for number, stop in enumerate(stops):
            opacity = f' stop-opacity="{opacities[number]}"' if opacities else ""
            rows.append(f'<stop offset="{number / max(1, len(stops) - 1):.3f}" stop-color="{stop}"{opacity}/>')
        where = f'x1="0" y1="0" x2="{x2}" y2="{y2}"' if kind == "linear" else ""
        self.back.append(f'<defs><{kind}Gradient id="{name}" {where}>{"".join(rows)}</{kind}Gradient></defs>')
        return f"url(#{name})"

    def band(self, top: float, bottom: float, paint: str) -> None:
        """Paint the picture's whole width between two heights."""
        self.back.append(
            f'<rect x="-2" y="{top:.1f}" width="{self.width + 4:.1f}" height="{bottom - top + 1:.1f}" fill="{paint}"/>'
        )

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, paint: str, opacity: float = 1.0, *, sense: str = ""
    ) -> None:
        """Paint an ellipse; `sense` says how it moves in a film."""
        shape = ellipse(x, y, rx, ry, paint, opacity)
        self.back.append(moving(sense, shape, (x, y), (rx, ry)) if sense else shape)


def ellipse(x: float, y: float, rx: float, ry: float, paint: str, opacity: float = 1.0) -> str:
    """Return an ellipse."""
    see_through = f' opacity="{opacity:.2f}"' if opacity < 1 else ""
    return f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" fill="{paint}"{see_through}/>'
