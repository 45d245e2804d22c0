"""What is asked all the time walks an index, however many jobs are stored: the plans of the very statements that run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from calotype.queue import tickets
from calotype.store import events, jobs, lanes
from calotype.store.database import Connection, Database
from factories import crowd, make_job, make_place

pytestmark = pytest.mark.anyio
LANE = 1
QUEUED = make_job(lane_id=LANE, tag=5_000, number=5)

ASKED: dict[str, Callable[[Connection], Awaitable[Any]]] = {
    "take a ticket of an empty lane": lambda db: tickets.take(db, 99),
    "take a ticket of the crowded lane": lambda db: tickets.take(db, LANE),
    "withdraw a ticket": lambda db: tickets.withdraw(db, UUID(int=0)),
    "jobs without a ticket": lambda db: tickets.missing(db, tickets.FIRST, (LANE, 10**6, 10**9), 100),
    "the next window of queued jobs": lambda db: tickets.end_of_window(db, tickets.FIRST, 5_000),
    "which lanes wait": lambda db: lanes.waiting(db, ["crowded"]),
    "read a job": lambda db: jobs.get(db, UUID(int=0)),
    "list an account's jobs": lambda db: jobs.page(db, UUID(int=0), jobs.JobFilter(), 50),
    "find a job by its idempotency key": lambda db: jobs.by_idempotency_key(db, UUID(int=0), "", "x"),
    "the place in the queue": lambda db: jobs.queue_position(db, QUEUED),
    "how long jobs took of late": lambda db: jobs.recent_seconds(db, "crowded"),
    "lapsed leases": lambda db: jobs.held_past_lease(db, 100),
    "jobs of a dead worker": lambda db: jobs.held_by(db, [UUID(int=0)]),
    "due retries": lambda db: jobs.due_for_retry(db, 100),
    "passed deadlines": lambda db: jobs.past_deadline(db, 100),
    "events of a job": lambda db: events.of_job(db, UUID(int=0)),
    "events of an account": lambda db: events.of_account(db, UUID(int=0)),
    "progress to prune": lambda db: events.prune_progress(db, timedelta(minutes=1), 100),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def crowded_url(postgres: str) -> Iterator[str]:
    """20,000 jobs queued in one lane, each with its ticket, and 20,000 that have ended."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database test_plans template template_calotype")
        url = psycopg.conninfo.make_conninfo(postgres, dbname="test_plans")

        async def fill() -> None:
            async with Database(url) as database:
                await crowd(await make_place(database, None), queued=20_000, ended=20_000)

        asyncio.run(fill())
        yield url
        connection.execute("drop database test_plans with (force)")


@pytest.fixture
async def explained(crowded_url: str) -> AsyncIterator[tuple[Connection, list[str]]]:
    """A connection that writes down the plan of each statement it runs, and rolls back."""
    plans: list[str] = []
    connection = await psycopg.AsyncConnection[psycopg.rows.DictRow].connect(
        crowded_url, row_factory=psycopg.rows.dict_row
    )
    async with connection:
        run = connection.execute

        async def explain_and_run(query: Any, parameters: Any = None, **options: Any) -> Any:
            plan = await (await run(b"explain " + query.encode(), parameters)).fetchall()
            plans.append("\n".join(row["QUERY PLAN"] for row in plan))
            return await run(query, parameters, **options)

        connection.execute = explain_and_run  # type: ignore[assignment]
        yield connection, plans
        await connection.rollback()


@pytest.mark.parametrize("asked", ASKED)
async def test_what_is_asked_all_the_time_reads_no_whole_table(
    explained: tuple[Connection, list[str]], asked: str
) -> None:
    connection, plans = explained

    await ASKED[asked](connection)

    assert plans
    assert not [plan for plan in plans if "Seq Scan on jobs" in plan or "Seq Scan on procrastinate_jobs" in plan]


async def test_a_lanes_best_ticket_is_found_without_sorting(explained: tuple[Connection, list[str]]) -> None:
    connection, plans = explained

    await tickets.take(connection, LANE)

    assert "calotype_lane_tickets" in plans[0]
    assert "Sort" not in plans[0]


async def test_beside_a_crowded_lane_another_one_is_served(crowded_url: str) -> None:
    async with Database(crowded_url) as database:
        place = await make_place(database, None)

        assert (await place.claimed(model="quiet")).attempt == 1
