"""Those who do not take what they are sent: an answer nobody reads holds memory and a place, so its connection is cut.

Nothing of this is in a request's way. Every few seconds all connections are looked over, and nearly none has anything unsent.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from calotype.telemetry import log

STALL_TIME = 30.0
"""Seconds that an answer may lie unsent."""
LEAST_RATE = 1_000
"""Bytes a second that a reader must take on the whole, once that time is over."""
LOOKS = 6
"""Looks in that time."""


class Reader(Protocol):
    """A connection. `resumes` counts how often its buffer had run empty and was filled again."""

    transport: asyncio.Transport
    resumes: int


@dataclass(frozen=True, slots=True)
class _Behind:
    since: float
    left: int
    resumes: int


class Readers:
    """Remembers who was behind at the last look."""

    def __init__(self) -> None:
        self._behind: dict[Reader, _Behind] = {}

    async def watch(self, connections: Collection[Reader]) -> None:
        """Look, and look again, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(STALL_TIME / LOOKS)
            self.look(connections, clock())

    def look(self, connections: Collection[Reader], now: float) -> None:
        """Cut every connection that has taken next to nothing for too long. `now` is a monotonic moment in seconds."""
        behind: dict[Reader, _Behind] = {}
        for reader in list(connections):
            unsent = reader.transport.get_write_buffer_size()
            if not unsent:
                continue
            found = _Behind(now, unsent + _unacknowledged(reader.transport), reader.resumes)
            before = self._behind.get(reader)
            if before is None or before.resumes != found.resumes:
                behind[reader] = found
            elif now - before.since < STALL_TIME:
                behind[reader] = before
            elif before.left - found.left < (now - before.since) * LEAST_RATE:
                log.info("connection.cut", reason="its answer is not read", unsent=unsent)
                _reset(reader.transport)
            else:
                behind[reader] = found
        self._behind = behind


def _reset(transport: asyncio.Transport) -> None:
    """Close at once, and let the kernel drop what it still holds to send."""
    with suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Return how many bytes the kernel holds that the other side has not taken; 0 where it cannot be asked."""
    if sys.platform != "linux":
        return 0
    import fcntl  # where there is one
    import termios

    line = transport.get_extra_info("socket")
    with suppress(OSError, ValueError):
        held: int = struct.unpack("i", fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        return held
    return 0
