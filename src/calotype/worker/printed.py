"""What engines print goes to the worker's log, without what the caller wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from calotype.telemetry import log

_WORD = re.compile(r"\w+")
_FOREIGN = re.compile(r"[\w\\]*(?:[^\x00-\x7f]|\\[uUx][0-9a-fA-F]{2})[\w\\]*")
_MASK = "…"
_MOST_LINES = 200


class Printed:
    """Logs lines of one engine's process; during a job, no word of its input."""

    def __init__(self) -> None:
        self._words: frozenset[str] = frozenset()
        self._left = _MOST_LINES

    def begin(self, given: Mapping[str, Any]) -> None:
        """Mask the words of this input from now on."""
        self._words = frozenset(word.lower() for text in _texts(given) for word in _WORD.findall(text))
        self._left = _MOST_LINES

    def __call__(self, line: str) -> None:
        """Log a line. After too many in one job the rest is dropped."""
        self._left -= 1
        if self._left >= 0:
            log.info("engine.printed", line=self.masked(line))

    def masked(self, line: str) -> str:
        """Return the line with every word of the input masked: an engine may print a prompt in parts, or escaped."""
        if not self._words:
            return line
        plain = _FOREIGN.sub(_MASK, line)
        return _WORD.sub(lambda found: _MASK if found[0].lower() in self._words else found[0], plain)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
