"""Enlarging an image."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from calotype.jobs.fields import ImageSource, Input

TARGET_SIDES = {"1K": 1024, "2K": 2048, "4K": 4096}


class UpscaleInput(Input):
    """Enlarge an image by a factor, or to a longer side of 1024, 2048 or 4096 pixels."""

    image: ImageSource
    scale: Literal[2, 3, 4] | None = None
    target: Literal["1K", "2K", "4K"] | None = None
    quality: Literal["standard"] = "standard"

    @model_validator(mode="after")
    def _scale_or_target(self) -> Self:
        if (self.scale is None) == (self.target is None):
            raise ValueError("give exactly one of scale and target")
        return self
