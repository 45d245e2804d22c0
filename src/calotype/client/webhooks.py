"""Webhooks on the receiver's side: whether one is genuine, and what an account's owner asks of the server about them."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from calotype.client import flows
from calotype.client.errors import ServerUnavailable, WebhookInvalid
from calotype.client.sending import Sender
from calotype.client.wire import PING, Call, Expect, Flow, Hear, Lost, ServerEvent, Show, Wire
from calotype.clock import SystemClock
from calotype.dialects.base import JobView, Json, Verb
from calotype.errors import InvalidWebhookError
from calotype.jobs.states import JobState
from calotype.signing import check_webhook

_PAUSE = 1.0


def verify_webhook(body: bytes | str, headers: Mapping[str, str], secret: str | Sequence[str]) -> dict[str, Any]:
    """Return the event that a webhook tells of; raise `WebhookInvalid`, and nothing else, unless the server sent it just now.

    `body` is the request's body as it came, `headers` any mapping of its headers. `secret` is `whsec_…`, or `whpk_…` (which needs
    the package `cryptography`), or several of them while they are rotated.
    """
    try:
        content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(memoryview(body))
        keys = [secret] if isinstance(secret, str) else list(secret)
        check_webhook(
            keys, {str(name): str(value) for name, value in headers.items()}, content, now=SystemClock().now()
        )
        event = json.loads(content)
    except InvalidWebhookError as error:
        raise WebhookInvalid(str(error)) from None
    except ModuleNotFoundError:
        raise WebhookInvalid("A whpk_ key needs the package cryptography: pip install cryptography.") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WebhookInvalid(f"The webhook cannot be read: {error}.") from None
    if not isinstance(event, dict):
        raise WebhookInvalid("The webhook cannot be read: its body is no JSON object.")
    return event


class Webhooks:
    """The account's endpoints and deliveries, as the API has them; every call needs a key with the scope admin."""

    def __init__(self, sender: Sender, wire: Wire) -> None:
        self._sender = sender
        self._wire = wire

    def endpoints(self) -> list[Json]:
        """Return the account's endpoints."""
        return list(self._ask(Verb.LIST_ENDPOINTS)["data"])

    def create(self, url: str, *, events: Sequence[str] = (), description: str = "") -> Json:
        """Return a new endpoint, with its secrets."""
        return self._ask(Verb.CREATE_ENDPOINT, json={"url": url, "events": list(events), "description": description})

    def update(self, endpoint_id: str, **changes: Any) -> Json:
        """Return an endpoint after changing its url, description, events or enabled."""
        return self._ask(Verb.UPDATE_ENDPOINT, {"endpoint_id": endpoint_id}, json=changes)

    def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint."""
        self._ask(Verb.DELETE_ENDPOINT, {"endpoint_id": endpoint_id})

    def test(self, endpoint_id: str) -> Json:
        """Return the delivery of a test that is being sent to an endpoint."""
        return self._ask(Verb.TEST_ENDPOINT, {"endpoint_id": endpoint_id})

    def deliveries(self, **filters: Any) -> list[Json]:
        """Return the newest deliveries. Filters are the API's: limit, state, endpoint_id, job_id, event."""
        return list(self._ask(Verb.LIST_DELIVERIES, query=filters)["data"])

    def delivery(self, delivery_id: str) -> Json:
        """Return a delivery and its tries."""
        return self._ask(Verb.READ_DELIVERY, {"delivery_id": delivery_id})

    def replay(self, delivery_id: str) -> Json:
        """Return a delivery that is being sent again."""
        return self._ask(Verb.REPLAY_DELIVERY, {"delivery_id": delivery_id})

    def replay_all(self, **filters: Any) -> int:
        """Return how many deliveries are being sent again: all dead ones, narrowed by the API's filters."""
        count = 0
        while True:
            answer = self._ask(Verb.REPLAY_DELIVERIES, json={k: v for k, v in filters.items() if v is not None})
            count += int(answer["count"])
            if not answer["has_more"]:
                return count

    def listen(self) -> Generator[JobView, None, None]:
        """Yield each job of the account as it moves, from now on and for ever; `body` is the event as the stream has it."""
        yield from self._sender.watch(_listen(self._wire))

    def _ask(self, verb: Verb, path: Mapping[str, str] | None = None, *, query: Any = None, json: Json = None) -> Json:
        return self._sender.run(_asked(self._wire, verb, path, query, json))


def _asked(wire: Wire, verb: Verb, path: Mapping[str, str] | None, query: Any, body: Json) -> Flow[Json]:
    flows.offered(wire, verb)
    call = replace(wire.call(verb, path, query), json=body)
    answer = yield from flows.ask(call, is_safe=call.method == "GET")
    return flows.read(wire, answer, lambda said: said)


def _listen(wire: Wire) -> Flow[None]:
    """Show each move of each job; a stream that was cut is resumed behind the last event."""
    flows.offered(wire, Verb.ACCOUNT_EVENTS)
    position, failures = "", 0
    while True:
        try:
            answer = yield _stream_call(wire, position, _PAUSE if failures else 0.0)
            if 400 <= answer.status < 500 and answer.status != 429:
                raise flows.refuse(wire, answer)
            failures = 0 if answer.status == 200 else failures + 1
            is_over = answer.status != 200
            while not is_over:
                heard = yield Hear()
                position = yield from _shown(heard.events, position)
                is_over = heard.is_over
        except Lost:
            failures += 1
            if failures > flows.TRIES:
                raise ServerUnavailable("The server does not answer any more.") from None


def _shown(events: Sequence[ServerEvent], position: str) -> Flow[str]:
    """Show what these events tell of; return the position behind them."""
    for event in events:
        position = event.id or position
        view = _moved(event)
        if view is not None:
            yield Show(view)
    return position


def _stream_call(wire: Wire, position: str, after: float) -> Call:
    headers = {"accept": "text/event-stream"} | ({"last-event-id": position} if position else {})
    return replace(wire.call(Verb.ACCOUNT_EVENTS), headers=headers, expect=Expect.STREAM, timeout=2 * PING, after=after)


def _moved(event: ServerEvent) -> JobView | None:
    """Return the job that an event tells of; None for progress, and for what this client does not know."""
    try:
        body = json.loads(event.data)
        return None if body["event"] == "progress" else JobView(str(body["job_id"]), JobState(body["state"]), body=body)
    except (ValueError, KeyError, TypeError):
        return None
