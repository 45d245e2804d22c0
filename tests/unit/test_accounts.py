"""Accounts, users and keys: who may ask, and what they may spend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from calotype.accounts import Accounts, hash_of
from calotype.audit import audit
from calotype.errors import InactiveUserError, InvalidInputError, NotAuthenticatedError, NotFoundError
from calotype.jobs.ids import new_id
from calotype.store.database import Database

pytestmark = pytest.mark.anyio


class HeldClock:
    """Stands still until it is moved."""

    offset = timedelta(0)

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def accounts(database_url: str, clock: HeldClock) -> AsyncIterator[Accounts]:
    async with Database(database_url) as database:
        yield Accounts(database, clock)
        assert (await audit(database)).findings == ()


async def run(accounts: Accounts, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    async with accounts._database.connection() as db:
        cursor = await db.execute(statement.encode(), parameters)
        return await cursor.fetchall() if cursor.description else []


async def test_a_new_key_opens_its_account(accounts: Accounts) -> None:
    made = await accounts.create_key("ada")

    caller = await accounts.authenticate(made.key)

    assert (caller.account_id, caller.user_id, caller.key_id) == (made.account_id, made.user_id, made.key_id)
    assert caller.scopes == {"submit", "read"}


async def test_a_key_is_stored_as_its_hash_only(accounts: Accounts) -> None:
    made = await accounts.create_key("ada")

    rows = await run(accounts, "select keys::text as text, hash from keys")

    assert made.key not in rows[0]["text"]
    assert made.key.encode().hex() not in rows[0]["text"]
    assert rows[0]["hash"] == hash_of(made.key)


@pytest.mark.parametrize("key", ["", "cal_", "cal_wrong", "x" * 100_000, "\ud800", "\x00"])
async def test_a_key_that_was_never_made_opens_nothing(accounts: Accounts, key: str) -> None:
    await accounts.create_key("ada")

    with pytest.raises(NotAuthenticatedError):
        await accounts.authenticate(key)


async def test_a_revoked_key_opens_nothing_at_once(accounts: Accounts) -> None:
    made = await accounts.create_key("ada")
    await accounts.authenticate(made.key)

    await accounts.revoke_key(made.key_id)

    with pytest.raises(NotAuthenticatedError):
        await accounts.authenticate(made.key)


async def test_a_revocation_by_another_process_is_seen_within_a_second(accounts: Accounts, clock: HeldClock) -> None:
    made = await accounts.create_key("ada")
    await accounts.authenticate(made.key)
    await run(accounts, "update keys set state = 'revoked'")

    clock.seconds += 1.0

    with pytest.raises(NotAuthenticatedError):
        await accounts.authenticate(made.key)


async def test_an_expired_key_opens_nothing(accounts: Accounts) -> None:
    made = await accounts.create_key("ada", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    await run(accounts, "update keys set expires_at = '2020-01-01 00:00+00'")

    with pytest.raises(NotAuthenticatedError):
        await accounts.authenticate(made.key)


@pytest.mark.parametrize("noun", ["users", "accounts"])
async def test_a_good_key_of_an_inactive_user_or_account_says_so(accounts: Accounts, noun: str) -> None:
    made = await accounts.create_key("ada")
    await run(accounts, f"update {noun} set active = false")

    with pytest.raises(InactiveUserError):
        await accounts.authenticate(made.key)


async def test_another_accounts_key_cannot_be_revoked(accounts: Accounts) -> None:
    ada, bob = await accounts.create_key("ada"), await accounts.create_key("bob")

    with pytest.raises(NotFoundError, match=r"There is no such key\."):
        await accounts.revoke_key(ada.key_id, bob.account_id)
    await accounts.revoke_key(ada.key_id, ada.account_id)


async def test_a_key_that_never_was_cannot_be_revoked(accounts: Accounts) -> None:
    with pytest.raises(NotFoundError):
        await accounts.revoke_key(new_id())


async def test_keys_are_listed_by_account_oldest_first(accounts: Accounts) -> None:
    first = await accounts.create_key("first", account="ada")
    second = await accounts.create_key("second", account="ada", prefix="afk_")
    await accounts.create_key("bob")

    views = await accounts.list_keys(first.account_id)

    assert [view.name for view in views] == ["first", "second"]
    assert views[1].hint == f"afk_…{second.key[-4:]}"
    assert len(await accounts.list_keys()) == 3


async def test_a_second_key_belongs_to_the_same_account_and_owner(accounts: Accounts) -> None:
    first, second = [await accounts.create_key(name, account="ada") for name in ("one", "two")]

    assert (first.account_id, first.user_id) == (second.account_id, second.user_id)
    assert first.key != second.key


async def test_keys_of_a_new_account_that_are_made_at_once_share_it(accounts: Accounts) -> None:
    made = await asyncio.gather(*(accounts.create_key(f"key {n}", account="ada") for n in range(8)))

    assert len({key.account_id for key in made}) == 1
    assert len({key.user_id for key in made}) == 1


async def test_without_credits_a_new_account_has_no_limit(accounts: Accounts) -> None:
    await accounts.create_key("ada")

    assert (await accounts.balance("ada")).floor is None


@pytest.mark.parametrize("granted", [0, 5])
async def test_credits_make_a_new_account_metered(accounts: Accounts, granted: int) -> None:
    await accounts.create_key("ada", credits_granted=granted)

    balance = await accounts.balance("ada")

    assert (balance.balance, balance.floor) == (granted, 0)


async def test_credits_of_a_further_key_are_added(accounts: Accounts) -> None:
    await accounts.create_key("one", account="ada", credits_granted=5)
    await accounts.create_key("two", account="ada", credits_granted=3)

    assert (await accounts.balance("ada")).balance == 8


async def test_a_grant_is_added_by_name_or_by_id(accounts: Accounts) -> None:
    made = await accounts.create_key("ada", credits_granted=1)
    await accounts.grant("ada", 2)

    balance = await accounts.grant(str(made.account_id), 3)

    assert balance.balance == 6
    assert await accounts.balance(made.account_id) == balance


async def test_grants_at_the_same_time_are_all_kept(accounts: Accounts) -> None:
    await accounts.create_key("ada", credits_granted=0)

    await asyncio.gather(*(accounts.grant("ada", 1) for _ in range(30)))

    assert (await accounts.balance("ada")).balance == 30


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1])
async def test_a_grant_out_of_range_is_refused(accounts: Accounts, amount: int) -> None:
    await accounts.create_key("ada")

    with pytest.raises(InvalidInputError):
        await accounts.grant("ada", amount)


async def test_an_account_named_like_the_id_of_another_is_not_taken_for_it(accounts: Accounts) -> None:
    ada = await accounts.create_key("ada", credits_granted=0)
    with pytest.raises(InvalidInputError):
        await accounts.create_key("eve", account=str(new_id()), credits_granted=0)

    assert (await accounts.grant(str(ada.account_id), 1)).account_id == ada.account_id


@pytest.mark.parametrize("method", ["grant", "balance"])
async def test_an_account_that_is_not_there_is_said_so(accounts: Accounts, method: str) -> None:
    with pytest.raises(NotFoundError, match=r"There is no such account\."):
        await (accounts.grant("nobody", 1) if method == "grant" else accounts.balance("nobody"))


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""}, {"name": "  "}, {"name": "x" * 201}, {"name": "a\x00b"}, {"name": "a\nb"}, {"name": "\ud800"},
        {"name": "ada", "account": "a\x00b"}, {"name": "ada", "account": "x" * 201},
        {"name": "ada", "prefix": "x" * 17}, {"name": "ada", "prefix": "a b"}, {"name": "ada", "prefix": "ä"},
        {"name": "ada", "scopes": ()}, {"name": "ada", "scopes": ("root",)},
        {"name": "ada", "credits_granted": -1}, {"name": "ada", "credits_granted": 10**15 + 1},
        {"name": "ada", "expires_at": datetime(2030, 1, 1)},  # noqa: DTZ001 - a moment nobody can name
        {"name": "ada", "expires_at": datetime(2026, 5, 1, tzinfo=UTC)},
        {"name": "ada", "expires_at": datetime(2126, 6, 1, tzinfo=UTC)},
        {"name": "ada", "expires_at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))},
        {"name": "ada", "expires_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))},
    ],
)  # fmt: skip
async def test_a_key_that_cannot_be_made_is_refused_and_makes_nothing(
    accounts: Accounts, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        await accounts.create_key(**given)

    assert await run(accounts, "select 1 from accounts") == []


async def test_a_key_may_live_for_a_century(accounts: Accounts, clock: HeldClock) -> None:
    century = clock.now() + timedelta(days=36_525)

    await accounts.create_key("ada", expires_at=century)

    assert [view.expires_at for view in await accounts.list_keys()] == [century]


async def test_many_keys_do_not_fill_the_memory(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calotype.accounts._CACHE_SIZE", 3)
    keys = [(await accounts.create_key(f"key {n}", account="ada")).key for n in range(5)]

    for key in keys:
        await accounts.authenticate(key)

    assert len(accounts._known) <= 3
