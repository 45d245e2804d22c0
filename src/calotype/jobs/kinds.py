"""What a job can make, and the input each kind takes: one Pydantic model a kind, strict, with its JSON Schema public."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from calotype.errors import InvalidInputError, Problem

MAX_PROMPT = 10_000
MIN_SIDE, MAX_SIDE = 64, 4096
DEFAULT_SIDE = 1024
_ASPECT = re.compile(r"([0-9]{1,4})[:/x]([0-9]{1,4})")
_LONGEST_NAME = 80


class Kind(StrEnum):
    """What a job makes."""

    IMAGE = "image"
    UPSCALE = "upscale"


def _storable(text: str) -> str:
    """Refuse what PostgreSQL or UTF-8 cannot hold: NUL and lone surrogates."""
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain lone surrogates")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _aspect(text: str) -> str:
    match = _ASPECT.fullmatch(text)
    if match is None or not all(int(part) for part in match.groups()):
        raise ValueError("must be two whole numbers such as 16:9")
    if not 1 / 8 <= int(match[1]) / int(match[2]) <= 8:
        raise ValueError("must lie between 1:8 and 8:1")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT), AfterValidator(_storable), AfterValidator(_not_blank)]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE, strict=True)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]


class Input(BaseModel):
    """The parent of every kind's input: no field is guessed, none is passed on unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ImageSource(Input):
    """An image given as input: exactly one of an uploaded asset, a data URL, or another job's output."""

    asset_id: UUID | None = Field(default=None, strict=False)
    data: Annotated[str, Field(max_length=34_000_000)] | None = None
    from_job: UUID | None = Field(default=None, strict=False)
    output: Annotated[int, Field(ge=0, le=99)] = 0

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(source is not None for source in (self.asset_id, self.data, self.from_job)) != 1:
            raise ValueError("give exactly one of asset_id, data and from_job")
        return self


class ImageInput(Input):
    """Text to image."""

    prompt: Prompt
    negative_prompt: Annotated[Text, Field(max_length=MAX_PROMPT)] | None = None
    width: Side | None = None
    height: Side | None = None
    aspect_ratio: Annotated[str, Field(max_length=9), AfterValidator(_aspect)] | None = None
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
        match = _ASPECT.fullmatch(self.aspect_ratio)
        assert match is not None, "the validator has seen it"
        ratio = int(match[1]) / int(match[2])
        if self.width:
            return self.width, _within(self.width / ratio)
        if self.height:
            return _within(self.height * ratio), self.height
        return _within(DEFAULT_SIDE * math.sqrt(ratio)), _within(DEFAULT_SIDE / math.sqrt(ratio))


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


INPUTS: dict[Kind, type[Input]] = {Kind.IMAGE: ImageInput, Kind.UPSCALE: UpscaleInput}
TARGET_SIDES = {"1K": 1024, "2K": 2048, "4K": 4096}


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


def _within(side: float) -> int:
    return max(MIN_SIDE, min(MAX_SIDE, round(side / 8) * 8))
