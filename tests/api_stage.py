"""A stage for API tests: the real app on a real database and real files. Only the engine is played, by the test itself."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from PIL import Image

from calotype.accounts import Accounts
from calotype.assets.base import key_for
from calotype.assets.files import FileAssets
from calotype.clock import Clock, SystemClock
from calotype.config import Settings
from calotype.dialects import dialects
from calotype.engines.registry import cards
from calotype.errors import EngineError
from calotype.jobs.ids import new_id
from calotype.jobs.model import Job, NewAsset
from calotype.lifecycle import Lifecycle, Policy
from calotype.server.app import App, build_app, listening
from calotype.server.parts import Parts
from calotype.server.serving import serve_api
from calotype.signing import LinkSigner
from calotype.store import jobs, ledger
from calotype.store.database import Database

BASE_URL = "http://api.test"
WORKER = UUID(int=1)
PATIENCE = 20.0


def picture(width: int = 8, height: int = 6, form: str = "PNG") -> bytes:
    """Return a small real picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 40, 40)).save(buffer, form)
    return buffer.getvalue()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@dataclass
class ApiStage:
    """What a test plays on. `client` sends to the app with no key of its own."""

    parts: Parts
    app: App
    client: httpx2.AsyncClient
    key: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.parts.database

    @property
    def lifecycle(self) -> Lifecycle:
        return self.parts.lifecycle

    async def new_key(self, name: str, **given: Any) -> str:
        """Return a key; an account of the same name is made when there is none."""
        made = await self.parts.accounts.create_key(name, **given)
        self.keys[name] = str(made.key_id)
        return made.key

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.client.get(path, headers=bearer(self.key) | headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        return await self.client.post(path, json=body, headers=bearer(self.key) | headers)

    async def submit(self, prompt: str = "a red fox", **given: Any) -> dict[str, Any]:
        body = {"kind": "image", "input": {"prompt": prompt}} | given
        answer = await self.post("/native/v1/jobs", body)
        assert answer.status_code == 202, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def claim(self, job_id: str) -> Job:
        """Play the worker that takes a job."""
        async with self.database.connection() as db:
            job = await jobs.get(db, UUID(job_id))
        assert job is not None
        claimed = await self.lifecycle.claim(WORKER, job.lane_id)
        assert claimed is not None, "the lane was empty"
        assert claimed.id == job.id, "the lane held an older job"
        return claimed

    async def succeed(self, job_id: str, *, count: int = 1) -> Job:
        """Play the engine that makes a picture."""
        claimed = await self.claim(job_id)
        return await self.lifecycle.succeed(claimed, [await self._file(claimed) for _ in range(count)])

    async def fail(self, job_id: str, reason: str = "it broke") -> Job:
        return await self.lifecycle.fail(await self.claim(job_id), EngineError(reason))

    async def _file(self, job: Job) -> NewAsset:
        asset_id = new_id()
        key = key_for(job.account_id, job.id, asset_id, "png")
        stored = await self.parts.assets.write(key, picture(), "image/png")
        return NewAsset(asset_id, key, "image/png", "png", stored.size, stored.sha256, width=8, height=6)

    async def jobs_stored(self) -> int:
        async with self.database.connection() as db:
            row = await (await db.execute("select count(*) as stored from jobs")).fetchone()
        assert row is not None
        return int(row["stored"])

    async def balance(self) -> int:
        account: dict[str, Any] = (await self.get("/native/v1/account")).json()
        return int(account["balance"])

    async def grant(self, account_id: UUID, amount: int) -> None:
        async with self.database.connection() as db:
            await ledger.grant(db, account_id, amount, "for the test")


@asynccontextmanager
async def api_stage(
    database_url: str,
    folder: Path,
    *,
    clock: Clock | None = None,
    policy: Policy | None = None,
    floor: int = 0,
    **settings: Any,
) -> AsyncIterator[ApiStage]:
    """Lend the app on a fresh database, with one account that may spend without a limit, and ask as often as it likes."""
    clock = clock or SystemClock()
    chosen = Settings(data=folder, **{"limits": {"reads": 0}} | settings)
    async with Database(database_url) as database:
        accounts = Accounts(database, clock)
        parts = Parts(
            database=database,
            lifecycle=Lifecycle(database, policy or Policy()),
            accounts=accounts,
            assets=FileAssets(folder / "assets", floor),
            signer=LinkSigner({"1": b"k" * 32}, "1"),
            settings=chosen,
            clock=clock,
            dialects=dialects(chosen),
            cards=cards(),
        )
        app = build_app(parts)
        transport = httpx2.ASGITransport(app)
        async with listening(app.services), httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            stage = ApiStage(parts, app, client)
            stage.key = await stage.new_key("me")
            yield stage


@asynccontextmanager
async def on_a_socket(
    stage: ApiStage, grace: timedelta = timedelta(seconds=5)
) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Serve the stage's parts on a real socket; lend the URL, and the event that stops it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    stop, is_listening = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve_api(stage.parts, listener, stop=stop, listening=is_listening.set, grace=grace))
    try:
        async with asyncio.timeout(PATIENCE):
            await is_listening.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", stop
    finally:
        stop.set()
        await serving
