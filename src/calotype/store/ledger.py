"""Money: append-only entries and the account's balance, always written together."""

from __future__ import annotations

from uuid import UUID

from calotype.dialects.base import LedgerRow
from calotype.errors import InsufficientCreditsError
from calotype.jobs.credits import Entry, effect_on_balance
from calotype.jobs.limits import Subject
from calotype.store import caps
from calotype.store.database import Connection

_LOWER = """
update accounts set balance = balance - %(amount)s
where id = %(account_id)s and (floor is null or balance - %(amount)s >= floor)
returning spend_cap is not null as is_capped,
    exists (select 1 from keys where id = %(key_id)s and spend_cap is not null) as is_key_capped, calotype_now() as at
"""


async def hold(
    db: Connection, *, account_id: UUID, job_id: UUID, hold_id: UUID, amount: int, key_id: UUID | None = None
) -> None:
    """Set credits aside for a job, and count them against the caps of its account and its key.

    Raises `InsufficientCreditsError` when the balance would fall below the account's floor, `SpendCapReachedError` for a cap.
    """
    row = await (await db.execute(_LOWER, {"amount": amount, "account_id": account_id, "key_id": key_id})).fetchone()
    if row is None:
        raise InsufficientCreditsError(price=amount, balance=await balance(db, account_id))
    # the account's row is ours until the end, so whoever counts against its caps or those of its keys takes turns
    if row["is_capped"]:
        await caps.count(db, Subject.ACCOUNT, account_id, amount, row["at"])
    if row["is_key_capped"] and key_id is not None:
        await caps.count(db, Subject.KEY, key_id, amount, row["at"])
    await db.execute(
        """insert into ledger (account_id, job_id, hold_id, entry, amount, effect, at)
           values (%s, %s, %s, 'hold', %s, %s, %s)""",
        (account_id, job_id, hold_id, amount, effect_on_balance(Entry.HOLD, amount), row["at"]),
    )


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
    if entry is Entry.REFUND:
        await caps.give_back(db, job_id)


async def grant(db: Connection, account_id: UUID, amount: int, note: str) -> int:
    """Add credits and return the new balance."""
    row = await (
        await db.execute(
            "update accounts set balance = balance + %s where id = %s returning balance", (amount, account_id)
        )
    ).fetchone()
    assert row is not None, "the caller has looked the account up"
    await db.execute(
        "insert into ledger (account_id, entry, amount, effect, note) values (%s, 'grant', %s, %s, %s)",
        (account_id, amount, effect_on_balance(Entry.GRANT, amount), note),
    )
    return int(row["balance"])


async def balance(db: Connection, account_id: UUID) -> int:
    """Return the balance in credits."""
    row = await (await db.execute("select balance from accounts where id = %s", (account_id,))).fetchone()
    assert row is not None, "an account is never deleted"
    return int(row["balance"])


async def page(db: Connection, account_id: UUID, limit: int, *, before: int | None = None) -> list[LedgerRow]:
    """Return up to `limit` rows of an account, newest first: those older than the row `before`, when it is given."""
    rows = await (
        await db.execute(
            """select id, entry, amount, effect, job_id, note, at from ledger
               where account_id = %s and id < coalesce(%s, 9223372036854775807) order by id desc limit %s""",
            (account_id, before, limit),
        )
    ).fetchall()
    return [
        LedgerRow(row["id"], row["entry"], row["amount"], row["effect"], row["job_id"], row["note"], row["at"])
        for row in rows
    ]
