"""Text to image."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from calotype.jobs.fields import (
    ASPECT,
    DEFAULT_SIDE,
    MAX_PROMPT,
    MAX_SIDE,
    MIN_SIDE,
    Aspect,
    Input,
    Prompt,
    Seed,
    Side,
    Text,
)


class ImageInput(Input):
    """Text to image."""

    prompt: Prompt
    negative_prompt: Annotated[Text, Field(max_length=MAX_PROMPT)] | None = None
    width: Side | None = None
    height: Side | None = None
    aspect_ratio: Aspect | None = None
    count: Annotated[int, Field(ge=1, le=4)] = 1
    seed: Seed | None = None
    style: Annotated[Text, Field(max_length=80)] | None = None

    @model_validator(mode="after")
    def _one_way_to_say_the_shape(self) -> Self:
        if self.aspect_ratio is not None and self.width is not None and self.height is not None:
            raise ValueError("give width and height, or aspect_ratio, not all three")
        return self

    def size(self) -> tuple[int, int]:
        """Return (width, height) in pixels: what was asked, else about one megapixel in the aspect asked."""
        if self.width and self.height:
            return self.width, self.height
        if self.aspect_ratio is None:
            side = self.width or self.height or DEFAULT_SIDE
            return self.width or side, self.height or side
        match = ASPECT.fullmatch(self.aspect_ratio)
        assert match is not None, "the validator has seen it"
        ratio = int(match[1]) / int(match[2])
        if self.width:
            return self.width, _within(self.width / ratio)
        if self.height:
            return _within(self.height * ratio), self.height
        return _within(DEFAULT_SIDE * math.sqrt(ratio)), _within(DEFAULT_SIDE / math.sqrt(ratio))


def _within(side: float) -> int:
    return max(MIN_SIDE, min(MAX_SIDE, round(side / 8) * 8))
