"""Reading a request's body: bounded in bytes, time, depth and parts. What cannot be read is the caller's error, never ours."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.types import Receive

from calotype.dialects.base import Format, Incoming, UnreadableError, Upload
from calotype.errors import BodyTooLargeError, InvalidInputError, MalformedBodyError, UnsupportedFormatError
from calotype.jobs.kinds import pointer_step
from calotype.server.answer import GoneAwayError
from calotype.server.call import Call
from calotype.server.form import read_multipart
from calotype.server.scratch import Scratch

_PATIENCE = 10.0
"""Seconds without a byte after which a sender is given up."""
_LEAST_RATE = 1_000
"""Bytes a second that a sender must manage on the whole, once that patience is used up."""
_MOST_FIELDS = 100
_FORMS = {Format.URLENCODED, Format.MULTIPART}
_WORTH_A_THREAD = 500_000
_MARKS = (b",", b"[", b"{", b'"')
_MOST_MARKS = 40_000
"""Before each value of a JSON text stands a mark, so these bound the values; the texts of the longest submission hold fewer."""
_DATA_URL = re.compile(rb'"data:(?:[ !#-\[\]-~]++|\\/)*+"')
"""A data URL as JSON has it; some writers escape every slash."""

_Trail = tuple[Any, int | str] | None
"""The steps to a value, innermost first: a value costs one pair, however deep it lies."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes are read: of a body of values, of one file, of a whole form."""

    values: int
    file: int

    @property
    def video(self) -> int:
        """Return the most bytes of a video."""
        return 2 * self.file

    @property
    def form(self) -> int:
        """Return the most bytes of a form with files."""
        return 4 * self.file + self.values

    @property
    def inline(self) -> int:
        """Return the most bytes of a JSON body that holds a file as a data URL."""
        return self.file * 4 // 3 + self.values


async def read_incoming(call: Call, limits: Limits, scratch: Scratch) -> Incoming:
    """Return the request, read and checked against its row's model."""
    operation = call.operation
    body: BaseModel | None = None
    files: tuple[Upload, ...] = ()
    if operation.body is not None:
        found = format_of(call)
        if found in _FORMS & operation.formats:
            fields = await _form(call, found, limits, scratch)
            files = tuple(value for values in fields.values() for value in values if isinstance(value, Upload))
            body = _from_form(operation.body, fields)
        elif found is Format.JSON and Format.JSON in operation.formats:
            limit = limits.inline if operation.has_inline_files else limits.values
            body = await _from_json(call, operation.body, await read_bytes(call, limit), limits.values)
        else:
            body = _without_body(call, operation.body)
    return Incoming(body, files, call.path, call.query, call.headers)


def format_of(call: Call) -> Format | None:
    """Return the body's format; None = one we do not know. JSON is what a body without a Content-Type is taken for."""
    given = call.headers.get("content-type")
    if given is None:
        return Format.JSON if _has_body(call) else None
    name = given.split(";", 1)[0].strip().lower()
    if name.startswith("application/") and name.endswith("+json"):
        return Format.JSON
    try:
        return Format(name)
    except ValueError:
        return None


def chunks(call: Call, limit: int) -> AsyncIterator[bytes]:
    """Return the body as it arrives, counted: `BodyTooLargeError` as soon as it is known to be too large."""
    announced = call.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:18]) > limit:
        raise BodyTooLargeError(limit)
    return _counted(call.receive, limit)


async def read_bytes(call: Call, limit: int) -> bytes:
    """Return the whole body."""
    return b"".join([chunk async for chunk in chunks(call, limit)])


def parse_json(data: bytes) -> Any:
    """Return the values of a JSON text, each of which PostgreSQL can hold.

    Their number is bounded before they are read, depth and digits by the parser.
    """
    _check_marks(data)
    try:
        values = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBodyError(f"it is not JSON: {error}") from None
    _refuse_unstorable(values)
    return values


def _check_marks(data: bytes) -> None:
    if sum(data.count(mark) for mark in _MARKS) > _MOST_MARKS:
        raise MalformedBodyError("it holds too many values")


