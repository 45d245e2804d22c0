"""The AetherAI contract's client rows, by their ids, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from calotype.client import AsyncClient, Client, InvalidInput, JobFailed, OutcomeUnknown, WaitTimeout
from unit.client.loopback import Loopback, Seen, Told, in_turn, loopback

JOB = "7c0d3b52-9f0e-4a61-8a1e-2f4f0f6f9b10"
PENDING = Told({"job_id": JOB, "status": "Pending", "image_urls": []})
SUCCEED = Told({"job_id": JOB, "status": "Succeed", "image_urls": ["https://cdn.example.org/images/walk-01.png"]})
FAILED = {"job_id": JOB, "status": "Failed", "image_urls": []}
CREATED = Told({"job_id": JOB})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calotype.dialects.aetherai.calls.PACE", (0.01,))


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback(in_turn(PENDING, PENDING, SUCCEED)) as server:
        yield server


@pytest.fixture
def client(server: Loopback) -> Iterator[Client]:
    with Client(server.url, "afk_key", dialect="aetherai") as client:
        yield client


def test_ae_180_pending_pending_succeed_returns_the_urls(client: Client) -> None:
    job = client.attach(JOB).wait()

    assert job.urls == ("https://cdn.example.org/images/walk-01.png",)


def test_ae_180_by_the_client_that_awaits(server: Loopback) -> None:
    async def conversation() -> tuple[str, ...]:
        async with AsyncClient(server.url, "afk_key", dialect="aetherai") as client:
            return (await (await client.attach(JOB)).wait()).urls

    assert asyncio.run(conversation()) == ("https://cdn.example.org/images/walk-01.png",)


def test_ae_181_failed_without_a_message_names_the_job_and_says_the_cause_is_unknown(
    server: Loopback, client: Client
) -> None:
    server.tell = in_turn(Told(FAILED))

    with pytest.raises(JobFailed, match=rf"{JOB}.*cause is unknown"):
        client.attach(JOB).wait()


def test_ae_182_failed_with_a_message_raises_with_that_text(server: Loopback, client: Client) -> None:
    server.tell = in_turn(Told(FAILED | {"error_message": "The prompt was refused."}))

    with pytest.raises(JobFailed) as caught:
        client.attach(JOB).wait()

    assert str(caught.value) == "The prompt was refused."
    assert caught.value.job_id == JOB


def test_ae_183_pending_past_the_limit_raises_with_the_id_and_a_later_call_resumes(
    server: Loopback, client: Client
) -> None:
    server.tell = in_turn(PENDING)
    with pytest.raises(WaitTimeout) as caught:
        client.attach(JOB).wait(timeout=0.1)
    server.tell = in_turn(SUCCEED)

    job = client.attach(caught.value.job_id).wait()

    assert job.urls


def test_ae_184_a_list_in_detail_raises_with_the_field_names(server: Loopback, client: Client) -> None:
    findings = [
        {"type": "missing", "loc": ["body", name], "msg": "Field required", "input": None}
        for name in ("prompt", "ai_model")
    ]
    server.tell = in_turn(Told({"detail": findings}, 422))

    with pytest.raises(InvalidInput) as caught:
        client.images.generate("a fox")

    assert caught.value.fields == ("prompt", "ai_model")
    assert "prompt" in str(caught.value)
    assert "ai_model" in str(caught.value)


def test_ae_185_a_text_in_detail_raises_with_exactly_that_text(server: Loopback, client: Client) -> None:
    text = "The Grok Imagine Pro model supports up to 1 ref_images."
    server.tell = in_turn(Told({"detail": text}, 400))

    with pytest.raises(InvalidInput) as caught:
        client.images.generate("a fox", model="Grok Imagine Pro")

    assert str(caught.value) == text


def test_ae_186_generate_without_refs_is_multipart(server: Loopback, client: Client) -> None:
    server.tell = in_turn(CREATED, SUCCEED)

    client.images.generate("a fox", model="Nano Banana")

    sent = server.of("POST", "/public/v1/generate/image")[0]
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert sent.headers["authorization"] == "Bearer afk_key"
    assert {(part.name, part.filename, part.content) for part in sent.parts} == {
        ("prompt", None, b"a fox"),
        ("ai_model", None, b"Nano Banana"),
    }


def test_ae_187_generate_with_two_refs_sends_two_named_parts(server: Loopback, client: Client, tmp_path: Path) -> None:
    server.tell = in_turn(CREATED, SUCCEED)
    picture = tmp_path / "one.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\ndata")

    client.images.generate("a fox", images=[picture, b"\xff\xd8\xff data"])

    parts = server.of("POST", "/public/v1/generate/image")[0].parts
    refs = [(part.filename, part.media_type) for part in parts if part.name == "ref_images"]
    assert refs == [("one.png", "image/png"), ("image.jpg", "image/jpeg")]


def test_ae_188_gif_and_png_are_both_fetched_without_the_key(server: Loopback, client: Client, tmp_path: Path) -> None:
    def tell(seen: Seen) -> Told:
        if seen.path.startswith("/images/"):
            return Told(b"bytes of " + seen.path.encode(), headers={"content-type": f"image/{seen.path[-3:]}"})
        return Told(
            FAILED | {"status": "Succeed", "image_urls": [f"{server.url}/images/a.gif", f"{server.url}/images/b.png"]}
        )

    server.tell = tell

    paths = client.attach(JOB).wait().download(tmp_path)

    assert [path.suffix for path in paths] == [".gif", ".png"]
    assert paths[1].read_bytes() == b"bytes of /images/b.png"
    assert all("authorization" not in seen.headers for seen in server.seen if seen.path.startswith("/images/"))


def test_a_submit_that_may_have_arrived_is_not_sent_twice_to_an_api_without_idempotency_keys(
    server: Loopback, client: Client
) -> None:
    server.tell = in_turn(Told(is_cut=True, status=0))

    with pytest.raises(OutcomeUnknown, match="no answer came"):
        client.images.generate("a fox")

    assert len(server.seen) == 1


def test_what_the_api_has_no_field_for_is_refused_before_anything_is_sent(server: Loopback, client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        client.images.generate("a fox", seed=7, width=512)

    assert set(caught.value.fields) == {"seed", "width"}
    assert server.seen == []


def test_upscale_travels_as_a_form(server: Loopback, client: Client) -> None:
    server.tell = in_turn(CREATED, SUCCEED)

    client.images.upscale(b"\x89PNG\r\n\x1a\ndata", target="2K")

    parts = server.of("POST", "/public/v1/image-tune/upscale")[0].parts
    assert {(part.name, part.content) for part in parts} == {("scale", b"2K"), ("image", b"\x89PNG\r\n\x1a\ndata")}
