"""The caller's own account, its keys, and what is on offer."""

from __future__ import annotations

from uuid import UUID

from calotype.dialects.base import AccountView, KeyView
from calotype.dialects.native.bodies import CreateKey
from calotype.errors import NotFoundError
from calotype.jobs.limits import Window
from calotype.server.answer import Answer, answer_of
from calotype.server.body import read_incoming
from calotype.server.call import Call, cursor_of, number_at, whole_number
from calotype.server.scratch import Scratch
from calotype.server.services import Services


async def balance(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer whose key this is and what the account may spend."""
    del scratch
    accounts, owner = services.parts.accounts, call.owner
    found = await accounts.balance(owner.account_id)
    view = AccountView(
        account_id=found.account_id,
        name=found.name,
        balance=found.balance,
        floor=found.floor,
        scopes=sorted(owner.scopes),
        plan=found.plan,
        spend=found.spend,
        max_waiting=found.max_waiting,
        max_running=found.max_running,
        key=await accounts.key(owner.key_id, owner.account_id),
        limits=owner.limits,
        prices={str(offer.kind): offer.price for offer in await services.catalogue.offers()},
    )
    return _worded(call, view)


async def ledger(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer one page of the account's ledger."""
    del scratch
    limit = whole_number(call, "limit", 1, 100, 20)
    rows = await services.parts.accounts.history(call.owner.account_id, limit + 1, number_at(call, "after", "l"))
    shown = rows[:limit]
    return _worded(call, shown, cursor_of("l", shown[-1].number) if len(rows) > limit else None)


async def keys(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer the account's keys."""
    del scratch
    return _worded(call, await services.parts.accounts.list_keys(call.owner.account_id))


async def create_key(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Make a key of the caller's own account."""
    incoming = await read_incoming(call, services.limits, scratch)
    wanted = incoming.body
    assert isinstance(wanted, CreateKey), "the row names its body"
    accounts = services.parts.accounts
    account = await accounts.balance(call.owner.account_id)
    made = await accounts.create_key(
        wanted.name,
        account=account.name,
        scopes=wanted.scopes,
        expires_at=wanted.expires_at,
        cap=wanted.spend_cap,
        window=Window(wanted.spend_window),
    )
    view = KeyView(
        id=made.key_id,
        name=made.name,
        hint="",
        state="active",
        scopes=tuple(wanted.scopes),
        created_at=services.parts.clock.now(),
        expires_at=wanted.expires_at,
    )
    assert call.operation.reply is not None, "a new key has its own reply"
    return answer_of(call.operation.reply(view, made.key))


async def revoke_key(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Revoke a key of the caller's own account."""
    del scratch
    await services.parts.accounts.revoke_key(_key_id(call), call.owner.account_id)
    return _worded(call)


async def deactivate_key(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Switch a key of the caller's own account off."""
    del scratch
    await services.parts.accounts.deactivate_key(_key_id(call), call.owner.account_id)
    return _worded(call)


async def reactivate_key(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Switch a deactivated key of the caller's own account on again."""
    del scratch
    await services.parts.accounts.reactivate_key(_key_id(call), call.owner.account_id)
    return _worded(call)


def _key_id(call: Call) -> UUID:
    try:
        return UUID(call.path["key_id"])
    except ValueError:
        raise NotFoundError("key") from None


async def kinds(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer what can be made."""
    del scratch
    return _worded(call, await services.catalogue.offers())


async def models(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer which models there are."""
    del scratch
    return _worded(call, await services.catalogue.cards())


def _worded(call: Call, *facts: object) -> Answer:
    assert call.operation.reply is not None, "these rows have their own replies"
    return answer_of(call.operation.reply(*facts))
