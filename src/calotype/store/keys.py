"""The `keys` table: whose a key is, what it may do, and what it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from calotype.errors import InactiveKeyError, InactiveUserError, NotAuthenticatedError, NotFoundError
from calotype.jobs.limits import Limit, Rate, Subject
from calotype.jobs.model import Caller
from calotype.store.database import Connection

_FIND = """
select k.id, k.account_id, k.user_id, k.scopes, k.state, u.active and a.active as is_active, a.max_waiting,
    coalesce(kp.reads, ap.reads) as reads,
    kp.name as key_plan, kp.requests as key_requests, kp.per as key_per, kp.burst as key_burst, kp.max_waiting as key_max_waiting,
    ap.name as account_plan, ap.requests as account_requests, ap.per as account_per, ap.burst as account_burst,
    ap.max_waiting as account_max_waiting
from keys k join users u on u.id = k.user_id join accounts a on a.id = k.account_id
    left join plans kp on kp.name = k.plan left join plans ap on ap.name = a.plan
where k.hash = %s and k.state <> 'revoked' and (k.expires_at is null or k.expires_at > calotype_now())
"""


async def find(db: Connection, digest: bytes) -> Caller:
    """Return whose key it is, and what it is held to.

    Raises `NotAuthenticatedError` for a key that is unknown, revoked or expired, `InactiveKeyError` for a deactivated one, and
    `InactiveUserError` when the key is good and its user or account is not active.
    """
    row = await (await db.execute(_FIND, (digest,))).fetchone()
    if row is None:
        raise NotAuthenticatedError
    if row["state"] != "active":
        raise InactiveKeyError
    if not row["is_active"]:
        raise InactiveUserError
    return Caller(
        row["account_id"],
        row["user_id"],
        row["id"],
        frozenset(row["scopes"]),
        limits=limits_of(row),
        reads=row["reads"],
    )


def limits_of(row: Mapping[str, Any]) -> tuple[Limit, ...]:
    """Return what a caller's submits are held to: the account's limits before the key's, as they are counted."""
    of_account = row["max_waiting"] if row["max_waiting"] is not None else row["account_max_waiting"]
    both = (
        Limit(Subject.ACCOUNT, row["account_id"], row["account_plan"] or "account", _rate(row, "account"), of_account),
        Limit(Subject.KEY, row["id"], row["key_plan"] or "key", _rate(row, "key"), row["key_max_waiting"]),
    )
    return tuple(limit for limit in both if limit.rate is not None or limit.max_waiting is not None)


def _rate(row: Mapping[str, Any], whose: str) -> Rate | None:
    requests: int | None = row[f"{whose}_requests"]
    per: timedelta = row[f"{whose}_per"]
    return None if requests is None else Rate(requests, per, row[f"{whose}_burst"] or requests)


async def set_state(db: Connection, key_id: UUID, state: str, account_id: UUID | None = None) -> None:
    """Set a key's state; one that was revoked stays so. Raises `NotFoundError`, also for another account's key."""
    row = await (
        await db.execute(
            """update keys set state = %(state)s,
                 revoked_at = case when %(state)s = 'revoked' then coalesce(revoked_at, calotype_now()) end
               where id = %(key_id)s and (%(account_id)s::uuid is null or account_id = %(account_id)s)
                 and (state <> 'revoked' or %(state)s = 'revoked') returning id""",
            {"key_id": key_id, "account_id": account_id, "state": state},
        )
    ).fetchone()
    if row is None:
        raise NotFoundError("key")


async def listed(db: Connection, account_id: UUID | None = None, key_id: UUID | None = None) -> list[DictRow]:
    """Return keys, oldest first: an account's, or all; only the one of an id, when it is given."""
    return await (
        await db.execute(
            """select *, case when spent_since = calotype_window(spend_window, spend_from, calotype_now())
                 then spent else 0 end as spent_now
               from keys where (%(account_id)s::uuid is null or account_id = %(account_id)s)
                 and (%(key_id)s::uuid is null or id = %(key_id)s) order by created_at limit 1000""",
            {"account_id": account_id, "key_id": key_id},
        )
    ).fetchall()


async def account_of(db: Connection, key_id: UUID) -> UUID:
    """Return whose a key is. Raises `NotFoundError`."""
    row = await (await db.execute("select account_id from keys where id = %s", (key_id,))).fetchone()
    if row is None:
        raise NotFoundError("key")
    account_id: UUID = row["account_id"]
    return account_id
