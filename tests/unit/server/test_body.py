"""A body costs what it weighs: however it is built, it is read or refused in little time and memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from pydantic import BaseModel

from calotype.errors import BodyTooLargeError, CallerError, InvalidInputError, MalformedBodyError, Problem
from calotype.server.body import _validated, parse_json

LONG = "x" * 60_000
MOST = 1_000_000


class Anything(BaseModel):
    image: str = ""


EXPENSIVE = {
    "a long name over many values": b'{"%s": ["\\u0000", %s]}' % (LONG.encode(), b",".join([b"1"] * 25_000)),
    "16 million zeros": b"[" + b"0," * 16_000_000 + b"0]",
    "a million pairs": b"{" + b",".join(b'"%d":0' % at for at in range(1_000_000)) + b"}",
    "names within names": b'{"a":' * 100 + b'{"%s":"\\u0000"}' % LONG.encode() + b"}" * 100,
    "many NULs": b'{"%s": [%s]}' % (LONG.encode(), b",".join([b'"\\u0000"'] * 10_000)),
    "a long text that is no data URL": b'{"image": "%s"}' % (b"x" * 30_000_000),
    "many short data URLs": b'"data:' * 5_000_000,
}


@pytest.mark.parametrize("name", EXPENSIVE)
def test_an_expensive_body_is_refused_cheaply(name: str) -> None:
    data = EXPENSIVE[name]
    tracemalloc.start()
    begun = time.perf_counter()

    with pytest.raises(CallerError) as caught:
        _validated(Anything, data, MOST)

    taken, most = time.perf_counter() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 2.0
    assert most < 20_000_000
    assert len(str(caught.value)) < 2_000


def test_what_is_wrong_is_named_by_its_place() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_json(b'{"input": {"tags/x": [1, {"%s": "\\u0000"}]}}' % LONG.encode())

    assert caught.value.problems[0].pointer == "/input/tags~1x/1/" + "x" * 80


@pytest.mark.parametrize("slash", ["/", "\\/"])
def test_a_large_data_url_is_read_however_its_slashes_are_written(slash: str) -> None:
    data = '{"image": "data:image/png;base64,%s"}'.replace("/", slash) % (f"AbC1+{slash}" * 200_000)

    assert isinstance(_validated(Anything, data.encode(), MOST), Anything)


def test_a_data_url_does_not_make_room_for_more_beside_it() -> None:
    data = b'{"image": "data:image/png;base64,%s", "more": "%s"}' % (b"A" * 2_000_000, b"x" * MOST)

    with pytest.raises(BodyTooLargeError):
        _validated(Anything, data, MOST)


def test_the_commas_of_a_long_prompt_are_no_values() -> None:
    prompt = "," * 10_000

    assert parse_json(f'{{"prompt": "{prompt}", "negative_prompt": "{prompt}"}}'.encode())["prompt"] == prompt
    with pytest.raises(MalformedBodyError):
        parse_json(b"[" + b"0," * 50_000 + b"0]")


def test_an_error_lists_only_so_many_fields() -> None:
    error = InvalidInputError([Problem(f"/{at}", "extra", "is not known") for at in range(10_000)])

    assert len(error.problems) == 50
