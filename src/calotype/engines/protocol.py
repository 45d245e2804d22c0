"""What a worker and an engine's process say to each other: JSON headers with bytes behind them, length first, no pickle."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO

LONGEST = 1 << 24
"""The most bytes of a header or of a body: files go through the scratch folder, a body is at most a preview."""

_LENGTHS = struct.Struct("!II")


class Word(StrEnum):
    """What a frame says."""

    # by the worker
    PROBE = "probe"
    LOAD = "load"
    RUN = "run"
    CANCEL = "cancel"
    PING = "ping"
    # by the engine's process
    PROBED = "probed"
    LOADING = "loading"
    LOADED = "loaded"
    PROGRESS = "progress"
    OUTPUT = "output"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    PONG = "pong"


class Fault(StrEnum):
    """How an order failed: decides what the worker does next."""

    ENGINE = "engine"
    TRANSIENT = "transient"
    MEMORY = "memory"


class GarbledError(Exception):
    """The other side sent what is no frame: it cannot be trusted any more."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: a word, facts in plain JSON values, and bytes."""

    word: Word
    facts: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""

    def packed(self) -> bytes:
        """Return the bytes to send."""
        header = json.dumps({"word": self.word, **self.facts}, separators=(",", ":")).encode()
        if max(len(header), len(self.body)) > LONGEST:
            raise GarbledError(f"a frame {self.word} is too long to send")
        return _LENGTHS.pack(len(header), len(self.body)) + header + self.body


def read_frame(source: BinaryIO) -> Frame | None:
    """Return the next frame of a blocking file, or None when the other side has gone."""
    lengths = source.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header, body = _checked(lengths)
    data = source.read(header + body)
    return _frame_of(data[:header], data[header:]) if len(data) == header + body else None


async def receive_frame(source: asyncio.StreamReader) -> Frame | None:
    """Return the next frame of a stream, or None when the other side has gone."""
    try:
        header, body = _checked(await source.readexactly(_LENGTHS.size))
        return _frame_of(await source.readexactly(header), await source.readexactly(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _checked(lengths: bytes) -> tuple[int, int]:
    header, body = _LENGTHS.unpack(lengths)
    if max(header, body) > LONGEST:
        raise GarbledError("a frame is longer than any we send")
    return header, body


def _frame_of(header: bytes, body: bytes) -> Frame:
    try:
        facts = json.loads(header)
        return Frame(Word(facts.pop("word")), facts, body)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise GarbledError("a frame's header is not what we send") from error
