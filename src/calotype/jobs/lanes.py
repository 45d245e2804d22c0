"""Which lane a worker serves next: warm models first within a bound, then the one that has waited most fairly. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane with waiting tickets, as one look at the table shows it.

    `waited` is how long its oldest waiting job has waited, in seconds.
    """

    lane_id: int
    model: str
    waited: float


@dataclass(frozen=True, slots=True)
class Residency:
    """What a device has loaded: the model, how many jobs it served in a row, and for how many seconds."""

    model: str | None = None
    streak: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WarmBound:
    """How long a warm model may keep a device while another lane waits."""

    jobs: int = 8
    seconds: float = 60.0


def lane_name(lane_id: int) -> str:
    """Return the queue's name of a lane: short, since a NOTIFY channel holds 63 bytes whatever a model is called."""
    return f"l{lane_id}"


def order_of(lanes: Sequence[LaneView], residency: Residency, bound: WarmBound = WarmBound()) -> list[LaneView]:
    """Return the lanes in the order to try them.

    The resident model's lane comes first until it has served `bound.jobs` jobs or `bound.seconds` seconds in a row while others
    wait; then it comes last. The rest stand by how long their oldest job has waited.
    """
    by_wait = sorted(lanes, key=lambda lane: (-lane.waited, lane.lane_id))
    is_within = residency.streak < bound.jobs and residency.seconds < bound.seconds
    return sorted(by_wait, key=lambda lane: (lane.model == residency.model) != is_within)
