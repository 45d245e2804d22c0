"""Instrument A for webhooks: a process that sends is killed by SIGKILL at random moments; what arrives is counted here.

Jobs end with an endpoint for each receiver; child processes run the real deliverer until each delivery has arrived. Every one must
arrive at least once, under one id, and none may be lost.

    python -m faults.instruments.hooks URL [PLANT]     the child: sends until it is killed
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from calotype.audit import audit
from calotype.jobs.deliveries import Breaker, DeliveryPlan
from calotype.store import outbox
from calotype.store.database import Connection, Database
from calotype.store.outbox import Delivery
from calotype.webhooks.deliver import Terms
from calotype.webhooks.letters import Writer
from factories import make_place
from hook_stage import make_deliverer
from receivers import Receiver, one_after_another, receiver, stall, status

TESTS = Path(__file__).parents[2]
TERMS = Terms(lease=timedelta(seconds=3), breaker=Breaker(patience=10**6))
QUICK = DeliveryPlan((timedelta(milliseconds=200),) * 200)
LIVES = (10, 80)
"""A child is killed once so many more have arrived, at the least and at the most, however slow the machine is."""
_RECEIVERS = 10
_LOOK = 0.5
_PATIENCE = 60.0
"""Seconds without an arrival after which what is missing counts as lost."""


@dataclass
class Counts:
    """What was to arrive, how often the sender was killed, what arrived twice, and what was found wrong."""

    deliveries: int
    kills: int = 0
    repeated: int = 0
    findings: list[str] = field(default_factory=list)


async def run(
    url: str, deliveries: int, seed: int, plant: str | None = None, done: Callable[[int], object] = lambda _: None
) -> Counts:
    """Have so many deliveries sent by processes that are killed; return what was counted."""
    counts = Counts(deliveries)
    chance = random.Random(seed)
    async with Database(url, size=4) as database, _receivers() as taken:
        await _fill(database, [each.url for each in taken], deliveries)
        senders = [_Sender(url, chance, plant), _Sender(url, chance, plant)]
        try:
            await _until_quiet(database, taken, senders, done)
        finally:
            counts.kills = sum(sender.end() for sender in senders)
        arrived = Counter(got.id for each in taken for got in each.received)
        rows = await _rows(database)
        counts.repeated = sum(count - 1 for count in arrived.values())
        counts.findings += [f"{row} never arrived and is {state}" for row, state in rows.items() if row not in arrived]
        counts.findings += [f"{row} arrived and is no delivery" for row in arrived if row not in rows]
        counts.findings += [f"{row} is {state} after all" for row, state in rows.items() if state != "delivered"]
        counts.findings += [f"{found.invariant}: {found.sentence}" for found in (await audit(database)).findings]
    return counts


@asynccontextmanager
async def _receivers() -> AsyncIterator[list[Receiver]]:
    """Lend receivers of which every third fails now and then."""
    async with contextlib.AsyncExitStack() as stack:
        flaky = one_after_another(
            *[status(500) if number % 7 == 3 else status(200) for number in range(200)], status(200)
        )
        answers = [flaky if number % 3 == 2 else None for number in range(_RECEIVERS)]
        yield [await stack.enter_async_context(receiver(answering)) for answering in answers]


async def _fill(database: Database, urls: list[str], deliveries: int) -> None:
    """End as many jobs as it takes, each told to every receiver."""
    place = await make_place(database, None)
    async with database.connection() as db:
        for url in urls:
            await db.execute(
                "insert into endpoints (id, account_id, url) values (gen_random_uuid(), %s, %s)",
                (place.caller.account_id, url),
            )
    for _ in range(deliveries // len(urls)):
        job = await place.submitted()
        await place.lifecycle.cancel(job.id, account_id=job.account_id)


async def _until_quiet(
    database: Database, taken: list[Receiver], senders: list[_Sender], done: Callable[[int], object]
) -> None:
    """Kill and start senders until everything has arrived and is recorded, or nothing more arrives."""
    seen, last, looked = 0, time.monotonic(), 0.0
    while time.monotonic() - last < _PATIENCE:
        for sender in senders:
            sender.step(sum(len(each.received) for each in taken))
        await asyncio.sleep(0.02)
        arrived = len({got.id for each in taken for got in each.received})
        if arrived > seen:
            done(arrived - seen)
            seen, last = arrived, time.monotonic()
        if time.monotonic() - looked > _LOOK:
            looked = time.monotonic()
            if not await _waiting(database):
                return


async def _waiting(database: Database) -> bool:
    async with database.connection() as db:
        row = await (
            await db.execute("select exists (select 1 from outbox where state = 'waiting') as found")
        ).fetchone()
    assert row is not None
    return bool(row["found"])


async def _rows(database: Database) -> dict[str, str]:
    async with database.connection() as db:
        rows = await (await db.execute("select id, state from outbox")).fetchall()
    return {str(row["id"]): row["state"] for row in rows}


class _Sender:
    """A process that sends, killed after a random time and started anew."""

    def __init__(self, url: str, chance: random.Random, plant: str | None) -> None:
        self._command = [sys.executable, "-m", "faults.instruments.hooks", url, *([plant] if plant else [])]
        self._chance = chance
        self._process: subprocess.Popen[bytes] | None = None
        self._dies_at = 0
        self._kills = 0

    def step(self, arrived: int) -> None:
        """Start it when there is none, and kill it when enough has arrived in its life."""
        if self._process is None:
            self._process = subprocess.Popen(self._command, env=os.environ | {"PYTHONPATH": str(TESTS)})
            self._dies_at = arrived + self._chance.randint(*LIVES)
        elif arrived >= self._dies_at:
            self._kill()

    def _kill(self) -> None:
        assert self._process is not None, "it was started"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None
        self._kills += 1

    def end(self) -> int:
        """End it for good; return how often it was killed."""
        if self._process is not None:
            self._kill()
        return self._kills


# --- the child, and its planted bug ------------------------------------------------------------------

MARKED_FIRST = "marked before it is sent"


async def _mark(db: Connection, shares: object, lease_id: object, length: object) -> list[Delivery]:
    """The planted bug: what is taken is marked as delivered before it was sent."""
    leased = await _lease(db, shares, lease_id, length)  # type: ignore[arg-type]
    for delivery in leased:
        await outbox.deliver(db, delivery)
    return leased


_lease = outbox.lease


async def _send(url: str) -> None:
    async with Database(url, size=4) as database:
        Writer.plan_of = lambda *_: QUICK  # type: ignore[method-assign]
        deliverer = make_deliverer(database, terms=TERMS, chance=lambda: 0.0)
        while True:
            if not await deliverer.deliver():
                await asyncio.sleep(0.02)


def main() -> None:
    """Send until killed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    if MARKED_FIRST in sys.argv:
        outbox.lease = _mark
    asyncio.run(_send(sys.argv[1]))


