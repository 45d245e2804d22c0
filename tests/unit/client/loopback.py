"""A tiny real HTTP server for tests of the client: it answers as it is told, also badly, and remembers what it saw."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

JOB = "0192f0c1-0000-7000-8000-00000000abcd"


@dataclass(frozen=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    media_type: str | None
    content: bytes


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names are lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> list[Part]:
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        form = message_from_bytes(head + self.body)
        found = []
        for part in form.walk():
            if part.is_multipart():
                continue
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            name = str(part.get_param("name", header="content-disposition"))
            has_type = part.get("content-type") is not None
            found.append(Part(name, part.get_filename(), part.get_content_type() if has_type else None, content))
        return found


@dataclass(frozen=True)
class Told:
    """One answer. `pieces` makes it a stream; `is_cut` breaks the connection where the answer ends."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes] | None = None
    is_cut: bool = False


RESET = Told(is_cut=True, status=0)
"""No answer: the connection is reset."""

Teller = Callable[[Seen], Told]


class Loopback:
    """The server: `tell` decides each answer, `seen` holds what arrived."""

    def __init__(self, tell: Teller, port: int = 0) -> None:
        self.tell = tell
        self.seen: list[Seen] = []
        self.failures: list[BaseException] = []
        outer = self

        class Handler(_Handler):
            server_of_test = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.seen if (seen.method, seen.path) == (method, path)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_of_test: Loopback
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def _handle(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0))) or self._chunks()
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, url.path, parse_qs(url.query), headers, body)
        self.server_of_test.seen.append(seen)
        try:
            told = self.server_of_test.tell(seen)
            self._answer(told)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - http.server's names

    def _chunks(self) -> bytes:
        body = b""
        while self.headers.get("transfer-encoding") == "chunked":
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        return body

    def _answer(self, told: Told) -> None:
        if told.status == 0:
            self._reset()
            return
        content = (
            told.body if isinstance(told.body, bytes) else b"" if told.body is None else json.dumps(told.body).encode()
        )
        self.send_response(told.status)
        if told.pieces is None:
            self.send_header("Content-Length", str(len(content) * (2 if told.is_cut else 1)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        defaults = (
            {} if isinstance(told.body, bytes) or told.pieces is not None else {"Content-Type": "application/json"}
        )
        for name, value in (defaults | told.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        for piece in told.pieces or ():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if told.is_cut:
            self._reset()
        elif told.pieces is not None:
            self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@contextmanager
def loopback(tell: Teller) -> Iterator[Loopback]:
    """Lend a server."""
    server = Loopback(tell)
    try:
        yield server
    finally:
        server.close()


def in_turn(*answers: Told) -> Teller:
    """Give these answers one after the other, the last one for ever."""
    left = list(answers)

    def tell(seen: Seen) -> Told:
        return left.pop(0) if len(left) > 1 else left[0]

    return tell


def native_job(state: str = "queued", job_id: str = JOB, **more: Any) -> dict[str, Any]:
    """Return a job as the native API words it."""
    progress = {"done": 0, "total": 0, "phase": None, "percent": 0.0}
    return {
        "id": str(UUID(job_id)),
        "kind": "image",
        "model": "illustrator",
        "state": state,
        "progress": progress,
        "queue": {"position": None, "eta_seconds": None, "is_possible": None},
        "input": {"prompt": "A Fox, asleep"},
        "outputs": [],
        "error": None,
        "created_at": "2026-01-02T03:04:05Z",
        "finished_at": None,
    } | more


def output(url: str, **more: Any) -> dict[str, Any]:
    """Return an output as the native API words it."""
    return {"url": url, "media_type": "image/png", "width": 8, "height": 8} | more


def event(number: int, name: str, state: str, **data: Any) -> bytes:
    """Return one server-sent event."""
    facts = {"seq": number, "job_id": JOB, "event": name, "state": state, "attempt": 1, "version": number, "data": data}
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(facts)}\n\n".encode()


def problem(status: int, code: str, detail: str, errors: Iterable[dict[str, str]] = (), **headers: str) -> Told:
    """Return a refusal as the native API words it."""
    body = {"code": code, "detail": detail, "status": status, "errors": list(errors)}
    return Told(body, status, {"x-request-id": "req_1", **headers})
