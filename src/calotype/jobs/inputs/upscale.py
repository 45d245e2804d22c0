"""Enlarging an image."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from calotype.jobs.fields import ImageSource, Input

TARGET_SIDES = {"1K": 1024, "2K": 2048, "4K": 4096}


def _no_truth(value: Any) -> Any:
    """Refuse true, which Python takes for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - Pydantic reports a ValueError
    return value


class UpscaleInput(Input):
    """Enlarge an image by a factor (1 leaves its size and writes it anew), or to a longer side of 1024, 2048 or 4096 pixels."""

    image: ImageSource
    scale: Annotated[Literal[1, 2, 3, 4, 6, 8] | None, BeforeValidator(_no_truth)] = None
    target: Literal["1K", "2K", "4K"] | None = None
    quality: Literal["standard"] = "standard"

    @model_validator(mode="after")
    def _scale_or_target(self) -> Self:
        if (self.scale is None) == (self.target is None):
            raise ValueError("give exactly one of scale and target")
        return self
