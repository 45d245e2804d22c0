"""Accounts, users and keys: who may ask, and what they may spend."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import DictRow

from calotype.clock import Clock
from calotype.dialects.base import KeyView, LedgerRow, SpendView
from calotype.errors import InvalidInputError, NotFoundError
from calotype.jobs.ids import new_id
from calotype.jobs.limits import Subject, Window
from calotype.jobs.model import Caller
from calotype.store import caps, keys, ledger, limits
from calotype.store.database import Connection, Database

SCOPES = frozenset({"submit", "read", "admin"})
_CACHE_SECONDS = 1.0
_CACHE_SIZE = 10_000
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,16}")
_MOST_CREDITS = 10**15
_LONGEST_LIFE = timedelta(days=36_525)
_PLAIN = ("unlimited", "metered")
"""What accounts are called that have no plan: without a floor, and with one."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `key` is shown this once: only its SHA-256 is stored."""

    key: str
    key_id: UUID
    account_id: UUID
    user_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has, in credits, how low it may fall, and what limits it besides (None = no limit)."""

    account_id: UUID
    name: str
    balance: int
    floor: int | None
    plan: str = "unlimited"
    spend: SpendView = field(default_factory=SpendView)
    max_waiting: int | None = None
    max_running: int | None = None


class Accounts:
    """The accounts of an installation. Key checks are remembered for a second, so a revocation is seen within one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def authenticate(self, key: str) -> Caller:
        """Return whose key it is. Raises what `store.keys.find` raises."""
        digest = hash_of(key)
        now = self._clock.monotonic()
        recalled = self.recall(digest, now)
        if recalled is not None:
            return recalled
        caller = await self._look_up(digest)
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[digest] = (now + _CACHE_SECONDS, caller)
        return caller

    def recall(self, digest: bytes, now: float) -> Caller | None:
        """Return whose key has this hash if that was looked up moments ago; None: `authenticate` finds out."""
        known = self._known.get(digest)
        return known[1] if known is not None and known[0] > now else None

    async def _look_up(self, digest: bytes) -> Caller:
        async with self._database.connection() as db:
            return await keys.find(db, digest)

    async def create_key(
        self,
        name: str,
        *,
        account: str | None = None,
        credits_granted: int | None = None,
        prefix: str = "cal_",
        scopes: Sequence[str] = ("submit", "read"),
        expires_at: datetime | None = None,
        plan: str | None = None,
        cap: int | None = None,
        window: Window = Window.TOTAL,
    ) -> NewKey:
        """Make a key, and the account and its owner when they are missing.

        A new account has no spending limit unless `credits_granted` says how much it starts with; on an account that exists they
        are added. `cap` is the most credits that this key may spend in each `window`, `plan` the name of what it is held to.
        """
        _check_key_request(name, account or name, prefix, scopes, credits_granted)
        _check_cap(cap)
        _check_expiry(expires_at, self._clock.now())
        key = prefix + secrets.token_urlsafe(32)
        async with self._database.transaction() as db:
            await _check_plan(db, plan)
            account_id, user_id = await _account_and_owner(db, account or name, is_metered=credits_granted is not None)
            if credits_granted:
                await ledger.grant(db, account_id, credits_granted, f"with key {name}")
            key_id = new_id()
            await db.execute(
                """insert into keys (id, account_id, user_id, name, hash, hint, scopes, expires_at, plan)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    key_id,
                    account_id,
                    user_id,
                    name,
                    hash_of(key),
                    f"{prefix}…{key[-4:]}",
                    list(scopes),
                    expires_at,
                    plan,
                ),
            )
            if cap is not None:
                await caps.set_cap(db, account_id, Subject.KEY, key_id, cap, window)
        return NewKey(key, key_id, account_id, user_id, name)

    async def revoke_key(self, key_id: UUID, account_id: UUID | None = None) -> None:
        """Revoke a key: no request succeeds with it any more, running jobs and refunds go on. Raises `NotFoundError`."""
        await self._set_state(key_id, "revoked", account_id)

    async def deactivate_key(self, key_id: UUID, account_id: UUID | None = None) -> None:
        """Switch a key off until it is reactivated; running jobs and refunds go on. Raises `NotFoundError`."""
        await self._set_state(key_id, "deactivated", account_id)

    async def reactivate_key(self, key_id: UUID, account_id: UUID | None = None) -> None:
        """Switch a deactivated key on again. Raises `NotFoundError`, also for one that was revoked: that is for good."""
        await self._set_state(key_id, "active", account_id)

    async def _set_state(self, key_id: UUID, state: str, account_id: UUID | None) -> None:
        async with self._database.connection() as db:
            await keys.set_state(db, key_id, state, account_id)
        self._known.clear()

    async def cap_key(self, key_id: UUID, cap: int | None, window: Window = Window.TOTAL) -> None:
        """Set what a key may spend in each window, from now on; None = no cap. Raises `NotFoundError`."""
        _check_cap(cap)
        async with self._database.transaction() as db:
            await caps.set_cap(db, await keys.account_of(db, key_id), Subject.KEY, key_id, cap, window)

    async def cap_account(self, account: str, cap: int | None, window: Window = Window.TOTAL) -> None:
        """Set what an account may spend in each window, from now on; None = no cap. Raises `NotFoundError`."""
        _check_cap(cap)
        async with self._database.transaction() as db:
            account_id = (await _find(db, account))["id"]
            await caps.set_cap(db, account_id, Subject.ACCOUNT, account_id, cap, window)

    async def limit_account(
        self, account: str, *, plan: str | None = None, max_waiting: int | None = None, max_running: int | None = None
    ) -> None:
        """Set an account's plan and its limits beside it; what is None stays as it is, 0 takes a limit away.

        Raises `NotFoundError`, or `InvalidInputError` for a plan there is none of.
        """
        async with self._database.transaction() as db:
            await _check_plan(db, plan)
            await db.execute(
                """update accounts set plan = coalesce(%(plan)s, plan),
                     max_waiting = nullif(coalesce(%(max_waiting)s, max_waiting), 0),
                     max_running = nullif(coalesce(%(max_running)s, max_running), 0) where id = %(id)s""",
                {
                    "plan": plan,
                    "max_waiting": max_waiting,
                    "max_running": max_running,
                    "id": (await _find(db, account))["id"],
                },
            )
        self._known.clear()

    async def history(self, account: str | UUID, limit: int, before: int | None = None) -> list[LedgerRow]:
        """Return up to `limit` ledger rows, newest first, of those older than the row `before`. Raises `NotFoundError`."""
        async with self._database.connection() as db:
            return await ledger.page(db, (await _find(db, str(account)))["id"], limit, before=before)

    async def list_keys(self, account_id: UUID | None = None) -> list[KeyView]:
        """Return keys without their secrets, oldest first: an account's, or all."""
        async with self._database.connection() as db:
            return [_view_of(row) for row in await keys.listed(db, account_id)]

    async def key(self, key_id: UUID, account_id: UUID) -> KeyView:
        """Return one key of an account, without its secret. Raises `NotFoundError`."""
        async with self._database.connection() as db:
            found = await keys.listed(db, account_id, key_id)
        if not found:
            raise NotFoundError("key")
        return _view_of(found[0])

    async def grant(self, account: str, amount: int, note: str = "grant") -> Balance:
        """Add credits to an account, named by its name or id; return its new balance. Raises `NotFoundError`."""
        if not 0 < amount <= _MOST_CREDITS:
            raise InvalidInputError.at("/credits", "range", f"must be a whole number from 1 to {_MOST_CREDITS}")
        async with self._database.transaction() as db:
            found = await _find(db, account)
            await ledger.grant(db, found["id"], amount, note)
            return _balance_of(await _find(db, account))

    async def balance(self, account: str | UUID) -> Balance:
        """Return an account's balance, by its name or id. Raises `NotFoundError`."""
        async with self._database.connection() as db:
            return _balance_of(await _find(db, str(account)))


def hash_of(key: str) -> bytes:
    """Return what is stored of a key: keys are 256 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _check_key_request(
    name: str, account: str, prefix: str, scopes: Sequence[str], credits_granted: int | None
) -> None:
    for place, text in (("/name", name), ("/account", account)):
        if not text.strip() or len(text) > 200 or not text.isprintable():
            raise InvalidInputError.at(place, "text", "must be 1 to 200 printable characters")
    if not _PREFIX.fullmatch(prefix):
        raise InvalidInputError.at("/prefix", "text", "must be at most 16 letters, digits, - or _")
    if not scopes or not set(scopes) <= SCOPES:
        raise InvalidInputError.at("/scopes", "one_of", f"must be some of {', '.join(sorted(SCOPES))}")
    if credits_granted is not None and not 0 <= credits_granted <= _MOST_CREDITS:
        raise InvalidInputError.at("/credits", "range", f"must be a whole number from 0 to {_MOST_CREDITS}")


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is None:
        return
    if expires_at.utcoffset() is None:
        raise InvalidInputError.at("/expires_at", "time_zone", "must say its time zone")
    if not now < expires_at <= now + _LONGEST_LIFE:
        raise InvalidInputError.at("/expires_at", "range", "must lie ahead, by 100 years at the most")


def _check_cap(cap: int | None) -> None:
    if cap is not None and not 0 <= cap <= _MOST_CREDITS:
        raise InvalidInputError.at("/spend_cap", "range", f"must be a whole number from 0 to {_MOST_CREDITS}")


async def _check_plan(db: Connection, plan: str | None) -> None:
    known = [*_PLAIN, *await limits.names(db)] if plan is not None else []
    if plan is not None and plan not in known:
        raise InvalidInputError.at("/plan", "one_of", f"must be one of {', '.join(known)}; the settings may name more")


async def _account_and_owner(db: Connection, name: str, *, is_metered: bool) -> tuple[UUID, UUID]:
    """Return the account of that name (or id) and its owner, both made when missing; two that ask at once get the same."""
    plan, floor = ("metered", 0) if is_metered else ("unlimited", None)
    try:
        found = await _find(db, name)
    except NotFoundError:
        if _id_in(name) is not None:
            raise InvalidInputError.at("/account", "text", "must be no id, unless it is an account's own") from None
        await db.execute(
            "insert into accounts (id, name, plan, floor) values (%s, %s, %s, %s) on conflict (name) do nothing",
            (new_id(), name, plan, floor),
        )
        found = await _find(db, name)
    await db.execute(
        "insert into users (id, account_id, email) values (%s, %s, %s) on conflict (account_id, email) do nothing",
        (new_id(), found["id"], f"owner@{found['name']}"),
    )
    row = await (
        await db.execute("select id from users where account_id = %s order by created_at, id limit 1", (found["id"],))
    ).fetchone()
    assert row is not None, "an owner was just made"
    return found["id"], row["id"]


async def _find(db: Connection, account: str) -> DictRow:
    row = await (
        await db.execute(
            """select a.id, a.name, a.balance, a.floor, a.plan, a.spend_cap, a.spend_window,
                 case when a.spent_since = calotype_window(a.spend_window, a.spend_from, calotype_now())
                   then a.spent else 0 end as spent,
                 coalesce(a.max_waiting, p.max_waiting) as max_waiting, coalesce(a.max_running, p.max_running) as max_running
               from accounts a left join plans p on p.name = a.plan where a.id = %s or a.name = %s limit 1""",
            (_id_in(account), account),
        )
    ).fetchone()
    if row is None:
        raise NotFoundError("account")
    return row


def _id_in(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _balance_of(row: DictRow) -> Balance:
    return Balance(
        row["id"],
        row["name"],
        row["balance"],
        row["floor"],
        row["plan"],
        SpendView(row["spend_cap"], row["spend_window"], row["spent"]),
        row["max_waiting"],
        row["max_running"],
    )


def _view_of(row: DictRow) -> KeyView:
    return KeyView(
        id=row["id"],
        name=row["name"],
        hint=row["hint"],
        state=row["state"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        plan=row["plan"],
        spend=SpendView(row["spend_cap"], row["spend_window"], row["spent_now"]),
    )
