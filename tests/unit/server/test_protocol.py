"""Slow and endless senders are cut off; nobody else notices."""

from __future__ import annotations

import asyncio
import errno
import resource
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, on_a_socket
from calotype.config import ServerSettings
from calotype.server import body, protocol, serving

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


async def drip(url: str, head: bytes, drop: bytes, seconds: float) -> tuple[bytes, float]:
    """Send a head, then a drop again and again; return what came back, and after how long the server had closed."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    begun, came = time.monotonic(), bytearray()

    async def collect() -> None:
        with suppress(ConnectionError):  # the last drop may meet a closed door
            while piece := await reader.read(65_536):
                came.extend(piece)

    collecting = asyncio.create_task(collect())
    writer.write(head)
    while not collecting.done() and time.monotonic() - begun < seconds:
        await asyncio.wait({collecting}, timeout=0.05)
        writer.write(drop)
    taken = time.monotonic() - begun
    collecting.cancel()
    writer.close()
    return bytes(came), taken


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


POLL = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("drop", [b"\r\n", b"G"])
async def test_after_an_answer_nothing_but_a_whole_head_keeps_the_line(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch, drop: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIME", 0.3)
    async with on_a_socket(stage) as (url, _):
        answer, taken = await drip(url, POLL, drop, 3)

    assert answer.startswith(b"HTTP/1.1 200")
    assert taken < 2


@pytest.mark.parametrize("asked", ["GET /livez", "POST /native/v1/jobs", "POST /nowhere"])
async def test_an_answer_that_comes_before_the_body_ends_the_connection(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setattr(protocol, "LINGER_TIME", 0.3)
    head = f"{asked} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode()
    async with on_a_socket(stage) as (url, _):
        answer, _ = await drip(url, head, b"x", 3)

    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 401", b"HTTP/1.1 404"))
    assert b"connection: close" in answer


async def test_a_body_that_is_too_large_is_answered_and_swallowed_no_further(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LINGER_SIZE", 5_000_000)
    head = "POST /native/v1/assets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    key = "".join(f"{name}: {value}\r\n" for name, value in bearer(stage.key).items())
    sent = 0
    async with on_a_socket(stage) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"{head}{key}\r\n".encode())
        with suppress(ConnectionError):
            for _ in range(200):
                writer.write(b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n")
                await writer.drain()
                sent += 1_000_000
        writer.close()

    assert sent < 60_000_000


async def test_a_body_that_drips_is_given_up(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_PATIENCE", 0.3)
    head = "POST /native/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    key = "".join(f"{name}: {value}\r\n" for name, value in bearer(stage.key).items())
    async with on_a_socket(stage) as (url, _):
        answer, taken = await drip(url, f"{head}{key}\r\n".encode(), b" ", 8)

    assert b"too slowly" in answer
    assert taken < 5


async def test_a_body_in_two_pieces_leaves_the_connection_open(stage: ApiStage) -> None:
    head = "POST /native/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    key = "".join(f"{name}: {value}\r\n" for name, value in bearer(stage.key).items())
    async with on_a_socket(stage) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"{head}{key}\r\n{{".encode())
        await asyncio.sleep(0.1)
        writer.write(b"}" + POLL)
        first = await reader.readuntil(b"\r\n\r\n")
        second = await reader.readuntil(b'"live"}')
        writer.close()

    assert first.startswith(b"HTTP/1.1 422")
    assert b"connection: close" not in first
    assert b"HTTP/1.1 200" in second


async def test_a_long_answer_is_not_cut_for_what_is_sent_meanwhile(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIME", 0.5)
    job_id = (await stage.submit())["id"]
    key = "".join(f"{name}: {value}\r\n" for name, value in bearer(stage.key).items())
    head = f"GET /native/v1/jobs/{job_id}?wait=1 HTTP/1.1\r\nHost: x\r\n{key}\r\n"
    async with on_a_socket(stage) as (url, _):
        answer, taken = await drip(url, head.encode(), b"\r\n", 5)

    assert answer.startswith(b"HTTP/1.1 200")
    assert taken >= 1


async def test_one_connection_too_many_is_told_so(database_url: str, tmp_path: Path) -> None:
    async with (
        api_stage(database_url, tmp_path, server=ServerSettings(max_connections=2)) as stage,
        on_a_socket(stage) as (url, _),
    ):
        host, port = url.removeprefix("http://").split(":")
        held = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        for reader, writer in held:
            writer.write(POLL)
            assert (await reader.readuntil(b'"live"}')).startswith(b"HTTP/1.1 200")
        refused = await answer_to(url)
        held[0][1].close()
        await asyncio.sleep(0.1)
        taken = await answer_to(url, POLL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        held[1][1].close()

    assert refused.startswith(b"HTTP/1.1 503")
    assert taken.startswith(b"HTTP/1.1 200")


def test_no_more_connections_are_taken_than_files_may_be_open() -> None:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert serving._most_connections(10**9) < files
    assert serving._most_connections(10) == 10


async def test_that_files_have_run_out_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    complain, loop = serving._Complaints(), asyncio.get_running_loop()

    for _ in range(1_000):
        complain(loop, {"message": "accept", "exception": OSError(errno.EMFILE, "Too many open files")})

    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("connections.refused") == 1


@pytest.mark.parametrize(("trusted", "scheme"), [((), "http"), (("127.0.0.1",), "https")])
async def test_a_proxy_is_believed_only_when_the_settings_say_so(
    database_url: str, tmp_path: Path, trusted: tuple[str, ...], scheme: str
) -> None:
    async with (
        api_stage(database_url, tmp_path, server=ServerSettings(trusted_proxies=trusted)) as stage,
        on_a_socket(stage) as (url, _),
        httpx2.AsyncClient(base_url=url, headers=bearer(stage.key)) as client,
    ):
        job_id = (await stage.submit())["id"]
        await stage.succeed(job_id)
        shown = (await client.get(f"/native/v1/jobs/{job_id}", headers={"X-Forwarded-Proto": "https"})).json()

    assert shown["outputs"][0]["url"].startswith(f"{scheme}://")
