from __future__ import annotations

import pytest

from calotype.engines.process import StoppedError
from calotype.errors import ChildDiedError, DiskFullError, EngineError, OutOfMemoryError, TransientEngineError
from calotype.worker.endings import Ending, Failure, ending_of, error_of, is_out_of_memory
from calotype.worker.watch import Why

STOPPED, DIED = StoppedError(), ChildDiedError("SIGKILL.")
FAILED, FAILED_FOR_NOW = EngineError("no"), TransientEngineError("not now")


@pytest.mark.parametrize(
    ("why", "failure", "ending"),
    [
        (None, None, Ending.SUCCEED),
        (None, FAILED, Ending.FAIL),
        (None, FAILED_FOR_NOW, Ending.RETRY),
        (None, DIED, Ending.RETRY),
        (None, DiskFullError(), Ending.RETRY),
        (None, STOPPED, Ending.NOTHING),
        (Why.CANCELLED, None, Ending.CONFIRM_CANCEL),
        (Why.CANCELLED, FAILED, Ending.CONFIRM_CANCEL),
        (Why.CANCELLED, DIED, Ending.CONFIRM_CANCEL),
        (Why.LOST, None, Ending.NOTHING),
        (Why.LOST, DIED, Ending.NOTHING),
        (Why.DEADLINE, DIED, Ending.NOTHING),
        (Why.DEADLINE, STOPPED, Ending.NOTHING),
        (Why.DEADLINE, None, Ending.SUCCEED),
        (Why.DRAIN, STOPPED, Ending.RELEASE),
        (Why.DRAIN, DIED, Ending.RELEASE),
        (Why.DRAIN, None, Ending.SUCCEED),
        (Why.DRAIN, FAILED, Ending.FAIL),
        (Why.HUNG, DIED, Ending.RETRY),
        (Why.MEMORY, DIED, Ending.RETRY),
    ],
)
def test_an_ending_follows_from_the_stop_and_the_failure(
    why: Why | None, failure: Failure | None, ending: Ending
) -> None:
    assert ending_of(why, failure) is ending


@pytest.mark.parametrize("why", [None, *Why])
@pytest.mark.parametrize("failure", [None, STOPPED, DIED, FAILED, FAILED_FOR_NOW])
def test_every_ending_that_needs_an_error_has_one(why: Why | None, failure: Failure | None) -> None:
    if ending_of(why, failure) in {Ending.FAIL, Ending.RETRY}:
        assert str(error_of(why, failure))


def test_a_process_that_ran_out_of_memory_is_not_trusted() -> None:
    assert is_out_of_memory(None, OutOfMemoryError())
    assert is_out_of_memory(Why.MEMORY, DIED)
    assert not is_out_of_memory(None, DIED)
    assert not is_out_of_memory(None, None)
