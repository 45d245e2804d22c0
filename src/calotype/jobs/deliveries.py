"""When a webhook is tried, when it is tried again, and when its receiver is left alone for a while: tables and pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Fate(StrEnum):
    """What an answer, or none, means for a delivery."""

    DELIVERED = "delivered"
    FAILED = "failed"  # try again as the plan says
    THROTTLED = "throttled"  # the receiver asks for fewer
    REFUSED = "refused"  # 410: it wants no more of them


_TOO_MANY = frozenset({429, 502, 504})
_GONE = 410


def fate_of(status: int | None) -> Fate:
    """Return what an HTTP status means; None = no answer came. A redirect is a failure: nobody signed up for another address."""
    if status is not None and 200 <= status < 300:
        return Fate.DELIVERED
    if status == _GONE:
        return Fate.REFUSED
    return Fate.THROTTLED if status in _TOO_MANY else Fate.FAILED


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """The waits between tries, how far each is spread (0.1 = by a tenth either way), and how long a try may take in all."""

    waits: tuple[timedelta, ...]
    spread: float = 0.1
    timeout: timedelta = timedelta(seconds=15)

    @property
    def tries(self) -> int:
        """Return how many tries there are."""
        return len(self.waits) + 1

    @property
    def span(self) -> timedelta:
        """Return how long the tries reach from first to last."""
        return sum(self.waits, timedelta(0))

    def wait_after(self, tries: int, chance: float, asked: timedelta | None = None) -> timedelta | None:
        """Return the wait after so many tries, or None when that was the last one.

        `chance` in 0…1 places it in its spread. What the receiver asked for by Retry-After is honoured up to `LONGEST_ASKED`.
        """
        if tries >= self.tries:
            return None
        wait = self.waits[tries - 1] * (1 + self.spread * (2 * chance - 1))
        return max(wait, _granted(asked))


LONGEST_ASKED = timedelta(hours=24)


def _granted(asked: timedelta | None) -> timedelta:
    return min(asked or timedelta(0), LONGEST_ASKED)


_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
STANDARD = DeliveryPlan(tuple(timedelta(seconds=wait) for wait in _SECONDS))
"""The ten tries of Standard Webhooks: the last one comes 75 hours after the first."""

ONCE = DeliveryPlan(())
"""A single try."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """How a receiver has been answering: failures in a row, and whether it has ever taken anything."""

    failures: int = 0
    is_proven: bool = False


@dataclass(frozen=True, slots=True)
class Breaker:
    """Leaves a receiver alone after `patience` failures in a row: for `first`, doubled with each failure, up to `longest`."""

    patience: int = 3
    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=5)

    def pause_after(
        self, failures: int, *, is_throttled: bool = False, asked: timedelta | None = None
    ) -> timedelta | None:
        """Return for how long it is left alone after so many failures in a row; None = not at all.

        One that asks for fewer is left alone at once, and for as long as it asks, up to `LONGEST_ASKED`.
        """
        if failures < self.patience and not is_throttled:
            return None
        factor: int = 2 ** min(max(0, failures - self.patience), 20)
        return max(min(self.first * factor, self.longest), _granted(asked))


_TO_PROVEN, _TO_OTHERS = 8, 2


def slots_of(receiver: Receiver) -> int:
    """Return how many tries one receiver may have under way: few until it has answered well, one while it fails."""
    if receiver.failures:
        return 1
    return _TO_PROVEN if receiver.is_proven else _TO_OTHERS


@dataclass(frozen=True, slots=True)
class Queued:
    """A receiver for which something is due: how it has been answering, and how many tries of its are under way."""

    name: str
    receiver: Receiver
    under_way: int

    @property
    def is_good(self) -> bool:
        """Return whether it takes what it is sent."""
        return self.receiver.is_proven and not self.receiver.failures


def share(queued: list[Queued], for_proven: int, for_others: int) -> dict[str, int]:
    """Return how many deliveries of which receiver to take now, in the order given.

    Receivers that take what they are sent have room of their own, so that any number of dead ones never delays them.
    """
    room = {True: for_proven, False: for_others}
    shares: dict[str, int] = {}
    for each in queued:
        wanted = min(room[each.is_good], slots_of(each.receiver) - each.under_way)
        if wanted > 0:
            shares[each.name] = wanted
            room[each.is_good] -= wanted
    return shares
