"""What a job is: frozen records, no behaviour that needs a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from calotype.jobs.kinds import Kind
from calotype.jobs.limits import Limit, Standing
from calotype.jobs.states import JobState


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the account, the user and the key, as the key check found them."""

    account_id: UUID
    user_id: UUID
    key_id: UUID
    scopes: frozenset[str] = frozenset({"submit", "read"})
    limits: tuple[Limit, ...] = ()
    """What its submits are held to; the account's before the key's."""
    reads: float | None = None
    """Requests a second that create nothing, by its plan; None = as the server's settings say."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a job's events go, and which of them (none named = the terminal ones). `fate` is how the last of them fared."""

    url: str
    events: tuple[str, ...] = ()
    fate: str | None = None

    def wants(self, state: JobState) -> bool:
        """Return whether it is to be told that a job reached this state."""
        return f"job.{state}" in self.events if self.events else state.is_terminal

    def state_of(self, state: JobState) -> str | None:
        """Return how the webhook of a job in this state fares: pending, delivered, failed; None while there is nothing to tell."""
        return (self.fate or "pending") if state.is_terminal and self.wants(state) else None


@dataclass(frozen=True, slots=True)
class Submission:
    """What a caller asks for, once read: `input` is the kind's validated input as plain JSON values."""

    kind: Kind
    model: str
    input: Mapping[str, Any]
    face: str = "native"
    requested_model: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    webhook: Webhook | None = None
    deadline: timedelta | None = None
    start_deadline: timedelta | None = None
    idempotency_key: str | None = None
    idempotency_route: str = ""
    digest: bytes = b""
    retry_of: UUID | None = None
    trace: str | None = None
    awaits_urls: bool = False
    """Files behind URLs are to be fetched before it is queued."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """The time-limited right to fetch a job's files: `claims` says how often it was given, and fences who had it before."""

    job_id: UUID
    claims: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far: `done` of `total` steps of a phase; `percent` is over the whole job and never falls."""

    percent: float = 0.0
    done: int = 0
    total: int = 0
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed, as a caller may see it."""

    code: str
    message: str
    is_retryable: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """One asset of a succeeded job. `provenance` says which engine made it, with what version, licence and seed."""

    asset_id: UUID
    ordinal: int
    key: str
    media_type: str
    extension: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    purged_at: datetime | None = None
    thumbnail_key: str | None = None


@dataclass(frozen=True, slots=True)
class Credits:
    """A job's money: what it was priced at, what is set aside now, what was kept, what was given back."""

    price: int = 0
    held: int = 0
    captured: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One submission and all that has happened to it since. `version` rises by one with every write."""

    id: UUID
    number: int
    account_id: UUID
    user_id: UUID
    key_id: UUID
    face: str
    kind: Kind
    model: str
    requested_model: str
    lane_id: int
    input: Mapping[str, Any]
    tags: Mapping[str, str]
    state: JobState
    attempt: int
    max_attempts: int
    progress: Progress
    credits: Credits
    version: int
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    start_deadline_at: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    retry_at: datetime | None = None
    lease_until: datetime | None = None
    worker_id: UUID | None = None
    error: JobError | None = None
    outputs: tuple[Output, ...] = ()
    webhook: Webhook | None = None
    retry_of: UUID | None = None
    trace: str | None = None
    load_ms: int | None = None
    tag: int = 0
    preview_key: str | None = None
    idempotency_key: str | None = None
    digest: bytes | None = None
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewAsset:
    """A file that is durable in the asset store already, about to be written down."""

    id: UUID
    key: str
    media_type: str
    extension: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    thumbnail_key: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a submission is answered: the job, and whether an earlier submission with the same idempotency key made it."""

    job: Job
    is_replay: bool = False
    standing: Standing | None = None
    """How the caller stands with the rate that is nearest to its end."""
