"""Webhooks from the command line, on a real server: with no public address, tested, listed and sent again."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from calotype.client import Client, verify_webhook
from served import TEST_ENGINES, Served, served, wait_until


class Hook(ThreadingHTTPServer):
    """A receiver that answers as `code` says and keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Attend)
        self.code = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Attend(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.code)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    allowed = {"CALOTYPE_OUTBOUND__ALLOW_SUBNETS": '["127.0.0.0/8"]'}
    with served(tmp_path_factory.mktemp("cli") / "data", engines=TEST_ENGINES, environment=allowed) as server:
        yield server


def test_listen_forwards_what_happens_and_signs_it(server: Served, hook: Hook) -> None:
    listening = subprocess.Popen(
        [
            *(sys.executable, "-m", "calotype", "webhooks", "listen", "--forward-to", hook.url, "--count", "1"),
            *("--data", str(server.folder)),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert listening.stderr is not None
        secret = next(word for word in listening.stderr.readline().split() if word.startswith("whsec_")).rstrip(";")
        with Client(server.url, server.key) as client:

            def told() -> bool:
                client.jobs.submit("image", {"prompt": "a boat"}, model="test-instant").wait(20)
                return listening.poll() is not None

            wait_until(told, 30)
        out, _ = listening.communicate(timeout=20)
    finally:
        listening.kill()
        listening.wait()

    headers, body = hook.got[0]
    event = verify_webhook(body, headers, secret)
    assert event["type"] == "job.succeeded"
    assert event["data"]["outputs"]
    assert f"job.succeeded  {event['data']['id']}  →  200" in out


def test_an_endpoint_is_added_tested_listed_and_removed(server: Served, hook: Hook) -> None:
    added = server.run("webhooks", "add", hook.url, "--event", "job.failed")
    listed = json.loads(server.run("webhooks", "ls", "--json").stdout)
    endpoint_id = next(each["id"] for each in listed if each["url"] == hook.url)

    tested = server.run("webhooks", "test", endpoint_id)
    hook.code = 500
    refused = server.run("webhooks", "test", endpoint_id)
    removed = server.run("webhooks", "rm", endpoint_id)

    assert (tested.returncode, tested.stdout[:15]) == (0, "It answered 200")
    assert verify_webhook(hook.got[0][1], hook.got[0][0], added.stdout.strip())["type"] == "webhook.test"
    assert refused.returncode == 1
    assert "It answered 500" in refused.stdout
    assert removed.returncode == 0
    assert server.run("webhooks", "rm", endpoint_id).returncode == 4


def test_dead_letters_are_listed_and_sent_again(server: Served, hook: Hook) -> None:
    hook.code = 410
    server.run("webhooks", "add", hook.url)
    endpoint_id = json.loads(server.run("webhooks", "ls", "--json").stdout)[-1]["id"]
    server.run("webhooks", "test", endpoint_id)
    (dead,) = json.loads(server.run("webhooks", "deliveries", "--endpoint", endpoint_id, "--json").stdout)
    hook.code = 200

    with Client(server.url, server.key) as client:
        client.webhooks.update(endpoint_id, enabled=True)
    again = server.run("webhooks", "replay", "--dead", "--endpoint", endpoint_id)
    wait_until(lambda: len(hook.got) == 2, 20)

    assert again.stdout == "1 deliveries are being sent again.\n"
    assert {headers["webhook-id"] for headers, _ in hook.got} == {dead["id"]}
    assert server.run("webhooks", "replay").returncode == 2


def test_what_makes_no_sense_is_said(server: Served, tmp_path: Path) -> None:
    assert server.run("webhooks", "listen", "--forward-to", "http://127.0.0.1:1", "--secret", "x").returncode == 2
    assert server.run("webhooks", "add", "http://10.0.0.1/").returncode == 2
