"""Slow and endless senders are cut off; nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api_stage import ApiStage, api_stage, bearer, on_a_socket
from calotype.server import body, protocol

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


async def answer_to(url: str, *pieces: bytes) -> bytes:
    """Send raw bytes and return what comes back until the server closes."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("begun", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_head_that_does_not_arrive_is_not_waited_for(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIME", 0.2)
    async with on_a_socket(stage) as (url, _):
        assert await answer_to(url, begun) == b""


async def test_a_head_without_end_is_cut(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        assert await answer_to(url, b"GET /livez HTTP/1.1\r\nX: ", *[b"y" * 30_000] * 10) == b""


async def test_a_head_in_two_pieces_is_read(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        answer = await answer_to(url, b"GET /livez HT", b"TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_body_that_does_not_arrive_is_the_callers_error(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "_PATIENCE", 0.2)
    head = "POST /native/v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    key = "".join(f"{name}: {value}\r\n" for name, value in bearer(stage.key).items())
    async with on_a_socket(stage) as (url, _):
        answer = await answer_to(url, f"{head}{key}Content-Length: 100\r\n\r\n{{".encode())

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"malformed_body" in answer
