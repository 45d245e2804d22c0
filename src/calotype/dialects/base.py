"""What a dialect is: tables and pure functions that say how one API words things. It never sends or stores anything.

Both directions use the same rows: the server reads a request with an `Operation`, the client writes one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import BaseModel, InstanceOf, ValidationError, WithJsonSchema

from calotype.errors import CalotypeError, InvalidInputError
from calotype.jobs.deliveries import STANDARD, DeliveryPlan
from calotype.jobs.kinds import Kind, problems_of
from calotype.jobs.limits import Limit
from calotype.jobs.model import Job, JobError, Output, Progress
from calotype.jobs.prices import Price
from calotype.jobs.states import JobState
from calotype.signing import WebhookSecret

Json = Any
"""What `json.loads` returns."""


class Verb(StrEnum):
    """What an operation does: the server has one piece of code for each, and hands the row's `reply` what stands here."""

    SUBMIT = "submit"  # (job, links); its `quote` words a dry run: (quote)
    READ = "read"  # (job, links)
    LIST = "list"  # (page)
    CANCEL = "cancel"  # (job, links)
    RETRY = "retry"  # (job, links)
    ERASE = "erase"  # ()
    EVENTS = "events"  # (happening), once for each
    ACCOUNT_EVENTS = "account_events"  # (happening), once for each
    UPLOAD = "upload"  # (asset)
    READ_ASSET = "read_asset"  # (asset)
    KINDS = "kinds"  # (offers)
    MODELS = "models"  # (cards)
    ACCOUNT = "account"  # (account)
    LEDGER = "ledger"  # (rows, the cursor of the next page or None)
    LIST_KEYS = "list_keys"  # (keys)
    CREATE_KEY = "create_key"  # (key, the secret)
    REVOKE_KEY = "revoke_key"  # ()
    LIST_ENDPOINTS = "list_endpoints"  # (endpoints)
    CREATE_ENDPOINT = "create_endpoint"  # (endpoint, its secrets)
    READ_ENDPOINT = "read_endpoint"  # (endpoint)
    UPDATE_ENDPOINT = "update_endpoint"  # (endpoint)
    DELETE_ENDPOINT = "delete_endpoint"  # ()
    TEST_ENDPOINT = "test_endpoint"  # (delivery)
    LIST_SECRETS = (
        "list_secrets"  # (secrets); without an endpoint in the path, those that sign the webhooks of single jobs
    )
    ROTATE_SECRET = "rotate_secret"  # noqa: S105 - (secrets), as LIST_SECRETS
    LIST_DELIVERIES = "list_deliveries"  # (deliveries, the next cursor)
    READ_DELIVERY = "read_delivery"  # (delivery)
    REPLAY_DELIVERY = "replay_delivery"  # (delivery)
    REPLAY_DELIVERIES = "replay_deliveries"  # (how many, whether there are more)
    DEACTIVATE_KEY = "deactivate_key"  # ()
    REACTIVATE_KEY = "reactivate_key"  # ()
    REFERENCE = "reference"  # not asked: the answer is the dialect's OpenAPI document


class Format(StrEnum):
    """How a request body may be written."""

    JSON = "application/json"
    URLENCODED = "application/x-www-form-urlencoded"
    MULTIPART = "multipart/form-data"
    BYTES = "application/octet-stream"


