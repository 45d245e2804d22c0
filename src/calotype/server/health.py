"""Whether the process lives, whether it can work, and what it has counted."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import Scope

from calotype.errors import CalotypeError
from calotype.server.answer import Answer, json_bytes
from calotype.server.endpoint import Plain
from calotype.server.services import Services
from calotype.store.migrate import HEAD

_PATIENCE = 3.0
_ALIVE = Answer(200, [(b"content-type", b"application/json"), (b"content-length", b"17")], b'{"status":"live"}')


def endpoints(services: Services) -> list[tuple[str, Plain]]:
    """Return the health endpoints by path."""

    async def livez(scope: Scope, path: dict[str, str]) -> Answer:
        del scope, path
        return _ALIVE

    async def readyz(scope: Scope, path: dict[str, str]) -> Answer:
        del scope, path
        return await _ready(services)

    async def metrics(scope: Scope, path: dict[str, str]) -> Answer:
        del scope, path
        body = services.metrics.text()
        return _whole(200, CONTENT_TYPE_LATEST, body)

    return [
        ("/livez", Plain("livez", livez)),
        ("/readyz", Plain("readyz", readyz)),
        ("/metrics", Plain("metrics", metrics)),
    ]


async def _ready(services: Services) -> Answer:
    checks = {"database": await _database(services), "storage": await _storage(services), "server": _draining(services)}
    is_ready = all(check is None for check in checks.values())
    body: dict[str, Any] = {
        "status": "ready" if is_ready else "not ready",
        "checks": {n: c or "ok" for n, c in checks.items()},
    }
    answer = _whole(200 if is_ready else 503, "application/json", json_bytes(body))
    if not is_ready:
        answer.headers.append((b"retry-after", b"2"))
    return answer


async def _database(services: Services) -> str | None:
    """Return what is wrong with the database, or None."""
    try:
        async with asyncio.timeout(_PATIENCE), services.parts.database.connection() as db:
            row = await (await db.execute("select version_num from alembic_version")).fetchone()
    except TimeoutError:
        return "it does not answer in time"
    except psycopg.errors.UndefinedTable:
        return "it is not migrated"
    except CalotypeError as error:
        return str(error)
    return None if row is not None and row["version_num"] == HEAD else "its schema is another version's"


async def _storage(services: Services) -> str | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await services.parts.assets.check()
    except TimeoutError:
        return "it does not answer in time"
    return None if found.is_ready else found.reason


def _draining(services: Services) -> str | None:
    return "it is stopping" if services.watch.is_draining else None


def _whole(status: int, media_type: str, body: bytes) -> Answer:
    length = str(len(body)).encode()
    headers = [(b"content-type", media_type.encode()), (b"content-length", length), (b"cache-control", b"no-store")]
    return Answer(status, headers, body)
