"""OpenAPI 3.1, made from a dialect's rows: what is served is what is described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from calotype.dialects.base import Dialect, Format, Operation, UnreadableError, Verb
from calotype.errors import (
    BodyTooLargeError,
    CalotypeError,
    DatabaseUnavailableError,
    ForbiddenError,
    InactiveKeyError,
    InactiveUserError,
    InvalidInputError,
    MalformedBodyError,
    NotAuthenticatedError,
    RateLimitedError,
    UnsupportedFormatError,
)

_NAME = re.compile(r"\{(\w+)\}")
_REFERENCES = "#/components/schemas/"
_STREAMS = (Verb.EVENTS, Verb.ACCOUNT_EVENTS)
_BINARY = {"type": "string", "format": "binary"}


def document_of(face: Dialect) -> dict[str, Any]:
    """Return the dialect's OpenAPI document."""
    rows = [row for row in face.operations if row.is_in_schema]
    schemas = _schemas(face, rows)
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(face.prefix + row.path, {})[row.method.lower()] = _operation(face, row)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": face.title,
            "version": "1",
            "summary": "Asynchronous media generation on your own machine",
            "description": "Submit a job, get its id at once, and read it until its files are ready.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [
            {"name": tag, "description": f"Operations on {tag}"} for tag in dict.fromkeys(row.tag for row in rows)
        ],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "An API key"}},
        },
    }


def refusals_of(face: Dialect, row: Operation) -> dict[int, list[type[CalotypeError]]]:
    """Return every error a row can answer, by status: its own, and those of all rows of its sort."""
    errors: list[type[CalotypeError]] = [*row.refusals, DatabaseUnavailableError, CalotypeError]
    if row.scope is not None:
        errors += [NotAuthenticatedError, InactiveKeyError, InactiveUserError, ForbiddenError, RateLimitedError]
    if row.body is not None or row.verb is Verb.UPLOAD:
        errors += [MalformedBodyError, BodyTooLargeError, UnreadableError]
        errors += [] if face.reads_other_formats_as_empty else [UnsupportedFormatError]
    if row.query or _NAME.search(row.path):
        errors.append(InvalidInputError)
    by_status: dict[int, list[type[CalotypeError]]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(face.status_of(error), []).append(error)
    return dict(sorted(by_status.items()))


def _operation(face: Dialect, row: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.summary,
        "description": f"{row.summary}.",
        "tags": [row.tag],
        "parameters": _parameters(row),
        "responses": {str(row.accepted): _success(row)}
        | {str(status): _refusal(face, status, errors) for status, errors in refusals_of(face, row).items()},
    }
    content = _request(row)
    if content:
        described["requestBody"] = {"required": not row.is_body_optional, "content": content}
    if row.scope is None:
        described["security"] = []
    return described


def _parameters(row: Operation) -> list[dict[str, Any]]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "An id",
            "schema": {"type": "string", "format": "uuid"},
        }
        for name in _NAME.findall(row.path)
    ]
    in_query = [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in row.query.items()
    ]
    in_header = []
    if row.verb in (Verb.SUBMIT, Verb.RETRY):
        text = (
            "The same key and the same submission are one job and one charge: a replay answers the job as it stands now,"
            " with the header `Idempotent-Replay: true`"
        )
        in_header = [{"name": "Idempotency-Key", "in": "header", "description": text, "schema": {"type": "string"}}]
    return in_path + in_query + in_header


def _request(row: Operation) -> dict[str, Any]:
    if row.body is None:
        return _upload(row) if row.verb is Verb.UPLOAD else {}
    media: dict[str, Any] = {"schema": _reference(row.body)}
    examples = row.body.model_config.get("json_schema_extra")
    if isinstance(examples, Mapping) and examples.get("examples"):
        media["examples"] = {"plain": {"summary": "An example", "value": examples["examples"][0]}}  # type: ignore[index]
    return {str(form): media for form in sorted(row.formats)}


def _upload(row: Operation) -> dict[str, Any]:
    form = {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
    return {str(kind): {"schema": form if kind is Format.MULTIPART else _BINARY} for kind in sorted(row.formats)}


def _success(row: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"description": row.summary}
    if row.answer is not None:
        media = "text/event-stream" if row.verb in _STREAMS else "application/json"
        described["content"] = {media: {"schema": _reference(row.answer)}}
    elif row.accepted != 204:
        described["content"] = {"application/json": {"schema": {"type": "object"}}}
    return described


def _refusal(face: Dialect, status: int, errors: Iterable[type[CalotypeError]]) -> dict[str, Any]:
    listed = list(errors)
    text = " ".join(f"`{error.code}`: {(error.__doc__ or error.code).splitlines()[0]}" for error in listed)
    model = face.error_model(status)
    media = "application/problem+json" if "code" in model.model_fields else "application/json"
    return {"description": text, "content": {media: {"schema": _reference(model)}}}


def _schemas(face: Dialect, rows: Iterable[Operation]) -> dict[str, Any]:
    models: dict[type[BaseModel], None] = {}
    for row in rows:
        statuses = refusals_of(face, row)
        for model in (row.body, row.answer, *(face.error_model(status) for status in statuses)):
            if model is not None:
                models[model] = None
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REFERENCES + "{model}", title=None
    )
    schemas: dict[str, Any] = definitions.get("$defs", {})
    return dict(sorted(schemas.items()))


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCES + model.__name__}
