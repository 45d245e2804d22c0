"""Accounts, users and keys: who may ask, and what they may spend."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import DictRow

from calotype.clock import Clock
from calotype.dialects.base import KeyView
from calotype.errors import InactiveUserError, InvalidInputError, NotAuthenticatedError, NotFoundError
from calotype.jobs.ids import new_id
from calotype.jobs.model import Caller
from calotype.store import ledger
from calotype.store.database import Connection, Database

SCOPES = frozenset({"submit", "read", "admin"})
_CACHE_SECONDS = 1.0
_CACHE_SIZE = 10_000
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,16}")
_MOST_CREDITS = 10**15
_LONGEST_LIFE = timedelta(days=36_525)


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
    """What an account has, in credits, and how low it may fall (None = no limit)."""

    account_id: UUID
    name: str
    balance: int
    floor: int | None


class Accounts:
    """The accounts of an installation. Key checks are remembered for a second, so a revocation is seen within one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def authenticate(self, key: str) -> Caller:
        """Return whose key it is. Raises `NotAuthenticatedError`, or `InactiveUserError` when the key is good."""
        digest = hash_of(key)
        now = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        caller = await self._look_up(digest)
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[digest] = (now + _CACHE_SECONDS, caller)
        return caller

    async def _look_up(self, digest: bytes) -> Caller:
        async with self._database.connection() as db:
            row = await (
                await db.execute(
                    """select keys.id, keys.account_id, keys.user_id, keys.scopes, users.active and accounts.active as is_active
                       from keys join users on users.id = keys.user_id join accounts on accounts.id = keys.account_id
                       where keys.hash = %s and keys.state = 'active'
                         and (keys.expires_at is null or keys.expires_at > calotype_now())""",
                    (digest,),
                )
            ).fetchone()
        if row is None:
            raise NotAuthenticatedError
        if not row["is_active"]:
            raise InactiveUserError
        return Caller(row["account_id"], row["user_id"], row["id"], frozenset(row["scopes"]))

    async def create_key(
        self,
        name: str,
        *,
        account: str | None = None,
        credits_granted: int | None = None,
        prefix: str = "cal_",
        scopes: Sequence[str] = ("submit", "read"),
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Make a key, and the account and its owner when they are missing.

        A new account has no spending limit unless `credits_granted` says how much it starts with; on an account that exists they
        are added.
        """
        _check_key_request(name, account or name, prefix, scopes, credits_granted)
        _check_expiry(expires_at, self._clock.now())
        key = prefix + secrets.token_urlsafe(32)
        async with self._database.transaction() as db:
            account_id, user_id = await _account_and_owner(db, account or name, is_metered=credits_granted is not None)
            if credits_granted:
                await ledger.grant(db, account_id, credits_granted, f"with key {name}")
            key_id = new_id()
            await db.execute(
                """insert into keys (id, account_id, user_id, name, hash, hint, scopes, expires_at)
                   values (%s, %s, %s, %s, %s, %s, %s, %s)""",
                (key_id, account_id, user_id, name, hash_of(key), f"{prefix}…{key[-4:]}", list(scopes), expires_at),
            )
        return NewKey(key, key_id, account_id, user_id, name)

    async def revoke_key(self, key_id: UUID, account_id: UUID | None = None) -> None:
        """Revoke a key: no request succeeds with it any more, running jobs and refunds go on. Raises `NotFoundError`."""
        async with self._database.connection() as db:
            cursor = await db.execute(
                """update keys set state = 'revoked', revoked_at = coalesce(revoked_at, calotype_now())
                   where id = %(key_id)s and (%(account_id)s::uuid is null or account_id = %(account_id)s)""",
                {"key_id": key_id, "account_id": account_id},
            )
        if cursor.rowcount == 0:
            raise NotFoundError("key")
        self._known.clear()

    async def list_keys(self, account_id: UUID | None = None) -> list[KeyView]:
        """Return keys without their secrets, oldest first: an account's, or all."""
        async with self._database.connection() as db:
            rows = await (
                await db.execute(
                    """select * from keys where %(account_id)s::uuid is null or account_id = %(account_id)s
                       order by created_at limit 1000""",
                    {"account_id": account_id},
                )
            ).fetchall()
        return [_view_of(row) for row in rows]

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
            "select id, name, balance, floor from accounts where id = %s or name = %s limit 1",
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
    return Balance(row["id"], row["name"], row["balance"], row["floor"])


def _view_of(row: DictRow) -> KeyView:
    return KeyView(
        id=row["id"],
        name=row["name"],
        hint=row["hint"],
        state=row["state"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
