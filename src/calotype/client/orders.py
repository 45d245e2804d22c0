"""What a caller may ask for, in keyword arguments, and the order it becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict
from uuid import uuid4

from calotype.client.errors import ConfigurationError, InvalidInput
from calotype.client.inputs import Image, read_image
from calotype.client.wire import Order, Source, Wire, Wording
from calotype.dialects.aetherai import calls as aetherai
from calotype.dialects.native import calls as native
from calotype.jobs.kinds import Kind

_WORDINGS: Mapping[str, Wording] = {"native": native, "aetherai": aetherai}
_IMAGE_FIELDS = ("image", "end_image", "last_image", "images")


class JobOptions(TypedDict, total=False):
    """What goes with any job. `idempotency_key` is for a caller that must be able to submit again after its own crash."""

    model: str | None
    tags: Mapping[str, str]
    deadline: float | None
    idempotency_key: str | None


class EditOptions(JobOptions, total=False):
    """What an image made with references may be asked to be."""

    negative_prompt: str | None
    width: int | None
    height: int | None
    aspect_ratio: str | None
    count: int | None
    seed: int | None
    style: str | None


class ImageOptions(EditOptions, total=False):
    """What an image may be asked to be."""

    images: Sequence[Image]


class UpscaleOptions(JobOptions, total=False):
    """How far an image is enlarged: exactly one of the two."""

    scale: Literal[1, 2, 3, 4, 6, 8] | None
    target: Literal["1K", "2K", "4K"] | None


class VideoOptions(JobOptions, total=False):
    """What a video may be asked to be. `image` becomes its first frame, `last_image` its last."""

    image: Image | None
    last_image: Image | None
    negative_prompt: str | None
    duration: float | None
    fps: int | None
    resolution: Literal["480p", "720p", "1080p"] | None
    aspect_ratio: str | None
    motions: Sequence[str] | None
    loop: bool | None
    format: Literal["mp4", "webm"] | None
    seed: int | None
    style: str | None


class EffectOptions(JobOptions, total=False):
    """How a visual effect is drawn; `image` lends it its colours."""

    image: Image | None
    resolution: Literal["512", "1K", "2K", "4K"]
    seed: int | None


class RemoveBackgroundOptions(JobOptions, total=False):
    """What is to be where the background was: "transparent", "map", "blur", "overlay" or a colour."""

    background: str | None
    threshold: float | None
    reverse: bool | None


class ReskinOptions(JobOptions, total=False):
    """How a picture or sheet is redrawn; `style` may also stand in the words."""

    style: Literal["pixel", "cartoon", "sd", "quater_view"] | None
    resolution: Literal["512", "1K", "2K", "4K"]
    seed: int | None


class AnimateOptions(JobOptions, total=False):
    """How a subject is set in motion; with `end_image` it becomes that, `pixel` makes it pixel art."""

    end_image: Image | None
    pixel: bool | None


class MusicOptions(JobOptions, total=False):
    """What music may be asked to be; `duration` in seconds."""

    duration: float | None
    lyrics: str | None
    title: str | None
    instrumental: bool | None
    count: int | None
    seed: int | None


_OF_JOB = frozenset(JobOptions.__annotations__)


def wire_for(base_url: str, dialect: str) -> Wire:
    """Return the wire of an API by its name."""
    if dialect not in _WORDINGS:
        raise ConfigurationError(f"There is no dialect {dialect!r}; this client speaks {', '.join(_WORDINGS)}.")
    return Wire(base_url.rstrip("/"), _WORDINGS[dialect])


def order(kind: Kind | str, given: Mapping[str, Any], options: Mapping[str, Any]) -> Order:
    """Return the order: images read, the idempotency key made now, before anything is sent."""
    try:
        known = Kind(kind)
    except ValueError:
        raise InvalidInput(f"kind: there is no {str(kind)!r}; there are {', '.join(Kind)}.") from None
    unknown = sorted(set(options) - _OF_JOB)
    if unknown:
        raise TypeError(f"unexpected keyword arguments: {', '.join(unknown)}")
    described = {name: value for name, value in given.items() if name not in _IMAGE_FIELDS and value is not None}
    _check_writable({"input": described, "tags": dict(options.get("tags") or {}), "model": options.get("model")})
    return Order(
        kind=known,
        input=described,
        images={name: _sources(given[name]) for name in _IMAGE_FIELDS if given.get(name) is not None},
        key=options.get("idempotency_key") or str(uuid4()),
        model=options.get("model"),
        tags=options.get("tags") or {},
        deadline=options.get("deadline"),
    )


def listed(images: Image | Sequence[Image]) -> list[Any]:
    """Return one image or several as a list. A text is one image: its path."""
    return list(images) if isinstance(images, list | tuple) else [images]


def _check_writable(words: Mapping[str, Any]) -> None:
    """Refuse what JSON in UTF-8 cannot hold, such as NaN or half of a character from a terminal."""
    for name, value in words.items():
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{name}: this cannot be sent as JSON ({error}).") from None


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what describes the result, and what goes with any job."""
    described = {name: value for name, value in options.items() if name not in _OF_JOB}
    return described, {name: value for name, value in options.items() if name in _OF_JOB}


def _sources(given: Any) -> tuple[Source, ...]:
    if isinstance(given, list | tuple):
        return tuple(_source(each) for each in given)
    return (_source(given),)


def _source(given: Any) -> Source:
    """Take an image's words, as the API writes them, as they are; read anything else."""
    return Source(words=dict(given)) if isinstance(given, Mapping) else read_image(given)
