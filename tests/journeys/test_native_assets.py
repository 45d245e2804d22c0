"""Files by the native API: uploads, inputs of other jobs, and downloads by signed links."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, picture
from calotype.dialects.native.answers import AssetAnswer
from clips import clip

pytestmark = pytest.mark.anyio

ASSETS = "/native/v1/assets"
JOBS = "/native/v1/jobs"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def upload(stage: ApiStage, data: bytes, media_type: str = "image/png") -> httpx2.Response:
    return await stage.client.post(ASSETS, content=data, headers=bearer(stage.key) | {"Content-Type": media_type})


async def upscale(stage: ApiStage, image: Any, **given: Any) -> httpx2.Response:
    return await stage.post(JOBS, {"kind": "upscale", "input": {"image": image, "scale": 2} | given})


# --- uploads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_an_upload_is_written_anew_and_kept(stage: ApiStage, form: str) -> None:
    answer = await upload(stage, picture(form=form), "application/octet-stream")

    asset = AssetAnswer.model_validate(answer.json())
    assert (answer.status_code, asset.role, asset.width, asset.height) == (201, "input", 8, 6)
    assert answer.headers["location"] == f"{ASSETS}/{asset.id}"
    assert (await stage.client.get(str(asset.url))).headers["content-type"] == asset.media_type


async def test_an_upload_may_be_a_form_with_one_file(stage: ApiStage) -> None:
    answer = await stage.client.post(
        ASSETS, files={"file": ("../../etc/passwd", picture(), "image/png")}, headers=bearer(stage.key)
    )

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [(b"", 422, "invalid_image"), (b"not an image", 422, "invalid_image"), (picture()[:40], 422, "invalid_image")],
)
async def test_what_is_no_image_is_refused_and_leaves_nothing(
    stage: ApiStage, tmp_path: Path, data: bytes, status: int, code: str
) -> None:
    answer = await upload(stage, data)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert files_in(tmp_path) == []


async def test_an_upload_is_counted_by_the_bytes_read_not_by_what_the_sender_says(
    database_url: str, tmp_path: Path
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(64_000)

    async with api_stage(database_url, tmp_path, server={"max_upload": 500_000}) as stage:
        told = await upload(stage, bytes(500_001))
        counted = await stage.client.post(ASSETS, content=endless(), headers=bearer(stage.key))

    assert [(a.status_code, a.json()["code"]) for a in (told, counted)] == [(413, "file_too_large")] * 2
    assert files_in(tmp_path) == []


async def test_an_asset_can_be_read_by_its_account_alone(stage: ApiStage) -> None:
    asset_id = (await upload(stage, picture())).json()["id"]
    other = bearer(await stage.new_key("other")) | {"X-Request-Id": "same"}

    mine = await stage.get(f"{ASSETS}/{asset_id}")
    theirs = await stage.client.get(f"{ASSETS}/{asset_id}", headers=other)
    nobodys = await stage.client.get(f"{ASSETS}/{uuid4()}", headers=other)

    assert mine.json()["id"] == asset_id
    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


# --- inputs --------------------------------------------------------------------------------------


async def test_an_upload_becomes_a_jobs_input(stage: ApiStage) -> None:
    asset_id = (await upload(stage, picture())).json()["id"]

    job = (await upscale(stage, {"asset_id": asset_id})).json()

    assert job["input"]["image"] == {"asset_id": asset_id}


async def test_a_data_url_becomes_a_stored_asset(stage: ApiStage) -> None:
    job = (await upscale(stage, {"data": data_url(picture())})).json()

    asset = (await stage.get(f"{ASSETS}/{job['input']['image']['asset_id']}")).json()
    assert (asset["role"], asset["width"], asset["height"]) == ("input", 8, 6)


async def test_a_jobs_output_becomes_another_jobs_input(stage: ApiStage) -> None:
    first = (await stage.submit())["id"]
    await stage.succeed(first)
    [output] = (await stage.get(f"{JOBS}/{first}")).json()["outputs"]

    job = (await upscale(stage, {"from_job": first, "output": 0})).json()

    assert job["input"]["image"] == {"asset_id": output["asset_id"]}


@pytest.mark.parametrize(
    ("image", "pointer"),
    [
        ({"asset_id": str(uuid4())}, "/input/image/asset_id"),
        ({"from_job": str(uuid4())}, "/input/image/from_job"),
        ({"data": "data:image/png;base64,!!"}, "/input/image/data"),
        ({"data": "data:image/png,abc"}, "/input/image/data"),
        ({"data": "x"}, "/input/image/data"),
        ({}, "/input/image"),
        ({"asset_id": str(uuid4()), "data": "x"}, "/input/image"),
        ({"path": "/etc/passwd"}, "/input/image/path"),
    ],
)
async def test_an_input_that_is_not_there_is_named(stage: ApiStage, image: dict[str, Any], pointer: str) -> None:
    answer = await upscale(stage, image)

    assert answer.status_code == 422
    assert pointer in [entry["pointer"] for entry in answer.json()["errors"]]


async def test_another_accounts_files_and_jobs_are_no_inputs(stage: ApiStage) -> None:
    asset_id = (await upload(stage, picture())).json()["id"]
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)
    stage.key = await stage.new_key("other")

    by_asset = await upscale(stage, {"asset_id": asset_id})
    by_job = await upscale(stage, {"from_job": job_id})

    assert (by_asset.status_code, by_job.status_code) == (422, 422)


async def test_a_job_that_made_nothing_yet_is_no_input(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]

    answer = await upscale(stage, {"from_job": job_id})

    assert answer.json()["errors"][0]["rule"] == "not_succeeded"


async def test_an_image_that_would_become_too_large_is_refused_at_once(stage: ApiStage) -> None:
    asset_id = (await upload(stage, picture(4096, 16))).json()["id"]

    answer = await upscale(stage, {"asset_id": asset_id}, scale=4)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/input/scale")
    assert await stage.jobs_stored() == 0


async def test_a_refused_submission_takes_its_files_back(stage: ApiStage, tmp_path: Path) -> None:
    stage.key = await stage.new_key("poor", credits_granted=0)

    answer = await upscale(stage, {"data": data_url(picture())})

    assert answer.status_code == 402
    assert files_in(tmp_path) == []


async def test_a_file_that_turns_out_too_large_is_taken_back(stage: ApiStage, tmp_path: Path) -> None:
    answer = await upscale(stage, {"data": data_url(picture(4096, 16))}, scale=4)

    assert answer.status_code == 422
    assert files_in(tmp_path) == []


async def test_a_replayed_submission_stores_its_file_once(stage: ApiStage, tmp_path: Path) -> None:
    body = {"kind": "upscale", "input": {"image": {"data": data_url(picture())}, "scale": 2}}

    first = await stage.post(JOBS, body, **{"Idempotency-Key": "k"})
    second = await stage.post(JOBS, body, **{"Idempotency-Key": "k"})

    assert second.json()["id"] == first.json()["id"]
    assert len(files_in(tmp_path)) == 1


# --- downloads -----------------------------------------------------------------------------------


@pytest.fixture
async def link(stage: ApiStage) -> str:
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)
    url: str = (await stage.get(f"{JOBS}/{job_id}")).json()["outputs"][0]["url"]
    return url


async def test_a_download_needs_no_key_and_is_safe_to_keep_for_ever(stage: ApiStage, link: str) -> None:
    answer = await stage.client.get(link)

    assert (answer.status_code, answer.content) == (200, picture())
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-disposition"].startswith("inline; filename=")


async def test_a_part_of_a_file_can_be_asked_for(stage: ApiStage, link: str) -> None:
    part = await stage.client.get(link, headers={"Range": "bytes=1-3"})
    outside = await stage.client.get(link, headers={"Range": "bytes=99999-"})

    assert (part.status_code, part.content) == (206, b"PNG")
    assert part.headers["content-range"] == f"bytes 1-3/{len(picture())}"
    assert outside.status_code == 416


async def test_a_known_file_is_not_sent_again(stage: ApiStage, link: str) -> None:
    etag = (await stage.client.get(link)).headers["etag"]

    answer = await stage.client.get(link, headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content) == (304, b"")


async def test_a_link_allows_head(stage: ApiStage, link: str) -> None:
    answer = await stage.client.head(link)

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(picture())


async def test_a_link_that_was_changed_is_refused_before_storage_is_touched(
    stage: ApiStage, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def touched(*_: object) -> None:
        raise AssertionError("storage was touched")

    for name in ("open", "size", "exists"):
        monkeypatch.setattr(stage.parts.assets, name, touched)
    path, _, query = link.partition("?")
    changed = [
        path,
        f"{path}x?{query}",
        f"{path.removesuffix('.png')}.jpg?{query}",
        f"{path}?{query}x",
        f"{path}?{query}&x=1",
        f"{path}?x=1&{query}",
        f"{path}?{query}&{query}",
        f"{path}?{query}&",
        f"{path}?{query.replace('k=', '%6b=')}",
        f"{path}?{'&'.join(reversed(query.split('&')))}",
        f"{path}?{query.replace('e=1', 'e=2')}",
        f"{path}?{query}&d=attachment",
        f"{path.replace('/assets/', '/assets/%2e%2e/')}?{query}",
    ]

    for url in changed:
        answer = await stage.client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, "invalid_link"), url


async def test_a_file_that_was_erased_is_gone(stage: ApiStage, link: str) -> None:
    [row] = (await stage.get(JOBS)).json()["data"]
    await stage.client.delete(f"{JOBS}/{row['id']}", headers=bearer(stage.key))

    answer = await stage.client.get(link)

    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("image", "status"),
    [
        ({"asset_id": str(uuid4())}, 422),
        ({"from_job": str(uuid4())}, 422),
        ({"data": "data:image/png;base64,AAAA"}, 422),
        ({"data": "data:image/png;base64," + base64.b64encode(picture()).decode()}, 200),
    ],
)
async def test_a_dry_run_looks_at_the_image_and_keeps_nothing(
    stage: ApiStage, tmp_path: Path, image: dict[str, str], status: int
) -> None:
    answer = await stage.post(f"{JOBS}?dry_run=true", {"kind": "upscale", "input": {"image": image, "scale": 2}})

    assert answer.status_code == status, answer.text
    assert files_in(tmp_path) == []


# --- videos and recordings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("container", "media_type"), [("mp4", "video/mp4"), ("mp3", "audio/mpeg"), ("wav", "audio/wav")]
)
@pytest.mark.parametrize("by_form", [False, True], ids=["body", "form"])
async def test_a_clip_is_taken_by_body_or_form_and_measured(
    stage: ApiStage, container: str, media_type: str, by_form: bool
) -> None:
    data = clip(container)
    given: dict[str, Any] = {"files": {"file": ("../x", data)}} if by_form else {"content": data}

    answer = await stage.client.post(ASSETS, headers=bearer(stage.key), **given)

    asset = AssetAnswer.model_validate_json(answer.content)
    assert (answer.status_code, asset.media_type) == (201, media_type)
    assert asset.duration == pytest.approx(0.5, abs=0.15)
    assert (asset.width, asset.height) == ((64, 48) if container == "mp4" else (None, None))
    served = await stage.client.get(str(asset.url))
    assert (served.headers["content-type"], len(served.content)) == (media_type, asset.bytes)


@pytest.mark.parametrize("by_form", [False, True], ids=["body", "form"])
async def test_only_a_video_may_be_twice_as_large(database_url: str, tmp_path: Path, by_form: bool) -> None:
    def padded(container: str) -> dict[str, Any]:
        """Return a clip with a hundred thousand bytes behind it that belong to nothing."""
        data = clip(container) + (100_008).to_bytes(4, "big") + b"free" + bytes(100_000)
        return {"files": {"file": ("x", data)}} if by_form else {"content": data}

    async with api_stage(database_url, tmp_path, server={"max_upload": 80_000}) as stage:
        video = await stage.client.post(ASSETS, headers=bearer(stage.key), **padded("mp4"))
        sound = await stage.client.post(ASSETS, headers=bearer(stage.key), **padded("m4a"))

    assert video.status_code == 201, video.text
    assert (sound.status_code, sound.json()["code"]) == (413, "file_too_large")


async def test_a_damaged_clip_is_the_callers_error(stage: ApiStage) -> None:
    answer = await stage.client.post(ASSETS, headers=bearer(stage.key), content=clip("webm")[:200])

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_clip")


async def test_a_recording_is_no_picture_to_enlarge(stage: ApiStage) -> None:
    asset = AssetAnswer.model_validate_json(
        (await stage.client.post(ASSETS, headers=bearer(stage.key), content=clip("wav"))).content
    )

    answer = await upscale(stage, {"asset_id": str(asset.id)})

    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "not_an_image")
