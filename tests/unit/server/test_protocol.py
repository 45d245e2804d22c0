"""Slow and endless senders and readers are cut off, and what is no HTTP is refused; nobody else notices."""

from __future__ import annotations

import asyncio
import errno
import json
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, on_a_socket
from calotype.config import ServerSettings
from calotype.server import body, door, protocol, readers, serving, stream
from calotype.server.app import build_app

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
        answer = await answer_to(url, b"GET /livez HTTP/1.1\r\nX: ", *[b"y" * 30_000] * 10)

    assert answer.startswith(b"HTTP/1.1 431")


async def test_a_head_of_too_many_headers_is_refused(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        answer = await answer_to(url, b"GET /livez HTTP/1.1\r\n" + b"a:b\r\n" * 101 + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 431")
    assert b"head_too_large" in answer


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
LAST_POLL = POLL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


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


@dataclass(frozen=True)
class Said:
    """An answer, read: its status, its headers and its JSON."""

    status: int
    headers: dict[str, str]
    body: Any


def said(answer: bytes) -> Said:
    """Read the one answer that came before the server closed."""
    head, body = answer.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["content-length"]) == len(body)
    return Said(int(first.split()[1]), headers, json.loads(body))


NO_HTTP = {
    "a path with a space": b"GET %s/jobs a HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a name": b"GET %s/jobs HTTP/1.1\r\n: x\r\n\r\n",
    "two lengths": b"POST %s/jobs HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length beside chunks": b"POST %s/jobs HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_refused_in_the_words_of_the_face(stage: ApiStage, sent: bytes) -> None:
    async with on_a_socket(stage) as (url, _):
        native = said(await answer_to(url, sent % b"/native/v1"))
        aetherai = said(await answer_to(url, sent % b"/public/v1"))

    assert (native.status, native.body["code"]) == (400, "malformed_request")
    assert native.headers["content-type"] == "application/problem+json"
    assert (aetherai.status, list(aetherai.body)) == (400, ["detail"])
    assert native.headers["connection"] == aetherai.headers["connection"] == "close"


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"hello\r\n\r\n"]
)
async def test_what_names_no_path_is_refused_as_a_problem(stage: ApiStage, sent: bytes) -> None:
    async with on_a_socket(stage) as (url, _):
        answer = said(await answer_to(url, sent))

    assert (answer.status, answer.body["code"]) == (400, "malformed_request")
    assert answer.headers["x-request-id"] == answer.body["request_id"]


@pytest.mark.parametrize("target", [b"http://", b"http://x", b"x:443", b"/\xff", b"//"])
async def test_a_target_that_is_no_path_breaks_nothing(stage: ApiStage, target: bytes) -> None:
    async with on_a_socket(stage) as (url, _):
        answer = await answer_to(url, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))


async def test_chunks_that_are_none_are_refused_while_the_request_waits_for_them(stage: ApiStage) -> None:
    key = "".join(f"{name}: {value}\r\n" for name, value in bearer(stage.key).items())
    head = f"POST /native/v1/jobs HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: chunked\r\n\r\n"
    async with on_a_socket(stage) as (url, _):
        answer = said(await answer_to(url, head.encode(), b"2\r\n{}\r\n", b"nonsense\r\n"))

    assert (answer.status, answer.body["code"]) == (400, "malformed_request")


