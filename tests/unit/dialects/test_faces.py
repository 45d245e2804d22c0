"""What holds for every dialect: each error has a status and a page, each row is described, each state has a word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import calotype.inputs
import calotype.lifecycle  # noqa: F401 - their errors count too
from calotype.config import Settings
from calotype.dialects import dialects
from calotype.dialects.aetherai.replies import WORDS
from calotype.dialects.base import Dialect, Operation, Verb
from calotype.dialects.openapi import document_of, refusals_of
from calotype.errors import CallerError, CalotypeError, DatabaseUnavailableError, NotAuthenticatedError
from calotype.jobs.states import JobState

FACES = dialects(Settings())
RATE = {"policy": "p", "requests": 1, **dict.fromkeys(("per", "pause", "until_full"), timedelta(seconds=1))}
ROWS = [pytest.param(face, row, id=f"{face.id}.{row.name}") for face in FACES for row in face.operations]


def errors(error: type[CalotypeError] = CalotypeError) -> Iterator[type[CalotypeError]]:
    yield error
    for child in error.__subclasses__():
        yield from errors(child)


@pytest.fixture(params=FACES, ids=lambda face: face.id)
def face(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


def test_every_error_has_a_status_and_a_body_on_every_face(face: Dialect) -> None:
    for error in errors():
        bare = error.__new__(error)
        Exception.__init__(bare, "why")
        bare.__dict__.update({"problems": (), "allowed": ("GET",), "place": "body", "found": []} | RATE)

        reply = face.refuse(bare, "req_1")

        assert reply.status == face.status_of(error)
        assert 400 <= reply.status < 600
        assert json.dumps(reply.body)


def test_a_callers_error_is_a_4xx_and_any_other_a_5xx(face: Dialect) -> None:
    for error in errors():
        assert (face.status_of(error) < 500) == issubclass(error, CallerError), error


def test_errors_of_ours_are_answered_without_their_sentence(face: Dialect) -> None:
    reply = face.refuse(CalotypeError("/srv/secret at 10.0.0.1"), "req_1")

    assert reply.status == 500
    assert "secret" not in json.dumps(reply.body)


@pytest.mark.parametrize(("face", "row"), ROWS)
def test_every_row_is_described_with_what_it_can_answer(face: Dialect, row: Operation) -> None:
    if not row.is_in_schema:
        return
    described = document_of(face)["paths"][face.prefix + row.path][row.method.lower()]

    statuses = {int(status) for status in described["responses"]}
    assert statuses == {row.accepted, *refusals_of(face, row)}
    assert face.status_of(DatabaseUnavailableError) in statuses
    assert (face.status_of(NotAuthenticatedError) in statuses) == (row.scope is not None)
    assert described["operationId"] == row.name
    assert described["summary"]


def test_no_two_rows_share_a_name_or_a_place(face: Dialect) -> None:
    names = [row.name for row in face.operations]
    places = [(row.method, row.path) for row in face.operations]

    assert len(set(names)) == len(names)
    assert len(set(places)) == len(places)


def test_every_row_that_submits_says_how(face: Dialect) -> None:
    for row in face.operations:
        assert (row.read is not None) == (row.verb is Verb.SUBMIT), row.name


def test_every_schema_that_is_named_is_there(face: Dialect) -> None:
    document = document_of(face)

    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_state_has_a_word_on_aetherai() -> None:
    assert set(WORDS) == set(JobState)
    for state, word in WORDS.items():
        assert (word == "Succeed") == (state is JobState.SUCCEEDED)
        assert (word == "Pending") == (not state.is_terminal)
