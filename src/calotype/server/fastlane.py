"""Polls of a job that has not changed since the same client asked last: answered from one look-up, the key checked as ever.

Nearly all requests are these. The lane knows nothing that the slow way does not: it remembers where that way led, and whatever is
not exactly as it was then goes that way again.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from calotype.accounts import Accounts, hash_of
from calotype.clock import Clock
from calotype.server.answer import Answer
from calotype.server.cache import Entry, JobCache, Rendered
from calotype.server.call import Call
from calotype.server.reads import Reads

_SIZE = 20_000
_LONGEST_PATH = 200
_LONGEST_AUTHORIZATION = 256
_LONGEST_HOST = 261
"""Bytes of what an answer is remembered by; whoever says it at greater length goes the slow way."""
_PLAIN = frozenset(
    {
        b"authorization",
        b"host",
        b"user-agent",
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"connection",
        b"x-request-id",
    }
)
"""Headers that do not change an answer, save for whom it is and where the server stands."""

_Key = tuple[str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Remembered:
    route: str
    scope: str
    digest: bytes
    entry: Entry
    rendered: Rendered


class FastLane:
    """What the slow way answered, by path, key and host."""

    def __init__(self, accounts: Accounts, cache: JobCache, reads: Reads, clock: Clock) -> None:
        self._accounts = accounts
        self._reads = reads
        self._clock = clock
        self._cache = cache
        self._known: dict[_Key, _Remembered] = {}

    def answer(self, scope: Scope, now: float) -> tuple[str, Answer] | None:
        """Return the route's name and the answer, or None: then the slow way finds out."""
        asked = _key_of(scope)
        known = self._known.get(asked) if asked is not None else None
        if known is None:
            return None
        if now >= known.rendered.good_until or not self._cache.holds(known.entry):
            del self._known[asked]  # type: ignore[arg-type] # it was found under it
            return None
        caller = self._accounts.recall(known.digest, now)
        if caller is None or caller.account_id != known.entry.job.account_id or known.scope not in caller.scopes:
            return None
        if not self._reads.may_look(caller, known.entry, now):
            return None  # the slow way words the refusal
        return known.route, known.rendered.answer

    def remember(self, call: Call, entry: Entry, rendered: Rendered) -> None:
        """Remember an answer for as long as it is good, unless the job changes before."""
        asked = _key_of(call.scope)
        key = call.face.key_of(call.headers)
        if asked is None or key is None or call.operation.scope is None:
            return
        self._make_room(asked)
        route = f"{call.face.id}.{call.operation.name}"
        self._known[asked] = _Remembered(route, call.operation.scope, hash_of(key), entry, rendered)

    def _make_room(self, asked: _Key) -> None:
        """Forget what has had its time: the oldest stand first, and none is good for longer than a few seconds."""
        self._known.pop(asked, None)
        now = self._clock.monotonic()
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) < _SIZE and now < self._known[oldest].rendered.good_until:
                break
            del self._known[oldest]


def _key_of(scope: Scope) -> _Key | None:
    """Return what a plain poll is known by; None for a request that says more than that."""
    path = scope["path"]
    if scope["method"] != "GET" or scope["query_string"] or len(path) > _LONGEST_PATH:
        return None
    authorization = host = b""
    for name, value in scope["headers"]:
        if name not in _PLAIN:
            return None
        if name == b"authorization":
            if authorization:
                return None
            authorization = value
        elif name == b"host":
            host = value
    if len(authorization) > _LONGEST_AUTHORIZATION or len(host) > _LONGEST_HOST:
        return None
    return (path, authorization, host)
