"""What the native API answers, as models: the reference is printed from them and a test holds every reply against them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from calotype.jobs.credits import Entry
from calotype.jobs.kinds import Kind
from calotype.jobs.limits import Window
from calotype.jobs.prices import Unit
from calotype.jobs.states import JobState


class Answer(BaseModel):
    """The parent of every answer."""

    model_config = ConfigDict(extra="forbid")


class ProgressAnswer(Answer):
    """How far the job is. `percent` is over the whole job and never falls."""

    done: int
    total: int
    phase: str | None
    percent: float


class QueueAnswer(Answer):
    """Where a waiting job stands; null where nobody knows."""

    position: int | None = Field(description="How many jobs of the same model stand before it")
    eta_seconds: float | None = Field(
        description="About how many seconds until it begins, judged by recent jobs of the model"
    )
    is_possible: bool | None = Field(description="Whether a worker that can make it is there")


class OutputAnswer(Answer):
    """One result. The link needs no key and works until `expires_at`; read the job again for a fresh one."""

    asset_id: UUID
    url: str | None = Field(description="Null once the file was erased")
    thumbnail_url: str | None
    media_type: str
    width: int | None
    height: int | None
    duration: float | None
    bytes: int
    sha256: str
    expires_at: datetime | None
    provenance: dict[str, Any]


class ErrorAnswer(Answer):
    """Why the job failed."""

    code: str
    message: str
    retryable: bool


class CreditsAnswer(Answer):
    """The job's money, in credits."""

    price: int
    held: int
    captured: int
    refunded: int


class WebhookAnswer(Answer):
    """Where the job's events go, and how the one that ended it fares."""

    url: str
    events: list[str]
    state: Literal["pending", "delivered", "failed"] | None = Field(description="Null while there is nothing to tell")


class JobLinks(Answer):
    """Where to go from here."""

    self: str
    events: str
    cancel: str
    retry: str


class JobAnswer(Answer):
    """A job."""

    id: UUID
    kind: Kind
    model: str
    requested_model: str
    face: str = Field(description="The API through which it was submitted")
    state: JobState
    progress: ProgressAnswer
    queue: QueueAnswer
    attempt: int
    input: dict[str, Any]
    outputs: list[OutputAnswer]
    preview: str | None = Field(description="A link to a small picture of the work so far")
    error: ErrorAnswer | None
    credits: CreditsAnswer
    webhook: WebhookAnswer | None
    tags: dict[str, str]
    batch: UUID | None
    depends_on: list[UUID]
    retry_of: UUID | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    links: JobLinks


class JobRow(Answer):
    """A job in a list."""

    id: UUID
    kind: Kind
    model: str
    face: str
    state: JobState
    progress: ProgressAnswer
    prompt: str | None = Field(description="The first 200 characters")
    error: ErrorAnswer | None
    price: int
    tags: dict[str, str]
    retry_of: UUID | None
    created_at: datetime
    finished_at: datetime | None
    links: JobLinks


class JobPage(Answer):
    """Jobs, newest first. `next` goes into `after` for older ones, `previous` into `before` for newer ones."""

    data: list[JobRow]
    has_more: bool
    next: str | None
    previous: str | None


class QuoteAnswer(Answer):
    """What a job would cost and use; nothing was stored."""

    kind: Kind
    model: str
    input: dict[str, Any]
    price: int
    balance: int
    is_possible: bool = Field(description="Whether the account can pay for it")
    eta_seconds: float | None


class EventAnswer(Answer):
    """The `data` of one server-sent event; its `id` resumes the stream."""

    seq: int
    job_id: UUID
    event: str
    state: JobState
    attempt: int
    version: int
    data: dict[str, Any]
    at: datetime


class AssetAnswer(Answer):
    """A stored file: an upload, or a job's output."""

    id: UUID
    role: str
    url: str | None
    media_type: str
    width: int | None
    height: int | None
    duration: float | None
    bytes: int
    sha256: str
    job_id: UUID | None
    expires_at: datetime | None


class PriceAnswer(Answer):
    """What is asked for one unit; the price of a job is rounded up to whole credits, and is `least` at the least."""

    credits: int | float
    unit: Unit = Field(description="The whole job, each output, or each megapixel or second of each output")
    least: int


class KindAnswer(Answer):
    """What can be made, and the JSON Schema of its input."""

    kind: Kind
    models: list[str]
    price: PriceAnswer = Field(description="What its first model asks; each model says its own")
    input_schema: dict[str, Any]


class KindList(Answer):
    """Every kind."""

    data: list[KindAnswer]


class ModelAnswer(Answer):
    """An engine on offer."""

    id: str
    title: str
    version: str
    kinds: list[str]
    licences: list[str]
    limits: dict[str, int]
    prices: dict[str, PriceAnswer] = Field(description="By kind")


class ModelList(Answer):
    """Every model."""

    data: list[ModelAnswer]


class SpendAnswer(Answer):
    """What may be spent in each window, which begins at midnight UTC; null = no cap."""

    cap: int | None
    window: Window
    spent: int = Field(description="Since the window began, less what was given back")


class RateAnswer(Answer):
    """How many requests may create something."""

    requests: int
    per: float = Field(description="Seconds")
    burst: int = Field(description="How many at once")


class LimitAnswer(Answer):
    """What submits are held to, by the account or by the key."""

    plan: str
    rate: RateAnswer | None
    max_waiting: int | None


class AccountLimits(Answer):
    """Every limit on this key's submits; null = none."""

    account: LimitAnswer | None
    key: LimitAnswer | None
    max_running: int | None = Field(description="Jobs of the account that run at once; further ones wait")


class AccountAnswer(Answer):
    """The account of the key. A floor of null means that nothing but a cap limits what it may spend."""

    id: UUID
    name: str
    balance: int
    floor: int | None
    plan: str
    spend: SpendAnswer
    scopes: list[str]
    key: KeyAnswer
    limits: AccountLimits
    prices: dict[str, PriceAnswer] = Field(description="By kind, as its first model asks")


class LedgerRowAnswer(Answer):
    """One entry of the ledger."""

    number: int
    entry: Entry
    amount: int
    effect: int = Field(description="On the balance: a capture keeps what its hold took, so it has none")
    job_id: UUID | None
    note: str | None
    at: datetime


class LedgerPage(Answer):
    """Ledger rows, newest first. `next` goes into `after` for older ones."""

    data: list[LedgerRowAnswer]
    has_more: bool
    next: str | None


class KeyAnswer(Answer):
    """A key as it may be shown."""

    id: UUID
    name: str
    hint: str
    state: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    plan: str | None
    spend: SpendAnswer


class KeyList(Answer):
    """Every key of the account."""

    data: list[KeyAnswer]


class NewKeyAnswer(Answer):
    """A new key: `key` is shown this once."""

    id: UUID
    name: str
    key: str
    scopes: list[str]
    expires_at: datetime | None