async def test_an_answer_under_way_comes_before_the_end_that_bad_bytes_bring(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        answer = await answer_to(url, POLL + b"nonsense\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_only_so_many_requests_wait_behind_one(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        answer = await answer_to(url, POLL * 10_000)

    assert 1 <= answer.count(b"HTTP/1.1 200") <= protocol.MOST_PIPELINED + 1


async def test_requests_sent_together_are_all_answered(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        answer = await answer_to(url, POLL * 19 + LAST_POLL)

    assert answer.count(b"HTTP/1.1 200") == 20


async def test_a_full_server_says_so_in_the_words_of_the_face(database_url: str, tmp_path: Path) -> None:
    async with (
        api_stage(database_url, tmp_path, server=ServerSettings(max_connections=1)) as stage,
        on_a_socket(stage) as (url, _),
    ):
        host, port = url.removeprefix("http://").split(":")
        reader, holder = await asyncio.open_connection(host, int(port))
        holder.write(POLL)
        await reader.readuntil(b'"live"}')
        native = said(await answer_to(url, b"GET /native/v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n"))
        aetherai = said(await answer_to(url, b"POST /public/v1/generate/image HTTP/1.1\r\nContent-Length: 9\r\n\r\n"))
        holder.close()

    assert (native.status, native.body["code"], native.headers["retry-after"]) == (503, "server_full", "2")
    assert (aetherai.status, aetherai.body) == (503, {"detail": "Service Unavailable"})


async def test_one_address_with_too_many_connections_is_told_so(database_url: str, tmp_path: Path) -> None:
    async with (
        api_stage(database_url, tmp_path, server=ServerSettings(max_connections_per_address=1)) as stage,
        on_a_socket(stage) as (url, _),
    ):
        host, port = url.removeprefix("http://").split(":")
        reader, holder = await asyncio.open_connection(host, int(port))
        holder.write(POLL)
        await reader.readuntil(b'"live"}')
        refused = said(await answer_to(url, POLL))
        holder.close()

    assert (refused.status, refused.body["code"]) == (429, "too_many_connections")


async def test_behind_a_trusted_proxy_its_connections_are_not_counted(database_url: str, tmp_path: Path) -> None:
    settings = ServerSettings(max_connections_per_address=1, trusted_proxies=("127.0.0.0/8",))
    async with api_stage(database_url, tmp_path, server=settings) as stage, on_a_socket(stage) as (url, _):
        answers = await asyncio.gather(*[answer_to(url, LAST_POLL) for _ in range(5)])

    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)


async def test_a_crowd_that_is_refused_is_not_kept(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "MOST_REFUSED", 2)
    async with (
        api_stage(database_url, tmp_path, server=ServerSettings(max_connections=1)) as stage,
        on_a_socket(stage) as (url, _),
    ):
        host, port = url.removeprefix("http://").split(":")
        _, holder = await asyncio.open_connection(host, int(port))
        waiting = [asyncio.create_task(answer_to(url)) for _ in range(2)]
        await asyncio.sleep(0)
        last = [await answer_to(url) for _ in range(3)]
        came = await asyncio.gather(*waiting)
        holder.close()

    assert all(answer.startswith(b"HTTP/1.1 503") for answer in (*last, *came))


def greet_with(monkeypatch: pytest.MonkeyPatch, see: Callable[[socket.socket], object]) -> None:
    """Show every connection's socket on the server's side."""
    greet = protocol.PatientProtocol.connection_made

    def meet(self: protocol.PatientProtocol, transport: asyncio.Transport) -> None:
        see(transport.get_extra_info("socket"))
        greet(self, transport)

    monkeypatch.setattr(protocol.PatientProtocol, "connection_made", meet)


async def test_whoever_vanishes_is_noticed_by_the_kernel(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[socket.socket] = []
    greet_with(monkeypatch, met.append)
    async with on_a_socket(stage) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(POLL)
        await reader.readuntil(b'"live"}')
        options = (
            met[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            met[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        )
        writer.close()

    assert options == (60_000, 1)


# --- those who do not read ------------------------------------------------------------------------


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let readers be given up soon, and the kernel hold little for them."""
    monkeypatch.setattr(readers, "STALL_TIME", 0.6)
    greet_with(monkeypatch, lambda line: line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192))


@asynccontextmanager
async def a_large_download(stage: ApiStage) -> AsyncIterator[tuple[str, str]]:
    """Lend the server's URL and the path of a signed link to 20 MB."""
    await stage.parts.assets.write("acct/large.bin", b"x" * 20_000_000, "application/octet-stream")
    link = stage.app.services.links.url_of("", "acct/large.bin", stage.parts.clock.now() + timedelta(hours=1))
    async with on_a_socket(stage) as (url, _):
        yield url, link


def asking(url: str, request: bytes) -> socket.socket:
    """Send a request over a line with little room, and return it with nothing read."""
    host, port = url.removeprefix("http://").split(":")
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.connect((host, int(port)))
    line.sendall(request)
    line.setblocking(False)
    return line


async def until(holds: Callable[[], bool], within: float = 10) -> bool:
    """Return whether it comes to hold in time."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if holds():
            return True
        await asyncio.sleep(0.02)
    return False


async def is_cut(line: socket.socket, *, reading: int = 0, every: float = 0.02, within: float = 8) -> bool:
    """Read so many bytes every so often; return whether the server cuts the line before the time is over."""
    loop, end = asyncio.get_running_loop(), time.monotonic() + within
    while time.monotonic() < end:
        try:
            if reading and not await loop.sock_recv(line, reading):
                return False
            if line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return True
        except ConnectionError:
            return True
        await asyncio.sleep(every)
    return False


@pytest.mark.usefixtures("short_patience")
async def test_an_answer_that_nobody_reads_is_dropped(stage: ApiStage) -> None:
    async with a_large_download(stage) as (url, link):
        line = asking(url, f"GET {link} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        cut = await is_cut(line)
        line.close()

    assert cut


@pytest.mark.usefixtures("short_patience")
async def test_the_last_bytes_of_a_closing_connection_are_not_waited_for_for_ever(stage: ApiStage) -> None:
    async with on_a_socket(stage) as (url, _):
        ask = POLL.replace(b"/livez", b"/native/v1/openapi.json")
        line = asking(url, ask * 49 + ask.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        cut = await is_cut(line)
        line.close()

    assert cut


@pytest.mark.usefixtures("short_patience")
async def test_a_reader_who_takes_next_to_nothing_is_cut(stage: ApiStage) -> None:
    async with a_large_download(stage) as (url, link):
        line = asking(url, f"GET {link} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        cut = await is_cut(line, reading=20, every=0.1)
        line.close()

    assert cut


@pytest.mark.usefixtures("short_patience")
async def test_a_reader_who_is_slow_and_goes_on_is_left_alone(stage: ApiStage) -> None:
    async with a_large_download(stage) as (url, link):
        line = asking(url, f"GET {link} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        cut = await is_cut(line, reading=4_000, every=0.02, within=3)
        line.close()

    assert not cut


@pytest.mark.usefixtures("short_patience")
async def test_a_stream_whose_events_nobody_reads_gives_its_place_back(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_frame", lambda *_, **__: b": " + b"x" * 200_000 + b"\n\n")
    key = "".join(f"{name}: {value}\r\n" for name, value in bearer(stage.key).items())
    app = build_app(stage.parts)
    monkeypatch.setattr(serving, "build_app", lambda _: app)
    async with on_a_socket(stage) as (url, _):
        job_id = (await stage.submit())["id"]
        line = asking(url, f"GET /native/v1/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\n{key}\r\n".encode())
        opened = await until(lambda: sum(app.services.tails._open.values()) == 1)
        closed = await until(lambda: not app.services.tails._open)
        line.close()

    assert opened
    assert closed


async def test_one_connection_too_many_is_told_so(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REFUSED_TIME", 0.2)
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
