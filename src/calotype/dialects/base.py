"""What a dialect is: tables and pure functions that say how one API words things. It never sends or stores anything.

Both directions use the same rows: the server reads a request with an `Operation`, the client writes one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from calotype.errors import CalotypeError
from calotype.jobs.kinds import Kind
from calotype.jobs.model import Job, JobError, Output, Progress
from calotype.jobs.states import JobState

Json = Any
"""What `json.loads` returns."""


class Verb(StrEnum):
    """What an operation does: the server has one piece of code for each."""

    SUBMIT = "submit"
    READ = "read"
    LIST = "list"
    CANCEL = "cancel"
    RETRY = "retry"
    ERASE = "erase"
    EVENTS = "events"
    ACCOUNT_EVENTS = "account_events"
    UPLOAD = "upload"
    READ_ASSET = "read_asset"
    KINDS = "kinds"
    MODELS = "models"
    ACCOUNT = "account"
    LIST_KEYS = "list_keys"
    CREATE_KEY = "create_key"
    REVOKE_KEY = "revoke_key"


class Format(StrEnum):
    """How a request body may be written."""

    JSON = "application/json"
    URLENCODED = "application/x-www-form-urlencoded"
    MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a form, already on disk: the name the sender gave is data, never a path."""

    field: str
    path: str
    filename: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request, read: the parsed body (a model of `Operation.body`, or None), its files, path and query values, headers."""

    body: BaseModel | None = None
    files: Sequence[Upload] = ()
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a dialect makes of a submitting request: the native words, before inputs are resolved and defaults filled in.

    `files` maps an input field of the kind ("image") to the uploads that become it.
    """

    kind: str
    input: Mapping[str, Any]
    model: str | None = None
    requested_model: str | None = None
    files: Mapping[str, Sequence[Upload]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    webhook: Mapping[str, Any] | None = None
    deadline: float | None = None
    start_deadline: float | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: JSON unless `media_type` says otherwise; None = no body."""

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Links:
    """What a reply needs to word a job: how a URL is made for an output, and where the server stands."""

    base_url: str
    asset_url: Callable[[Output], str]
    thumbnail_url: Callable[[Output], str | None]
    expires_at: datetime
    preview_url: str | None = None
    queue_position: int | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of an API.

    `path` is below the dialect's prefix, with {names} in braces. `read` turns an incoming request into a draft (SUBMIT only).
    `receipt` words the answer from the job. `replies` lists the error statuses it can answer, for the reference.
    """

    name: str
    method: str
    path: str
    verb: Verb
    summary: str
    accepted: int = 200
    scope: str = "read"
    body: type[BaseModel] | None = None
    formats: frozenset[Format] = frozenset({Format.JSON})
    file_fields: frozenset[str] = frozenset()
    kind: Kind | None = None
    read: Callable[[Incoming], Draft] | None = None
    receipt: Callable[[Job, Links], Reply] | None = None
    replies: tuple[int, ...] = (401,)
    tag: str = "jobs"
    is_in_schema: bool = True


class Dialect(Protocol):
    """One API: its rows, and how it words a job and an error."""

    id: str
    prefix: str
    title: str
    operations: Sequence[Operation]

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the API key a request carries, however this API sends it; header names are lower case."""
        ...

    def job(self, job: Job, links: Links) -> Reply:
        """Return the answer to reading a job."""
        ...

    def refuse(self, error: CalotypeError, *, operation: Operation | None, request_id: str) -> Reply:
        """Return the answer to a request that an error ended."""
        ...


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as a client sees it, whatever the dialect: what a reply said, in our words. None = the dialect does not say."""

    id: str
    state: JobState
    urls: tuple[str, ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = ()
    progress: Progress | None = None
    error: JobError | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class KeyView:
    """An API key as it may be shown: never the key itself."""

    id: UUID
    name: str
    hint: str
    state: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
