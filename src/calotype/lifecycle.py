"""The narrow door: one method for each thing that can happen to a job. Nothing else writes a job.

Each method is one transaction over the state, the ledger, the event log, the outbox and the queue ticket, and every move is
guarded by the state and the attempt it was decided on, so whoever comes second finds the job moved and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

import psycopg.errors

from calotype.errors import (
    AttemptsExhaustedError,
    CalotypeError,
    ContentRefusedError,
    DeadlineExceededError,
    IdempotencyMismatchError,
    IllegalTransitionError,
    LapsedError,
    LeaseLostError,
    NotFoundError,
)
from calotype.jobs.credits import Entry
from calotype.jobs.fields import files_named_in
from calotype.jobs.ids import new_id
from calotype.jobs.model import Caller, Fetch, Job, JobError, NewAsset, Output, Progress, Receipt, Submission
from calotype.jobs.policy import ContentPolicy
from calotype.jobs.prices import PriceList, cost_of, needs_files
from calotype.jobs.retry import RetryPlan
from calotype.jobs.states import Event, JobState, after, allows
from calotype.queue import parking, tickets
from calotype.store import assets, fetches, jobs, lanes, ledger, limits, outbox
from calotype.store.database import Connection, Database
from calotype.store.jobs import Changes, Moved, Terms
from calotype.store.outbox import Address

_BATCH = 100
"""How many jobs one upkeep transaction moves."""

_WINDOW = 5_000
"""Through how many queued jobs one look for lost tickets goes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What every job is held to."""

    attempts: int = 3
    lease: timedelta = timedelta(seconds=15)
    deadline: timedelta = timedelta(minutes=10)
    max_deadline: timedelta = timedelta(days=1)
    retention: timedelta = timedelta(days=7)
    blocked_words: tuple[str, ...] = ()
    prices: PriceList = field(default_factory=PriceList)


class Lifecycle:
    """Moves jobs. One instance serves a whole process."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database = database
        self._policy = policy
        self._content = ContentPolicy(policy.blocked_words)
        self._lanes: dict[str, int] = {}
        self._looked_to = tickets.FIRST

    @property
    def prices(self) -> PriceList:
        """Return what jobs cost here."""
        return self._policy.prices

    # --- what a caller does ----------------------------------------------------------------------

    async def quote(self, submission: Submission) -> int:
        """Return what the submission would cost, were it made now."""
        async with self._database.connection() as db:
            return await self._price_of(db, submission)

    async def submit(self, caller: Caller, submission: Submission) -> Receipt:
        """Accept a job: hold its price, write it down as queued and put its ticket in the lane.

        One that awaits files behind URLs stays created until they are in.

        Raises `RateLimitedError` or `TooManyWaitingError` before anything is charged, `InsufficientCreditsError`,
        `SpendCapReachedError`, or `IdempotencyMismatchError` when the key was used for another submission.
        """
        lane_id = await self._lane_of(submission.model)
        try:
            async with self._database.transaction() as db:
                standing = None
                if caller.limits:
                    standing = await limits.take(db, caller.limits, caller.account_id, caller.key_id)
                job = await self._write_down(db, caller, submission, lane_id)
        except psycopg.errors.UniqueViolation:
            return await self._replay(caller, submission)
        return Receipt(job, standing=standing)

    async def check_rate(self, caller: Caller) -> None:
        """Raise `RateLimitedError` when the caller's next submit would be refused: before its files are looked at."""
        if caller.limits:
            async with self._database.connection() as db:
                await limits.look(db, caller.limits)

    async def _write_down(self, db: Connection, caller: Caller, submission: Submission, lane_id: int) -> Job:
        terms = self._terms_of(submission, await self._price_of(db, submission))
        job_id = new_id()
        async with db.pipeline():
            await lanes.take_share(db, caller.account_id, lane_id, terms.cost)
            moved = await jobs.insert(db, job_id, caller, submission, lane_id, terms)
            await assets.keep_at_least(db, _inputs_of(submission.input), terms.deadline + terms.retention)
            await ledger.hold(
                db,
                account_id=caller.account_id,
                job_id=job_id,
                hold_id=new_id(),
                amount=terms.price,
                key_id=caller.key_id,
            )
            if submission.awaits_urls:
                await fetches.put(db, job_id, caller.account_id)
            elif not moved.has_parked:
                await tickets.issue(db, job_id, lane_id)
        await self._tell(db, moved)
        return moved.job

    async def _price_of(self, db: Connection, submission: Submission) -> int:
        kind, given = submission.kind, submission.input
        price = self._policy.prices.of(kind, submission.model, submission.requested_model)
        named = _inputs_of(given) if needs_files(price) else []
        return cost_of(price, kind, given, await assets.measures(db, named) if named else ())

    def _terms_of(self, submission: Submission, price: int) -> Terms:
        policy = self._policy
        deadline = policy.deadline if submission.deadline is None else submission.deadline
        return Terms(
            price=price,
            cost=int(submission.input.get("count", 1)),
            max_attempts=policy.attempts,
            deadline=min(deadline, policy.max_deadline),
            start_deadline=submission.start_deadline,
            retention=policy.retention,
        )

    async def _replay(self, caller: Caller, submission: Submission) -> Receipt:
        """Return what the first submission with this idempotency key made."""
        assert submission.idempotency_key is not None, "the only unique key a submission can break"
        async with self._database.connection() as db:
            job = await jobs.by_idempotency_key(
                db, caller.account_id, submission.idempotency_route, submission.idempotency_key
            )
        assert job is not None, "the unique key was held by a committed row"
        if job.digest != submission.digest:
            raise IdempotencyMismatchError
        return Receipt(job, is_replay=True)

    async def cancel(self, job_id: UUID, *, account_id: UUID | None) -> Job:
        """Cancel a waiting job at once; ask the worker of a running one to stop.

        Raises `NotFoundError`, or `IllegalTransitionError` when the job is terminal. Cancelling twice is no error.
        """
        async with self._database.transaction() as db:
            job = await jobs.get(db, job_id, account_id, is_locked=True)
            if job is None:
                raise NotFoundError
            if job.state is JobState.CANCELLING:
                return job
            if job.state in (JobState.CREATED, JobState.QUEUED):
                # the share before the balance, as a submit takes them: the other way round the two would wait in a circle
                await lanes.give_share_back(db, job.account_id, job.lane_id, int(job.input.get("count", 1)))
                await tickets.withdraw(db, job_id)
            changes = self._kept_lease(job) if job.state is JobState.RUNNING else Changes()
            return await self._move(db, job, Event.CANCEL, changes)

    async def erase(self, job_id: UUID, account_id: UUID) -> Sequence[str]:
        """Forget a terminal job's prompt and assets, keep its ledger; return the storage keys whose files are to go."""
        async with self._database.transaction() as db:
            job = await jobs.get(db, job_id, account_id, is_locked=True)
            if job is None:
                raise NotFoundError
            if not job.state.is_terminal:
                raise IllegalTransitionError(job.state, "erase")
            files = await assets.of_job(db, job_id)
            await assets.mark_purged(db, [row.file.asset_id for row in files])
            await jobs.erase(db, job_id)
        keys = [key for row in files for key in (row.file.key, row.file.thumbnail_key) if key]
        return [*keys, job.preview_key] if job.preview_key else keys

    # --- what a worker does ----------------------------------------------------------------------

    async def claim(self, worker_id: UUID, lane_id: int) -> Job | None:
        """Take the lane's next job for an attempt: ticket, state, attempt and lease in one transaction.

        A ticket whose job cannot be claimed any more is dropped; a job the content policy refuses fails here, refunded; one whose
        account has as many running as it may is parked, and stands in nobody's way.
        """
        while True:
            # each ticket in a transaction of its own: no refused job's account stays locked while the next job is waited for
            async with self._database.transaction() as db:
                job_id = await tickets.take(db, lane_id)
                if job_id is None:
                    return None
                job = await jobs.get(db, job_id, is_locked=True)
                if job is None or not allows(job.state, Event.CLAIM):
                    continue
                if self._content.refuses(job.input):
                    await self._fail(db, job, ContentRefusedError())
                    continue
                bound = await parking.bound_of(db, job.id)
                if bound is not None and not await parking.has_room(db, bound):
                    await parking.park(db, job.id, lane_id, bound)
                    continue
                lease = Changes(attempt=job.attempt + 1, worker_id=worker_id, lease=self._policy.lease)
                claimed = await self._move(db, job, Event.CLAIM, lease)
                is_far = await lanes.advance(db, lane_id, job.tag)
            if is_far:
                async with self._database.transaction() as db:
                    await lanes.rebase(db, lane_id, job.tag)
            return claimed

    async def heartbeat(self, claimed: Job) -> JobState:
        """Renew the lease; return RUNNING, or CANCELLING when the caller wants it stopped. Raises `LeaseLostError`."""
        async with self._database.connection() as db:
            state = await jobs.extend_lease(db, claimed, self._policy.lease)
        if state is None:
            raise LeaseLostError
        return state

    async def progress(
        self, claimed: Job, shown: Progress, *, preview_key: str | None = None, load_ms: int | None = None
    ) -> JobState:
        """Show how far the attempt is, and renew its lease. What is shown never falls. Raises `LeaseLostError`."""
        async with self._database.connection() as db:
            state = await jobs.progress(
                db, claimed, shown, lease=self._policy.lease, preview_key=preview_key, load_ms=load_ms
            )
        if state is None:
            raise LeaseLostError
        return state

    async def succeed(self, claimed: Job, outputs: Sequence[NewAsset]) -> Job:
        """Record the results and capture the hold; the files must be durable already.

        Raises `LeaseLostError` when another attempt holds the job or it has ended, `IllegalTransitionError` when it is being
        cancelled.
        """
        assert outputs, "a job that made nothing has not succeeded"
        async with self._database.transaction() as db:
            job = await self._held(db, claimed)
            written = await assets.insert_outputs(db, job.account_id, job.id, outputs, self._policy.retention)
            return await self._move(db, job, Event.SUCCEED, Changes(), outputs=written)

    async def fail(self, claimed: Job, error: CalotypeError) -> Job:
        """Record why the job failed and give its hold back; one that is being cancelled is cancelled instead."""
        async with self._database.transaction() as db:
            job = await self._held(db, claimed)
            if job.state is JobState.CANCELLING:
                return await self._move(db, job, Event.CONFIRM_CANCEL, Changes())
            return await self._fail(db, job, error)

    async def retry(self, claimed: Job, error: CalotypeError) -> Job:
        """End the attempt: another follows after a wait, or the job fails when none is left."""
        async with self._database.transaction() as db:
            return await self._try_again(db, await self._held(db, claimed), Event.RETRY, error)

    async def release(self, claimed: Job) -> Job:
        """Hand unfinished work back to the queue: the worker is draining.

        The job may have one attempt more instead of this one's number again: no two claims share a number, or a claim from
        before the release would pass for the one after it.
        """
        async with self._database.transaction() as db:
            job = await self._held(db, claimed)
            if job.state is JobState.CANCELLING:
                return await self._move(db, job, Event.CONFIRM_CANCEL, Changes())
            moved = await self._move(db, job, Event.RELEASE, Changes(spared=1))
            await tickets.issue(db, job.id, job.lane_id)
            return moved

    async def confirm_cancel(self, claimed: Job) -> Job:
        """Record that the engine has stopped, and give the hold back."""
        async with self._database.transaction() as db:
            return await self._move(db, await self._held(db, claimed), Event.CONFIRM_CANCEL, Changes())

    # --- what a fetcher of inputs does -----------------------------------------------------------

    async def inputs_ready(self, fetch: Fetch, given: Mapping[str, Any]) -> Job:
        """Queue a job whose files are in: `given` is its input with every file a stored asset.

        Raises `LeaseLostError` when another claim holds the fetch, or the job has ended meanwhile.
        """
        async with self._database.transaction() as db:
            job = await self._awaiting(db, fetch)
            await jobs.set_input(db, job.id, given)
            await assets.keep_at_least(db, _inputs_of(given), self._policy.max_deadline + self._policy.retention)
            moved = await self._move(db, job, Event.READY, Changes())
            await tickets.issue(db, job.id, job.lane_id)
            return moved

    async def inputs_failed(self, fetch: Fetch, error: CalotypeError) -> Job:
        """Record why a job's files cannot be had, and give its hold back. Raises `LeaseLostError` as `inputs_ready` does."""
        async with self._database.transaction() as db:
            return await self._fail(db, await self._awaiting(db, fetch), error)

    # --- what upkeep does ------------------------------------------------------------------------

    async def lapse_due(self) -> int:
        """Give back every job whose lease has lapsed; return how many."""
        async with self._database.transaction() as db:
            return await self._lapse(db, await jobs.held_past_lease(db, _BATCH), "its worker stopped answering")

    async def lapse_of_workers(self, worker_ids: Iterable[UUID]) -> int:
        """Give back every job of workers that have died; return how many."""
        async with self._database.transaction() as db:
            return await self._lapse(db, await jobs.held_by(db, list(worker_ids)), "its worker died")

    async def requeue_due(self) -> int:
        """Issue a ticket for every job whose next attempt is due; return how many."""
        async with self._database.transaction() as db:
            due = await jobs.due_for_retry(db, _BATCH)
            for job in due:
                await self._move(db, job, Event.REQUEUE, Changes())
                await tickets.issue(db, job.id, job.lane_id)
            return len(due)

    async def expire_due(self) -> int:
        """End every job past its deadline, refunded; return how many."""
        async with self._database.transaction() as db:
            due = await jobs.past_deadline(db, _BATCH)
            for job in _by_account(due):
                await self._move(db, job, Event.EXPIRE, Changes(error=_shown(DeadlineExceededError())))
                await tickets.withdraw(db, job.id)
            return len(due)

    async def unpark_due(self) -> int:
        """Give parked jobs their tickets where there is room and nobody saw it; return how many."""
        async with self._database.connection() as db:
            waiting = await parking.accounts(db, _BATCH)
        count = 0
        for account_id in waiting:
            async with self._database.transaction() as db:
                count += await parking.unpark(db, account_id)
        return count

    async def reissue_tickets(self) -> int:
        """Issue a ticket for queued jobs that have none; return how many.

        A look goes through some thousands of them, the next one goes on from there: a long queue is no work for every second.
        """
        async with self._database.transaction() as db:
            end = await tickets.end_of_window(db, self._looked_to, _WINDOW)
            lost = await tickets.missing(db, self._looked_to, end, _BATCH)
            for job_id, lane_id in lost:
                await tickets.issue(db, job_id, lane_id)
        if len(lost) < _BATCH:
            self._looked_to = end or tickets.FIRST
        return len(lost)

    # --- the parts -------------------------------------------------------------------------------

    async def _lapse(self, db: Connection, held: Sequence[Job], how: str) -> int:
        for job in _by_account(held):
            if job.state is JobState.CANCELLING:
                await self._move(db, job, Event.LAPSE, Changes())
            else:
                await self._try_again(db, job, Event.LAPSE, LapsedError(how))
        return len(held)

    async def _try_again(self, db: Connection, job: Job, event: Event, error: CalotypeError) -> Job:
        if job.state is JobState.CANCELLING:
            return await self._move(db, job, Event.CONFIRM_CANCEL, Changes())
        delay = RetryPlan(job.max_attempts).delay_after(job.attempt)
        if delay is None:
            return await self._fail(db, job, AttemptsExhaustedError(job.attempt, str(error)))
        data = {"error": {"code": error.code, "message": str(error)}}
        return await self._move(db, job, event, Changes(retry_after=delay, data=data))

    async def _fail(self, db: Connection, job: Job, error: CalotypeError) -> Job:
        return await self._move(db, job, Event.FAIL, Changes(error=_shown(error)))

    async def _move(
        self, db: Connection, job: Job, event: Event, changes: Changes, outputs: tuple[Output, ...] = ()
    ) -> Job:
        """Move along the table, settle the money when that ends the job, and put its delivery in the outbox."""
        target = after(job.state, event)
        if target.is_terminal:
            changes = replace(changes, retention=self._policy.retention)
        moved = await jobs.move(db, job, event, target, changes)
        if moved is None:
            _refuse(await jobs.get(db, job.id), event)
        moved = replace(moved, job=replace(moved.job, outputs=outputs))
        if job.state is JobState.CREATED:
            await fetches.drop(db, job.id)
        if target.is_terminal:
            await ledger.settle(db, job.id, Entry.CAPTURE if target is JobState.SUCCEEDED else Entry.REFUND)
        if moved.has_parked and job.state.is_held_by_worker and not target.is_held_by_worker:
            await parking.unpark(db, job.account_id)
        await self._tell(db, moved)
        return moved.job

    async def _tell(self, db: Connection, moved: Moved) -> None:
        """Write a delivery of this move for the job's own webhook and for each endpoint of the account that wants it."""
        job = moved.job
        to = list(moved.endpoints)
        if job.webhook is not None and job.webhook.wants(job.state):
            to.append(Address.of_job(job.account_id, job.webhook.url, job.face))
        for address in to:
            await outbox.put(db, new_id(), job, moved.event_seq, address, _facts_of(job))

    async def _held(self, db: Connection, claimed: Job) -> Job:
        """Return the job as it stands, locked, if this attempt still holds it; raise `LeaseLostError` if not."""
        job = await jobs.get(db, claimed.id, is_locked=True)
        if job is None or job.attempt != claimed.attempt or job.worker_id != claimed.worker_id:
            raise LeaseLostError
        return job

    async def _awaiting(self, db: Connection, fetch: Fetch) -> Job:
        """Return the job, locked, if it still awaits its files by this claim; raise `LeaseLostError` if not."""
        job = await jobs.get(db, fetch.job_id, is_locked=True)
        if job is None or not await fetches.is_held(db, fetch):
            raise LeaseLostError
        return job

    def _kept_lease(self, job: Job) -> Changes:
        return Changes(worker_id=job.worker_id, lease=self._policy.lease)

    async def _lane_of(self, model: str) -> int:
        if model not in self._lanes:
            async with self._database.connection() as db:
                self._lanes[model] = await lanes.ensure(db, model)
        return self._lanes[model]


def _refuse(job: Job | None, event: Event) -> NoReturn:
    """Tell whoever came second what stands now."""
    assert job is not None, "jobs are never deleted"
    raise IllegalTransitionError(job.state, event)


def _by_account(batch: Iterable[Job]) -> list[Job]:
    """Return a batch in the one order in which every batch locks balances, so that no two wait for each other in a circle."""
    return sorted(batch, key=lambda job: job.account_id)


def _shown(error: CalotypeError) -> JobError:
    return JobError(error.code, str(error), error.is_retryable)


def _inputs_of(given: Mapping[str, Any]) -> list[UUID]:
    """Return the stored assets a job's input names."""
    return [asset_id for ids in files_named_in(given).values() for asset_id in ids]


def _facts_of(job: Job) -> dict[str, Any]:
    """Return what of a job a later move changes, as it is now: the rest of a webhook's body is read when it is sent."""
    return {
        "state": job.state,
        "attempt": job.attempt,
        "version": job.version,
        "percent": job.progress.percent,
        "at": job.updated_at.isoformat(),
    }
