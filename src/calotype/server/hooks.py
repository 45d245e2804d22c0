"""Webhooks, as their owner sees and sets them."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from calotype.dialects.base import DeliveryView, EndpointView, SecretView, TryView
from calotype.dialects.native.hooks import CreateEndpoint, ReplayDeliveries, RotateSecret, UpdateEndpoint
from calotype.errors import InvalidInputError, NotFoundError
from calotype.server.answer import Answer, answer_of
from calotype.server.body import read_incoming
from calotype.server.call import Call, whole_number
from calotype.server.scratch import Scratch
from calotype.server.services import Services
from calotype.store.endpoints import Endpoint
from calotype.store.outbox import Delivery, DeliveryFilter
from calotype.store.tries import Try
from calotype.webhooks.endpoints import MOST_REPLAYED, LiveSecret

_STATES = ("waiting", "delivered", "dead")
_LONGEST_EVENT = 100

# --- endpoints -----------------------------------------------------------------------------------


async def endpoints(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer the account's endpoints."""
    del scratch
    found = await services.endpoints.of_account(call.owner.account_id)
    return _worded(call, [_endpoint(each) for each in found])


async def create(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Make an endpoint; the answer holds its secret."""
    wanted = (await read_incoming(call, services.limits, scratch)).body
    assert isinstance(wanted, CreateEndpoint), "the row names its body"
    account_id = call.owner.account_id
    made = await services.endpoints.create(account_id, wanted.url, wanted.description, wanted.events)
    return _worded(call, _endpoint(made), _secrets(await services.endpoints.secrets(account_id, made.id)))


async def endpoint(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer one endpoint."""
    del scratch
    return _worded(call, _endpoint(await services.endpoints.get(_endpoint_id(call), call.owner.account_id)))


async def update(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Change what the body names."""
    wanted = (await read_incoming(call, services.limits, scratch)).body
    assert isinstance(wanted, UpdateEndpoint), "the row names its body"
    changes: dict[str, Any] = wanted.model_dump(exclude_none=True)
    if "enabled" in changes:
        changes["is_enabled"] = changes.pop("enabled")
    if "events" in changes:
        changes["events"] = tuple(changes["events"])
    changed = await services.endpoints.update(_endpoint_id(call), call.owner.account_id, changes)
    return _worded(call, _endpoint(changed))


async def delete(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Forget an endpoint."""
    del scratch
    await services.endpoints.delete(_endpoint_id(call), call.owner.account_id)
    return _worded(call)


async def test(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Have a test sent."""
    del scratch
    return _worded(call, _delivery(await services.endpoints.test(_endpoint_id(call), call.owner.account_id)))


async def secrets(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer the live secrets of an endpoint, or of the account itself."""
    del scratch
    return _worded(call, _secrets(await services.endpoints.secrets(call.owner.account_id, _owner_id(call))))


async def rotate(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Make a new secret, and answer all that are live."""
    body = (await read_incoming(call, services.limits, scratch)).body or RotateSecret()
    assert isinstance(body, RotateSecret), "the row names its body"
    overlap = timedelta(seconds=body.overlap)
    return _worded(call, _secrets(await services.endpoints.rotate(call.owner.account_id, _owner_id(call), overlap)))


# --- deliveries ----------------------------------------------------------------------------------


async def deliveries(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer one page of the account's deliveries."""
    del scratch
    limit = whole_number(call, "limit", 1, 100, 20)
    found = await services.endpoints.deliveries(call.owner.account_id, _filter_of(call), limit + 1, _after(call))
    shown = found[:limit]
    return _worded(call, [_delivery(each) for each in shown], _cursor_of(shown[-1]) if len(found) > limit else None)


async def delivery(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer one delivery, with its tries."""
    del scratch
    found, made = await services.endpoints.delivery(_delivery_id(call), call.owner.account_id)
    return _worded(call, _delivery(found, made))


async def replay(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Send one delivery again."""
    del scratch
    return _worded(call, _delivery(await services.endpoints.replay(_delivery_id(call), call.owner.account_id)))


async def replay_all(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Send many deliveries again."""
    wanted = (await read_incoming(call, services.limits, scratch)).body
    assert isinstance(wanted, ReplayDeliveries), "the row names its body"
    which = DeliveryFilter(
        endpoint_id=wanted.endpoint_id,
        job_id=wanted.job_id,
        state=wanted.state,
        event=wanted.event,
        created_from=wanted.created_from,
        created_to=wanted.created_to,
    )
    count = await services.endpoints.replay_all(call.owner.account_id, which, MOST_REPLAYED)
    return _worded(call, count, count == MOST_REPLAYED)


# --- the parts -----------------------------------------------------------------------------------


def _worded(call: Call, *facts: object) -> Answer:
    assert call.operation.reply is not None, "these rows have their own replies"
    return answer_of(call.operation.reply(*facts))


def _endpoint_id(call: Call) -> UUID:
    return _id(call.path["endpoint_id"], "endpoint")


def _delivery_id(call: Call) -> UUID:
    return _id(call.path["delivery_id"], "delivery")


def _owner_id(call: Call) -> UUID | None:
    return _endpoint_id(call) if "endpoint_id" in call.path else None


def _id(text: str, noun: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError(noun) from None


def _filter_of(call: Call) -> DeliveryFilter:
    state, event = call.query.get("state"), call.query.get("event")
    if state is not None and state not in _STATES:
        raise InvalidInputError.at("/state", "one_of", f"must be one of {', '.join(_STATES)}")
    if event is not None and ("\x00" in event or len(event) > _LONGEST_EVENT):
        raise InvalidInputError.at("/event", "text", f"must be at most {_LONGEST_EVENT} characters, none of them NUL")
    return DeliveryFilter(_query_id(call, "endpoint_id"), _query_id(call, "job_id"), state, event)


def _query_id(call: Call, name: str) -> UUID | None:
    text = call.query.get(name)
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise InvalidInputError.at(f"/{name}", "uuid", "must be an id") from None


def _cursor_of(last: Delivery) -> str:
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()} {last.id}".encode()).decode().rstrip("=")


def _after(call: Call) -> tuple[datetime, UUID] | None:
    text = call.query.get("after")
    if text is None:
        return None
    try:
        at, _, delivery_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(" ")
        position = datetime.fromisoformat(at), UUID(delivery_id)
    except (ValueError, binascii.Error):
        raise InvalidInputError.at("/after", "cursor", "is no cursor of this list") from None
    if position[0].tzinfo is None:
        raise InvalidInputError.at("/after", "cursor", "is no cursor of this list")
    return position


def _endpoint(found: Endpoint) -> EndpointView:
    return EndpointView(
        id=found.id,
        url=found.url,
        description=found.description,
        events=found.events,
        is_enabled=found.is_enabled,
        disabled_because=found.disabled_because,
        failures=found.failures,
        paused_until=found.paused_until,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _secrets(found: list[LiveSecret]) -> list[SecretView]:
    return [
        SecretView(each.secret.shared_text, each.secret.public_text, each.row.created_at, each.row.retires_at)
        for each in found
    ]


def _delivery(found: Delivery, made: list[Try] | None = None) -> DeliveryView:
    return DeliveryView(
        id=found.id,
        event=found.event,
        state=found.state,
        url=found.url,
        job_id=found.job_id,
        endpoint_id=found.endpoint_id,
        try_count=found.tries,
        replays=found.replays,
        due_at=found.due_at if found.state == "waiting" else None,
        created_at=found.created_at,
        ended_at=found.ended_at,
        reason=found.reason,
        tries=None if made is None else [TryView(t.at, t.took, t.status, t.problem, t.answer) for t in made],
    )
