"""The rows of the native API about webhooks: what is sent, what is answered, and how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from calotype.dialects.base import DeliveryView, EndpointView, Operation, Reply, SecretView, TryView, Verb
from calotype.dialects.native import replies
from calotype.dialects.native.answers import Answer
from calotype.dialects.native.bodies import Body, WebhookEvent, http_url
from calotype.errors import NotFoundError, TooManyEndpointsError
from calotype.jobs.fields import Text

_LONGEST_OVERLAP = 7 * 86_400

Url = Annotated[Text, Field(max_length=2_000), AfterValidator(http_url)]
Description = Annotated[Text, Field(max_length=200)]
Events = Annotated[list[WebhookEvent], Field(max_length=20)]


# --- what is sent --------------------------------------------------------------------------------


class CreateEndpoint(Body):
    """Where to send the events of all the account's jobs; without `events`, the ones that end a job."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://example.com/hooks", "events": ["job.succeeded", "job.failed"]}]
        }
    )

    url: Url
    description: Description = ""
    events: Events = Field(default=[])


class UpdateEndpoint(Body):
    """What to change. `enabled: false` sends it nothing more; true sends again, also after a 410 disabled it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})

    url: Url | None = None
    description: Description | None = None
    events: Events | None = None
    enabled: bool | None = None


class RotateSecret(Body):
    """For how many seconds the secret before signs too: time to hand the new one to the receiver."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap": 86_400}]})

    overlap: Annotated[int, Field(ge=0, le=_LONGEST_OVERLAP)] = 86_400


class ReplayDeliveries(Body):
    """Which deliveries to send again: the dead ones unless `state` says otherwise, narrowed by the rest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "dead"}]})

    state: Literal["dead", "delivered"] = "dead"
    endpoint_id: UUID | None = None
    job_id: UUID | None = None
    event: Annotated[Text, Field(max_length=100)] | None = None
    created_from: AwareDatetime | None = None
    created_to: AwareDatetime | None = None


# --- what is answered ----------------------------------------------------------------------------


class SecretAnswer(Answer):
    """What checks a webhook's signatures: `secret` those of the scheme v1, `public_key` those of v1a."""

    secret: str = Field(examples=["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="])
    public_key: str = Field(
        description="No secret: Ed25519", examples=["whpk_4XCMkQNY5R1dZ7j0rXSbQp1Kk1yMv8l2dXnJxVdVg1E="]
    )
    created_at: datetime
    retires_at: datetime | None = Field(description="When it stops signing; null for the one that stays")


class SecretList(Answer):
    """The secrets that sign now, the newest first: two while they are rotated."""

    data: list[SecretAnswer]


class EndpointAnswer(Answer):
    """A receiver of the account's webhooks."""

    id: UUID
    url: str
    description: str
    events: list[str]
    enabled: bool
    disabled_because: str | None = Field(description="`gone`: it answered 410")
    failures: int = Field(description="Tries in a row that failed")
    paused_until: datetime | None = Field(description="It is left alone until then, since it kept failing")
    created_at: datetime
    updated_at: datetime


class NewEndpointAnswer(EndpointAnswer):
    """A new endpoint, and what checks its signatures."""

    secrets: list[SecretAnswer]


class EndpointList(Answer):
    """Every endpoint of the account."""

    data: list[EndpointAnswer]


class TryAnswer(Answer):
    """One try: a status, or the problem that came in its place."""

    at: datetime
    seconds: float
    status: int | None
    problem: str | None
    answer: str = Field(description="The first kilobyte of what the receiver said")


class DeliveryRow(Answer):
    """A webhook; its id is the header `webhook-id` of every try."""

    id: UUID
    event: str
    state: Literal["waiting", "delivered", "dead"]
    url: str
    job_id: UUID | None
    endpoint_id: UUID | None = Field(description="Null for the webhook of a single job")
    try_count: int
    replays: int
    due_at: datetime | None = Field(description="When it is tried next")
    created_at: datetime
    ended_at: datetime | None
    reason: str | None = Field(description="Why it is dead: `exhausted`, `gone` (410) or `disabled`")


