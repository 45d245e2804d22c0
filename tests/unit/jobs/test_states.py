"""The table of states: every (state, event) pair is decided, and everything else derives from it."""

from __future__ import annotations

import itertools

import pytest

from calotype.errors import IllegalTransitionError
from calotype.jobs.states import HELD, TERMINAL, TRANSITIONS, Event, JobState, after, allows, diagram

PAIRS = list(itertools.product(JobState, Event))


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_of_state_and_event_leads_to_one_state_or_is_refused(state: JobState, event: Event) -> None:
    if event in TRANSITIONS[state]:
        assert after(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(IllegalTransitionError, match=rf"A job that (is|has) {state} cannot "):
            after(state, event)


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_allows_says_what_after_does(state: JobState, event: Event) -> None:
    try:
        after(state, event)
        leads_somewhere = True
    except IllegalTransitionError:
        leads_somewhere = False

    assert allows(state, event) is leads_somewhere


def test_the_table_has_a_row_for_every_state() -> None:
    assert set(TRANSITIONS) == set(JobState)


def test_the_terminal_states_are_these_four() -> None:
    assert {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED} == TERMINAL


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_nothing_leads_out_of_a_terminal_state(state: JobState) -> None:
    assert not any(allows(state, event) for event in Event)


@pytest.mark.parametrize("state", sorted(set(JobState) - TERMINAL))
def test_every_other_state_can_reach_an_end(state: JobState) -> None:
    reached = {state}
    for _ in JobState:
        reached |= {target for known in reached for target in TRANSITIONS[known].values()}

    assert reached & TERMINAL


@pytest.mark.parametrize("state", sorted(set(JobState) - TERMINAL))
def test_a_deadline_ends_every_state_that_is_not_an_end(state: JobState) -> None:
    assert after(state, Event.EXPIRE) is JobState.EXPIRED


def test_a_worker_holds_a_job_that_is_running_or_cancelling_and_no_other() -> None:
    assert {JobState.RUNNING, JobState.CANCELLING} == HELD


def test_a_job_succeeds_from_running_only() -> None:
    assert [state for state in JobState if allows(state, Event.SUCCEED)] == [JobState.RUNNING]


def test_the_diagram_shows_each_arrow_once() -> None:
    lines = [line.strip() for line in diagram().splitlines()]

    arrows = [f"{state} --> {target}: {event}" for state, row in TRANSITIONS.items() for event, target in row.items()]
    assert [line for line in lines if ": " in line] == arrows


def test_the_diagram_shows_where_jobs_begin_and_end() -> None:
    lines = {line.strip() for line in diagram().splitlines()}

    assert {"[*] --> created", "[*] --> queued"} | {f"{state} --> [*]" for state in TERMINAL} <= lines
