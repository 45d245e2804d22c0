"""Instrument D: every world that two workers, some jobs and an unlucky order of events can reach, breadth first.

The moves come from the real table of states and the real retry plan; around them stand the smallest possible leases, fence and
ledger. A worker may freeze for as long as it likes: it goes on believing in a claim that it lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from calotype.errors import IllegalTransitionError
from calotype.jobs.retry import RetryPlan
from calotype.jobs.states import Event, JobState, after

Step = Callable[[JobState, Event], JobState]
WORKERS_EVENTS = (Event.SUCCEED, Event.FAIL, Event.RETRY, Event.RELEASE, Event.CONFIRM_CANCEL)


class ModelJob(NamedTuple):
    """A job as far as its money and its attempts go. `holder` is a worker's number."""

    state: JobState
    attempt: int = 0
    holder: int | None = None
    captures: int = 0
    refunds: int = 0
    ends: int = 0
    taken_from_another: bool = False
    spared: int = 0


class World(NamedTuple):
    """The jobs (None = not submitted yet), and what each worker believes to hold: (job, attempt)."""

    jobs: tuple[ModelJob | None, ...]
    beliefs: tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class Rules:
    """What the check runs on. The two switches plant bugs."""

    attempts: int = 2
    releases: int = 1
    step: Step = after
    is_fenced: bool = True
    is_refund_forgotten_on_lapse: bool = False


@dataclass(frozen=True)
class Outcome:
    """How many worlds were seen, and the first in which an invariant is broken, with the way there."""

    worlds: int
    broken: str | None = None
    way: tuple[str, ...] = ()


def check(jobs: int, workers: int, rules: Rules = Rules()) -> Outcome:
    """Visit every reachable world; stop at the first that breaks I4, I6 or I8."""
    first = World((None,) * jobs, (None,) * workers)
    came_from: dict[World, tuple[World, str] | None] = {first: None}
    layer = [first]
    while layer:
        following: list[World] = []
        for world in layer:
            for said, reached in _moves(world, rules):
                if reached in came_from:
                    continue
                came_from[reached] = (world, said)
                broken = _broken(reached)
                if broken is not None:
                    return Outcome(len(came_from), broken, tuple(_way(came_from, reached)))
                following.append(reached)
        layer = following
    return Outcome(len(came_from))


def _moves(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    for number, job in enumerate(world.jobs):
        if job is None:
            yield f"submit {number}", _with_job(world, number, ModelJob(JobState.QUEUED))
            continue
        for event in (Event.CANCEL, Event.EXPIRE, Event.REQUEUE):
            yield from _said(f"{event} {number}", _moved(world, number, job, event, rules))
        yield from _said(f"lapse {number}", _lapsed(world, number, job, rules))
        for worker in range(len(world.beliefs)):
            yield from _said(f"worker {worker} claims {number}", _claimed(world, number, job, worker, rules))
    for worker, belief in enumerate(world.beliefs):
        if belief is not None:
            for event in WORKERS_EVENTS:
                yield from _said(f"worker {worker} says {event}", _answered(world, worker, belief, event, rules))


def _said(said: str, reached: World | None) -> Iterator[tuple[str, World]]:
    if reached is not None:
        yield said, reached


def _claimed(world: World, number: int, job: ModelJob, worker: int, rules: Rules) -> World | None:
    if _leads_nowhere(job.state, Event.CLAIM, rules):
        return None
    claimed = job._replace(state=rules.step(job.state, Event.CLAIM), attempt=job.attempt + 1, holder=worker)
    beliefs = list(world.beliefs)
    beliefs[worker] = (number, claimed.attempt)
    return _with_job(world, number, claimed)._replace(beliefs=tuple(beliefs))


def _answered(world: World, worker: int, belief: tuple[int, int], event: Event, rules: Rules) -> World | None:
    """A worker ends its attempt, or believes so: the fence decides whether it is listened to."""
    number, attempt = belief
    job = world.jobs[number]
    assert job is not None, "a worker believes in jobs that were submitted"
    is_holder = (job.attempt, job.holder) == (attempt, worker)
    if job.holder is None or (rules.is_fenced and not is_holder):
        return None
    reached = (
        _tried_again(world, number, job, event, rules)
        if event is Event.RETRY
        else _moved(world, number, job, event, rules)
    )
    if reached is None:
        return None
    moved = reached.jobs[number]
    assert moved is not None, "a job stays"
    if not is_holder:
        reached = _with_job(reached, number, moved._replace(taken_from_another=True))
    beliefs = list(reached.beliefs)
    beliefs[worker] = None
    return reached._replace(beliefs=tuple(beliefs))


def _lapsed(world: World, number: int, job: ModelJob, rules: Rules) -> World | None:
    if job.state is JobState.CANCELLING:
        reached = _moved(world, number, job, Event.LAPSE, rules)
        moved = reached.jobs[number] if reached else None
        if reached and moved and rules.is_refund_forgotten_on_lapse:
            return _with_job(reached, number, moved._replace(refunds=0))
        return reached
    return _tried_again(world, number, job, Event.LAPSE, rules)


def _tried_again(world: World, number: int, job: ModelJob, event: Event, rules: Rules) -> World | None:
    if _leads_nowhere(job.state, event, rules):
        return None
    is_last = RetryPlan(rules.attempts + job.spared).delay_after(job.attempt) is None
    return _moved(world, number, job, Event.FAIL if is_last else event, rules)


def _moved(world: World, number: int, job: ModelJob, event: Event, rules: Rules) -> World | None:
    """Move along the table and settle what that ends, as the lifecycle does in one transaction."""
    if _leads_nowhere(job.state, event, rules):
        return None
    target = rules.step(job.state, event)
    moved = job._replace(state=target, holder=job.holder if target.is_held_by_worker else None)
    if event is Event.RELEASE:
        if job.spared == rules.releases:
            return None  # a worker may hand a job back for ever, the check may not
        moved = moved._replace(spared=job.spared + 1)
    if target.is_terminal:
        kept = int(target is JobState.SUCCEEDED)
        moved = moved._replace(captures=job.captures + kept, refunds=job.refunds + 1 - kept, ends=job.ends + 1)
    return _with_job(world, number, moved)


def _leads_nowhere(state: JobState, event: Event, rules: Rules) -> bool:
    try:
        rules.step(state, event)
    except IllegalTransitionError:
        return True
    return False


def _with_job(world: World, number: int, job: ModelJob) -> World:
    jobs = list(world.jobs)
    jobs[number] = job
    return world._replace(jobs=tuple(jobs))


def _broken(world: World) -> str | None:
    for job in world.jobs:
        if job is None:
            continue
        due = (1, 0) if job.state is JobState.SUCCEEDED else (0, 1) if job.state.is_terminal else (0, 0)
        if (job.captures, job.refunds) != due:
            return f"I4: {job.state} with {job.captures} captures and {job.refunds} refunds"
        if job.taken_from_another:
            return "I6: a result was taken from a worker that did not hold the attempt"
        if job.ends != int(job.state.is_terminal):
            return f"I8: {job.state} with {job.ends} terminal events"
    return None


def _way(came_from: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    steps: list[str] = []
    step = came_from[world]
    while step is not None:
        steps.append(step[1])
        step = came_from[step[0]]
    return steps[::-1]
