"""Sprites and effects for games: one kind, several operations."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from calotype.jobs.fields import ImageSource, Input, Prompt, Seed

SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
SHEET_FRAMES = (4, 9, 16)

Operation = Literal["effect", "effect_sheet"]


class SpriteInput(Input):
    """Draw a visual effect as one picture (`effect`) or as a square sheet of 4, 9 or 16 moments (`effect_sheet`).

    `image` is optional: an effect takes its colours. `resolution` is the longer side of what is made: 512, 1K, 2K or 4K; a sheet
    of nine is the next smaller size that three cells divide.
    """

    operation: Operation
    prompt: Prompt
    image: ImageSource | None = None
    frames: Annotated[int, Field(ge=4, le=169, strict=True)] | None = None
    resolution: Literal["512", "1K", "2K", "4K"] = "1K"
    seed: Seed | None = None

    @model_validator(mode="after")
    def _frames_that_fit(self) -> Self:
        allowed = {"effect": (None,), "effect_sheet": SHEET_FRAMES}[self.operation]
        if self.frames not in allowed:
            raise ValueError(_wrong_frames(self.operation, allowed))
        return self

    def side(self) -> int:
        """Return the longer side in pixels."""
        return SIDES[self.resolution]


def _wrong_frames(operation: str, allowed: tuple[int | None, ...]) -> str:
    if allowed == (None,):
        return f"frames does not belong to {operation}"
    return f"frames must be one of {', '.join(map(str, allowed))} for {operation}"
