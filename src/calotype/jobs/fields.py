"""What the inputs of all kinds are made of: texts, sides, seeds, shapes, and files given as input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_PROMPT = 10_000
MIN_SIDE, MAX_SIDE = 64, 4096
DEFAULT_SIDE = 1024
ASPECT = re.compile(r"([0-9]{1,4})[:/x]([0-9]{1,4})")


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
    match = ASPECT.fullmatch(text)
    if match is None or not all(int(part) for part in match.groups()):
        raise ValueError("must be two whole numbers such as 16:9")
    if not 1 / 8 <= int(match[1]) / int(match[2]) <= 8:
        raise ValueError("must lie between 1:8 and 8:1")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT), AfterValidator(_storable), AfterValidator(_not_blank)]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE, strict=True)]
Aspect = Annotated[str, Field(max_length=9), AfterValidator(_aspect)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]


class Input(BaseModel):
    """The parent of every kind's input: no field is guessed, none is passed on unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Source(Input):
    """A file given as input: exactly one of an uploaded asset, a URL, a data URL, or another job's output."""

    media: ClassVar[str] = "image"
    """What the file must be: the first half of its media type."""

    asset_id: UUID | None = Field(default=None, strict=False)
    url: Annotated[Text, Field(max_length=2_048)] | None = None
    data: Annotated[str, Field(max_length=34_000_000)] | None = None
    from_job: UUID | None = Field(default=None, strict=False)
    output: Annotated[int, Field(ge=0, le=255)] = 0

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(source is not None for source in (self.asset_id, self.url, self.data, self.from_job)) != 1:
            raise ValueError("give exactly one of asset_id, url, data and from_job")
        return self


class ImageSource(Source):
    """An image given as input: exactly one of an uploaded asset, a URL, a data URL, or another job's output."""


class VideoSource(Source):
    """A video given as input: exactly one of an uploaded asset, a URL, a data URL, or another job's output."""

    media: ClassVar[str] = "video"


class AudioSource(Source):
    """A recording given as input: exactly one of an uploaded asset, a URL, a data URL, or another job's output."""

    media: ClassVar[str] = "audio"


def files_named_in(given: Mapping[str, Any]) -> dict[str, list[UUID]]:
    """Return which assets the fields of a stored input name: one, or a list of them, by the field's name."""
    found = {}
    for name, value in given.items():
        sources = value if isinstance(value, list) else [value]
        ids = [UUID(str(one["asset_id"])) for one in sources if isinstance(one, Mapping) and one.get("asset_id")]
        if ids:
            found[name] = ids
    return found