async def _counted(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    size, waited = 0, 0.0
    clock = asyncio.get_running_loop().time
    while True:
        begun = clock()
        try:
            async with asyncio.timeout(_PATIENCE):
                message = await receive()
        except TimeoutError:
            raise MalformedBodyError("it did not arrive in time") from None
        waited += clock() - begun
        if waited > _PATIENCE and size < waited * _LEAST_RATE:
            raise MalformedBodyError("it arrives too slowly")
        if message["type"] == "http.disconnect":
            raise GoneAwayError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError(limit)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


async def _from_json(call: Call, model: type[BaseModel], data: bytes, most: int) -> BaseModel:
    if not data and call.operation.is_body_optional:
        return model()
    if len(data) < _WORTH_A_THREAD:
        return _validated(model, data, most)
    return await asyncio.to_thread(_validated, model, data, most)


def _validated(model: type[BaseModel], data: bytes, most: int) -> BaseModel:
    """Return the body; `most` is how many bytes it may have beside its data URLs."""
    if len(data) > most:
        _check_marks(data)
        if len(data) - sum(len(url[0]) for url in _DATA_URL.finditer(data)) > most:
            raise BodyTooLargeError(most)
    parse_json(data)
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise UnreadableError("body", error) from None


async def _form(call: Call, found: Format, limits: Limits, scratch: Scratch) -> dict[str, list[str | Upload]]:
    if found is Format.MULTIPART:
        stream = chunks(call, limits.form)
        fields = await read_multipart(stream, call.headers["content-type"], scratch, limits.file, limits.values)
    else:
        fields = _urlencoded(await read_bytes(call, limits.values))
    _refuse_unstorable({name: [v for v in values if isinstance(v, str)] for name, values in fields.items()})
    return fields


def _urlencoded(data: bytes) -> dict[str, list[str | Upload]]:
    fields: dict[str, list[str | Upload]] = {}
    try:
        pairs = parse_qsl(data.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise MalformedBodyError(f"it is not a form of at most {_MOST_FIELDS} fields in UTF-8") from None
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _from_form(model: type[BaseModel], fields: dict[str, list[str | Upload]]) -> BaseModel:
    """Read a form leniently, since it holds only text: an empty text is no value, and of a repeated field the last counts."""
    given: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        values = [value for value in fields.get(name, ()) if value != ""]
        if values:
            given[name] = values if getattr(field.annotation, "__origin__", None) is list else values[-1]
    try:
        return model.model_validate(given, strict=False)
    except ValidationError as error:
        raise UnreadableError("body", error) from None


def _without_body(call: Call, model: type[BaseModel]) -> BaseModel:
    if call.face.reads_other_formats_as_empty:
        return _from_form(model, {})
    if not _has_body(call):
        if call.operation.is_body_optional:
            return model()
        raise MalformedBodyError("it is empty")
    raise UnsupportedFormatError(call.operation.formats)


def _has_body(call: Call) -> bool:
    return call.headers.get("content-length", "0") != "0" or "transfer-encoding" in call.headers


def _refuse_unstorable(values: Any) -> None:
    """Raise `InvalidInputError` for a text with NUL, or a number that is not finite."""
    waiting: list[tuple[_Trail, Any]] = [(None, values)]
    while waiting:
        trail, value = waiting.pop()
        if isinstance(value, str):
            if "\x00" in value:
                raise InvalidInputError.at(_pointer(trail), "nul", "must not contain the NUL character")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise InvalidInputError.at(_pointer(trail), "finite", "must be a finite number")
        elif isinstance(value, dict):
            waiting += [((trail, name), name) for name in value]
            waiting += [((trail, name), inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((trail, at), inner) for at, inner in enumerate(value)]


def _pointer(trail: _Trail) -> str:
    pointer = ""
    while trail is not None:
        trail, step = trail
        pointer = f"/{pointer_step(step)}{pointer}"
    return pointer
