"""The native API about the account itself, the reference, health, and a real socket's start and stop."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from openapi_spec_validator import validate

from api_stage import ApiStage, api_stage, bearer, on_a_socket, picture
from calotype.dialects.native.answers import AccountAnswer, KeyList, KindList, ModelList, NewKeyAnswer
from calotype.engines.registry import cards
from calotype.errors import DatabaseUnavailableError
from calotype.jobs.kinds import Kind
from calotype.store.database import Database

pytestmark = pytest.mark.anyio

NATIVE = "/native/v1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


# --- account and keys ----------------------------------------------------------------------------


async def test_an_account_says_what_it_may_spend(stage: ApiStage) -> None:
    stage.key = await stage.new_key("metered", credits_granted=5)
    await stage.submit()

    account = AccountAnswer.model_validate((await stage.get(f"{NATIVE}/account")).json())

    assert (account.name, account.balance, account.floor, account.scopes) == ("metered", 4, 0, ["read", "submit"])


async def test_an_admin_makes_lists_and_revokes_keys_of_the_own_account(stage: ApiStage) -> None:
    stage.key = await stage.new_key("me", scopes=("admin", "read"))
    other = await stage.new_key("other")

    made = await stage.post(f"{NATIVE}/keys", {"name": "laptop", "scopes": ["read"]})
    key = NewKeyAnswer.model_validate(made.json())
    mine = (await stage.client.get(f"{NATIVE}/account", headers=bearer(key.key))).json()
    listed = KeyList.model_validate((await stage.get(f"{NATIVE}/keys")).json())
    revoked = await stage.client.delete(f"{NATIVE}/keys/{key.id}", headers=bearer(stage.key))
    not_mine = await stage.client.delete(f"{NATIVE}/keys/{stage.keys['other']}", headers=bearer(stage.key))

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert mine["id"] == (await stage.get(f"{NATIVE}/account")).json()["id"]
    assert {row.name for row in listed.data} == {"me", "laptop"}
    assert key.key not in json.dumps(listed.model_dump(mode="json"))
    assert (revoked.status_code, not_mine.status_code) == (204, 404)
    assert (await stage.client.get(f"{NATIVE}/account", headers=bearer(key.key))).status_code == 401
    assert (await stage.client.get(f"{NATIVE}/account", headers=bearer(other))).status_code == 200


# --- what is on offer -----------------------------------------------------------------------------


async def test_kinds_and_models_are_public(stage: ApiStage) -> None:
    kinds = KindList.model_validate((await stage.client.get(f"{NATIVE}/kinds")).json())
    models = ModelList.model_validate((await stage.client.get(f"{NATIVE}/models")).json())

    assert {("image", "illustrator"), ("upscale", "upscale")} <= {(kind.kind, *kind.models) for kind in kinds.data}
    assert {kind.kind for kind in kinds.data} == set(Kind)
    assert {model.id for model in models.data} == {card.id for card in cards()}
    assert all("properties" in kind.input_schema for kind in kinds.data)


# --- reference -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{NATIVE}/openapi.json", "/docs/native.json", "/docs/aetherai.json"])
async def test_every_api_has_a_valid_openapi_document(stage: ApiStage, path: str) -> None:
    document = (await stage.client.get(path)).json()

    validate(document)
    assert document["openapi"] == "3.1.0"


async def test_the_reference_asks_nothing_of_another_host(stage: ApiStage) -> None:
    pages = ["/docs", "/docs/native", "/docs/aetherai", "/docs/errors/not_found"]
    for page in pages:
        answer = await stage.client.get(page)
        assert answer.status_code == 200, page
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert re.findall(r"(?:src|href)=[\"'](?!/|#)", answer.text) == []


async def test_every_error_leads_to_a_page_with_cause_and_cure(stage: ApiStage) -> None:
    problem = (await stage.get(f"{NATIVE}/jobs/none")).json()

    page = await stage.client.get(problem["docs_url"])

    assert page.status_code == 200
    assert "Cause" in page.text
    assert "Cure" in page.text
    assert (await stage.client.get("/docs/errors/nonsense")).status_code == 404


async def test_outside_the_faces_an_unknown_path_is_a_problem_document(stage: ApiStage) -> None:
    answer = await stage.client.get("/nothing/here")
    wrong = await stage.client.post("/livez")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_path")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")


# --- health --------------------------------------------------------------------------------------


async def test_a_working_server_is_live_and_ready_and_counts(stage: ApiStage) -> None:
    assert (await stage.client.get("/livez")).json() == {"status": "live"}
    ready = await stage.client.get("/readyz")
    metrics = (await stage.client.get("/metrics")).text

    assert (ready.status_code, set(ready.json()["checks"].values())) == (200, {"ok"})
    assert 'calotype_requests_total{route="livez",status="200"} 1.0' in metrics
    assert 'calotype_request_seconds_bucket{le="+Inf",route="livez"} 1.0' in metrics


async def test_without_a_database_every_face_says_so_in_its_shape_and_when_to_come_back(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Database) -> None:
        raise DatabaseUnavailableError

    monkeypatch.setattr(Database, "connection", away)
    native = await stage.get(f"{NATIVE}/account")
    aetherai = await stage.client.post("/public/v1/generate/image", json={}, headers=bearer(stage.key))
    ready, live = await stage.client.get("/readyz"), await stage.client.get("/livez")

    assert (native.status_code, native.json()["code"]) == (503, "database_unavailable")
    assert (aetherai.status_code, aetherai.json()) == (503, {"detail": "Service Unavailable"})
    assert native.headers["retry-after"] == aetherai.headers["retry-after"] == "2"
    assert (ready.status_code, live.status_code) == (503, 200)


# --- a real socket -------------------------------------------------------------------------------


async def test_a_stopping_server_finishes_what_it_has_begun(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    async with on_a_socket(stage) as (url, stop), httpx2.AsyncClient(headers=bearer(stage.key)) as client:
        waiting = asyncio.create_task(client.get(f"{url}{NATIVE}/jobs/{job_id}?wait=60"))
        async with asyncio.timeout(10):
            while "in_flight 2.0" not in (await client.get(f"{url}/metrics")).text:  # noqa: ASYNC110 - another app's number
                await asyncio.sleep(0.02)

        stop.set()
        answer = await waiting

    assert (answer.status_code, answer.json()["state"]) == (200, "queued")


async def test_links_name_the_host_that_was_asked(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _), httpx2.AsyncClient(headers=bearer(stage.key)) as client:
        job = (await client.post(f"{url}{NATIVE}/jobs", json={"kind": "image", "input": {"prompt": "x"}})).json()

    assert job["links"]["self"].startswith(url)


@pytest.mark.parametrize("host", ["evil.example/path", "a b", "x" * 300])
async def test_a_host_that_is_none_gets_into_no_link(stage: ApiStage, host: str) -> None:
    job_id = (await stage.submit())["id"]

    answer = await stage.get(f"{NATIVE}/jobs/{job_id}", Host=host)

    assert host not in answer.json()["links"]["self"]


async def test_a_public_url_stands_in_every_link(database_url: str, tmp_path: Path) -> None:
    async with api_stage(database_url, tmp_path, server={"public_url": "https://media.example/api/"}) as stage:
        job = await stage.submit()

    assert job["links"]["self"] == f"https://media.example/api{NATIVE}/jobs/{job['id']}"


async def test_while_the_disk_is_full_submits_and_uploads_are_refused_and_reads_go_on(
    database_url: str, tmp_path: Path
) -> None:
    async with api_stage(database_url, tmp_path, floor=10**18) as stage:
        submit = await stage.post(f"{NATIVE}/jobs", {"kind": "image", "input": {"prompt": "x"}})
        upload = await stage.client.post(f"{NATIVE}/assets", content=picture(), headers=bearer(stage.key))
        aetherai = await stage.client.post(
            "/public/v1/generate/image", json={"prompt": "x", "ai_model": "Nano Banana"}, headers=bearer(stage.key)
        )
        listed, ready = await stage.get(f"{NATIVE}/jobs"), await stage.client.get("/readyz")

    assert [(a.status_code, a.json()["code"]) for a in (submit, upload)] == [(507, "disk_full")] * 2
    assert (aetherai.status_code, aetherai.json()) == (507, {"detail": "Insufficient Storage"})
    assert (listed.status_code, listed.json()["data"], ready.status_code) == (200, [], 503)
