"""Money: append-only entries and the account's balance, always written together."""

from __future__ import annotations

from uuid import UUID

import psycopg

from calotype.errors import InsufficientCreditsError
from calotype.jobs.credits import Entry, effect_on_balance
from calotype.store.database import Connection


async def hold(db: Connection, *, account_id: UUID, job_id: UUID, hold_id: UUID, amount: int) -> None:
    """Set credits aside for a job; raise `InsufficientCreditsError` when the balance would fall below the account's floor."""
    row = await (
        await db.execute(
            """update accounts set balance = balance - %(amount)s
               where id = %(account_id)s and (floor is null or balance - %(amount)s >= floor) returning balance""",
            {"amount": amount, "account_id": account_id},
        )
    ).fetchone()
    if row is None:
        raise InsufficientCreditsError(price=amount, balance=await balance(db, account_id))
    await _append(db, account_id, job_id, hold_id, Entry.HOLD, amount)


_SETTLE = """
with settled as (
    insert into ledger (account_id, job_id, hold_id, entry, amount, effect)
    select account_id, job_id, hold_id, %(entry)s, amount, case %(entry)s when 'refund' then amount else 0 end
    from ledger where job_id = %(job_id)s and entry = 'hold'
    returning account_id, effect
)
update accounts set balance = balance + given.back
from (select account_id, sum(effect) as back from settled group by account_id) given
where id = given.account_id and given.back <> 0
"""


async def settle(db: Connection, job_id: UUID, entry: Entry) -> None:
    """Capture or refund every hold of a job; a second settlement breaks a unique index, so it cannot be."""
    assert entry in (Entry.CAPTURE, Entry.REFUND), "a hold is kept or given back"
    await db.execute(_SETTLE, {"job_id": job_id, "entry": entry})


async def grant(db: Connection, account_id: UUID, amount: int, note: str) -> int:
    """Add credits and return the new balance."""
    row = await (
        await db.execute(
            "update accounts set balance = balance + %s where id = %s returning balance", (amount, account_id)
        )
    ).fetchone()
    assert row is not None, "the caller has looked the account up"
    await _append(db, account_id, None, None, Entry.GRANT, amount, note)
    return int(row["balance"])


async def balance(db: Connection, account_id: UUID) -> int:
    """Return the balance in credits."""
    row = await (await db.execute("select balance from accounts where id = %s", (account_id,))).fetchone()
    assert row is not None, "an account is never deleted"
    return int(row["balance"])


async def _append(
    db: Connection,
    account_id: UUID,
    job_id: UUID | None,
    hold_id: UUID | None,
    entry: Entry,
    amount: int,
    note: str | None = None,
) -> psycopg.AsyncCursor[dict[str, object]]:
    return await db.execute(
        "insert into ledger (account_id, job_id, hold_id, entry, amount, effect, note) values (%s, %s, %s, %s, %s, %s, %s)",
        (account_id, job_id, hold_id, entry, amount, effect_on_balance(entry, amount), note),
    )
