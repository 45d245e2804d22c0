"""No order of events breaks the money, the fence or the end of a job: every reachable world is visited."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from calotype.errors import IllegalTransitionError
from calotype.jobs.states import TERMINAL, TRANSITIONS, Event, JobState, after
from faults.instruments.model import Rules, check


@pytest.mark.parametrize(("jobs", "workers", "attempts", "releases"), [(1, 3, 3, 2), (2, 2, 3, 0), (2, 2, 2, 1)])
def test_no_reachable_world_breaks_an_invariant(
    jobs: int, workers: int, attempts: int, releases: int, record_property: Callable[[str, object], None]
) -> None:
    outcome = check(jobs, workers, Rules(attempts, releases))

    record_property("counts", f"model check, {jobs} jobs, {workers} workers: {outcome.worlds:,} worlds")
    assert outcome.broken is None, " → ".join(outcome.way)
    assert outcome.worlds > 200


def test_every_arrow_of_the_table_is_walked() -> None:
    walked: set[tuple[JobState, Event]] = set()

    def step(state: JobState, event: Event) -> JobState:
        target = after(state, event)
        walked.add((state, event))
        return target

    check(1, 2, Rules(step=step))

    arrows = {(state, event) for state, row in TRANSITIONS.items() for event in row}
    # `created` is for kinds whose inputs are fetched first, and the content policy fails a queued job at its claim
    outside = {arrow for arrow in arrows if arrow[0] is JobState.CREATED} | {
        (JobState.QUEUED, Event.FAIL),
        (JobState.RETRYING, Event.FAIL),
    }
    assert walked >= arrows - outside


def test_without_the_fence_a_sleepers_result_is_found() -> None:
    outcome = check(2, 2, Rules(is_fenced=False))

    assert outcome.broken is not None
    assert outcome.broken.startswith("I6")


def test_a_forgotten_refund_is_found() -> None:
    outcome = check(2, 2, Rules(is_refund_forgotten_on_lapse=True))

    assert outcome.broken is not None
    assert outcome.broken.startswith("I4")


@pytest.mark.parametrize("revived", sorted(TERMINAL))
def test_a_way_out_of_a_terminal_state_is_found(revived: JobState) -> None:
    def step(state: JobState, event: Event) -> JobState:
        if (state, event) == (revived, Event.CANCEL):
            return JobState.CANCELLED
        try:
            return after(state, event)
        except KeyError as error:
            raise IllegalTransitionError(state, event) from error

    assert check(1, 2, Rules(step=step)).broken is not None
