"""One job at a time on an idle server: how soon it starts, and how soon it has succeeded.

The engine does nothing, in its process, so what is left is ours: HTTP, database, wake-up, pipe, one small file made durable. The
client's clock runs from the submit being sent to the event being read; the database's from `created_at` to `started_at`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import httpx2
import psycopg

from bench.figures import Figure, at_most, quantile
from bench.ground import MODEL, Ground, LeftOutError

SAMPLES, LONG_POLLS, WARM = 240, 60, 10
_FLOOR_SAMPLES = 50
_PAUSE = 0.02
_SUBMIT = {"kind": "image", "model": MODEL, "input": {"prompt": "a red sailboat", "seed": 7}}
_TERMINAL = {"succeed", "fail", "cancel", "expire"}


@dataclass(frozen=True)
class _Journey:
    """One job's times in milliseconds, from the moment its submit was sent."""

    job_id: UUID
    answered: float
    started: float
    ended: float


def measure(ground: Ground) -> list[Figure]:
    """Return the waits of a job on an idle server."""
    with ground.client() as client:
        ground.say("journey: warming up")
        for _ in range(WARM):
            _stream(client)
        streamed = [_stream(client) for _ in _counted(ground, SAMPLES, "jobs watched over server-sent events")]
        polled = [_long_poll(client) for _ in _counted(ground, LONG_POLLS, "jobs waited for by a long poll")]
    times = _database_times(ground.server.database_url, streamed)
    return _figures(streamed, polled, times, _floor(ground.server.database_url))


def _counted(ground: Ground, count: int, what: str) -> Iterator[int]:
    for number in range(count):
        if number % 20 == 0:
            ground.say(f"journey: {number} of {count} {what}")
        time.sleep(_PAUSE)
        yield number


def _submit(client: httpx2.Client) -> UUID:
    answer = client.post("/native/v1/jobs", json=_SUBMIT)
    if answer.status_code != 202:
        raise LeftOutError(f"a submit was answered {answer.status_code}: {answer.text[:200]}")
    return UUID(answer.json()["id"])


def _stream(client: httpx2.Client) -> _Journey:
    sent = time.perf_counter()
    job_id = _submit(client)
    answered = _since(sent)
    started = ended = None
    with client.stream("GET", f"/native/v1/jobs/{job_id}/events") as stream:
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event" and value == "claim":
                started = _since(sent)
            elif name == "event" and value in _TERMINAL:
                ended = _since(sent)
    if started is None or ended is None:
        raise LeftOutError(f"job {job_id} was not seen to start and end")
    return _Journey(job_id, answered, started, ended)


def _long_poll(client: httpx2.Client) -> float:
    sent = time.perf_counter()
    job_id = _submit(client)
    answer = client.get(f"/native/v1/jobs/{job_id}", params={"wait": 30}).json()
    if answer["state"] != "succeeded":
        raise LeftOutError(f"job {job_id} did not succeed: {answer['state']}")
    return _since(sent)


def _since(sent: float) -> float:
    return (time.perf_counter() - sent) * 1000


def _database_times(url: str, journeys: list[_Journey]) -> list[tuple[float, float]]:
    """Return (created to started, started to finished) in milliseconds, by the database's clock."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """select extract(epoch from started_at - created_at)::float8 * 1000,
                      extract(epoch from finished_at - started_at)::float8 * 1000
               from jobs where id = any(%s) and state = 'succeeded'""",
            ([journey.job_id for journey in journeys],),
        ).fetchall()


def _floor(url: str) -> float:
    """Return the milliseconds from a durable write to another connection hearing of it: a wake-up can be no quicker."""
    with psycopg.connect(url, autocommit=True) as hearing, psycopg.connect(url, autocommit=True) as telling:
        hearing.execute("listen bench")
        telling.execute("create table if not exists bench (at timestamptz)")
        waits = []
        for _ in range(_FLOOR_SAMPLES):
            time.sleep(_PAUSE)
            sent = time.perf_counter()
            telling.execute(
                "with written as (insert into bench values (now()) returning 1) select pg_notify('bench', '') from written"
            )
            next(hearing.notifies())
            waits.append(_since(sent))
    return statistics.median(waits)


def _figures(
    streamed: list[_Journey], polled: list[float], inside: list[tuple[float, float]], floor: float
) -> list[Figure]:
    by_database = [created_to_started for created_to_started, _ in inside]
    seen = [journey.started for journey in streamed]
    detail = {
        "samples": len(streamed),
        "durable_write_to_notice_p50": floor,
        "answered_p50": statistics.median(journey.answered for journey in streamed),
        "started_to_finished_p50": statistics.median(worked for _, worked in inside),
    }
    return [
        Figure(
            "journey", "submit to start, p50 (database's clock)", quantile(by_database, 0.5), "ms", at_most(20), detail
        ),
        Figure("journey", "submit to start, p99 (database's clock)", quantile(by_database, 0.99), "ms", at_most(80)),
        Figure("journey", "submit sent to start seen, p50 (client's clock)", quantile(seen, 0.5), "ms", at_most(20)),
        Figure("journey", "submit sent to start seen, p99 (client's clock)", quantile(seen, 0.99), "ms", at_most(80)),
        _succeeded("events", [journey.ended for journey in streamed]),
        _succeeded("long poll", polled),
    ]


def _succeeded(how: str, waits: list[float]) -> Figure:
    detail = {"samples": len(waits), "p99": quantile(waits, 0.99)}
    return Figure(
        "journey", f"submit sent to succeeded seen, p50 ({how})", statistics.median(waits), "ms", at_most(60), detail
    )
