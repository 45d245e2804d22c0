"""What callers send to the native API: strict, no unknown field, nothing guessed."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from calotype.jobs.fields import Text

_SUBMIT_EXAMPLE: dict[str, Any] = {
    "kind": "image",
    "model": "illustrator",
    "input": {"prompt": "a red fox asleep under a maple tree", "width": 1024, "height": 1024, "seed": 7},
    "tags": {"project": "autumn"},
}


def http_url(url: str) -> str:
    """Return the URL if it can be called at all; raise ValueError with what is wrong with it."""
    if not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("must not contain spaces, backslashes or control characters")
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError("must name a host, and a port that exists if any")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user or password")
    return url


WebhookEvent = Literal["job.running", "job.retrying", "job.succeeded", "job.failed", "job.cancelled", "job.expired"]
Tags = Annotated[
    dict[Annotated[Text, Field(min_length=1, max_length=64)], Annotated[Text, Field(max_length=256)]],
    Field(max_length=16),
]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Body(BaseModel):
    """The parent of every body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class WebhookBody(Body):
    """Where a job's events are to be sent; without `events`, the ones that end it."""

    url: Annotated[Text, Field(max_length=2_000), AfterValidator(http_url)]
    events: Annotated[list[WebhookEvent], Field(max_length=20)] = []


class SubmitJob(Body):
    """One job: its kind and that kind's input; the rest has defaults. `deadline` is in seconds, for the whole job."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUBMIT_EXAMPLE]})

    kind: Annotated[Text, Field(max_length=80)]
    input: dict[str, Any]
    model: Annotated[Text, Field(max_length=200)] | None = None
    tags: Tags = {}
    webhook: WebhookBody | None = None
    deadline: Seconds | None = None
    start_deadline: Seconds | None = None


class RetryJob(Body):
    """What to change: `input` is merged over the old one, field by field, and null takes a field away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": {"seed": 8}}]})

    input: dict[str, Any] = {}
    model: Annotated[Text, Field(max_length=200)] | None = None
    tags: Tags | None = None
    webhook: WebhookBody | None = None
    deadline: Seconds | None = None
    start_deadline: Seconds | None = None


class CreateKey(Body):
    """A key of the caller's own account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "laptop", "scopes": ["read"]}]})

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Literal["submit", "read", "admin"]], Field(min_length=1, max_length=3)] = ["submit", "read"]
    expires_at: AwareDatetime | None = None
    spend_cap: Annotated[int, Field(ge=0, le=10**15)] | None = None
    """Credits that the key may spend in each window."""
    spend_window: Literal["day", "month", "total"] = "total"
