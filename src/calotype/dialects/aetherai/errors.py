"""How the AetherAI face words an error: `{"detail": text}`, or FastAPI's list of fields for 422."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from calotype.dialects.base import Reply, UnreadableError, Upload
from calotype.dialects.pacing import pacing_of
from calotype.errors import (
    AssetUnavailableError,
    BodyTooLargeError,
    CallerError,
    CalotypeError,
    DatabaseUnavailableError,
    DiskFullError,
    FileTooLargeError,
    ForbiddenError,
    GoneError,
    InactiveKeyError,
    InactiveUserError,
    InsufficientCreditsError,
    InvalidImageError,
    InvalidInputError,
    MalformedBodyError,
    MethodNotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    OperatorError,
    RateLimitedError,
    SpendCapReachedError,
    TooManyConnectionsError,
    TooManyStreamsError,
    TooManyWaitingError,
    UnknownPathError,
)

STATUSES: dict[type[CalotypeError], tuple[int, str | None]] = {
    NotAuthenticatedError: (401, "Invalid API key"),
    InactiveKeyError: (401, "Invalid API key"),
    InactiveUserError: (404, "Not Found User"),
    NotFoundError: (404, "Job not found"),
    GoneError: (404, "Job not found"),
    UnknownPathError: (404, "Not Found"),
    MethodNotAllowedError: (405, "Method Not Allowed"),
    InvalidImageError: (400, "Invalid image file"),
    FileTooLargeError: (400, "Invalid image file"),
    BodyTooLargeError: (400, "Request body too large"),
    InsufficientCreditsError: (402, "Insufficient credits"),
    SpendCapReachedError: (402, "Insufficient credits"),
    ForbiddenError: (403, None),
    InvalidInputError: (422, None),
    MalformedBodyError: (422, None),
    TooManyStreamsError: (429, None),
    TooManyConnectionsError: (429, None),
    RateLimitedError: (429, "Too Many Requests"),
    TooManyWaitingError: (429, "Too Many Requests"),
    CallerError: (400, None),
    DatabaseUnavailableError: (503, "Service Unavailable"),
    AssetUnavailableError: (503, "Service Unavailable"),
    OperatorError: (503, "Service Unavailable"),
    DiskFullError: (507, "Insufficient Storage"),
    CalotypeError: (500, "Internal Server Error"),
}
"""Error, status, text; None = the error's own sentence."""


class RefCountError(CallerError):
    """More reference images than the model takes; the sentence is the vendor's."""

    code = "too_many_ref_images"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


class PlainError(BaseModel):
    """Any error but 422."""

    detail: str = Field(examples=["Invalid API key"])


class FieldError(BaseModel):
    """One bad field."""

    type: str = Field(examples=["missing"])
    loc: list[str | int] = Field(examples=[["body", "prompt"]])
    msg: str = Field(examples=["Field required"])
    input: Any = None


class FieldErrors(BaseModel):
    """What 422 answers."""

    detail: list[FieldError]


def row_of(error: type[CalotypeError]) -> tuple[int, str | None]:
    """Return an error's status and text: its own, or its nearest parent's."""
    return next(STATUSES[parent] for parent in error.__mro__ if parent in STATUSES)


def refusal(error: CalotypeError) -> Reply:
    """Return the error in one of the vendor's two shapes."""
    status, text = row_of(type(error))
    if status == 422:
        return Reply(status, {"detail": _fields(error)})
    return Reply(status, {"detail": text or str(error)}, _headers(error))


def _fields(error: CalotypeError) -> list[dict[str, Any]]:
    if isinstance(error, UnreadableError):
        return [_field(error.place, found) for found in error.found]
    if isinstance(error, InvalidInputError):
        return [
            {"type": p.rule, "loc": ["body", *_steps(p.pointer)], "msg": p.message, "input": None}
            for p in error.problems
        ]
    return [
        {
            "type": "json_invalid",
            "loc": ["body", 0],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": str(error)},
        }
    ]


def _field(place: str, found: Mapping[str, Any]) -> dict[str, Any]:
    is_missing = found["type"] == "missing"
    field = {
        "type": found["type"],
        "loc": [place, *found["loc"]],
        "msg": found["msg"],
        "input": None if is_missing else _shown(found["input"]),
    }
    context = {name: str(value) for name, value in found.get("ctx", {}).items()}
    return field | {"ctx": context} if context else field


def _shown(value: Any) -> Any:
    """Return what was sent, as far as it is worth sending back."""
    if isinstance(value, Upload):
        return value.filename[:200]
    if isinstance(value, str):
        return value[:200]
    return value if value is None or (isinstance(value, bool | int | float) and abs(value) < 1e15) else None


def _steps(pointer: str) -> list[str]:
    return [step for step in pointer.removeprefix("/input").split("/") if step]


def _headers(error: CalotypeError) -> dict[str, str]:
    if isinstance(error, MethodNotAllowedError):
        return {"Allow": ", ".join(error.allowed)}
    return pacing_of(error)
