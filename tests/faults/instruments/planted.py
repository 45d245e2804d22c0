"""Planted bugs: what each instrument must find. A green run means nothing while one of these slips through."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import psycopg

from calotype import lifecycle
from calotype.errors import InsufficientCreditsError, LeaseLostError
from calotype.jobs.credits import Entry
from calotype.jobs.model import Job
from calotype.lifecycle import Lifecycle
from calotype.queue import parking
from calotype.store import jobs, ledger, limits
from calotype.store.database import Connection, Database

_settle = ledger.settle
_due: ContextVar[list[tuple[UUID, Entry]]] = ContextVar("due")


class LateDatabase(Database):
    """Settles the money in a transaction of its own, after the one that moved the job."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection, and afterwards pay what became due in it."""
        due: list[tuple[UUID, Entry]] = []
        token = _due.set(due)
        try:
            async with super().transaction() as db:
                yield db
        finally:
            _due.reset(token)
        for job_id, entry in due:
            async with super().transaction() as db:
                await _settle(db, job_id, entry)


@contextmanager
def money_settled_afterwards() -> Iterator[None]:
    """Plant: a crash between the move and the refund loses the refund. Needs a `LateDatabase`."""

    async def remember(db: Connection, job_id: UUID, entry: Entry) -> None:
        _due.get().append((job_id, entry))

    ledger.settle = remember
    try:
        yield
    finally:
        ledger.settle = _settle


@contextmanager
def refunds_forgotten() -> Iterator[None]:
    """Plant: what is captured is captured, what should be given back is not."""

    async def capture_only(db: Connection, job_id: UUID, entry: Entry) -> None:
        if entry is Entry.CAPTURE:
            await _settle(db, job_id, entry)

    ledger.settle = capture_only
    try:
        yield
    finally:
        ledger.settle = _settle


class Unfenced(Lifecycle):
    """Listens to any worker while the job is held by one: the sleeper finishes the other's job."""

    async def _held(self, db: Connection, claimed: Job) -> Job:
        job = await jobs.get(db, claimed.id, is_locked=True)
        if job is None or not job.state.is_held_by_worker:
            raise LeaseLostError
        return job


@contextmanager
def moves_unguarded() -> Iterator[None]:
    """Plant: check, then act. Rows are read without a lock and written whatever they have become."""
    guarded, locked = jobs._MOVE, jobs.get

    async def unlocked(db: Connection, job_id: UUID, account_id: UUID | None = None, *, is_locked: bool = False) -> Any:
        return await locked(db, job_id, account_id)

    # the parameters stay named, so that the statement still takes them
    jobs._MOVE = guarded.replace(
        "and state = %(from)s and jobs.attempt = %(from_attempt)s",
        "and (true or state = %(from)s or jobs.attempt = %(from_attempt)s)",
    )
    assert guarded != jobs._MOVE, "the guard has moved"
    jobs.get = unlocked
    try:
        yield
    finally:
        jobs._MOVE, jobs.get = guarded, locked


@contextmanager
def batches_in_any_order() -> Iterator[None]:
    """Plant: two upkeep duties lock the balances of the same accounts in different orders."""
    ordered = lifecycle._by_account
    chance = random.Random(1)

    def shuffled(batch: Iterable[Job]) -> list[Job]:
        return sorted(batch, key=lambda _: chance.random())

    lifecycle._by_account = shuffled
    try:
        yield
    finally:
        lifecycle._by_account = ordered


@contextmanager
def balance_checked_first() -> Iterator[None]:
    """Plant: the balance is read, then lowered: two submits spend the same last credit."""
    real = ledger.hold

    async def check_then_hold(db: Connection, *, account_id: UUID, amount: int, **given: Any) -> None:
        if await ledger.balance(db, account_id) < amount:
            raise InsufficientCreditsError(price=amount, balance=0)
        await db.execute("update accounts set floor = null where id = %s", (account_id,))
        await real(db, account_id=account_id, amount=amount, **given)

    ledger.hold = check_then_hold
    try:
        yield
    finally:
        ledger.hold = real


@contextmanager
def rate_looked_at_first() -> Iterator[None]:
    """Plant: the rate is looked at, then counted: submits at the same time see what is left of it before any has taken it."""
    real = limits._TAKE
    unguarded = real.replace("where greatest(held.due_at", "where true or greatest(held.due_at")
    assert unguarded != real, "the guard has moved"
    take = limits.take

    async def look_then_take(db: Connection, held: Any, *whose: Any) -> Any:
        await limits.look(db, held)
        return await take(db, held, *whose)

    limits._TAKE, limits.take = unguarded, look_then_take  # type: ignore[assignment] # it is called as the other
    try:
        yield
    finally:
        limits._TAKE, limits.take = real, take


@contextmanager
def claims_without_a_turn() -> Iterator[None]:
    """Plant: running jobs are counted without the account's turn, so that two claims both see room."""
    real = parking._TAKE_TURN
    parking._TAKE_TURN = "select %s, %s"
    try:
        yield
    finally:
        parking._TAKE_TURN = real


def unexpected(error: BaseException) -> str:
    """Return an error as a finding's sentence."""
    code = getattr(error, "sqlstate", None) if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__}{f' {code}' if code else ''}: {str(error).splitlines()[0] if str(error) else ''}"
