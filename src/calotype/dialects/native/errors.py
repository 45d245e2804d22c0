"""How the native API words an error: RFC 9457 problem details. The table from error to HTTP status lives here."""

from __future__ import annotations

from pydantic import BaseModel, Field

from calotype.dialects.base import Reply
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
    HeadTooLargeError,
    IdempotencyMismatchError,
    IllegalTransitionError,
    InactiveKeyError,
    InactiveUserError,
    InsufficientCreditsError,
    InvalidImageError,
    InvalidInputError,
    InvalidLinkError,
    MalformedBodyError,
    MethodNotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    OperatorError,
    RateLimitedError,
    SpendCapReachedError,
    TooManyConnectionsError,
    TooManyEndpointsError,
    TooManyStreamsError,
    TooManyWaitingError,
    UnknownKindError,
    UnknownModelError,
    UnknownPathError,
    UnsupportedFormatError,
)

STATUSES: dict[type[CalotypeError], int] = {
    CallerError: 400,
    MalformedBodyError: 400,
    InvalidInputError: 422,
    UnknownKindError: 422,
    UnknownModelError: 422,
    InvalidImageError: 422,
    IdempotencyMismatchError: 422,
    NotAuthenticatedError: 401,
    InsufficientCreditsError: 402,
    SpendCapReachedError: 402,
    ForbiddenError: 403,
    InactiveKeyError: 403,
    InactiveUserError: 403,
    InvalidLinkError: 403,
    NotFoundError: 404,
    UnknownPathError: 404,
    MethodNotAllowedError: 405,
    IllegalTransitionError: 409,
    TooManyEndpointsError: 409,
    GoneError: 410,
    BodyTooLargeError: 413,
    FileTooLargeError: 413,
    UnsupportedFormatError: 415,
    TooManyStreamsError: 429,
    TooManyConnectionsError: 429,
    HeadTooLargeError: 431,
    RateLimitedError: 429,
    TooManyWaitingError: 429,
    OperatorError: 503,
    DatabaseUnavailableError: 503,
    AssetUnavailableError: 503,
    DiskFullError: 507,
    CalotypeError: 500,
}

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}


class FieldProblem(BaseModel):
    """One thing wrong with one field."""

    pointer: str = Field(description="A JSON pointer into the body", examples=["/input/width"])
    rule: str = Field(description="The rule that was broken", examples=["less_than_equal"])
    message: str = Field(examples=["Input should be less than or equal to 4096"])


class ProblemDetails(BaseModel):
    """Any error: `code` is for programs and never changes its meaning, `detail` is for people."""

    type: str = Field(examples=["/docs/errors/not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such job."])
    code: str = Field(examples=["not_found"])
    request_id: str = Field(examples=["req_1f0c3a9b00000001"])
    errors: list[FieldProblem] = Field(description="One entry a bad field; empty for other errors")
    docs_url: str = Field(description="Cause and cure, on this server", examples=["/docs/errors/not_found"])
    retryable: bool = Field(description="Whether the same request may succeed later")


def status_of(error: type[CalotypeError]) -> int:
    """Return the HTTP status of an error: its own, or its nearest parent's."""
    return next(STATUSES[parent] for parent in error.__mro__ if parent in STATUSES)


def problem(error: CalotypeError, request_id: str) -> Reply:
    """Return an error as problem details."""
    status = status_of(type(error))
    page = f"/docs/errors/{error.code}"
    problems = error.problems if isinstance(error, InvalidInputError) else ()
    body = {
        "type": page,
        "title": _TITLES[status],
        "status": status,
        "detail": str(error)
        if status != 500
        else "Something went wrong on our side; the request id finds it in the log.",
        "code": error.code,
        "request_id": request_id,
        "errors": [{"pointer": p.pointer, "rule": p.rule, "message": p.message} for p in problems],
        "docs_url": page,
        "retryable": error.is_retryable,
    }
    return Reply(status, body, headers_of(error), "application/problem+json")


def headers_of(error: CalotypeError) -> dict[str, str]:
    """Return the headers that HTTP wants beside an error, whatever the face."""
    if isinstance(error, NotAuthenticatedError):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, MethodNotAllowedError):
        return {"Allow": ", ".join(error.allowed)}
    return pacing_of(error)
