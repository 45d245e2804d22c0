"""Spend caps of accounts and keys: what was held in a window, less what was given back of it.

Everything here is called by whoever holds the account's row, so that the counts of one account and its keys never race.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from calotype.errors import SpendCapReachedError
from calotype.jobs.limits import Subject, Window
from calotype.store.database import Connection


@dataclass(frozen=True, slots=True)
class Spend:
    """What may be spent in each window (None = no cap), and what has been in this one."""

    cap: int | None
    window: Window
    spent: int


_COUNT: dict[Subject, LiteralString] = {
    Subject.ACCOUNT: """update accounts set spent_since = calotype_window(spend_window, spend_from, %(at)s), spent = %(amount)s
        + case when spent_since = calotype_window(spend_window, spend_from, %(at)s) then spent else 0 end
        where id = %(id)s and spend_cap >= %(amount)s
        + case when spent_since = calotype_window(spend_window, spend_from, %(at)s) then spent else 0 end returning spent""",
    Subject.KEY: """update keys set spent_since = calotype_window(spend_window, spend_from, %(at)s), spent = %(amount)s
        + case when spent_since = calotype_window(spend_window, spend_from, %(at)s) then spent else 0 end
        where id = %(id)s and spend_cap >= %(amount)s
        + case when spent_since = calotype_window(spend_window, spend_from, %(at)s) then spent else 0 end returning spent""",
}
_READ: dict[Subject, LiteralString] = {
    Subject.ACCOUNT: """select spend_cap, spend_window,
        case when spent_since = calotype_window(spend_window, spend_from, %(at)s) then spent else 0 end as spent
        from accounts where id = %(id)s""",
    Subject.KEY: """select spend_cap, spend_window,
        case when spent_since = calotype_window(spend_window, spend_from, %(at)s) then spent else 0 end as spent
        from keys where id = %(id)s""",
}
_SET: dict[Subject, LiteralString] = {
    Subject.ACCOUNT: """update accounts set spend_cap = %(cap)s, spend_window = %(window)s, spend_from = calotype_now(),
        spent = 0, spent_since = null where id = %(id)s""",
    Subject.KEY: """update keys set spend_cap = %(cap)s, spend_window = %(window)s, spend_from = calotype_now(),
        spent = 0, spent_since = null where id = %(id)s""",
}
# What was counted in an earlier window, or before the cap was set, is not given back to this one.
_GIVE_BACK: dict[Subject, LiteralString] = {
    Subject.ACCOUNT: """update accounts a set spent = a.spent - given.back from (
        select sum(h.amount) as back from ledger h join accounts s on s.id = h.account_id
        where h.job_id = %(job_id)s and h.entry = 'hold' and h.at >= s.spent_since) given
        where a.id = (select account_id from jobs where id = %(job_id)s) and a.spend_cap is not null and given.back > 0""",
    Subject.KEY: """update keys k set spent = k.spent - given.back from (
        select sum(h.amount) as back from ledger h join jobs j on j.id = h.job_id join keys s on s.id = j.key_id
        where h.job_id = %(job_id)s and h.entry = 'hold' and h.at >= s.spent_since) given
        where k.id = (select key_id from jobs where id = %(job_id)s) and k.spend_cap is not null and given.back > 0""",
}


async def count(db: Connection, subject: Subject, subject_id: UUID, amount: int, at: datetime) -> None:
    """Count a hold against a cap; raise `SpendCapReachedError` when it is above what is left."""
    given = {"id": subject_id, "amount": amount, "at": at}
    if await (await db.execute(_COUNT[subject], given)).fetchone() is None:
        now = await read(db, subject, subject_id, at)
        raise SpendCapReachedError(
            price=amount, spent=now.spent, cap=now.cap or 0, window=now.window, noun=subject.noun
        )


async def give_back(db: Connection, job_id: UUID) -> None:
    """Take a refunded job's holds off the windows in which they were counted, where those still run."""
    for query in _GIVE_BACK.values():
        await db.execute(query, {"job_id": job_id})


async def read(db: Connection, subject: Subject, subject_id: UUID, at: datetime) -> Spend:
    """Return a cap and what was spent of it in the window of a moment."""
    row = await (await db.execute(_READ[subject], {"id": subject_id, "at": at})).fetchone()
    assert row is not None, "the caller has looked it up"
    return Spend(row["spend_cap"], Window(row["spend_window"]), row["spent"])


async def set_cap(
    db: Connection, account_id: UUID, subject: Subject, subject_id: UUID, cap: int | None, window: Window
) -> None:
    """Set what may be spent in each window, counted from now on; None takes the cap away."""
    await db.execute("select 1 from accounts where id = %s for update", (account_id,))
    await db.execute(_SET[subject], {"id": subject_id, "cap": cap, "window": window})