class DeliveryAnswer(DeliveryRow):
    """A webhook, and what became of its tries."""

    tries: list[TryAnswer]


class DeliveryPage(Answer):
    """Deliveries, newest first. `next` goes into `after` for older ones."""

    data: list[DeliveryRow]
    has_more: bool
    next: str | None


class ReplayAnswer(Answer):
    """How many deliveries are being sent again. With `has_more`, ask again for the rest."""

    count: int
    has_more: bool


# --- how it is worded ----------------------------------------------------------------------------


def _endpoint(view: EndpointView) -> dict[str, Any]:
    return {
        "id": str(view.id),
        "url": view.url,
        "description": view.description,
        "events": list(view.events),
        "enabled": view.is_enabled,
        "disabled_because": view.disabled_because,
        "failures": view.failures,
        "paused_until": replies.moment(view.paused_until),
        "created_at": replies.moment(view.created_at),
        "updated_at": replies.moment(view.updated_at),
    }


def _secret(view: SecretView) -> dict[str, Any]:
    return {
        "secret": view.secret,
        "public_key": view.public_key,
        "created_at": replies.moment(view.created_at),
        "retires_at": replies.moment(view.retires_at),
    }


def _delivery(view: DeliveryView) -> dict[str, Any]:
    return {
        "id": str(view.id),
        "event": view.event,
        "state": view.state,
        "url": view.url,
        "job_id": str(view.job_id) if view.job_id else None,
        "endpoint_id": str(view.endpoint_id) if view.endpoint_id else None,
        "try_count": view.try_count,
        "replays": view.replays,
        "due_at": replies.moment(view.due_at),
        "created_at": replies.moment(view.created_at),
        "ended_at": replies.moment(view.ended_at),
        "reason": view.reason,
    }


def _try(view: TryView) -> dict[str, Any]:
    return {
        "at": replies.moment(view.at),
        "seconds": round(view.took, 3),
        "status": view.status,
        "problem": view.problem,
        "answer": view.answer,
    }


_UNKEPT = {"Cache-Control": "no-store"}


def _endpoints_reply(views: Sequence[EndpointView]) -> Reply:
    return Reply(200, {"data": [_endpoint(view) for view in views]})


def _created_reply(view: EndpointView, secrets: Sequence[SecretView]) -> Reply:
    body = _endpoint(view) | {"secrets": [_secret(secret) for secret in secrets]}
    return Reply(201, body, _UNKEPT | {"Location": f"{replies.PREFIX}/webhooks/endpoints/{view.id}"})


def _endpoint_reply(view: EndpointView) -> Reply:
    return Reply(200, _endpoint(view))


def _secrets_reply(views: Sequence[SecretView]) -> Reply:
    return Reply(200, {"data": [_secret(view) for view in views]}, _UNKEPT)


def _secrets_made_reply(views: Sequence[SecretView]) -> Reply:
    return Reply(201, {"data": [_secret(view) for view in views]}, _UNKEPT)


def _page_reply(views: Sequence[DeliveryView], following: str | None) -> Reply:
    body = {"data": [_delivery(view) for view in views], "has_more": following is not None, "next": following}
    return Reply(200, body)


def _delivery_reply(view: DeliveryView) -> Reply:
    return Reply(200, _delivery(view) | {"tries": [_try(each) for each in view.tries or ()]})


def _begun_reply(view: DeliveryView) -> Reply:
    return Reply(202, _delivery(view), {"Location": f"{replies.PREFIX}/webhooks/deliveries/{view.id}"})


def _replayed_reply(count: int, has_more: bool) -> Reply:
    return Reply(202, {"count": count, "has_more": has_more})


# --- the rows ------------------------------------------------------------------------------------


def _row(name: str, method: str, path: str, verb: Verb, summary: str, **more: Any) -> Operation:
    given = {"scope": "admin", "tag": "webhooks", "refusals": (NotFoundError,)} | more
    return Operation(name, method, f"/webhooks{path}", verb, summary, **given)


