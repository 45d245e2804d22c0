"""Whether there is room for what jobs make: asked before each submission, looked up once a second."""

from __future__ import annotations

from calotype.assets.base import Assets
from calotype.clock import Clock
from calotype.errors import DiskFullError

_FRESH = 1.0


class Room:
    """The asset store's readiness, remembered for a moment. A store that cannot be asked is no reason to refuse."""

    def __init__(self, assets: Assets, clock: Clock) -> None:
        self._assets = assets
        self._clock = clock
        self._lack: str | None = None
        self._good_until = float("-inf")

    async def check(self) -> None:
        """Raise `DiskFullError` while the store is full."""
        if self._clock.monotonic() >= self._good_until:
            found = await self._assets.check()
            self._lack = found.reason if found.is_full else None
            self._good_until = self._clock.monotonic() + _FRESH
        if self._lack is not None:
            raise DiskFullError(self._lack)
