from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.assets.ranges import UNSATISFIABLE, Part, Selection, Unsatisfiable, read_range, select, strong_etag

ETAG = strong_etag("ab12")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=0-99", Part(0, 100)),
        ("bytes=10-", Part(10, 100)),
        ("bytes=90-1000", Part(90, 100)),
        ("bytes=-1", Part(99, 100)),
        ("bytes=-100", Part(0, 100)),
        ("bytes=-1000", Part(0, 100)),
        ("BYTES = 5-9 ", Part(5, 10)),
        ("bytes=0-" + "9" * 5000, Part(0, 100)),
        ("bytes=-" + "9" * 5000, Part(0, 100)),
        ("bytes=" + "0" * 5000 + "7-7", Part(7, 8)),
    ],
)
def test_one_range_is_a_part(header: str, part: Part) -> None:
    assert read_range(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=" + "9" * 5000 + "-"])
def test_a_range_outside_the_file_is_unsatisfiable(header: str) -> None:
    assert read_range(header, 100) is UNSATISFIABLE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-3",
        "bytes=a-b",
        "bytes=1-2-3",
        "items=0-1",
        "bytes=+1-2",
        "bytes=\u0661-\u0662",
        "bytes=1 -2",
    ],
)
def test_nonsense_asks_for_the_whole_file(header: str | None) -> None:
    assert read_range(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=0-1, -5", "bytes=" + ",".join(["0-"] * 1000)])
def test_several_ranges_ask_for_the_whole_file(header: str) -> None:
    assert read_range(header, 100) is None


def test_an_empty_file_has_no_first_byte_but_its_last_bytes_are_the_whole() -> None:
    assert read_range("bytes=0-", 0) is UNSATISFIABLE
    assert read_range("bytes=-5", 0) is None


@given(st.text() | st.from_regex(r"bytes=[0-9]{0,30}-[0-9]{0,30}", fullmatch=True), st.integers(0, 10**15))
def test_whatever_is_sent_a_part_lies_within_the_file(header: str, size: int) -> None:
    part = read_range(header, size)

    assert part is None or isinstance(part, Unsatisfiable) or 0 <= part.start < part.end <= size


def test_a_plain_get_sends_the_whole_file() -> None:
    assert select("GET", size=10, etag=ETAG) == Selection(
        200, 0, 10, {"ETag": '"ab12"', "Accept-Ranges": "bytes", "Content-Length": "10"}
    )


def test_a_part_says_where_it_belongs() -> None:
    selection = select("GET", size=10, etag=ETAG, range_="bytes=2-4")

    assert (selection.status, selection.start, selection.end) == (206, 2, 5)
    assert selection.headers["Content-Range"] == "bytes 2-4/10"
    assert selection.headers["Content-Length"] == "3"


def test_an_unsatisfiable_range_is_answered_416_with_the_size() -> None:
    selection = select("GET", size=10, etag=ETAG, range_="bytes=10-")

    assert (selection.status, selection.start, selection.end) == (416, 0, 0)
    assert selection.headers["Content-Range"] == "bytes */10"


def test_a_head_knows_no_ranges_and_sends_no_bytes() -> None:
    selection = select("HEAD", size=10, etag=ETAG, range_="bytes=2-4")

    assert (selection.status, selection.start, selection.end) == (200, 0, 0)
    assert selection.headers["Content-Length"] == "10"


@pytest.mark.parametrize("header", ['"ab12"', 'W/"ab12"', '"x", "ab12"', '"x",W/"ab12" ', "*", " * "])
def test_a_client_that_holds_the_file_is_sent_nothing(header: str) -> None:
    selection = select("GET", size=10, etag=ETAG, range_="bytes=20-", if_none_match=header)

    assert (selection.status, selection.end, selection.headers["ETag"]) == (304, 0, ETAG)
    assert "Content-Length" not in selection.headers


@pytest.mark.parametrize("header", ['"ab1"', "ab12", '"AB12"', "", '"*"', 'w/"ab13"'])
def test_a_client_that_holds_another_file_is_sent_this_one(header: str) -> None:
    assert select("GET", size=10, etag=ETAG, if_none_match=header).status == 200


def test_a_part_is_sent_only_to_fit_the_same_file() -> None:
    def status(if_range: str) -> int:
        return select("GET", size=10, etag=ETAG, range_="bytes=2-4", if_range=if_range).status

    assert status('"ab12"') == 206
    assert status('W/"ab12"') == 200
    assert status('"ab13"') == 200
    assert status("Sun, 01 Mar 2026 12:00:00 GMT") == 200
