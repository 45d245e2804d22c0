"""The HTTP fields that tell a client to slow down, the same on every face: `Retry-After`, `RateLimit` and `RateLimit-Policy`."""

from __future__ import annotations

import math
from datetime import timedelta

from calotype.errors import (
    CalotypeError,
    OperatorError,
    RateLimitedError,
    TooManyConnectionsError,
    TooManyStreamsError,
    TooManyWaitingError,
)
from calotype.jobs.limits import Standing

_PAUSE = 2
_PAUSE_WHILE_WAITING = 5


def pacing_of(error: CalotypeError) -> dict[str, str]:
    """Return the fields that go with a 429 or 503; none for other errors."""
    if isinstance(error, RateLimitedError):
        policy = f'"{error.policy}";q={error.requests};w={_seconds(error.per)}'
        left = f'"{error.policy}";r=0;t={_seconds(error.pause)}'
        return {"Retry-After": str(_seconds(error.pause)), "RateLimit-Policy": policy, "RateLimit": left}
    if isinstance(error, TooManyWaitingError):
        return {"Retry-After": str(_PAUSE_WHILE_WAITING)}
    if isinstance(error, OperatorError | TooManyStreamsError | TooManyConnectionsError) and error.is_retryable:
        return {"Retry-After": str(_PAUSE)}
    return {}


def standing_fields(standing: Standing) -> dict[str, str]:
    """Return the fields that go with an accepted request: what may still be asked at once, and when all is given back."""
    rate = standing.rate
    left = rate.remaining(standing.until_full)
    return {
        "RateLimit-Policy": f'"{standing.policy}";q={rate.requests};w={_seconds(rate.per)}',
        "RateLimit": f'"{standing.policy}";r={left};t={_seconds(standing.until_full)}',
    }


def _seconds(span: timedelta) -> int:
    return max(1, math.ceil(span.total_seconds()))
