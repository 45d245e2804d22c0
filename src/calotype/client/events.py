"""Server-sent events, read from text as it arrives: a reader for each stream, with no I/O of its own.

The HTTP library has such a reader; this one also gives control back on a comment, so that a wait can end in time.
"""

from __future__ import annotations

from calotype.client.wire import ServerEvent

LARGEST = 1_000_000
"""Characters of one unfinished event; a server that sends more is not one of ours."""


class EventReader:
    """Turns pieces of text into events; a piece may end anywhere."""

    def __init__(self) -> None:
        self._rest = ""
        self._name = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, text: str) -> tuple[ServerEvent, ...]:
        """Return the events that this piece completes."""
        whole = self._rest + text
        held = "\r" if whole.endswith("\r") else ""  # half of a CR LF, or a line's end: the next piece tells
        lines = whole.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = lines.pop() + held
        if len(self._rest) + sum(map(len, self._data)) > LARGEST:
            raise ValueError("an event of the stream is too large")
        return tuple(event for line in lines if (event := self._line(line)) is not None)

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._finish()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self._id = value
        return None

    def _finish(self) -> ServerEvent | None:
        event = ServerEvent(self._name or "message", "\n".join(self._data), self._id) if self._data else None
        self._name, self._data = "", []
        return event
