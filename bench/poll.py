"""What a poll costs the API process, as a share of the least an HTTP answer costs in Python.

The load is the same for both: `wrk`, connections that stay open, 1,000 jobs in random order, each request with a key. The figure
is CPU per request of the bare app over ours, so 1.0 would be an API that costs nothing above its server.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from bench.figures import Figure, at_least, median_ratio
from bench.ground import Ground, listening_socket, run, url_of, wait_for_answer
from bench.load import load
from bench.stock import stock
from calotype.store.database import Database

ENDED, QUEUED = 950, 50
PAIRS, SECONDS, CONNECTIONS = 5, 3.0, 16


def measure(ground: Ground) -> list[Figure]:
    """Return the share that a poll has."""
    server = ground.server
    ground.say(f"poll: {ENDED + QUEUED} jobs are stored")
    ids = run(_stock(server.database_url, server.key))
    jobs = ground.folder / "jobs.txt"
    jobs.write_text("".join(f"{job_id}\n" for job_id in ids), "ascii")
    variables = {"BENCH_KEY": server.key, "BENCH_JOBS": str(jobs)}
    pid = server.pids()["api"]
    pairs, rates = [], []
    with _bare() as (bare_url, bare_pid):
        load("poll.lua", server.url, pid, SECONDS, CONNECTIONS, variables)  # so that neither side starts cold
        load("poll.lua", bare_url, bare_pid, 1.0, CONNECTIONS, variables)
        for number in range(1, PAIRS + 1):
            ground.say(f"poll: pair {number} of {PAIRS}")
            ours = load("poll.lua", server.url, pid, SECONDS, CONNECTIONS, variables)
            bare = load("poll.lua", bare_url, bare_pid, SECONDS, CONNECTIONS, variables)
            pairs.append((bare.cpu_per_request * 1e6, ours.cpu_per_request * 1e6))
            rates.append((ours.rate, bare.rate))
    figure = median_ratio("poll", "bare ASGI app's CPU per request / ours", pairs, at_least(0.55), "µs of CPU")
    figure.detail["polls_a_second"], figure.detail["bare_a_second"] = zip(*rates, strict=True)
    return [figure]


async def _stock(database_url: str, key: str) -> list[UUID]:
    async with Database(database_url, name="bench") as database:
        return await stock(database, key, ended=ENDED, queued=QUEUED)


@contextlib.contextmanager
def _bare() -> Iterator[tuple[str, int]]:
    listener = listening_socket()
    command = [sys.executable, "-m", "bench.hello", str(listener.fileno())]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(command, cwd=root, pass_fds=[listener.fileno()])
    try:
        wait_for_answer(url_of(listener), process)
        yield url_of(listener), process.pid
    finally:
        listener.close()
        process.terminate()
        process.wait()
