"""`calotype serve` as an operator meets it: what it says when it cannot start, how it stops, and that workers share the work."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest

from served import TESTS, Served, served, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served") / "data", engines=("INSTANT", "SLOW")) as running:
        yield running


def submit(server: Served, model: str, **given: object) -> str:
    body = {"kind": "image", "model": model, "input": {"prompt": "a test"} | given}
    answer = httpx2.post(f"{server.url}/native/v1/jobs", json=body, headers=bearer(server), timeout=10)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def bearer(server: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.key}"}


def read(server: Served, job_id: str, *, wait: int = 0) -> dict[str, object]:
    answer = httpx2.get(f"{server.url}/native/v1/jobs/{job_id}?wait={wait}", headers=bearer(server), timeout=wait + 10)
    found: dict[str, object] = answer.json()
    return found


def run_calotype(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CALOTYPE_")}
    return subprocess.run(
        [sys.executable, "-m", "calotype", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_job_goes_the_whole_way(server: Served) -> None:
    job_id = submit(server, "test-instant")

    job = read(server, job_id, wait=30)

    assert job["state"] == "succeeded"


def test_what_it_writes_in_the_data_folder_is_for_its_owner_alone(server: Served) -> None:
    modes = {name: stat.S_IMODE((server.folder / name).stat().st_mode) for name in ("client.toml", "database-url")}

    assert modes == {"client.toml": 0o600, "database-url": 0o600}


def test_the_local_key_stays_the_same_over_a_restart(tmp_path: Path) -> None:
    with served(tmp_path / "data") as first:
        key = first.key
        first.stop()
        first.start()

        assert first.key != ""
        assert httpx2.get(f"{first.url}/native/v1/account", headers={"Authorization": f"Bearer {key}"}).status_code in {
            200,
            401,
        }


def test_a_key_made_while_it_runs_works_at_once(server: Served) -> None:
    made = json.loads(server.run("keys", "create", "newcomer", "--credits", "5", "--json").stdout)

    answer = httpx2.get(f"{server.url}/native/v1/account", headers={"Authorization": f"Bearer {made['key']}"})

    assert answer.status_code == 200
    assert answer.json()["balance"] == 5


def test_a_part_that_dies_is_started_again(server: Served) -> None:
    before = server.pids()
    server.kill("upkeep")

    wait_until(lambda: server.pids().get("upkeep", before["upkeep"]) != before["upkeep"], 20)


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = run_calotype("serve", "--data", str(tmp_path / "data"), "--port", str(port))

    assert ended.returncode == 7
    assert (
        ended.stderr == f"calotype: 127.0.0.1:{port} is in use by another program; choose another port with --port.\n"
    )


def test_a_database_that_is_down_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://calotype@127.0.0.1:{unused.getsockname()[1]}/calotype"

    ended = run_calotype("serve", "--data", str(tmp_path / "data"), "--port", "0", "--database-url", url)

    assert ended.returncode == 7
    assert ended.stderr.startswith("calotype: The database cannot be reached: ")
    assert ended.stderr.count("\n") == 1


def test_a_data_folder_that_is_a_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")

    ended = run_calotype("serve", "--data", str(tmp_path / "data"), "--port", "0")

    assert ended.returncode == 7
    assert (
        ended.stderr == f"calotype: The data folder {tmp_path / 'data'} cannot be used: it is a file, not a folder.\n"
    )


def test_an_unknown_setting_is_said_in_one_sentence(tmp_path: Path) -> None:
    ended = run_calotype("serve", "--data", str(tmp_path / "data"), CALOTYPE_SERVER__COLOUR="red")

    assert ended.returncode == 2
    assert "server.colour" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker",)])
def test_a_gpu_that_is_not_there_is_said_in_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = run_calotype(*command, "--data", str(tmp_path / "data"), "--device", "cuda:99")

    assert ended.returncode == 2
    assert ended.stderr.startswith("calotype: The device cuda:99 cannot be used")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_second_worker_with_its_own_folder_shares_the_work(server: Served, tmp_path: Path) -> None:
    with second_worker(server, tmp_path) as process:
        wait_until(lambda: len(workers(server)) == 2, 30)
        ids = [submit(server, "test-slow", seed=n) for n in range(6)]
        for job_id in ids:
            assert read(server, job_id, wait=60)["state"] == "succeeded"
        by = made_by(server, ids)

        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0

    assert len(by) == 2


def test_a_worker_stopped_by_sigterm_finishes_what_it_holds(server: Served, tmp_path: Path) -> None:
    with second_worker(server, tmp_path) as process:
        wait_until(lambda: len(workers(server)) == 2, 30)
        ids = [submit(server, "test-slow", seed=n) for n in range(4)]
        wait_until(lambda: process_holds_a_job(server, process.pid), 30)

        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0

        jobs = [read(server, job_id, wait=60) for job_id in ids]
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert {job["attempt"] for job in jobs} == {1}


def test_a_zombie_that_wakes_after_its_lease_is_refused(tmp_path: Path) -> None:
    short = {"CALOTYPE_JOBS__LEASE": "PT2S", "CALOTYPE_WORKER__HEARTBEAT": "PT0.5S"}
    with served(tmp_path / "data", engines=("INSTANT", "SLOW"), environment=short) as server:
        job_id = submit(server, "test-slow")
        wait_until(lambda: read(server, job_id)["state"] == "running", 20)
        zombie = psutil.Process(server.pids()["worker"])
        zombie.suspend()
        with second_worker(server, tmp_path, **short) as process:
            job = read(server, job_id, wait=60)
            zombie.resume()
            after = read(server, submit(server, "test-instant"), wait=30)
            process.terminate()
            process.wait(40)
        audited = server.run("audit", "--json")

    assert job["state"] == "succeeded"
    assert job["attempt"] == 2
    assert after["state"] == "succeeded"
    assert json.loads(audited.stdout)["findings"] == []


class second_worker:  # noqa: N801 - reads as the function it is used like
    """A worker of another data folder on the same database and asset store."""

    def __init__(self, server: Served, folder: Path, **environment: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CALOTYPE_")}
        engines = json.dumps(["engines_for_tests:INSTANT", "engines_for_tests:SLOW"])
        self._environment = clean | {"CALOTYPE_WORKER__EXTRA_ENGINES": engines, "PYTHONPATH": str(TESTS)} | environment
        self._command = [
            *(sys.executable, "-m", "calotype", "worker", "--data", str(folder / "second")),
            *("--database-url", server.database_url, "--assets", str(server.folder / "assets")),
        ]
        self._log = folder / "second.log"

    def __enter__(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def workers(server: Served) -> list[tuple[object, ...]]:
    with psycopg.connect(server.database_url) as connection:
        return connection.execute("select id, pid from workers").fetchall()


def process_holds_a_job(server: Served, pid: int) -> bool:
    with psycopg.connect(server.database_url) as connection:
        query = "select 1 from jobs join workers on workers.id = jobs.worker_id where workers.pid = %s and state = 'running'"
        return connection.execute(query, (pid,)).fetchone() is not None


def made_by(server: Served, ids: list[str]) -> set[object]:
    """Return the engine processes that made these jobs' outputs."""
    with psycopg.connect(server.database_url) as connection:
        rows = connection.execute(
            "select provenance ->> 'pid' from assets where job_id = any(%s::uuid[])", (ids,)
        ).fetchall()
    return {row[0] for row in rows}
