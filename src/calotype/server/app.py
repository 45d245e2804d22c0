"""The API as one ASGI application: matches a path, sends the answer, and turns every error into the shape its face has."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import psycopg
from starlette.types import Receive, Scope, Send

from calotype.dialects.base import Dialect, Reply
from calotype.dialects.native.errors import problem
from calotype.errors import (
    CalotypeError,
    DatabaseUnavailableError,
    DiskFullError,
    MethodNotAllowedError,
    UnknownPathError,
)
from calotype.server import downloads, health, pages
from calotype.server.answer import Answer, GoneAwayError, answer_of, send_answer
from calotype.server.call import new_request_id, request_id_of
from calotype.server.endpoint import Endpoint
from calotype.server.faces import Row
from calotype.server.parts import Parts
from calotype.server.router import Router
from calotype.server.services import Services
from calotype.store.database import JOBS_CHANNEL
from calotype.telemetry import log

_NO_ROUTE = "none"
_FULL = {errno.ENOSPC, errno.EDQUOT}


class App:
    """The ASGI application. `services` is what it keeps in memory."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._faces = services.parts.dialects
        self._clock = services.parts.clock
        self._router: Router[Endpoint] = Router()
        for face in self._faces:
            for operation in face.operations:
                self._router.add(operation.method, face.prefix + operation.path, Row(services, face, operation))
        for path, endpoint in (*health.endpoints(services), *pages.endpoints(services), *downloads.endpoints(services)):
            self._router.add("GET", path, endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or attend the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        start = self._clock.monotonic()
        request_id = request_id_of(scope)
        metrics = self.services.metrics
        metrics.in_flight += 1
        name, status = _NO_ROUTE, 499
        try:
            lane = self.services.lane.answer(scope, start)
            name, answer = lane or await self._answer(scope, receive, request_id.decode())
            status = answer.status
            await send_answer(answer, request_id, is_head=scope["method"] == "HEAD", receive=receive, send=send)
        except GoneAwayError:
            log.debug("client.gone", route=name)
        finally:
            metrics.in_flight -= 1
            metrics.count(name, status, self._clock.monotonic() - start)

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> tuple[str, Answer]:
        path: str = scope["path"]
        match = self._router.match(path)
        if match is None:
            return _NO_ROUTE, self._refuse(UnknownPathError(), path, request_id)
        endpoint = match.of(scope["method"])
        if endpoint is None:
            return _NO_ROUTE, self._refuse(MethodNotAllowedError(match.allowed), path, request_id)
        try:
            return endpoint.name, await endpoint.answer(scope, receive, match.values, request_id)
        except GoneAwayError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong is answered, and logged when it is our fault
            return endpoint.name, self._refuse(_known(error, request_id, endpoint.name), path, request_id)

    def refuse_unheard(self, error: CalotypeError, path: str) -> Answer:
        """Return the answer to what never became a request; "" = its path is not known."""
        request_id = new_request_id()
        answer = self._refuse(error, path, request_id.decode())
        self.services.metrics.count(_NO_ROUTE, answer.status, 0.0)
        return Answer(answer.status, [*answer.headers, (b"x-request-id", request_id)], answer.body)

    def _refuse(self, error: CalotypeError, path: str, request_id: str) -> Answer:
        face = next((face for face in self._faces if path.startswith(face.prefix + "/")), None)
        return answer_of(_refusal(face, error, request_id))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with listening(self.services):
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def listening(services: Services) -> AsyncIterator[None]:
    """Keep ears on the database: what the cache forgets by, and what wakes those who wait."""
    listener = asyncio.create_task(
        services.parts.database.listen((JOBS_CHANNEL,), services.heard, services.lost), name="listener"
    )
    try:
        yield
    finally:
        services.watch.drain()
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


def build_app(parts: Parts) -> App:
    """Return the API that stands on these parts."""
    return App(Services.of(parts))


def _refusal(face: Dialect | None, error: CalotypeError, request_id: str) -> Reply:
    return face.refuse(error, request_id) if face is not None else problem(error, request_id)


def _known(error: Exception, request_id: str, route: str) -> CalotypeError:
    """Return the error as one of ours; a bug is logged by its place, never by what was sent."""
    if isinstance(error, CalotypeError):
        return error
    if isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailableError("it is busy")
    if isinstance(error, OSError) and error.errno in _FULL:
        return DiskFullError()
    log.error("request.failed", request_id=request_id, route=route, error=type(error).__name__, at=_places(error))
    return CalotypeError("unexpected")


def _places(error: Exception) -> Sequence[str]:
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_qualname if hasattr(code, 'co_qualname') else code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-12:]
