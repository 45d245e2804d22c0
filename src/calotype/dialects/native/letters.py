"""What a native webhook says and how it is signed: the job as the API shows it, in less than 20 KB, by Standard Webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from calotype.dialects.base import Notice, SigningKeys, WebhookRow
from calotype.dialects.native import replies
from calotype.signing import sign_webhook

LARGEST = 20_000
"""Bytes of a body: many receivers take no more."""
EVENTS = ("job.running", "job.retrying", "job.succeeded", "job.failed", "job.cancelled", "job.expired")
ENDINGS = EVENTS[2:]
"""What those are told that name no events."""
_LONGEST_MESSAGE = 1_000

Facts = Mapping[str, Any]


def written(event: str, at: str, data: Facts) -> bytes:
    """Return a webhook's body. What makes it too large is left out, and named in `omitted`; read the job for it."""
    omitted: list[str] = []
    body = _bytes(event, at, data, omitted)
    for name, cut in _CUTS.items():
        if len(body) <= LARGEST:
            break
        omitted.append(name)
        data = cut(data)
        body = _bytes(event, at, data, omitted)
    while len(body) > LARGEST and data.get("outputs"):
        data = {**data, "outputs": data["outputs"][: len(data["outputs"]) * 3 // 4]}
        body = _bytes(event, at, data, omitted)
    return body


def _bytes(event: str, at: str, data: Facts, omitted: list[str]) -> bytes:
    whole = {"type": event, "timestamp": at, "data": data, "omitted": omitted}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _with_short_error(data: Facts) -> Facts:
    error = data.get("error")
    return {**data, "error": {**error, "message": error["message"][:_LONGEST_MESSAGE]}} if error else data


def _without_provenance(data: Facts) -> Facts:
    return {**data, "outputs": [{**output, "provenance": {}} for output in data.get("outputs", ())]}


_CUTS: Mapping[str, Callable[[Facts], Facts]] = {
    "input": lambda data: {**data, "input": {}},
    "provenance": _without_provenance,
    "error": _with_short_error,
    "tags": lambda data: {**data, "tags": {}},
    "outputs": lambda data: data,
}


def _body(notice: Notice) -> bytes:
    at = notice.at.isoformat().replace("+00:00", "Z")
    data = replies.job(notice.job, notice.links).body if notice.job else {"message": "A test: it has arrived."}
    return written(notice.event, at, data)


def _sign(notice: Notice, body: bytes, keys: SigningKeys, sent_at: datetime) -> Mapping[str, str]:
    return sign_webhook(keys.secrets, str(notice.id), sent_at, body)


WEBHOOK = WebhookRow(_body, _sign)
