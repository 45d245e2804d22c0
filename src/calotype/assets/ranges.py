"""What a request's conditions ask of a stored file: pure functions after RFC 9110, sections 13 and 14."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_RANGE = re.compile(
    r"bytes\s*=\s*(?:(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+))\s*", re.ASCII | re.IGNORECASE
)
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_LONGEST_NUMBER = 18
_OPEN_END = "9" * (_LONGEST_NUMBER + 1)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to, not with, `end`."""

    start: int
    end: int


class Unsatisfiable:
    """The range lies outside the file."""


UNSATISFIABLE = Unsatisfiable()


@dataclass(frozen=True, slots=True)
class Selection:
    """How to answer: the status, the bytes to send (none when `start == end`), and the headers that say so."""

    status: int
    start: int
    end: int
    headers: Mapping[str, str] = field(default_factory=dict)


def select(
    method: str,
    *,
    size: int,
    etag: str,
    range_: str | None = None,
    if_range: str | None = None,
    if_none_match: str | None = None,
) -> Selection:
    """Return how to answer a GET or HEAD with these headers. The file's date is unknown to us, so dates never match."""
    facts = {"ETag": etag, "Accept-Ranges": "bytes"}
    if is_known(if_none_match, etag):
        return Selection(304, 0, 0, facts)
    asked = read_range(range_, size) if method == "GET" and may_be_partial(if_range, etag) else None
    if isinstance(asked, Unsatisfiable):
        return Selection(416, 0, 0, facts | {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
    if asked is None:
        sent = size if method == "GET" else 0
        return Selection(200, 0, sent, facts | {"Content-Length": str(size)})
    length = {"Content-Length": str(asked.end - asked.start)}
    return Selection(
        206, asked.start, asked.end, facts | length | {"Content-Range": f"bytes {asked.start}-{asked.end - 1}/{size}"}
    )


def read_range(header: str | None, size: int) -> Part | Unsatisfiable | None:
    """Return the one part asked for, or None for the whole file: nothing, nonsense or several parts were asked for."""
    match = _RANGE.fullmatch(header or "")
    if match is None:
        return None
    if match["suffix"] is not None:
        return _suffix(_number(match["suffix"]), size)
    first, last = _number(match["first"]), _number(match["last"] or _OPEN_END)
    if last < first:
        return None
    return Part(first, min(last + 1, size)) if first < size else UNSATISFIABLE


def strong_etag(sha256: str) -> str:
    """Return the validator of a file: equal bytes, equal text."""
    return f'"{sha256}"'


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Return whether the client already holds the file. Caches may have weakened the tag on its way to them."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _ETAG.findall(if_none_match)


def may_be_partial(if_range: str | None, etag: str) -> bool:
    """Return whether a part may be sent: it must fit bytes the client already has, so only the strong tag will do."""
    return if_range is None or if_range.strip() == etag


def _suffix(length: int, size: int) -> Part | Unsatisfiable | None:
    if length == 0:
        return UNSATISFIABLE
    # an empty file's last bytes are the whole of it, and no Content-Range can say so
    return Part(max(size - length, 0), size) if size else None


def _number(digits: str) -> int:
    """Return the number; one with more digits than any file has bytes is cut to a size no file reaches."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER
