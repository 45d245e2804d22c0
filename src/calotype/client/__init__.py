"""The SDK: `Client` and `AsyncClient` hold one conversation with a server, and need nothing of the server's code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calotype.client.client import AsyncClient as AsyncClient
    from calotype.client.client import Client as Client
    from calotype.client.errors import ClientError as ClientError
    from calotype.client.errors import ConfigurationError as ConfigurationError
    from calotype.client.errors import Conflict as Conflict
    from calotype.client.errors import Forbidden as Forbidden
    from calotype.client.errors import InsufficientCredits as InsufficientCredits
    from calotype.client.errors import InvalidInput as InvalidInput
    from calotype.client.errors import JobFailed as JobFailed
    from calotype.client.errors import NotAuthenticated as NotAuthenticated
    from calotype.client.errors import NotFound as NotFound
    from calotype.client.errors import NotOffered as NotOffered
    from calotype.client.errors import OutcomeUnknown as OutcomeUnknown
    from calotype.client.errors import RateLimited as RateLimited
    from calotype.client.errors import ServerUnavailable as ServerUnavailable
    from calotype.client.errors import WaitTimeout as WaitTimeout
    from calotype.client.errors import WebhookInvalid as WebhookInvalid
    from calotype.client.handles import AsyncJob as AsyncJob
    from calotype.client.handles import Job as Job
    from calotype.client.webhooks import verify_webhook as verify_webhook

_PLACES = {
    "Client": "client",
    "AsyncClient": "client",
    "Job": "handles",
    "AsyncJob": "handles",
    "verify_webhook": "webhooks",
}
_ERRORS = (
    *("ClientError", "ConfigurationError", "Conflict", "Forbidden", "InsufficientCredits", "InvalidInput", "JobFailed"),
    *(
        "NotAuthenticated",
        "NotFound",
        "NotOffered",
        "OutcomeUnknown",
        "RateLimited",
        "ServerUnavailable",
        "WaitTimeout",
        "WebhookInvalid",
    ),
)
_PLACES |= dict.fromkeys(_ERRORS, "errors")


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for: a program that only catches our errors does not pay for the HTTP library."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)
