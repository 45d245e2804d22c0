"""Order inside a lane: start-time fair queuing, one flow per account.

Each job gets a start tag, max(the lane's virtual time, its account's last finish tag), and its account's finish tag grows by
cost / weight (Goyal, Vin, Cheng 1996, "Start-time Fair Queueing"). The least start tag runs first, and the lane's virtual time
is the start tag of the job claimed last. Tags are whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

UNIT = 1_000
"""The tag distance of one output of an account of weight 1."""

REBASE_AT = 2**30
"""A lane whose tags are this far past its epoch is rebased, well before a priority leaves 32 bits."""

_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1


@dataclass(frozen=True, slots=True)
class Tags:
    """A job's start and finish tag."""

    start: int
    finish: int


def tags_of(*, virtual_time: int, last_finish: int, cost: int = 1, weight: int = 1) -> Tags:
    """Return the tags of an account's next job in a lane; `cost` in outputs, `weight` at least 1."""
    start = max(virtual_time, last_finish)
    return Tags(start, start + max(1, UNIT * cost // weight))


def priority_of(tag: int, epoch: int) -> int:
    """Return the ticket's priority, greatest first, clamped to the 32 bits the queue stores."""
    return max(_INT32_MIN, min(_INT32_MAX, epoch - tag))


def needs_rebase(tag: int, epoch: int) -> bool:
    """Return whether the lane's epoch should be moved up before this tag is used."""
    return tag - epoch >= REBASE_AT
