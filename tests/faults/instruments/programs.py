"""Instrument E: hypothesis writes programs of calls, and the real lifecycle on a real database runs them.

Beside it stands a small memory of what was acknowledged: who holds each job, how it ended, how far it had come. After every step
the audit must be clean, and what was acknowledged must still be so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from calotype.audit import audit
from calotype.errors import (
    EngineError,
    IdempotencyMismatchError,
    IllegalTransitionError,
    InsufficientCreditsError,
    LeaseLostError,
    NotFoundError,
)
from calotype.jobs.model import Caller, Job, Progress
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle, Policy
from calotype.queue import tickets
from calotype.store.database import Database
from factories import WEBHOOK, empty, make_caller, make_file, make_submission, read_job

T = TypeVar("T")
WORKERS = st.sampled_from([UUID(int=1), UUID(int=2)])
PICK = st.integers(0, 10**6)
ANSWERS = st.sampled_from(["succeed", "fail", "retry", "release", "confirm_cancel", "progress", "heartbeat"])
GRANTED = 12
AUDIT_EVERY = 5


@dataclass(frozen=True)
class Stage:
    """What all programs share: one event loop, and the database as seen now, in 20 seconds and in two days."""

    runner: asyncio.Runner
    now: Database
    soon: Database
    far: Database


class Programs(RuleBasedStateMachine):
    """The rules. `stage` and `lifecycle_class` are set by whoever runs it."""

    stage: ClassVar[Stage]
    lifecycle_class: ClassVar[type[Lifecycle]] = Lifecycle
    acknowledged: ClassVar[int] = 0
    looked = 0

    def run(self, call: Awaitable[T]) -> T:
        """Return what a call was answered, and count it as acknowledged; one that is refused is not."""
        answer = self.look(call)
        type(self).acknowledged += 1
        return answer

    def look(self, call: Awaitable[T]) -> T:
        """Return what a call that changes nothing was answered."""

        async def awaited() -> T:
            return await call

        return self.stage.runner.run(awaited())

    @initialize()
    def begin(self) -> None:
        """Empty the database; two accounts, one of them with few credits."""
        self.jobs: list[UUID] = []
        self.claims: list[Job] = []
        self.holder: dict[UUID, int] = {}
        self.ended: dict[UUID, JobState] = {}
        self.shown: dict[UUID, float] = {}
        self.keys: dict[tuple[int, str], UUID] = {}
        policy = Policy(attempts=2, blocked_words=("forbidden",))
        make = self.lifecycle_class
        self.lifecycle = make(self.stage.now, policy)
        self.soon, self.far = make(self.stage.soon, policy), make(self.stage.far, policy)
        self.look(empty(self.stage.now))
        self.callers: list[Caller] = [
            self.look(make_caller(self.stage.now, GRANTED)),
            self.look(make_caller(self.stage.now, None)),
        ]

    # --- what callers do ---

    @rule(
        who=st.integers(0, 1),
        count=st.integers(1, 4),
        key=st.none() | st.sampled_from("ab"),
        prompt=st.sampled_from(["a boat", "a boat", "a forbidden boat"]),
        has_webhook=st.booleans(),
    )
    def submit(self, who: int, count: int, key: str | None, prompt: str, has_webhook: bool) -> None:
        """A job is made once per key."""
        submission = make_submission(
            input={"prompt": prompt, "count": count}, idempotency_key=key, digest=bytes([count]),
            webhook=WEBHOOK if has_webhook else None,
        )  # fmt: skip
        with contextlib.suppress(InsufficientCreditsError, IdempotencyMismatchError):
            receipt = self.run(self.lifecycle.submit(self.callers[who], submission))
            if key is not None:
                assert self.keys.setdefault((who, key), receipt.job.id) == receipt.job.id, "I2: one key, two jobs"
            assert receipt.is_replay is (receipt.job.id in self.jobs)
            if not receipt.is_replay:
                self.jobs.append(receipt.job.id)

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        """A terminal job is not cancelled."""
        job_id = self.jobs[pick % len(self.jobs)]
        try:
            job = self.run(self.lifecycle.cancel(job_id, account_id=None))
        except IllegalTransitionError:
            assert self.look(read_job(self.stage.now, job_id)).state.is_terminal
        else:
            self.note(job)

    @precondition(lambda self: self.ended)
    @rule(pick=PICK)
    def erase(self, pick: int) -> None:
        """A terminal job may be forgotten."""
        job_id = list(self.ended)[pick % len(self.ended)]
        with contextlib.suppress(NotFoundError):
            job = self.look(read_job(self.stage.now, job_id))
            self.run(self.lifecycle.erase(job_id, job.account_id))

    # --- what workers do ---

    @precondition(lambda self: self.jobs)
    @rule(worker_id=WORKERS)
    def claim(self, worker_id: UUID) -> None:
        """The next job, if there is one, is this worker's and nobody else's."""
        claimed = self.run(self.lifecycle.claim(worker_id, 1))
        if claimed is not None:
            assert claimed.id not in self.holder, "I6: two workers hold one job"
            assert claimed.id not in self.ended, "I3: a terminal job runs again"
            self.holder[claimed.id] = len(self.claims)
            self.claims.append(claimed)

    @precondition(lambda self: self.claims)
    @rule(pick=PICK, answer=ANSWERS, percent=st.floats(0, 100))
    def answer(self, pick: int, answer: str, percent: float) -> None:
        """Any worker that ever claimed a job may speak; only the holder is listened to."""
        number = pick % len(self.claims)
        claimed = self.claims[number]
        is_holder = self.holder.get(claimed.id) == number
        try:
            answered = self.run(self.call(claimed, answer, percent))
        except LeaseLostError:
            assert not is_holder, "the holder was refused"
        except IllegalTransitionError:
            assert is_holder, "a sleeper was told more than that its lease is lost"
        else:
            assert is_holder, "I6: a sleeper was listened to"
            if isinstance(answered, Job):
                del self.holder[claimed.id]
                self.note(answered)

    def call(self, claimed: Job, answer: str, percent: float) -> Awaitable[Any]:
        """Return the call a worker's answer is."""
        lifecycle = self.lifecycle
        calls: dict[str, Any] = {
            "succeed": lambda: lifecycle.succeed(claimed, [make_file()]),
            "fail": lambda: lifecycle.fail(claimed, EngineError("it broke")),
            "retry": lambda: lifecycle.retry(claimed, EngineError("it stumbled")),
            "release": lambda: lifecycle.release(claimed),
            "confirm_cancel": lambda: lifecycle.confirm_cancel(claimed),
            "progress": lambda: lifecycle.progress(claimed, Progress(percent)),
            "heartbeat": lambda: lifecycle.heartbeat(claimed),
        }
        made: Awaitable[Any] = calls[answer]()
        return made

    # --- what upkeep does ---

    @precondition(lambda self: self.holder)
    @rule()
    def lapse(self) -> None:
        """Twenty seconds on, nobody holds anything."""
        self.run(self.soon.lapse_due())
        self.holder.clear()

    @precondition(lambda self: self.holder)
    @rule(worker_id=WORKERS)
    def worker_dies(self, worker_id: UUID) -> None:
        """A dead worker's jobs are given back, the other's are not."""
        self.run(self.lifecycle.lapse_of_workers([worker_id]))
        self.holder = {job: number for job, number in self.holder.items() if self.claims[number].worker_id != worker_id}

    @precondition(lambda self: self.jobs)
    @rule()
    def requeue(self) -> None:
        """Jobs whose next attempt is due are queued."""
        self.run(self.soon.requeue_due())

    @precondition(lambda self: len(self.jobs) >= 3)
    @rule()
    def expire(self) -> None:
        """Two days on, everything has ended."""
        self.run(self.far.expire_due())
        self.holder.clear()

    @precondition(lambda self: self.jobs)
    @rule()
    def reissue(self) -> None:
        """Queued jobs without a ticket get one."""
        self.run(self.soon.reissue_tickets())

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK)
    def ticket_is_lost_or_arrives_twice(self, pick: int) -> None:
        """The queue promises nothing."""
        job_id = self.jobs[pick % len(self.jobs)]

        async def disturb() -> None:
            async with self.stage.now.connection() as db:
                if pick % 2:
                    await tickets.withdraw(db, job_id)
                else:
                    await tickets.issue(db, job_id, 1)

        self.run(disturb())

    # --- what must stay true ---

    def note(self, job: Job) -> None:
        """Remember how a job was acknowledged to have ended."""
        if job.state.is_terminal:
            self.ended.setdefault(job.id, job.state)

    @invariant()
    def the_audit_is_clean(self) -> None:
        """I2 to I8."""
        self.looked += 1
        if self.looked % AUDIT_EVERY == 0:
            self.teardown()

    def teardown(self) -> None:
        """Audit once more at the end of a program."""
        if hasattr(self, "jobs"):
            report = self.look(audit(self.stage.now))
            assert report.is_clean, [f"{found.invariant} {found.sentence}" for found in report.findings]

    @invariant()
    def what_was_acknowledged_is_so(self) -> None:
        """A terminal job never changes, a held one is held, and progress never falls."""
        for job_id in getattr(self, "jobs", ()):
            job = self.look(read_job(self.stage.now, job_id))
            self.note(job)
            assert job.state is self.ended.get(job_id, job.state), "I3: a terminal job changed"
            assert job.state.is_held_by_worker is (job_id in self.holder), f"{job.state}, and the holder is another"
            assert job.progress.percent >= self.shown.get(job_id, 0.0), "progress fell"
            self.shown[job_id] = job.progress.percent


def open_stage(url: str) -> Stage:
    """Connect three times, each at its own time of day."""
    runner = asyncio.Runner()
    databases = [
        Database(url, size=2, clock_offset=offset)
        for offset in (timedelta(0), timedelta(seconds=20), timedelta(days=2))
    ]
    for database in databases:
        runner.run(database.open())
    return Stage(runner, *databases)


def close_stage(stage: Stage) -> None:
    """Give everything back."""
    for database in (stage.now, stage.soon, stage.far):
        stage.runner.run(database.close())
    stage.runner.close()
