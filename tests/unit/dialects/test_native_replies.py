"""The native job object, in every state, held against the model the reference is printed from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from calotype.dialects.base import Links
from calotype.dialects.native import Native, replies
from calotype.dialects.native.answers import JobAnswer
from calotype.jobs.model import Output
from calotype.jobs.states import JobState
from factories import NOON, make_job

LATER = NOON + timedelta(hours=2)
LINKS = Links(
    base_url="https://here",
    asset_url=lambda output: f"https://here/assets/{output.key}",
    thumbnail_url=lambda output: f"https://here/assets/{output.thumbnail_key}" if output.thumbnail_key else None,
    expires_at=LATER,
)
OUTPUT = Output(UUID(int=5), 0, "a/b.png", "image/png", "png", 3, "00", expires_at=NOON + timedelta(hours=1))


@pytest.mark.parametrize("state", JobState)
def test_a_job_in_any_state_is_what_the_reference_says(state: JobState) -> None:
    reply = replies.job(make_job(state), LINKS)

    shown = JobAnswer.model_validate(reply.body, strict=False)
    assert list(reply.body) == list(JobAnswer.model_fields)
    assert shown.state is state


def test_a_link_lives_no_longer_than_its_file() -> None:
    [shown] = replies.job(make_job(JobState.SUCCEEDED, outputs=(OUTPUT,)), LINKS).body["outputs"]

    assert shown["expires_at"] == "2026-05-01T13:00:00Z"
    assert shown["url"] == "https://here/assets/a/b.png"


def test_an_erased_file_has_its_facts_and_no_link() -> None:
    job = make_job(JobState.SUCCEEDED, outputs=(replace(OUTPUT, purged_at=NOON),))

    [shown] = replies.job(job, LINKS).body["outputs"]

    assert (shown["url"], shown["thumbnail_url"], shown["expires_at"], shown["bytes"]) == (None, None, None, 3)


def test_what_nobody_knows_is_null() -> None:
    shown = replies.job(make_job(), LINKS).body

    assert shown["queue"] == {"position": None, "eta_seconds": None, "is_possible": None}
    assert shown["preview"] is None


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer abc"}, "abc"),
        ({"authorization": "bearer  abc "}, "abc"),
        ({"x-api-key": "abc"}, "abc"),
        ({"authorization": "abc"}, None),
        ({"authorization": "Basic abc"}, None),
        ({"authorization": "Bearer "}, None),
        ({}, None),
    ],
)
def test_a_key_is_found_where_it_may_stand(headers: dict[str, str], key: str | None) -> None:
    assert Native().key_of(headers) == key
