"""Sprites and effects for games: one kind, several operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from calotype.jobs.fields import ImageSource, Input, Prompt, Seed

SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
SHEET_FRAMES = (4, 9, 16)
ANIMATION_FRAMES = (25, 36, 49, 64, 81, 100, 121, 144, 169)

Operation = Literal["effect", "effect_sheet", "animate", "reskin"]
Style = Literal["pixel", "cartoon", "sd", "quater_view"]

_TAKES: Mapping[str, frozenset[str]] = {
    "effect": frozenset({"image", "resolution"}),
    "effect_sheet": frozenset({"image", "resolution", "frames"}),
    "animate": frozenset({"image", "end_image", "frames", "pixel"}),
    "reskin": frozenset({"image", "resolution", "style"}),
}
"""Which fields belong to an operation, beside prompt and seed."""
_NEEDS: Mapping[str, frozenset[str]] = {
    "effect": frozenset(),
    "effect_sheet": frozenset({"frames"}),
    "animate": frozenset({"image", "frames"}),
    "reskin": frozenset({"image"}),
}
_FRAMES: Mapping[str, tuple[int, ...]] = {"effect_sheet": SHEET_FRAMES, "animate": ANIMATION_FRAMES}


class SpriteInput(Input):
    """Visual effects and moving sprites; `operation` says which, and each takes its own fields and no others.

    - `effect`: the effect that `prompt` describes as one picture; `effect_sheet`: `frames` (4, 9 or 16) moments of it in a square.
      An optional `image` lends its colours. `resolution` is the longer side: 512, 1K (the default), 2K or 4K; a sheet of nine
      is the next smaller size that three cells divide.
    - `animate`: the subject of `image` does what `prompt` says (walk, jump, attack, wave …), in `frames` of 25, 36, 49, 64, 81,
      100, 121, 144 or 169; with `end_image` it becomes that. `pixel` makes it pixel art. The outputs are a GIF, a square sheet, and
      every frame.
    - `reskin`: the picture or sheet in `image` in the colour, the material (gold, stone, ice, lava …) and the style that `prompt`
      names, or in `style` ("quater_view" is spelt as its vendor does); every outline stays in its place. `resolution` as above.
    """

    operation: Operation
    prompt: Prompt
    image: ImageSource | None = None
    end_image: ImageSource | None = None
    frames: Annotated[int, Field(ge=4, le=169, strict=True)] | None = None
    pixel: bool | None = None
    style: Style | None = None
    resolution: Literal["512", "1K", "2K", "4K"] | None = None
    seed: Seed | None = None

    @model_validator(mode="after")
    def _the_operation_s_own_fields(self) -> Self:
        given = {name for name in _ALL if getattr(self, name) is not None}
        for name in sorted(given - _TAKES[self.operation]):
            raise ValueError(f"{name} does not belong to {self.operation}")
        for name in sorted(_NEEDS[self.operation] - given):
            raise ValueError(f"{self.operation} needs {name}")
        allowed = _FRAMES.get(self.operation)
        if allowed is not None and self.frames not in allowed:
            raise ValueError(f"frames should be one of {', '.join(map(str, allowed))}")
        return self

    def side(self) -> int:
        """Return the longer side in pixels of an operation with a resolution."""
        return SIDES[self.resolution or "1K"]


_ALL = frozenset[str]().union(*_TAKES.values())