if __name__ == "__main__":
    main()


# --- dead receivers beside good ones -----------------------------------------------------------------


async def first_tries(url: str, dead: int, jobs: int, pace: float) -> list[float]:
    """Return the seconds from a job's end to its arrival, sorted, at ten good receivers beside dead ones of three sorts."""
    async with Database(url) as database, contextlib.AsyncExitStack() as stack:
        place = await make_place(database, None)
        good = [await stack.enter_async_context(receiver()) for _ in range(10)]
        urls = [each.url for each in good]
        urls += await stack.enter_async_context(dead_receivers(dead))
        async with database.connection() as db:
            for each in urls:
                await db.execute(
                    "insert into endpoints (id, account_id, url) values (gen_random_uuid(), %s, %s)",
                    (place.caller.account_id, each),
                )
        deliverer = make_deliverer(database)
        stop = asyncio.Event()
        sending = asyncio.create_task(_deliver_until(deliverer.deliver, stop))
        ended: dict[str, float] = {}
        for _ in range(jobs):
            job = await place.submitted()
            ended[str(job.id)] = asyncio.get_running_loop().time()
            await place.lifecycle.cancel(job.id, account_id=job.account_id)
            await asyncio.sleep(pace)
        until = asyncio.get_running_loop().time() + 20
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                for one in good:
                    while len(one.received) < jobs:
                        one.arrived.clear()
                        await one.arrived.wait()
        stop.set()
        await sending
        await deliverer.drain(timedelta(0))
        seen = [got.at - ended[got.json["data"]["id"]] for each in good for got in each.received]
    return sorted([*seen, *[float("inf")] * (10 * jobs - len(seen))])


async def _deliver_until(deliver: Callable[[], Awaitable[int]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        if not await deliver():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.25):  # as upkeep does
                    await stop.wait()


@asynccontextmanager
async def dead_receivers(count: int) -> AsyncIterator[list[str]]:
    """Lend URLs of receivers that are dead: a third refuse, a third take the request and say nothing, a third never accept."""
    async with contextlib.AsyncExitStack() as stack:
        urls: list[str] = []
        for number in range(count):
            if number % 3 == 0:
                urls.append((await stack.enter_async_context(receiver(stall))).url)
                continue
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            urls.append(f"http://127.0.0.1:{listener.getsockname()[1]}/hook")
            if number % 3 == 1:
                listener.listen(0)  # its queue is full after the first: the others' SYNs are dropped
                for _ in range(2):
                    filler = stack.enter_context(socket.socket())
                    filler.setblocking(False)
                    filler.connect_ex(listener.getsockname())
        yield urls
