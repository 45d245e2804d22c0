"""The words a flow and its sender share: what is to be sent, what came back, and how a dialect's rows become calls."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

from calotype.dialects.base import JobView, Json, Verb
from calotype.errors import Problem
from calotype.jobs.kinds import Kind

T = TypeVar("T")

PING = 15.0
"""How often a server breaks the silence of a stream, in seconds."""
PATIENCE = 30.0
"""How long a plain call may take before it counts as lost, in seconds."""


class Expect(StrEnum):
    """What a call's answer is."""

    JSON = "json"
    STREAM = "stream"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form. A part with a file name is a file; a path is opened anew for each try."""

    field: str
    content: str | bytes | Path
    filename: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file goes: a folder and a stem (an unused name is found), or exactly `exact`."""

    folder: Path = field(default_factory=Path)
    stem: str = "output"
    extension: str | None = None
    exact: Path | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request that a flow wants sent, `after` so many seconds. Only the API's own calls carry the key."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Json = None
    parts: tuple[Part, ...] = ()
    expect: Expect = Expect.JSON
    after: float = 0.0
    timeout: float = PATIENCE
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Hear:
    """The next piece of the stream that is open."""


@dataclass(frozen=True, slots=True)
class Show:
    """Something for whoever watches: no reply is needed."""

    item: JobView


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that was downloaded."""

    path: Path
    media_type: str


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream."""

    name: str
    data: str
    id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and the monotonic second it came at. Header names are lower case."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    at: float = 0.0
    events: tuple[ServerEvent, ...] = ()
    is_over: bool = False
    path: Path | None = None
    sha256: str | None = None

    @property
    def request_id(self) -> str | None:
        """Return the server's name for this request."""
        return self.headers.get("x-request-id")

    @property
    def retry_after(self) -> float | None:
        """Return the wait the server asks for, in seconds; None when it asks for none we can read."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.replace(".", "", 1).isdigit() else None


class Lost(Exception):  # noqa: N818 - a step of the conversation, which the flow catches
    """No answer came. `was_sent` is False only when the server certainly saw nothing of the request."""

    def __init__(self, reason: str, *, was_sent: bool, at: float) -> None:
        self.reason = reason
        self.was_sent = was_sent
        self.at = at
        super().__init__(reason)


Step = Call | Hear | Show
Watcher = Callable[[JobView], object]
Flow = Generator[Step, Answer, T]


def ignore(view: JobView) -> None:
    """Watch and do nothing."""
    del view


@dataclass(frozen=True, slots=True)
class Source:
    """An image to send: the bytes or the path of a file, or words that name one the server has."""

    part: Part | None = None
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller wants made. `key` is made before the first byte is sent and never changes after."""

    kind: Kind
    input: Mapping[str, Any]
    key: str
    model: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    deadline: float | None = None
    images: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)


Fields = Mapping[str, Any]
Fault = tuple[str | None, str, tuple[Problem, ...]]
"""Code, sentence, fields."""


class Wording(Protocol):
    """What a dialect's `calls` module gives: its rows, and functions that write a body and read a reply."""

    PREFIX: str
    ROWS: Mapping[Verb, tuple[str, str]]
    FILE_FIELDS: Mapping[str, str]
    IS_IDEMPOTENT: bool
    PACE: tuple[float, ...]

    def submit_row(self, kind: Kind) -> tuple[str, str]:
        """Return method and path of the operation that makes this kind; raise `InvalidInputError` when none does."""
        ...

    def submit_fields(
        self, kind: Kind, model: str | None, given: Fields, tags: Mapping[str, str], deadline: float | None
    ) -> Fields:
        """Return the body's fields."""
        ...

    def read_job(self, body: Json) -> JobView:
        """Return the job that a reply describes."""
        ...

    def read_event(self, body: Json, before: JobView) -> JobView:
        """Return the job as it stands after an event of its stream."""
        ...

    def read_page(self, body: Json) -> tuple[Sequence[JobView], str | None]:
        """Return a page of jobs and the query value that asks for the next one."""
        ...

    def read_asset_id(self, body: Json) -> str:
        """Return the id of the asset that an upload made."""
        ...

    def read_fault(self, status: int, body: Json) -> Fault:
        """Return what a refusal says."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """One API at one address: verbs become calls."""

    base_url: str
    wording: Wording

    def can(self, verb: Verb) -> bool:
        """Return whether this API has such an operation."""
        return verb in self.wording.ROWS

    def call(self, verb: Verb, path: Mapping[str, str] | None = None, query: Fields | None = None) -> Call:
        """Return the call of a verb that needs no body."""
        return self.to(self.wording.ROWS[verb], path, query)

    def to(self, row: tuple[str, str], path: Mapping[str, str] | None = None, query: Fields | None = None) -> Call:
        """Return the call of a row: names in the path filled in, empty query values left out."""
        method, template = row
        filled = template.format(
            **{name: quote(value, safe="", errors="replace") for name, value in (path or {}).items()}
        )
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        question = f"?{urlencode(wanted, errors='replace')}" if wanted else ""
        return Call(method, f"{self.base_url}{self.wording.PREFIX}{filled}{question}")
