"""What open streams share: looks into the event log, and how many streams a key may have open."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from calotype.errors import TooManyStreamsError

MOST_STREAMS = 50
"""Streams that one key may have open at once, in one process."""
_AT_ONCE = 2
"""Looks at once: however many streams there are, most of the pool is left to requests."""

_Found = TypeVar("_Found")


class Tails:
    """Those who ask for the same before a look for it has begun are answered from that one look."""

    def __init__(self) -> None:
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._coming: dict[Hashable, asyncio.Task[Any]] = {}
        self._open: Counter[UUID] = Counter()

    async def share(self, sought: Hashable, look: Callable[[], Awaitable[_Found]]) -> _Found:
        """Return what the look finds: it begins after this call, so it is as fresh as the caller's own would be."""
        coming = self._coming.get(sought)
        if coming is None:
            coming = self._coming[sought] = asyncio.create_task(self._look(sought, look))
            coming.add_done_callback(_seen)
        found: _Found = await asyncio.shield(coming)
        return found

    def open(self, key_id: UUID) -> Callable[[], None]:
        """Count a stream of this key, and return what to call once it has ended. Raises `TooManyStreamsError`."""
        if self._open[key_id] >= MOST_STREAMS:
            raise TooManyStreamsError(MOST_STREAMS)
        self._open[key_id] += 1
        return partial(self._close, key_id)

    def _close(self, key_id: UUID) -> None:
        self._open[key_id] -= 1
        if not self._open[key_id]:
            del self._open[key_id]

    async def _look(self, sought: Hashable, look: Callable[[], Awaitable[_Found]]) -> _Found:
        async with self._gate:
            del self._coming[sought]
            return await look()


def _seen(task: asyncio.Task[Any]) -> None:
    """Take note of an error that nobody waits for any more: all who asked have gone."""
    if not task.cancelled():
        task.exception()
