"""What follows from how an attempt ended. Pure."""

from __future__ import annotations

from enum import StrEnum

from calotype.engines.process import StoppedError
from calotype.errors import CalotypeError, ChildDiedError, OutOfMemoryError, TransientEngineError
from calotype.worker.watch import Why

Failure = CalotypeError | StoppedError
"""How an attempt may end without a result."""


class Ending(StrEnum):
    """What is written down at the end of an attempt."""

    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    RELEASE = "release"
    CONFIRM_CANCEL = "confirm_cancel"
    NOTHING = "nothing"


_OF_A_STOP = {
    Why.CANCELLED: Ending.CONFIRM_CANCEL,
    Why.LOST: Ending.NOTHING,
    Why.DEADLINE: Ending.NOTHING,  # upkeep ends the job
    Why.DRAIN: Ending.RELEASE,
    Why.HUNG: Ending.RETRY,
    Why.MEMORY: Ending.RETRY,
}
_UNWANTED = {Why.CANCELLED, Why.LOST}


def ending_of(why: Why | None, failure: Failure | None) -> Ending:
    """Return what to write down, from why the attempt was stopped, if it was, and how the engine ended.

    A result that came in spite of a drain or a passed deadline is offered: the job's row decides whether it is still wanted.
    """
    if why in _UNWANTED:
        return _OF_A_STOP[why]
    if failure is None:
        return Ending.SUCCEED
    if why is not None and isinstance(failure, StoppedError | ChildDiedError):
        return _OF_A_STOP[why]
    if isinstance(failure, StoppedError):
        return Ending.NOTHING  # the engine saw the deadline pass before we did
    return Ending.RETRY if failure.is_retryable else Ending.FAIL


def error_of(why: Why | None, failure: Failure | None) -> CalotypeError:
    """Return what a failed attempt is said to have failed of."""
    if why is Why.HUNG:
        return TransientEngineError("the engine stopped answering and was ended")
    if why is Why.MEMORY:
        return OutOfMemoryError("the engine took more memory than the limit and was ended")
    assert isinstance(failure, CalotypeError), "an attempt without a failure does not fail"
    return failure


def is_out_of_memory(why: Why | None, failure: Failure | None) -> bool:
    """Return whether the process is not to be trusted any more."""
    return why is Why.MEMORY or isinstance(failure, OutOfMemoryError)
