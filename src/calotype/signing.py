"""Signatures made and checked side by side: asset links, and webhooks as Standard Webhooks 1.0.0 has them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from calotype.errors import InvalidLinkError, InvalidWebhookError

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


# --- webhooks ------------------------------------------------------------------------------------

WEBHOOK_TOLERANCE = timedelta(minutes=5)
"""How far a webhook's timestamp may lie from now, either way: an old message sent again by a stranger is refused."""
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_SHARED, _PUBLIC = "whsec_", "whpk_"
_HALF = 32
_SHARED_SIZES, _PUBLIC_SIZES = range(1, 129), range(_HALF, _HALF + 1)
"""Senders other than this one choose secrets of other lengths; an Ed25519 key has one length only."""
_MOST_SIGNATURES = 20


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What signs one receiver's webhooks: a secret that both sides know, and a private key whose public half the receiver knows."""

    shared: bytes = field(repr=False)
    private: bytes = field(repr=False)

    @classmethod
    def new(cls) -> WebhookSecret:
        """Return a secret drawn at random."""
        return cls(secrets.token_bytes(_HALF), secrets.token_bytes(_HALF))

    @classmethod
    def sharing(cls, text: str) -> WebhookSecret:
        """Return a secret whose shared half is `whsec_…`. Raises `InvalidWebhookError` when it is none."""
        kind, key = _key_of(text)
        if kind != _SHARED:
            raise InvalidWebhookError("what begins with whpk_ checks signatures and makes none")
        return cls(key, secrets.token_bytes(_HALF))

    @classmethod
    def of(cls, stored: bytes) -> WebhookSecret:
        """Return the secret that `stored` gave."""
        assert len(stored) == 2 * _HALF, "a stored secret is its two halves"
        return cls(stored[:_HALF], stored[_HALF:])

    @property
    def stored(self) -> bytes:
        """Return both halves in one, to be kept."""
        return self.shared + self.private

    @property
    def shared_text(self) -> str:
        """Return what a receiver checks v1 signatures with: to be shown to its owner only."""
        return _SHARED + _text(self.shared)

    @property
    def public_text(self) -> str:
        """Return what a receiver checks v1a signatures with: no secret."""
        # loaded here: of the two schemes only this one needs the library, and the command line should start without it
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return _PUBLIC + _text(Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw())


def sign_webhook(live: Sequence[WebhookSecret], message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign these very bytes, twice with each live secret: v1 (HMAC-SHA256) and v1a (Ed25519)."""
    assert live, "a webhook without a signature would be believed by nobody"
    stamp = str(int(sent_at.timestamp()))
    message = _signed(message_id, stamp, body)
    signatures = [f"v1,{_text(_v1(secret.shared, message))}" for secret in live]
    signatures += [f"v1a,{_text(_v1a(secret.private, message))}" for secret in live]
    return {ID: message_id, TIMESTAMP: stamp, SIGNATURE: " ".join(signatures)}


def check_webhook(keys: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Raise `InvalidWebhookError` unless one of the signatures was made with one of the keys (`whsec_…` or `whpk_…`) just now.

    Header names may be in any case; `now` is aware.
    """
    known = [_key_of(text) for text in keys]
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp, listed = (given.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (message_id and stamp and listed):
        raise InvalidWebhookError("one of the headers webhook-id, webhook-timestamp and webhook-signature is missing")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise InvalidWebhookError("its timestamp is no number of seconds")
    if abs(now.timestamp() - int(stamp)) > WEBHOOK_TOLERANCE.total_seconds():
        raise InvalidWebhookError("its timestamp is too far from now; is this machine's clock right?")
    message = _signed(message_id, stamp, body)
    for signature in listed.split(" ")[:_MOST_SIGNATURES]:
        scheme, _, text = signature.partition(",")
        if any(_is_good(kind, key, scheme, _bytes(text), message) for kind, key in known):
            return
    raise InvalidWebhookError("none of its signatures was made with this secret over this body")


def sign_body(key: bytes, body: bytes) -> str:
    """Return `sha256=` and the HMAC-SHA256 of the body in hexadecimal: the signature of APIs older than the standard."""
    return f"sha256={hmac.digest(key, body, hashlib.sha256).hex()}"


def check_body(key: bytes, body: bytes, signature: str) -> bool:
    """Return whether `sign_body` made this signature."""
    return hmac.compare_digest(sign_body(key, body).encode("ascii"), signature.encode("utf-8", "surrogatepass"))


def _signed(message_id: str, stamp: str, body: bytes) -> bytes:
    return f"{message_id}.{stamp}.".encode("utf-8", "surrogatepass") + body


def _v1(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)


def _v1a(private: bytes, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).sign(message)


def _is_good(kind: str, key: bytes, scheme: str, signature: bytes, message: bytes) -> bool:
    """Return whether the key is one of this scheme and made the signature."""
    if (kind, scheme) == (_SHARED, "v1"):
        return hmac.compare_digest(_v1(key, message), signature)
    return (kind, scheme) == (_PUBLIC, "v1a") and _is_v1a(key, signature, message)


def _is_v1a(public: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _key_of(text: str) -> tuple[str, bytes]:
    """Return which sort of key a text is, and the key."""
    for prefix, sizes in ((_SHARED, _SHARED_SIZES), (_PUBLIC, _PUBLIC_SIZES)):
        key = _bytes(text.removeprefix(prefix))
        if text.startswith(prefix) and len(key) in sizes:
            return prefix, key
    raise InvalidWebhookError("the secret given to check it with is none: it begins with whsec_ or whpk_")


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bytes(text: str) -> bytes:
    """Return what a base64 text stands for; nothing when it is none."""
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return b""
