"""What tells a client to slow down: the fields of a refusal, and of an accepted request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calotype.dialects.pacing import pacing_of, standing_fields
from calotype.errors import (
    CalotypeError,
    DatabaseUnavailableError,
    InsufficientCreditsError,
    RateLimitedError,
    TooManyStreamsError,
    TooManyWaitingError,
)
from calotype.jobs.limits import Rate, Standing

MINUTE = timedelta(minutes=1)


def test_a_rate_limit_says_what_it_is_what_is_left_and_when_there_is_more() -> None:
    refused = RateLimitedError("trial", 10, MINUTE, timedelta(seconds=5.2), timedelta(seconds=59.2))

    assert pacing_of(refused) == {
        "Retry-After": "6",
        "RateLimit-Policy": '"trial";q=10;w=60',
        "RateLimit": '"trial";r=0;t=6',
    }


def test_an_accepted_request_says_what_is_left() -> None:
    standing = Standing("trial", Rate(10, MINUTE, 10), timedelta(seconds=12))

    assert standing_fields(standing) == {"RateLimit-Policy": '"trial";q=10;w=60', "RateLimit": '"trial";r=8;t=12'}


@pytest.mark.parametrize("error", [TooManyWaitingError(3, "key"), TooManyStreamsError(3), DatabaseUnavailableError()])
def test_whatever_passes_says_when_to_come_back(error: CalotypeError) -> None:
    assert int(pacing_of(error)["Retry-After"]) > 0


def test_what_does_not_pass_by_waiting_says_nothing_of_it() -> None:
    assert pacing_of(InsufficientCreditsError(2, 1)) == {}
