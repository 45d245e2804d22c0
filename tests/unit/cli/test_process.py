"""The command as a process of its own: what it loads, how it is interrupted, and a terminal's bar."""

from __future__ import annotations

import importlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from calotype.cli.main import COMMANDS
from unit.client.loopback import JOB, Loopback, Seen, Told, event, in_turn, loopback, native_job, output

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
STREAM = {"content-type": "text/event-stream"}


def environment(server: Loopback | None = None, **more: str) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("CALOTYPE_", "COVERAGE", "NO_COLOR"))
    }
    known = {"CALOTYPE_URL": server.url, "CALOTYPE_API_KEY": "cal_key"} if server else {}
    return clean | known | more


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment()
    )


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback(in_turn(Told())) as server:
        yield server


def test_help_lists_every_command_and_loads_none() -> None:
    done = python(
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from calotype.cli.main import main\n"
        "main(['--help'])"
    )

    assert done.returncode == 0
    assert all(
        name in done.stdout for name in ("generate", "upscale", "jobs", "models", "serve", "worker", "keys", "audit")
    )
    assert not set(done.stderr.split()) & {"pydantic", "httpx2", "rich", "psycopg", "starlette", "calotype.config"}


@pytest.mark.parametrize("command", ["generate --help", "jobs ls --help", "models ls"])
def test_the_clients_commands_never_load_the_server(command: str) -> None:
    done = python(
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from calotype.cli.main import main\n"
        f"main({command.split()!r} + ([] if '--help' in {command!r} else ['--data', '/nowhere']))"
    )

    assert "calotype.client.client" in done.stderr
    assert not set(done.stderr.split()) & {
        "psycopg",
        "starlette",
        "structlog",
        "calotype.config",
        "calotype.store",
        "rich",
    }


@pytest.mark.parametrize("command", ["serve", "api", "worker", "upkeep", "keys", "credits", "audit", "doctor"])
def test_without_the_server_extra_a_server_command_says_how_to_get_it(command: str) -> None:
    absent = "for name in ('psycopg', 'pydantic_settings', 'structlog', 'starlette'): sys.modules[name] = None\n"
    done = python(f"import sys\n{absent}from calotype.cli.main import main\nmain([{command!r}, '--help'])")

    assert done.returncode == 2
    assert "pip install 'calotype[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_the_wait_and_not_the_job(server: Loopback, tmp_path: Path) -> None:
    def tell(seen: Seen) -> Told:
        if seen.path.endswith("/events"):
            return Told(pieces=_slow(event(1, "claim", "running")), headers=STREAM)
        return Told(native_job("queued"), 202)

    server.tell = tell
    process = subprocess.Popen(
        [sys.executable, "-m", "calotype", "generate", "x"],
        env=environment(server),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "running" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)

    out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (130, "")
    assert f"calotype jobs watch {JOB}" in err
    assert {seen.method for seen in server.seen if seen.path.endswith("cancel")} == set()


def _slow(first: bytes) -> Iterator[bytes]:
    yield first
    for _ in range(50):
        time.sleep(0.1)
        yield b": ping\n\n"


def test_on_a_terminal_a_bar_shows_and_the_path_alone_is_printed(server: Loopback, tmp_path: Path) -> None:
    def tell(seen: Seen) -> Told:
        if seen.method == "POST":
            return Told(native_job("queued"), 202)
        if seen.path.endswith("/events"):
            pieces = [event(2, "progress", "running", percent=40, phase="drawing"), event(3, "succeed", "succeeded")]
            return Told(pieces=pieces, headers=STREAM)
        if "/assets/" in seen.path:
            return Told(PNG, headers={"content-type": "image/png"})
        return Told(native_job("succeeded", outputs=[output(f"{server.url}/assets/x.png")]))

    server.tell = tell
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "calotype", "generate", "x", "--out", "fox.png"],
        env=environment(server, TERM="xterm", NO_COLOR="1"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    shown = _read(ours)

    assert (done.returncode, done.stdout) == (0, b"fox.png\n")
    assert "100%" in shown
    assert "\x1b[3" not in shown.replace("\x1b[?25", ""), "no colour was wanted"


def _read(descriptor: int) -> str:
    text = b""
    try:
        while piece := os.read(descriptor, 65536):
            text += piece
    except OSError:  # Linux's way of saying that the other end is closed
        pass
    finally:
        os.close(descriptor)
    return text.decode()


def test_a_reader_that_leaves_early_is_no_crash(server: Loopback) -> None:
    rows = [native_job("running", prompt="x" * 50)] * 5000
    server.tell = in_turn(Told({"data": rows, "has_more": False, "next": None, "previous": None}))
    process = subprocess.Popen(
        [sys.executable, "-m", "calotype", "jobs", "ls", "--limit", "5000"],
        env=environment(server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()

    complaint = process.stderr.read()
    process.stderr.close()

    assert process.wait(10) in (0, 1)
    assert complaint == b""


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_row_of_the_table_leads_to_a_command(name: str) -> None:
    row = COMMANDS[name]

    command = getattr(importlib.import_module(row.module), row.attribute)

    assert isinstance(command, click.Command)
    assert command.help
