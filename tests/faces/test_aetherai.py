"""The AetherAI contract's acceptance rows, by their ids, against our server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, picture
from calotype.dialects.aetherai import AetherAI
from calotype.dialects.aetherai.models import AIModel
from calotype.dialects.base import Verb

pytestmark = pytest.mark.anyio

BASE = "/public/v1"
IMAGE = f"{BASE}/generate/image"
CREATES = [BASE + row.path for row in AetherAI().operations if row.verb is Verb.SUBMIT]
FIELDS = {"prompt": "a red fox", "ai_model": "GPT Image 1.5"}
BAD = b"not an image"

Files = list[tuple[str, Any]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


def refs(count: int) -> Files:
    return [("ref_images", (f"{number}.png", picture(), "image/png")) for number in range(count)]


def multipart(fields: dict[str, str]) -> Files:
    return [(name, (None, value)) for name, value in fields.items()]


async def create(stage: ApiStage, path: str = IMAGE, **given: Any) -> httpx2.Response:
    return await stage.client.post(path, headers=bearer(stage.key), **given)


async def assert_is_job(stage: ApiStage, answer: httpx2.Response) -> str:
    """What the contract calls "job"."""
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["job_id"]
    job_id = str(UUID(answer.json()["job_id"]))
    read = await stage.get(f"{BASE}/job/{job_id}")
    assert read.status_code == 200
    assert read.json()["status"] in {"Pending", "Succeed", "Failed"}
    return job_id


def assert_plain(answer: httpx2.Response, status: int, text: str) -> None:
    assert (answer.status_code, answer.json()) == (status, {"detail": text})


def assert_bad_fields(answer: httpx2.Response, *fields: str, place: str = "body") -> list[dict[str, Any]]:
    """What the contract calls "422 on f", for exactly these fields."""
    assert answer.status_code == 422, answer.text
    detail: list[dict[str, Any]] = answer.json()["detail"]
    assert sorted(entry["loc"][1] for entry in detail) == sorted(fields)
    for entry in detail:
        assert entry["loc"][0] == place
        assert isinstance(entry["type"], str)
        assert isinstance(entry["msg"], str)
        assert "input" in entry
    return detail


# --- authentication ------------------------------------------------------------------------------


async def test_ae_001_no_header(stage: ApiStage) -> None:
    assert_plain(await stage.client.get(f"{BASE}/job/{uuid4()}"), 401, "Invalid API key")


async def test_ae_002_an_unknown_key(stage: ApiStage) -> None:
    answer = await stage.client.get(f"{BASE}/job/{uuid4()}", headers=bearer("cal_unknown"))

    assert_plain(answer, 401, "Invalid API key")


async def test_ae_003_a_key_without_bearer(stage: ApiStage) -> None:
    answer = await stage.client.get(f"{BASE}/job/{uuid4()}", headers={"Authorization": stage.key})

    assert_plain(answer, 401, "Invalid API key")


@pytest.mark.parametrize("change", ["state = 'revoked'", "expires_at = clock_timestamp() - interval '1 second'"])
async def test_ae_004_a_revoked_and_an_expired_key(stage: ApiStage, change: str) -> None:
    await set_key(stage, change)

    assert_plain(await stage.get(f"{BASE}/job/{uuid4()}"), 401, "Invalid API key")


@pytest.mark.parametrize("path", CREATES)
async def test_ae_005_no_header_and_no_body(stage: ApiStage, path: str) -> None:
    assert_plain(await stage.client.post(path), 401, "Invalid API key")


@pytest.mark.parametrize("path", CREATES)
@pytest.mark.parametrize("body", [{"json": FIELDS}, {"json": {"prompt": 1}}, {"files": multipart(FIELDS)}])
async def test_ae_006_an_unknown_key_whatever_the_body(stage: ApiStage, path: str, body: dict[str, Any]) -> None:
    answer = await stage.client.post(path, headers=bearer("cal_unknown"), **body)

    assert_plain(answer, 401, "Invalid API key")


@pytest.mark.parametrize("path", CREATES)
async def test_ae_007_an_inactive_user_creates(stage: ApiStage, path: str) -> None:
    await deactivate(stage)

    assert_plain(await create(stage, path, json=FIELDS), 404, "Not Found User")


async def test_ae_008_an_inactive_user_reads(stage: ApiStage) -> None:
    await deactivate(stage)

    assert_plain(await stage.get(f"{BASE}/job/{uuid4()}"), 404, "Not Found User")


async def test_ae_009_a_good_key_is_never_401(stage: ApiStage) -> None:
    assert (await stage.get(f"{BASE}/job/{uuid4()}")).status_code == 404


# --- generate/image ------------------------------------------------------------------------------


async def test_ae_010_multipart(stage: ApiStage) -> None:
    await assert_is_job(stage, await create(stage, files=multipart(FIELDS)))


async def test_ae_011_json(stage: ApiStage) -> None:
    await assert_is_job(stage, await create(stage, json=FIELDS))


async def test_ae_012_urlencoded(stage: ApiStage) -> None:
    await assert_is_job(stage, await create(stage, data=FIELDS))


@pytest.mark.parametrize("model", list(AIModel))
async def test_ae_013_each_model(stage: ApiStage, model: AIModel) -> None:
    job_id = await assert_is_job(stage, await create(stage, json=FIELDS | {"ai_model": model}))

    job = (await stage.get(f"/native/v1/jobs/{job_id}")).json()
    assert (job["requested_model"], job["model"], job["face"]) == (model, "illustrator", "aetherai")


async def test_ae_014_grok_pro_takes_one_ref(stage: ApiStage) -> None:
    answer = await create(stage, data=FIELDS | {"ai_model": "Grok Imagine Pro"}, files=refs(1))

    job_id = await assert_is_job(stage, answer)
    assert (await stage.get(f"/native/v1/jobs/{job_id}")).json()["tags"] == {"ref_images": "1 given, not used"}


async def test_ae_015_grok_pro_takes_no_second_ref(stage: ApiStage) -> None:
    answer = await create(stage, data=FIELDS | {"ai_model": "Grok Imagine Pro"}, files=refs(2))

    assert_plain(answer, 400, "The Grok Imagine Pro model supports up to 1 ref_images.")


async def test_ae_016_grok_takes_five_refs(stage: ApiStage) -> None:
    await assert_is_job(stage, await create(stage, data=FIELDS | {"ai_model": "Grok Imagine"}, files=refs(5)))


async def test_ae_017_grok_takes_no_sixth_ref(stage: ApiStage) -> None:
    answer = await create(stage, data=FIELDS | {"ai_model": "Grok Imagine"}, files=refs(6))

    assert_plain(answer, 400, "The Grok Imagine model supports up to 5 ref_images.")


OTHERS = [model for model in AIModel if not model.startswith("Grok")]


async def test_ae_018_others_take_ten_refs(stage: ApiStage) -> None:
    for model in OTHERS:
        await assert_is_job(stage, await create(stage, data=FIELDS | {"ai_model": model}, files=refs(10)))


@pytest.mark.parametrize("model", OTHERS)
async def test_ae_019_others_take_no_eleventh_ref(stage: ApiStage, model: AIModel) -> None:
    answer = await create(stage, data=FIELDS | {"ai_model": model}, files=refs(11))

    assert_plain(answer, 400, "ref_images supports up to 10 images only")


@pytest.mark.parametrize("bad", [BAD, b""])
async def test_ae_020_a_ref_that_is_no_image(stage: ApiStage, bad: bytes) -> None:
    files = [*refs(1), ("ref_images", ("a.png", bad, "image/png"))]

    assert_plain(await create(stage, data=FIELDS, files=files), 400, "Invalid image file")


async def test_a_text_in_a_file_field_is_a_bad_field(stage: ApiStage) -> None:
    """Open point 15."""
    assert_bad_fields(await create(stage, files=multipart(FIELDS | {"ref_images": "a.png"})), "ref_images")


async def test_a_file_that_is_too_large_is_no_valid_image(stage: ApiStage) -> None:
    """Open point 14."""
    most = stage.parts.settings.server.max_upload
    files = [("ref_images", ("a.png", picture() + bytes(most), "image/png"))]

    assert_plain(await create(stage, data=FIELDS, files=files), 400, "Invalid image file")


FORMS = [
    pytest.param(lambda fields: {"json": fields}, id="json"),
    pytest.param(lambda fields: {"data": fields}, id="urlencoded"),
    pytest.param(lambda fields: {"files": multipart(fields)}, id="multipart"),
]


@pytest.mark.parametrize("form", FORMS)
async def test_ae_021_no_prompt(stage: ApiStage, form: Any) -> None:
    [entry] = assert_bad_fields(await create(stage, **form({"ai_model": FIELDS["ai_model"]})), "prompt")

    assert (entry["msg"], entry["input"]) == ("Field required", None)


@pytest.mark.parametrize("form", FORMS)
async def test_ae_022_no_model(stage: ApiStage, form: Any) -> None:
    assert_bad_fields(await create(stage, **form({"prompt": "x"})), "ai_model")


@pytest.mark.parametrize("form", FORMS)
async def test_ae_023_an_unknown_model(stage: ApiStage, form: Any) -> None:
    assert_bad_fields(await create(stage, **form(FIELDS | {"ai_model": "No Such Model"})), "ai_model")


async def test_ae_024_an_empty_form(stage: ApiStage) -> None:
    headers = bearer(stage.key) | {"Content-Type": "multipart/form-data; boundary=x"}

    answer = await stage.client.post(IMAGE, content=b"--x--\r\n", headers=headers)

    assert_bad_fields(answer, "prompt", "ai_model")


@pytest.mark.parametrize("form", FORMS)
async def test_ae_025_an_empty_prompt(stage: ApiStage, form: Any) -> None:
    assert_bad_fields(await create(stage, **form(FIELDS | {"prompt": ""})), "prompt")


async def test_ae_026_a_refusal_leaves_no_job_and_no_charge(stage: ApiStage, tmp_path: Path) -> None:
    before = await stage.balance(), await stage.jobs_stored()

    for refused in (
        await create(stage, json={"prompt": "x"}),
        await create(stage, data=FIELDS, files=refs(11)),
        await create(stage, data=FIELDS, files=[("ref_images", ("a.png", BAD, "image/png"))]),
    ):
        assert refused.status_code in {400, 422}

    assert (await stage.balance(), await stage.jobs_stored()) == before
    assert files_in(tmp_path) == []


async def test_ae_027_a_strict_face_reads_no_json(database_url: str, tmp_path: Path) -> None:
    async with api_stage(database_url, tmp_path, faces={"aetherai": {"strict": True}}) as stage:
        refused = await create(stage, json=FIELDS)
        accepted = await create(stage, data=FIELDS)

    assert_bad_fields(refused, "prompt", "ai_model")
    assert accepted.status_code == 200


# --- job -----------------------------------------------------------------------------------------


async def test_ae_150_a_waiting_job(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]

    answer = await stage.get(f"{BASE}/job/{job_id}")

    assert answer.json() == {"job_id": job_id, "status": "Pending", "image_urls": []}


async def test_ae_151_a_running_job(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    await stage.claim(job_id)

    answer = await stage.get(f"{BASE}/job/{job_id}")

    assert answer.json() == {"job_id": job_id, "status": "Pending", "image_urls": []}


async def test_ae_152_a_succeeded_job(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    await stage.succeed(job_id)

    shown = (await stage.get(f"{BASE}/job/{job_id}")).json()

    assert sorted(shown) == ["image_urls", "job_id", "status"]
    assert shown["status"] == "Succeed"
    assert all(httpx2.URL(url).is_absolute_url and httpx2.URL(url).path.endswith(".png") for url in shown["image_urls"])
    assert len(shown["image_urls"]) == 1


async def test_ae_153_a_failed_job_says_why(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    await stage.fail(job_id, "The lamp went out.")

    shown = (await stage.get(f"{BASE}/job/{job_id}")).json()

    assert shown == {"job_id": job_id, "status": "Failed", "image_urls": [], "error_message": "The lamp went out."}


async def test_ae_154_a_failed_job_in_exactly_three_keys(database_url: str, tmp_path: Path) -> None:
    async with api_stage(database_url, tmp_path, faces={"aetherai": {"error_message": False}}) as stage:
        job_id = (await create(stage, json=FIELDS)).json()["job_id"]
        await stage.fail(job_id)

        shown = (await stage.get(f"{BASE}/job/{job_id}")).json()

    assert shown == {"job_id": job_id, "status": "Failed", "image_urls": []}


async def test_a_cancelled_job_reads_as_failed_with_a_cause(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    await stage.post(f"/native/v1/jobs/{job_id}/cancel")

    shown = (await stage.get(f"{BASE}/job/{job_id}")).json()

    assert shown["status"] == "Failed"
    assert shown["error_message"]


async def test_ae_155_an_unknown_job(stage: ApiStage) -> None:
    assert_plain(await stage.get(f"{BASE}/job/{uuid4()}"), 404, "Job not found")


async def test_ae_156_an_id_that_is_no_uuid(stage: ApiStage) -> None:
    [entry] = assert_bad_fields(await stage.get(f"{BASE}/job/abc"), "job_id", place="path")

    assert entry == {
        "type": "uuid_parsing",
        "loc": ["path", "job_id"],
        "msg": "Input should be a valid UUID, invalid length: found 3",
        "input": "abc",
        "ctx": {"error": "invalid length: found 3"},
    }


async def test_ae_157_another_accounts_job(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    other = bearer(await stage.new_key("other"))

    theirs = await stage.client.get(f"{BASE}/job/{job_id}", headers=other)
    nobodys = await stage.client.get(f"{BASE}/job/{uuid4()}", headers=other)

    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content) == (404, nobodys.content)


async def test_ae_158_an_ended_job_reads_the_same_twice(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    await stage.succeed(job_id)

    first = await stage.get(f"{BASE}/job/{job_id}")
    stage.app.services.cache.forget_all()
    second = await stage.get(f"{BASE}/job/{job_id}")

    assert first.content == second.content


async def test_ae_159_a_link_needs_no_key(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    await stage.succeed(job_id)
    [url] = (await stage.get(f"{BASE}/job/{job_id}")).json()["image_urls"]

    answer = await stage.client.get(url)

    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", picture())


async def test_ae_160_sixty_polls_are_never_too_many(stage: ApiStage) -> None:
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]

    assert {(await stage.get(f"{BASE}/job/{job_id}")).status_code for _ in range(60)} == {200}


async def test_ae_161_a_failed_job_costs_nothing(stage: ApiStage) -> None:
    before = await stage.balance()
    job_id = (await create(stage, json=FIELDS)).json()["job_id"]
    assert await stage.balance() < before

    await stage.fail(job_id)

    assert await stage.balance() == before


async def test_ae_162_a_wrong_method(stage: ApiStage) -> None:
    assert_plain(await stage.post(f"{BASE}/job/{uuid4()}"), 405, "Method Not Allowed")
    for path in CREATES:
        assert_plain(await stage.get(path), 405, "Method Not Allowed")


async def test_ae_163_an_unknown_path(stage: ApiStage) -> None:
    assert_plain(await stage.get(f"{BASE}/no-such-path"), 404, "Not Found")


async def test_ae_170_the_older_path(stage: ApiStage) -> None:
    await assert_is_job(stage, await create(stage, f"{BASE}/generate", data=FIELDS))
    await assert_is_job(stage, await create(stage, f"{BASE}/generate", data=FIELDS, files=refs(1)))


async def test_an_account_that_cannot_pay_is_told_so(stage: ApiStage) -> None:
    """Open point 10."""
    stage.key = await stage.new_key("poor", credits_granted=0)

    assert_plain(await create(stage, json=FIELDS), 402, "Insufficient credits")


# --- what the rows above arrange -----------------------------------------------------------------


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def set_key(stage: ApiStage, change: str) -> None:
    async with stage.database.connection() as db:
        await db.execute(f"update keys set {change} where id = %s", (stage.keys["me"],))


async def deactivate(stage: ApiStage) -> None:
    async with stage.database.connection() as db:
        await db.execute(
            "update users set active = false where id = (select user_id from keys where id = %s)", (stage.keys["me"],)
        )
