"""The caller's own account, its keys, and what is on offer."""

from __future__ import annotations

from uuid import UUID

from calotype.dialects.base import AccountView, KeyView
from calotype.dialects.native.bodies import CreateKey
from calotype.errors import NotFoundError
from calotype.server.answer import Answer, answer_of
from calotype.server.body import read_incoming
from calotype.server.call import Call
from calotype.server.scratch import Scratch
from calotype.server.services import Services


async def balance(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer whose key this is and what the account may spend."""
    del scratch
    found = await services.parts.accounts.balance(call.owner.account_id)
    view = AccountView(found.account_id, found.name, found.balance, found.floor, sorted(call.owner.scopes))
    return _worded(call, view)


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
        wanted.name, account=account.name, scopes=wanted.scopes, expires_at=wanted.expires_at
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
    try:
        key_id = UUID(call.path["key_id"])
    except ValueError:
        raise NotFoundError("key") from None
    await services.parts.accounts.revoke_key(key_id, call.owner.account_id)
    return _worded(call)


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
