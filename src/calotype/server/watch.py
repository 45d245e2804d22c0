"""Who waits for which job: long polls and streams sleep here until a NOTIFY wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class Watch:
    """Sleepers by job and by account. A wake-up is a hint: whoever wakes looks for himself."""

    def __init__(self) -> None:
        self._sleepers: dict[UUID, set[asyncio.Event]] = {}
        self.is_draining = False

    @contextmanager
    def over(self, noun_id: UUID) -> Iterator[asyncio.Event]:
        """Lend an event that is set whenever the job, or a job of the account, changes."""
        changed = asyncio.Event()
        sleepers = self._sleepers.setdefault(noun_id, set())
        sleepers.add(changed)
        try:
            yield changed
        finally:
            sleepers.discard(changed)
            if not sleepers and self._sleepers.get(noun_id) is sleepers:
                del self._sleepers[noun_id]

    def wake(self, *noun_ids: UUID) -> None:
        """Wake those who wait for any of these."""
        for noun_id in noun_ids:
            for changed in self._sleepers.get(noun_id, ()):
                changed.set()

    def wake_all(self) -> None:
        """Wake everyone: notices went by unheard."""
        self.wake(*self._sleepers)

    def drain(self) -> None:
        """End every wait: the server is stopping, and streams resume elsewhere."""
        self.is_draining = True
        self.wake_all()


async def rest(changed: asyncio.Event, seconds: float) -> bool:
    """Sleep until woken; return whether that happened in time."""
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await changed.wait()
    except TimeoutError:
        return False
    return True
