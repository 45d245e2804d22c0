"""Every route, asked by everyone who has no business there. A route that is missing from the table fails it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, picture
from calotype.config import Settings
from calotype.dialects import dialects
from calotype.dialects.base import Operation, Verb
from calotype.dialects.native import hooks
from calotype.jobs.ids import new_id

pytestmark = pytest.mark.anyio

ROWS = [(face, row) for face in dialects(Settings()) for row in face.operations]
NAMES = [f"{face.id}.{row.name}" for face, row in ROWS]
ASKED_WITH_A_KEY = [index for index, (_, row) in enumerate(ROWS) if row.scope is not None]
ABOUT_ONE_THING = [index for index, (_, row) in enumerate(ROWS) if "{" in row.path]

PUBLIC = {"native.listKinds", "native.listModels", "native.readReference"}
MAY_READ_ONLY = {
    "native.listJobs", "native.readJob", "native.streamJob", "native.streamAccount", "native.readAsset", "native.readAccount",
    "native.listLedger",
    "aetherai.getJob",
}  # fmt: skip
MAY_NOT_READ_ONLY = {
    "native.submitJob", "native.eraseJob", "native.cancelJob", "native.retryJob", "native.uploadAsset", "native.listKeys",
    "native.createKey", "native.revokeKey", "native.deactivateKey", "native.reactivateKey",
    "aetherai.generateImage", "aetherai.generate",
    *(f"native.{row.name}" for row in hooks.OPERATIONS),
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


def test_every_route_has_its_place_in_the_table() -> None:
    assert set(NAMES) == PUBLIC | MAY_READ_ONLY | MAY_NOT_READ_ONLY
    assert {NAMES[index] for index in ASKED_WITH_A_KEY} == MAY_READ_ONLY | MAY_NOT_READ_ONLY


async def test_without_a_key_nothing_but_the_public_answers(stage: ApiStage) -> None:
    for index in ASKED_WITH_A_KEY:
        answer = await ask(stage, index, uuid4().hex, {})
        assert answer.status_code == 401, NAMES[index]


async def test_a_revoked_key_opens_nothing(stage: ApiStage) -> None:
    key = await stage.new_key("was", scopes=("admin", "read", "submit"))
    async with stage.database.connection() as db:
        await db.execute("update keys set state = 'revoked'")

    for index in ASKED_WITH_A_KEY:
        answer = await ask(stage, index, str(uuid4()), bearer(key))
        assert answer.status_code == 401, NAMES[index]


async def test_a_key_that_may_only_read_changes_nothing(stage: ApiStage) -> None:
    reader = bearer(await stage.new_key("me", scopes=("read",)))
    job_id = (await stage.submit())["id"]

    for index, name in enumerate(NAMES):
        if name in MAY_NOT_READ_ONLY:
            assert (await ask(stage, index, job_id, reader)).status_code == 403, name
    assert (await stage.get(f"/native/v1/jobs/{job_id}")).json()["state"] == "queued"
    assert await stage.jobs_stored() == 1


async def test_another_accounts_things_are_answered_as_if_they_had_never_been(stage: ApiStage) -> None:
    things = await one_of_each(stage)
    other = bearer(await stage.new_key("other", scopes=("admin", "read", "submit"))) | {"X-Request-Id": "same"}

    for index in ABOUT_ONE_THING:
        _, row = ROWS[index]
        theirs = await ask(stage, index, things[noun_of(row)], other)
        nobodys = await ask(stage, index, str(uuid4()), other)
        assert theirs.status_code == 404, NAMES[index]
        assert (theirs.content, without_date(theirs)) == (nobodys.content, without_date(nobodys)), NAMES[index]
    assert (await stage.get(f"/native/v1/jobs/{things['job_id']}")).json()["state"] == "queued"


async def one_of_each(stage: ApiStage) -> dict[str, str]:
    """Return a thing of each sort that belongs to the stage's own account."""
    upload = await stage.client.post("/native/v1/assets", content=picture(), headers=bearer(stage.key))
    endpoint_id, delivery_id = new_id(), new_id()
    async with stage.database.connection() as db:
        await db.execute(
            "insert into endpoints (id, account_id, url) select %s, id, 'http://x.test' from accounts", (endpoint_id,)
        )
        await db.execute(
            """insert into outbox (id, account_id, event, url, body, endpoint_id)
               select %s, account_id, 'webhook.test', url, '{}', id from endpoints""",
            (delivery_id,),
        )
    return {
        "job_id": (await stage.submit())["id"],
        "asset_id": upload.json()["id"],
        "key_id": stage.keys["me"],
        "endpoint_id": str(endpoint_id),
        "delivery_id": str(delivery_id),
    }


def noun_of(row: Operation) -> str:
    return row.path.partition("{")[2].partition("}")[0]


async def ask(stage: ApiStage, index: int, thing: str, headers: dict[str, str]) -> httpx2.Response:
    face, row = ROWS[index]
    path = face.prefix + row.path.replace(f"{{{noun_of(row)}}}", thing)
    body: dict[str, str] | None = None if row.verb is Verb.UPLOAD or row.body is None else {}
    return await stage.client.request(row.method, path, json=body, headers=headers)


def without_date(answer: httpx2.Response) -> list[tuple[str, str]]:
    return [pair for pair in answer.headers.items() if pair[0] != "date"]