class Inputs(StrEnum):
    """When the files behind URLs are fetched: while the caller waits for the receipt, or behind it, the job being `created`.

    BEFORE tells at once what is wrong with a URL, and a caller may ask for AFTER by `Prefer: respond-async`; AFTER is for an
    API whose receipt never waits.
    """

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a form, already on disk: the name the sender gave is data, never a path."""

    field: str
    path: str
    filename: str
    media_type: str
    size: int
    sha256: str


FilePart = Annotated[InstanceOf[Upload], WithJsonSchema({"type": "string", "format": "binary"})]
"""A field of a body that only a file part of a form can fill."""


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
    unused: Sequence[Upload] = ()
    """Files the API takes and our engines cannot use: they must be images all the same, and are then dropped."""


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
    is_possible: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of jobs, newest first; the cursors lead to older (`next`) and newer (`previous`) ones."""

    jobs: Sequence[Job]
    next: str | None
    previous: str | None
    links: Callable[[Job], Links]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a submission would cost and use, had it been made."""

    kind: Kind
    model: str
    input: Mapping[str, Any]
    price: int
    balance: int
    is_affordable: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a job, as the log has it. `position` resumes the stream behind it."""

    position: str
    seq: int
    job_id: UUID
    event: str
    state: JobState
    attempt: int
    version: int
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class AssetView:
    """A stored file of an account: an upload or an output."""

    file: Output
    role: str
    url: str | None
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    """Who a key belongs to and what it may still spend: a floor of None means no limit."""

    account_id: UUID
    name: str
    balance: int
    floor: int | None
    scopes: Sequence[str]
    plan: str
    spend: SpendView
    max_waiting: int | None
    max_running: int | None
    key: KeyView
    limits: Sequence[Limit]
    prices: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One entry of an account's ledger; `effect` is what it did to the balance."""

    number: int
    entry: str
    amount: int
    effect: int
    job_id: UUID | None
    note: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind of job this server makes: what it takes, which models make it, and what its first model asks."""

    kind: Kind
    input_schema: Mapping[str, Any]
    models: Sequence[str]
    price: Price


@dataclass(frozen=True, slots=True)
class EndpointView:
    """A receiver of an account's webhooks. `failures` counts tries in a row that failed; it is left alone until `paused_until`."""

    id: UUID
    url: str
    description: str
    events: Sequence[str]
    is_enabled: bool
    disabled_because: str | None
    failures: int
    paused_until: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SecretView:
    """A secret that signs webhooks: what checks v1 and what checks v1a; `retires_at` is set once another takes its place."""

    secret: str
    public_key: str
    created_at: datetime
    retires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TryView:
    """One try of a delivery: a status or a problem, seconds it took, and the beginning of the answer."""

    at: datetime
    took: float
    status: int | None
    problem: str | None
    answer: str


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One webhook: its id is the same at every try. `tries` is None where only the delivery itself shows them."""

    id: UUID
    event: str
    state: str
    url: str
    job_id: UUID | None
    endpoint_id: UUID | None
    try_count: int
    replays: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    reason: str | None
    tries: Sequence[TryView] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a webhook tells: an event and the job as it was then, with links as they are now; a test tells of no job."""

    id: UUID
    event: str
    at: datetime
    job: Job | None
    links: Links


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What may sign a webhook: the live secrets of its receiver, the newest first, and SHA-256 of the key that made the job."""

    secrets: Sequence[WebhookSecret]
    key_hash: bytes | None = None


def _standard(event: str) -> DeliveryPlan:
    del event
    return STANDARD


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """How an API words a webhook, signs it and tries again: one row, as an operation is.

    `body` returns the bytes sent, `sign` the headers made over those very bytes (notice, body, keys, the moment of sending), and
    `plan` the tries that an event is given.
    """

    body: Callable[[Notice], bytes]
    sign: Callable[[Notice, bytes, SigningKeys, datetime], Mapping[str, str]]
    plan: Callable[[str], DeliveryPlan] = _standard


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of an API.

    `path` is below the dialect's prefix, with {names} in braces. `scope` is what a key needs; None = no key is asked for. `read`
    turns an incoming request into a draft (SUBMIT only). `reply` words the answer from what `Verb` says, and None means
    `Dialect.job`; `answer` is its model for the reference. `has_inline_files`: a JSON body may hold data URLs, so it
    may be large. `inputs` says when files behind URLs are fetched. `has_closed_query`: a parameter that `query` does not
    name is refused. `refusals` are the errors this row has beside those that every row of its sort has.
    """

    name: str
    method: str
    path: str
    verb: Verb
    summary: str
    accepted: int = 200
    scope: str | None = "read"
    body: type[BaseModel] | None = None
    is_body_optional: bool = False
    has_inline_files: bool = False
    formats: frozenset[Format] = frozenset({Format.JSON})
    file_fields: frozenset[str] = frozenset()
    query: Mapping[str, str] = field(default_factory=dict)
    has_closed_query: bool = False
    kind: Kind | None = None
    read: Callable[[Incoming], Draft] | None = None
    reply: Callable[..., Reply] | None = None
    quote: Callable[[Quote], Reply] | None = None
    answer: type[BaseModel] | None = None
    inputs: Inputs = Inputs.BEFORE
    refusals: tuple[type[CalotypeError], ...] = ()
    tag: str = "jobs"
    is_in_schema: bool = True


class Dialect(Protocol):
    """One API: its rows, and how it words a job and an error.

    `has_lasting_links`: a link lives as long as its file, so two reads always show the same one. `reads_other_formats_as_empty`:
    a body in a format the row does not take counts as no body at all, instead of being refused. `webhook`: None = this API has
    none, and a job submitted through it that has one all the same is told of in the native words.
    """

    id: str
    prefix: str
    title: str
    operations: Sequence[Operation]
    has_lasting_links: bool
    reads_other_formats_as_empty: bool
    webhook: WebhookRow | None

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the API key a request carries, however this API sends it; header names are lower case."""
        ...

    def job_id(self, text: str) -> UUID:
        """Return the job a path names; raise the error this API answers when it can be none."""
        ...

    def job(self, job: Job, links: Links) -> Reply:
        """Return the answer to reading a job."""
        ...

    def refuse(self, error: CalotypeError, request_id: str) -> Reply:
        """Return the answer to a request that an error ended."""
        ...

    def status_of(self, error: type[CalotypeError]) -> int:
        """Return the HTTP status this API gives an error."""
        ...

    def error_model(self, status: int) -> type[BaseModel]:
        """Return the model of an error body, for the reference."""
        ...


class UnreadableError(InvalidInputError):
    """A request's fields break their model's rules. `found` is what Pydantic says, the values sent included."""

    def __init__(self, place: str, error: ValidationError) -> None:
        self.place = place
        self.found = error.errors(include_url=False)
        super().__init__(problems_of(error))


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
class SpendView:
    """What may be spent in each window (None = no cap), and what has been in this one."""

    cap: int | None = None
    window: str = "total"
    spent: int = 0


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
    plan: str | None = None
    spend: SpendView = SpendView()
