"""The queue package's own fetch function and our statement, on the same tickets: the evidence of docs/decisions/0003-own-fetch.md.

100,000 tickets wait in one lane, three each in two others. Both ways take a ticket, in turn, in transactions that are rolled
back; the index that ours walks is there for both. What the claim of a job costs among so many is measured in `bench.grown`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row
from rich.console import Console

from bench.figures import Figure, at_most, show
from bench.ground import Ground, databases, ground, run
from calotype.queue import tickets

WAITING = 100_000
ROUNDS, WARM = 60, 10
CROWDED, YOUNG, OLD, EMPTY = 1, 2, 3, 4
LANES = {
    "in the lane asked": CROWDED,
    "in another; the lane asked is younger": YOUNG,
    "in another; the lane asked is older": OLD,
    "in another; the lane asked is empty": EMPTY,
}
"""A lane's tags grow as it is served, so all tickets of an old lane stand below those of a young one."""

_FILL: LiteralString = """
insert into procrastinate_jobs (queue_name, task_name, priority, args)
select 'l' || %(lane)s::int, 'bench', -n - %(served)s::int, jsonb_build_object('job_id', gen_random_uuid())
from generate_series(1, %(count)s::int) n
"""
_THEIRS: LiteralString = "select * from procrastinate_fetch_job_v2(array[%s::varchar], null)"


def measure(place: Ground) -> list[Figure]:
    """Return how long each way takes, and ours as a share of theirs."""
    with databases(place.folder / "fetch", "fetching") as (url,):
        with psycopg.connect(url, autocommit=True) as connection:
            place.say(f"fetch: {WAITING:,} tickets")
            connection.execute("alter table procrastinate_jobs disable trigger user")
            for lane, count, served in ((CROWDED, WAITING, 0), (YOUNG, 3, 0), (OLD, 3, 2 * WAITING)):
                connection.execute(_FILL, {"lane": lane, "count": count, "served": served})
            connection.execute("alter table procrastinate_jobs enable trigger user")
            connection.execute("vacuum analyze procrastinate_jobs")
        return [figure for where, lane in LANES.items() for figure in run(_compared(url, where, lane))]


async def _compared(url: str, where: str, lane_id: int) -> list[Figure]:
    ours: list[float] = []
    theirs: list[float] = []
    connection: psycopg.AsyncConnection[DictRow]
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        for number in range(WARM + ROUNDS):
            turns = [(ours, _ours), (theirs, _theirs)]
            for found, take in turns if number % 2 else reversed(turns):
                started = time.perf_counter()
                taken = await take(connection, lane_id)
                found.append((time.perf_counter() - started) * 1_000)
                assert (taken is None) is (lane_id == EMPTY), "both find what is there"
                await connection.rollback()
    return _figures(where, ours[WARM:], theirs[WARM:])


async def _ours(connection: psycopg.AsyncConnection[DictRow], lane_id: int) -> Any:
    return await tickets.take(connection, lane_id)


async def _theirs(connection: psycopg.AsyncConnection[DictRow], lane_id: int) -> Any:
    row = await (await connection.execute(_THEIRS, (f"l{lane_id}",))).fetchone()
    assert row is not None, "the function returns a row, of nulls when there is no ticket"
    return row["id"]


def _figures(where: str, ours: Sequence[float], theirs: Sequence[float]) -> list[Figure]:
    ratios = [above / below for above, below in zip(ours, theirs, strict=True)]
    what = f"10⁵ tickets wait, {where}"
    return [
        Figure("fetch", f"{what}: theirs", statistics.median(theirs), "ms"),
        Figure("fetch", f"{what}: ours", statistics.median(ours), "ms"),
        Figure(
            "fetch",
            f"{what}: ours / theirs",
            statistics.median(ratios),
            goal=at_most(1.0),
            detail={"unit": "ms", "above": list(ours), "below": list(theirs)},
        ),
    ]


def main() -> int:
    """Measure and print."""
    console = Console()
    with console.status("starting") as status, ground(status.update) as place:
        found = measure(place)
    show(found, {}, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
