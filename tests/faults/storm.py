"""Instrument B: clients submit over HTTP while a killer ends random parts; afterwards every acknowledged job must have ended."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg

from served import Served, wait_until

PARTS = ("worker", "child", "api", "upkeep", "postgres", "serve")
_MODELS = ("test-instant", "test-instant", "test-brief")
_LET_RECOVER = 0.8
"""How often the next kill waits until everything runs again; else it hits a recovery."""


@dataclass
class Journal:
    """A client's own record: one JSON line for each submit that was acknowledged."""

    path: Path
    acknowledged: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, job_id: str, key: str) -> None:
        """Write an acknowledgement down before anything else happens."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"job_id": job_id, "idempotency_key": key}) + "\n")
            self.acknowledged += 1


@dataclass
class Storm:
    """What happened: how often each part was killed, and what was acknowledged meanwhile."""

    kills: Counter[str]
    acknowledged: int
    seconds: float


def storm(
    server: Served,
    journal: Journal,
    *,
    kills: int,
    seed: int,
    parts: tuple[str, ...] = PARTS,
    clients: int = 2,
    told: Callable[[str], None] = lambda _: None,
) -> Storm:
    """Kill `kills` parts at random moments under load, then wait until every acknowledged job has ended."""
    chance = random.Random(seed)
    stop = threading.Event()
    threads = [threading.Thread(target=_submit_on, args=(server, journal, stop, seed + n)) for n in range(clients)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    killed: Counter[str] = Counter()
    try:
        while killed.total() < kills:
            if chance.random() < _LET_RECOVER:
                wait_until(
                    lambda: _is_whole(server),
                    60,
                    lambda: f"it does not recover: {server.pids()}\n{server.last_lines()}",
                )
            time.sleep(chance.uniform(0.05, 0.6))
            part = chance.choice(parts)
            if server.kill(part):
                killed[part] += 1
                told(part)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    wait_until(server.is_ready, 60, "the server does not recover")
    _wait_for_the_end(server)
    return Storm(killed, journal.acknowledged, time.monotonic() - started)


def _wait_for_the_end(server: Served) -> None:
    """Wait until no job is open; as long as they go on ending, a long queue on a slow machine is no fault."""
    left = _open_jobs(server)
    while left != 0:
        before = left
        wait_until(
            lambda: 0 <= _open_jobs(server) != before,  # noqa: B023 - looked at before the next round
            60,
            lambda: f"{before} jobs never end\n{server.last_lines()}",  # noqa: B023
        )
        left = _open_jobs(server)


def _submit_on(server: Served, journal: Journal, stop: threading.Event, seed: int) -> None:
    """Submit job after job; after a failure the same submission goes out again under the same key. Cancel some."""
    chance = random.Random(seed)
    while not stop.is_set():
        key = uuid.uuid4().hex
        body: dict[str, object] = {
            "kind": "image",
            "model": chance.choice(_MODELS),
            "input": {"prompt": "a storm", "seed": chance.randrange(99)},
        }
        job_id = _submit(server, key, body, stop)
        if job_id is not None:
            journal.note(job_id, key)
            if chance.random() < 0.1:
                _cancel(server, job_id)
        time.sleep(chance.uniform(0.05, 0.3))


def _submit(server: Served, key: str, body: dict[str, object], stop: threading.Event) -> str | None:
    while not stop.is_set():
        try:
            answer = httpx2.post(
                f"{server.url}/native/v1/jobs",
                json=body,
                headers={"Authorization": f"Bearer {server.key}", "Idempotency-Key": key},
                timeout=10.0,
            )
            if answer.status_code == 202:
                return str(answer.json()["id"])
            assert answer.status_code >= 500, answer.text
        except (httpx2.HTTPError, OSError, KeyError, ValueError):
            pass
        time.sleep(0.05)
    return None


def _cancel(server: Served, job_id: str) -> None:
    try:
        httpx2.post(
            f"{server.url}/native/v1/jobs/{job_id}/cancel",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=5.0,
        )
    except (httpx2.HTTPError, OSError, KeyError, ValueError):
        return


def _is_whole(server: Served) -> bool:
    """Return whether every part runs and a job is being made, so that there is something to lose."""
    return set(PARTS) <= set(server.pids()) and server.is_ready()


def _open_jobs(server: Served) -> int:
    try:
        with psycopg.connect(server.database_url, connect_timeout=5) as connection:
            row = connection.execute(
                "select count(*) from jobs where state not in ('succeeded', 'failed', 'cancelled', 'expired')"
            ).fetchone()
    except psycopg.OperationalError:
        return -1
    assert row is not None, "count(*) returns a row"
    return int(row[0])
