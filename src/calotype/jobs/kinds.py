"""What a job can make, and which input each kind takes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from calotype.errors import InvalidInputError, Problem
from calotype.jobs.fields import Input
from calotype.jobs.inputs.edit import EditInput
from calotype.jobs.inputs.image import ImageInput
from calotype.jobs.inputs.music import MusicInput
from calotype.jobs.inputs.remove_background import RemoveBackgroundInput
from calotype.jobs.inputs.sprite import SpriteInput
from calotype.jobs.inputs.upscale import UpscaleInput
from calotype.jobs.inputs.video import VideoInput

_LONGEST_NAME = 80


class Kind(StrEnum):
    """What a job makes."""

    IMAGE = "image"
    EDIT = "edit"
    UPSCALE = "upscale"
    SPRITE = "sprite"
    REMOVE_BACKGROUND = "remove_background"
    VIDEO = "video"
    MUSIC = "music"


INPUTS: dict[Kind, type[Input]] = {
    Kind.IMAGE: ImageInput,
    Kind.EDIT: EditInput,
    Kind.UPSCALE: UpscaleInput,
    Kind.SPRITE: SpriteInput,
    Kind.REMOVE_BACKGROUND: RemoveBackgroundInput,
    Kind.VIDEO: VideoInput,
    Kind.MUSIC: MusicInput,
}


def read_input(kind: Kind, given: Mapping[str, Any], *, pointer: str = "/input") -> Input:
    """Return the kind's validated input; raise `InvalidInputError` with one problem per bad field."""
    try:
        return INPUTS[kind].model_validate(dict(given))
    except ValidationError as error:
        raise InvalidInputError(problems_of(error, pointer)) from None


def problems_of(error: ValidationError, pointer: str = "") -> list[Problem]:
    """Return Pydantic's findings as problems: JSON pointers below `pointer`, and never the value that was sent."""
    return [
        Problem(
            pointer + "".join(f"/{pointer_step(part)}" for part in found["loc"]),
            found["type"],
            found["msg"].removeprefix("Value error, "),
        )
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def pointer_step(part: int | str) -> str:
    """Return a step of a JSON pointer (RFC 6901). A field's name is the caller's: it may be long, or no text that can be sent."""
    name = str(part)[:_LONGEST_NAME].encode("utf-8", "replace").decode()
    return name.replace("~", "~0").replace("/", "~1")