_ENDPOINT, _DELIVERY = "/endpoints/{endpoint_id}", "/deliveries/{delivery_id}"

OPERATIONS = (
    _row(
        "listEndpoints", "GET", "/endpoints", Verb.LIST_ENDPOINTS, "List the account's webhook endpoints",
        refusals=(), reply=_endpoints_reply, answer=EndpointList,
    ),
    _row(
        "createEndpoint", "POST", "/endpoints", Verb.CREATE_ENDPOINT, "Create an endpoint: it is told of all jobs of the account",
        accepted=201, body=CreateEndpoint, refusals=(TooManyEndpointsError,), reply=_created_reply, answer=NewEndpointAnswer,
    ),
    _row(
        "readEndpoint", "GET", _ENDPOINT, Verb.READ_ENDPOINT, "Read an endpoint",
        reply=_endpoint_reply, answer=EndpointAnswer,
    ),
    _row(
        "updateEndpoint", "PATCH", _ENDPOINT, Verb.UPDATE_ENDPOINT, "Change, disable or enable an endpoint",
        body=UpdateEndpoint, reply=_endpoint_reply, answer=EndpointAnswer,
    ),
    _row(
        "deleteEndpoint", "DELETE", _ENDPOINT, Verb.DELETE_ENDPOINT, "Delete an endpoint; its deliveries stay in the log",
        accepted=204, reply=replies.erased,
    ),
    _row(
        "testEndpoint", "POST", f"{_ENDPOINT}/test", Verb.TEST_ENDPOINT, "Send an endpoint a test",
        accepted=202, reply=_begun_reply, answer=DeliveryRow,
    ),
    _row(
        "listSecrets", "GET", f"{_ENDPOINT}/secrets", Verb.LIST_SECRETS, "Read what checks an endpoint's signatures",
        reply=_secrets_reply, answer=SecretList,
    ),
    _row(
        "rotateSecret", "POST", f"{_ENDPOINT}/secrets", Verb.ROTATE_SECRET, "Rotate an endpoint's secret",
        accepted=201, body=RotateSecret, is_body_optional=True, reply=_secrets_made_reply, answer=SecretList,
    ),
    _row(
        "listAccountSecrets", "GET", "/secrets", Verb.LIST_SECRETS, "Read what checks the signatures of single jobs' webhooks",
        refusals=(), reply=_secrets_reply, answer=SecretList,
    ),
    _row(
        "rotateAccountSecret", "POST", "/secrets", Verb.ROTATE_SECRET, "Rotate the secret of single jobs' webhooks",
        accepted=201, body=RotateSecret, is_body_optional=True, refusals=(), reply=_secrets_made_reply, answer=SecretList,
    ),
    _row(
        "listDeliveries", "GET", "/deliveries", Verb.LIST_DELIVERIES, "List deliveries, newest first",
        refusals=(), reply=_page_reply, answer=DeliveryPage,
        query={
            "limit": "How many, 1 to 100 (default 20)",
            "after": "The `next` of the page before",
            "state": "Only these: waiting, delivered, or dead (the dead letters)",
            "endpoint_id": "Only this endpoint's",
            "job_id": "Only this job's",
            "event": "Only this event's",
        },
    ),
    _row(
        "readDelivery", "GET", _DELIVERY, Verb.READ_DELIVERY, "Read a delivery and its tries",
        reply=_delivery_reply, answer=DeliveryAnswer,
    ),
    _row(
        "replayDelivery", "POST", f"{_DELIVERY}/replay", Verb.REPLAY_DELIVERY, "Send a delivery again, under its own id",
        accepted=202, reply=_begun_reply, answer=DeliveryRow,
    ),
    _row(
        "replayDeliveries", "POST", "/replays", Verb.REPLAY_DELIVERIES, "Send many deliveries again: the dead ones, or those named",
        accepted=202, body=ReplayDeliveries, refusals=(), reply=_replayed_reply, answer=ReplayAnswer,
    ),
)  # fmt: skip
