"""What the app sends a request to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Receive, Scope

from calotype.server.answer import Answer


class Endpoint(Protocol):
    """Answers requests that matched its path."""

    @property
    def name(self) -> str:
        """Return what metrics call it."""
        ...

    async def answer(self, scope: Scope, receive: Receive, path: dict[str, str], request_id: str) -> Answer:
        """Return the answer, or raise the error that ends the request."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """An endpoint that belongs to no face."""

    name: str
    respond: Callable[[Scope, dict[str, str]], Awaitable[Answer]]

    async def answer(self, scope: Scope, receive: Receive, path: dict[str, str], request_id: str) -> Answer:
        """Return the answer."""
        del receive, request_id
        return await self.respond(scope, path)
