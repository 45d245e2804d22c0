"""The one table of states: which event leads where. Everything that asks about a state derives from it."""

from __future__ import annotations

from enum import StrEnum

from calotype.errors import IllegalTransitionError


class JobState(StrEnum):
    """Where a job stands."""

    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing leads out of it."""
        return not TRANSITIONS[self]

    @property
    def is_held_by_worker(self) -> bool:
        """Whether a worker holds a lease on a job in this state."""
        return Event.LAPSE in TRANSITIONS[self]


class Event(StrEnum):
    """What can happen to a job."""

    READY = "ready"
    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    LAPSE = "lapse"
    REQUEUE = "requeue"
    RELEASE = "release"
    CANCEL = "cancel"
    CONFIRM_CANCEL = "confirm_cancel"
    EXPIRE = "expire"


TRANSITIONS: dict[JobState, dict[Event, JobState]] = {
    # inputs are being fetched, or another job is waited for
    JobState.CREATED: {
        Event.READY: JobState.QUEUED,
        Event.FAIL: JobState.FAILED,
        Event.CANCEL: JobState.CANCELLED,
        Event.EXPIRE: JobState.EXPIRED,
    },
    JobState.QUEUED: {
        Event.CLAIM: JobState.RUNNING,
        Event.FAIL: JobState.FAILED,
        Event.CANCEL: JobState.CANCELLED,
        Event.EXPIRE: JobState.EXPIRED,
    },
    # RELEASE hands unfinished work back and spares the job the attempt (a draining worker); LAPSE spends it
    JobState.RUNNING: {
        Event.SUCCEED: JobState.SUCCEEDED,
        Event.FAIL: JobState.FAILED,
        Event.RETRY: JobState.RETRYING,
        Event.LAPSE: JobState.RETRYING,
        Event.RELEASE: JobState.QUEUED,
        Event.CANCEL: JobState.CANCELLING,
        Event.EXPIRE: JobState.EXPIRED,
    },
    JobState.RETRYING: {
        Event.REQUEUE: JobState.QUEUED,
        Event.FAIL: JobState.FAILED,
        Event.CANCEL: JobState.CANCELLED,
        Event.EXPIRE: JobState.EXPIRED,
    },
    # the worker was asked to stop: whatever it answers, or if it dies, the job is cancelled
    JobState.CANCELLING: {
        Event.CONFIRM_CANCEL: JobState.CANCELLED,
        Event.LAPSE: JobState.CANCELLED,
        Event.EXPIRE: JobState.EXPIRED,
    },
    JobState.SUCCEEDED: {},
    JobState.FAILED: {},
    JobState.CANCELLED: {},
    JobState.EXPIRED: {},
}

TERMINAL = frozenset(state for state in JobState if state.is_terminal)
HELD = frozenset(state for state in JobState if state.is_held_by_worker)


def after(state: JobState, event: Event) -> JobState:
    """Return the state the event leads to; raise `IllegalTransitionError` when it leads nowhere."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransitionError(state, event) from None


def allows(state: JobState, event: Event) -> bool:
    """Return whether the event may happen in this state."""
    return event in TRANSITIONS[state]


def diagram() -> str:
    """Return the table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> created", "    [*] --> queued"]
    lines += [
        f"    {state} --> {target}: {event}" for state, row in TRANSITIONS.items() for event, target in row.items()
    ]
    lines += [f"    {state} --> [*]" for state in JobState if state.is_terminal]
    return "\n".join(lines)
