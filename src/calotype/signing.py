"""HMAC made and checked side by side: asset links."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from calotype.errors import InvalidLinkError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# the query's words: short, since a link is read by people and kept in databases
_KEY, _EXPIRY, _DISPOSITION, _SIGNATURE = "k", "e", "d", "s"

_SIGNED_METHODS = {"HEAD": ("HEAD", "GET")}
"""The methods a link may have been signed for, by the method of the request. Others: only their own."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a checked link grants: act on these facts, never on the query they came in."""

    path: str
    expires_at: datetime
    disposition: str | None


class LinkSigner:
    """Signs asset links with the current key; checks them with any key still known, so that keys can be rotated."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        assert current in keys, "the current key must be among the keys"
        assert all(keys.values()), "an empty key signs for anyone"
        self._keys = dict(keys)
        self._current = current

    def sign(self, path: str, *, expires_at: datetime, method: str = "GET", disposition: str | None = None) -> str:
        """Return the query string that opens `path` for `method` until `expires_at`."""
        expiry = str(math.ceil(expires_at.timestamp()))
        facts = {_KEY: self._current, _EXPIRY: expiry}
        if disposition is not None:
            facts[_DISPOSITION] = disposition
        facts[_SIGNATURE] = _signature(self._keys[self._current], method, path, expiry, disposition)
        return urlencode(facts)

    def check(self, method: str, path: str, query: Mapping[str, str], *, now: datetime) -> Link:
        """Return what the link grants, or raise `InvalidLinkError`. `path` is the exact path as signed."""
        key = self._keys.get(query.get(_KEY, ""))
        # the expiry is signed as text: a second spelling of the same number is another link
        expiry, disposition = query.get(_EXPIRY, ""), query.get(_DISPOSITION)
        if key is None or not _is_signed(key, method, path, expiry, disposition, query.get(_SIGNATURE, "")):
            raise InvalidLinkError
        expires_at = _EPOCH + timedelta(seconds=int(expiry))
        if now >= expires_at:
            raise InvalidLinkError
        return Link(path, expires_at, disposition)


def window_end(now: datetime, *, lifetime: timedelta) -> datetime:
    """Return an expiry between one and two lifetimes away that is the same for every moment of a window.

    Links are made anew on each read; with this expiry two reads in one window give equal bytes.
    """
    return _EPOCH + ((now - _EPOCH) // lifetime + 2) * lifetime


def _signature(key: bytes, method: str, path: str, expiry: str, disposition: str | None) -> str:
    # JSON, since joined texts could be cut elsewhere and still read the same
    message = json.dumps([method, path, expiry, disposition]).encode("ascii")
    return base64.urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).rstrip(b"=").decode("ascii")


def _is_signed(key: bytes, method: str, path: str, expiry: str, disposition: str | None, signature: str) -> bool:
    # the texts are compared, not the bytes they stand for: base64 spells the same bytes in several ways
    presented = signature.encode("utf-8", "surrogatepass")
    return any(
        hmac.compare_digest(_signature(key, allowed, path, expiry, disposition).encode("ascii"), presented)
        for allowed in _SIGNED_METHODS.get(method, (method,))
    )
