"""Submits a second over HTTP, as a share of the same lifecycle called by as many tasks in one process.

Both write the same jobs to the same PostgreSQL server, each to a database of its own, and no worker takes them.
"""

from __future__ import annotations

import asyncio
import itertools
import time

from bench.figures import Figure, at_least, median_ratio
from bench.ground import MODEL, Ground, api_alone, databases, run
from bench.load import load
from bench.stock import caller_of, submission
from calotype.accounts import Accounts
from calotype.clock import SystemClock
from calotype.lifecycle import Lifecycle, Policy
from calotype.store.database import Database

PAIRS, SECONDS, CONNECTIONS = 4, 3.0, 8
_BODY = '{"kind":"image","model":"%s","input":{"prompt":"a red sailboat on the sea at sunset, number %%d"}}'


def measure(ground: Ground) -> list[Figure]:
    """Return the share of submits that HTTP leaves."""
    ground.say("submit: starting a database and an API without a worker")
    folder = ground.folder / "alone"
    with databases(folder, "over_http", "bare") as (over_http, bare_url), api_alone(folder, over_http) as api:
        variables = {"BENCH_KEY": api.key, "BENCH_BODY": _BODY % MODEL}
        pairs = []
        load("submit.lua", api.url, api.pid, 1.0, CONNECTIONS, variables)
        run(_bare(bare_url, 1.0))
        for number in range(1, PAIRS + 1):
            ground.say(f"submit: pair {number} of {PAIRS}")
            ours = load("submit.lua", api.url, api.pid, SECONDS, CONNECTIONS, variables)
            pairs.append((ours.rate, run(_bare(bare_url, SECONDS))))
    return [median_ratio("submit", "submits/s over HTTP / Lifecycle.submit alone", pairs, at_least(0.5), "submits/s")]


async def _bare(url: str, seconds: float) -> float:
    """Return how many submits a second as many tasks make without HTTP."""
    async with Database(url, name="bench") as database:
        made = await Accounts(database, SystemClock()).create_key(f"bench {time.monotonic_ns()}", account="bench")
        caller = await caller_of(database, made.key)
        lifecycle = Lifecycle(database, Policy())
        await lifecycle.submit(caller, submission(0, MODEL))
        numbers = itertools.count(1)
        started = time.perf_counter()
        end = started + seconds

        async def task() -> int:
            done = 0
            while time.perf_counter() < end:
                await lifecycle.submit(caller, submission(next(numbers), MODEL))
                done += 1
            return done

        total = sum(await asyncio.gather(*(task() for _ in range(CONNECTIONS))))
        return total / (time.perf_counter() - started)
