"""One request on its way through a face."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from calotype.dialects.base import Dialect, Operation
from calotype.errors import CallerError, InvalidInputError
from calotype.jobs.model import Caller

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?=$|[,;\s])")
_ASYNC = re.compile(r"(?i)(?:^|[,;\s])respond-async(?:$|[,;\s])")
_ONCE = ("authorization", "x-api-key", "idempotency-key", "content-type")
"""Headers of which there is one or none: of two, a proxy before us might have believed the other."""
_NUMBER = re.compile(rb"[0-9]{1,18}")
_LONGEST_WAIT = 60
_MOST_FIELDS = 100

_process = secrets.token_hex(4)
_numbers = itertools.count(1)


@dataclass(slots=True)
class Call:
    """A request whose key was checked, and the row that answers it. `caller` is None where the row asks for no key."""

    scope: Scope
    receive: Receive
    face: Dialect
    operation: Operation
    path: dict[str, str]
    headers: dict[str, str]
    request_id: str
    caller: Caller | None = None
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        text = self.scope["query_string"].decode("latin-1")
        self.query = _query(text) if text else {}

    @property
    def owner(self) -> Caller:
        """Return who asks, on a row that asks for a key."""
        assert self.caller is not None, "the row has a scope"
        return self.caller

    @property
    def trace(self) -> str | None:
        """Return the W3C trace the request belongs to."""
        given = self.headers.get("traceparent", "")
        return given if _TRACE.fullmatch(given) else None


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise InvalidInputError.at("", "fields", f"the query has more than {_MOST_FIELDS} fields") from None


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the request's headers; of a repeated one, the last, unless it may not be repeated."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if len(headers) != len(scope["headers"]):
        names = [name.decode("latin-1") for name, _ in scope["headers"]]
        for name in _ONCE:
            if names.count(name) > 1:
                raise CallerError(f"The header {name} is given more than once.")
    return headers


def request_id_of(scope: Scope) -> bytes:
    """Return the request's id: the caller's own when it is a plain one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
            return bytes(value)
    return new_request_id()


def new_request_id() -> bytes:
    """Return an id that no other request of this installation has."""
    return f"req_{_process}{next(_numbers):08x}".encode()


def base_url_of(scope: Scope, headers: dict[str, str], public_url: str | None) -> str:
    """Return where the server stands, as this caller sees it."""
    if public_url is not None:
        return public_url.rstrip("/")
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        address, port = scope.get("server") or ("localhost", 80)
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"{scope['scheme']}://{host}"


def wait_of(call: Call) -> int:
    """Return how many seconds the caller would wait: `?wait=N`, or `Prefer: wait=N`, which may be cut short."""
    if "wait" in call.query:
        return whole_number(call, "wait", 0, _LONGEST_WAIT, 0)
    preferred = _WAIT.search(call.headers.get("prefer", ""))
    return min(int(preferred[1]), _LONGEST_WAIT) if preferred else 0


def is_async(call: Call) -> bool:
    """Return whether the caller would rather not wait for anything: `Prefer: respond-async` (RFC 7240)."""
    return _ASYNC.search(call.headers.get("prefer", "")) is not None


def whole_number(call: Call, name: str, least: int, most: int, default: int) -> int:
    """Return a whole number from the query; raise `InvalidInputError` for anything else."""
    text = call.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise InvalidInputError.at(f"/{name}", "range", f"must be a whole number from {least} to {most}")
    return int(text)


def cursor_of(mark: str, number: int) -> str:
    """Return an opaque cursor that stands for a row's number; the mark says of which list."""
    return base64.urlsafe_b64encode(f"{mark}{number}".encode()).decode().rstrip("=")


def number_at(call: Call, name: str, mark: str) -> int | None:
    """Return the number that a cursor in the query stands for; raise `InvalidInputError` for one of another list."""
    text = call.query.get(name)
    if text is None:
        return None
    told = _decoded(text)
    if not told.startswith(mark.encode()) or not _NUMBER.fullmatch(told, 1):
        raise InvalidInputError.at(f"/{name}", "cursor", "is no cursor of this list")
    return int(told[1:])


def _decoded(cursor: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return b""
