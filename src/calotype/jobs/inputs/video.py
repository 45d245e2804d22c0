"""Video from text, from an image, or from both."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from calotype.jobs.fields import ASPECT, MAX_PROMPT, Aspect, ImageSource, Input, Prompt, Seed, Text

SHORTER_SIDES = {"480p": 480, "720p": 720, "1080p": 1080}
WIDEST = 3.0
"""The longer side may be so many times the shorter one."""
DEFAULT_RATIO = 16 / 9

Motion = Literal[
    "static", "pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "push_in", "pull_out",
    "truck_left", "truck_right", "pedestal_up", "pedestal_down", "crane_up", "crane_down", "orbit_left", "orbit_right",
    "roll_left", "roll_right", "dolly_zoom", "handheld",
]  # fmt: skip
"""What the camera may do."""


class VideoInput(Input):
    """A clip of 2 to 15 seconds from a prompt, from an image that becomes its first frame, or from both.

    With `last_image` it leads from the one picture to the other.
    """

    prompt: Prompt | None = None
    image: ImageSource | None = None
    last_image: ImageSource | None = None
    negative_prompt: Annotated[Text, Field(max_length=MAX_PROMPT)] | None = None
    duration: Annotated[float, Field(ge=2, le=15)] = 5.0
    fps: Annotated[int, Field(ge=12, le=60)] = 24
    resolution: Literal["480p", "720p", "1080p"] = "720p"
    aspect_ratio: Aspect | None = None
    motions: Annotated[list[Motion], Field(min_length=1, max_length=3)] | None = None
    loop: bool = False
    format: Literal["mp4", "webm"] = "mp4"
    seed: Seed | None = None
    style: Annotated[Text, Field(max_length=80)] | None = None

    @model_validator(mode="after")
    def _something_to_show(self) -> Self:
        if self.prompt is None and self.image is None:
            raise ValueError("give a prompt, an image, or both")
        if self.last_image is not None and (self.image is None or self.loop):
            raise ValueError("last_image needs image, and goes with no loop")
        if self.aspect_ratio is not None and not 1 / WIDEST <= ratio_of(self.aspect_ratio) <= WIDEST:
            raise ValueError("aspect_ratio must lie between 1:3 and 3:1")
        return self

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return round(self.duration * self.fps)

    def size(self, picture: tuple[int, int] | None = None) -> tuple[int, int]:
        """Return (width, height), both even: in the aspect asked for, else the picture's, else 16:9."""
        if self.aspect_ratio is not None:
            ratio = ratio_of(self.aspect_ratio)
        else:
            ratio = DEFAULT_RATIO if picture is None else picture[0] / picture[1]
        ratio, shorter = max(1 / WIDEST, min(WIDEST, ratio)), SHORTER_SIDES[self.resolution]
        return (_even(shorter * ratio), shorter) if ratio >= 1 else (shorter, _even(shorter / ratio))


def ratio_of(aspect: str) -> float:
    """Return width by height of an aspect such as "16:9"."""
    match = ASPECT.fullmatch(aspect)
    assert match is not None, "the validator has seen it"
    return int(match[1]) / int(match[2])


def _even(side: float) -> int:
    return round(side / 2) * 2
