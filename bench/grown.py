"""What 100,000 ended jobs, and 100,000 queued in another lane, cost the jobs that come after them.

Two databases stand on one server, an empty one and a grown one, and take turns operation by operation. A poll is the look that the
API's cache makes when it has to; a claim begins, as a worker's does, with the question which lanes have work.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg

from bench.figures import Figure, at_most
from bench.ground import Ground, databases, run
from bench.stock import MODEL, caller_of, stock, submission
from calotype.accounts import Accounts
from calotype.clock import SystemClock
from calotype.jobs.model import Caller
from calotype.lifecycle import Lifecycle, Policy
from calotype.store import jobs, lanes
from calotype.store.database import Database

STORED = QUEUED = 100_000
OTHER = "bench-other"
BLOCKS, ROUNDS = 5, 60
_MOST = 1.2


@dataclass(frozen=True)
class _Side:
    """One of the two databases, ready to be asked."""

    database: Database
    lifecycle: Lifecycle
    caller: Caller
    ids: Sequence[UUID]

    async def poll(self) -> None:
        async with self.database.connection() as db:
            assert await jobs.get(db, random.choice(self.ids)) is not None, "it is stored"

    async def submit(self) -> None:
        await self.lifecycle.submit(self.caller, submission(random.randrange(10**9)))

    async def claim(self) -> None:
        async with self.database.connection() as db:
            waiting = await lanes.waiting(db, [MODEL, OTHER])
        lane_id = next(lane.lane_id for lane in waiting if lane.model == MODEL)
        assert await self.lifecycle.claim(uuid4(), lane_id) is not None, "one was just submitted"


def measure(ground: Ground) -> list[Figure]:
    """Return how much slower each operation is."""
    with databases(ground.folder / "scale", "empty", "grown") as (empty, grown):
        return run(_measured(ground, empty, grown))


async def _measured(ground: Ground, empty_url: str, grown_url: str) -> list[Figure]:
    async with Database(empty_url, name="bench") as at_empty, Database(grown_url, name="bench") as at_grown:
        empty, grown = await _side(at_empty), await _side(at_grown)
        ground.say(f"scale: storing {STORED:,} ended and {QUEUED:,} queued jobs")
        with psycopg.connect(grown_url, autocommit=True) as connection:
            ids = _grow(connection)
        with psycopg.connect(empty_url, autocommit=True) as connection:
            connection.execute("analyze")
        grown = _Side(at_grown, grown.lifecycle, grown.caller, ids)
        ratios: dict[str, list[float]] = {"poll": [], "submit": [], "claim": []}
        times: dict[str, list[float]] = {name: [] for name in ratios}
        await _block(empty, grown)
        for number in range(1, BLOCKS + 1):
            ground.say(f"scale: block {number} of {BLOCKS}")
            for name, (below, above) in (await _block(empty, grown)).items():
                ratios[name].append(above / below)
                times[name].append(below * 1000)
    return [
        Figure(
            "scale",
            f"{name} among 10⁵ + 10⁵ jobs / in an empty database",
            statistics.median(ratios[name]),
            goal=at_most(_MOST),
            detail={"ratios": ratios[name], "unit": "ms", "below": times[name]},
        )
        for name in ratios
    ]


async def _block(empty: _Side, grown: _Side) -> dict[str, tuple[float, float]]:
    """Return each operation's median seconds on either side, over rounds that take turns."""
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ("poll", "submit", "claim")}
    for number in range(ROUNDS):
        for name, (below, above) in seconds.items():
            turns = [(empty, below), (grown, above)]
            for side, found in turns if number % 2 else reversed(turns):
                found.append(await _timed(getattr(side, name)))
    return {name: (statistics.median(below), statistics.median(above)) for name, (below, above) in seconds.items()}


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def _side(database: Database) -> _Side:
    key = (await Accounts(database, SystemClock()).create_key("bench")).key
    caller = await caller_of(database, key)
    lifecycle = Lifecycle(database, Policy())
    ids = await stock(database, key, ended=50, queued=0)
    await lifecycle.submit(caller, submission(1, OTHER))
    return _Side(database, lifecycle, caller, ids)


# --- many copies of one ended and one queued job, with all that belongs to them ------------------

_COPY_JOBS: LiteralString = """
create temporary table copies as
  select uuidv7(interval '-1 second' * n) as id, original.id as of, n
  from (select id from jobs where state = %(state)s order by number limit 1) original, generate_series(1, %(count)s) n
"""
_COPIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("jobs", ("id",)),
    ("job_events", ("job_id",)),
    ("ledger", ("job_id", "hold_id")),
    ("assets", ("job_id", "id", "key")),
)
_NEW = {"jobs.id": "c.id", "job_id": "c.id", "hold_id": "c.id", "assets.id": "uuidv7()", "key": "'bench/' || uuidv7()"}
_TICKETS: LiteralString = """
insert into procrastinate_jobs (queue_name, task_name, priority, args, status)
select t.queue_name, t.task_name, -n, jsonb_build_object('job_id', c.id), 'todo'
from procrastinate_jobs t join copies c on t.args ->> 'job_id' = c.of::text
"""


def _grow(connection: psycopg.Connection[tuple[object, ...]]) -> list[UUID]:
    """Fill the database, and return the ids of ended jobs."""
    ids: list[UUID] = []
    connection.execute("alter table procrastinate_jobs disable trigger user")
    for state, count in (("succeeded", STORED), ("queued", QUEUED)):
        connection.execute(_COPY_JOBS, {"state": state, "count": count}, prepare=False)
        for table, changed in _COPIES:
            _copy_rows(connection, table, changed)
        connection.execute(_TICKETS)
        if state == "succeeded":
            ids = [
                UUID(str(row[0])) for row in connection.execute("select id from copies order by random() limit 5000")
            ]
        connection.execute("drop table copies")
    connection.execute("alter table procrastinate_jobs enable trigger user")
    connection.execute("vacuum analyze")
    return ids


def _copy_rows(connection: psycopg.Connection[tuple[object, ...]], table: str, changed: tuple[str, ...]) -> None:
    named = connection.execute(
        "select column_name from information_schema.columns where table_name = %s and is_identity = 'NO'", (table,)
    )
    columns = [str(row[0]) for row in named]
    values = [_NEW.get(f"{table}.{name}", _NEW.get(name, "")) if name in changed else f"t.{name}" for name in columns]
    joined = "t.id" if table == "jobs" else "t.job_id"
    query = f"insert into {table} ({', '.join(columns)}) select {', '.join(values)} from {table} t join copies c on {joined} = c.of"
    connection.execute(query.encode())
