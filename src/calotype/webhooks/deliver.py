"""Empties the outbox: leases what is due, sends it, and records what became of it. Any number of processes may do so at once.

No transaction is held while something is sent. A process that dies in between loses its leases, and what it had is sent again
under the same id: at least once, never lost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import psycopg

from calotype.clock import Clock
from calotype.errors import DatabaseUnavailableError, OutboundFailedError, OutboundForbiddenError
from calotype.jobs.deliveries import Breaker, DeliveryPlan, Fate, fate_of, share
from calotype.jobs.ids import new_id
from calotype.outbound import Answer, Limits, Outbound
from calotype.store import endpoints, outbox, tries
from calotype.store.database import Connection, Database
from calotype.store.outbox import Delivery
from calotype.store.tries import Try
from calotype.telemetry import log
from calotype.webhooks.letters import Letter, Writer

_LOGGED = 1_024
"""Bytes of an answer that are kept."""
_SHORT = 0.05
_LONGEST_GO = 1.0
_AWAY = (DatabaseUnavailableError, psycopg.Error)


@dataclass(frozen=True, slots=True)
class Terms:
    """How much is under way at once in one process, and for how long a lease stands: longer than any try."""

    for_proven: int = 128
    for_others: int = 256
    lease: timedelta = timedelta(seconds=40)
    breaker: Breaker = field(default_factory=Breaker)


class Deliverer:
    """Sends what is due. One instance serves a whole process; `chance` spreads the waits between tries."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        outbound: Outbound,
        clock: Clock,
        terms: Terms = Terms(),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._writer = writer
        self._outbound = outbound
        self._clock = clock
        self._terms = terms
        self._chance = chance
        self._under_way: dict[asyncio.Task[None], tuple[Delivery, bool]] = {}

    async def deliver(self) -> int:
        """Start what is due and has room, for a second at the most; return how many tries were begun. They go on by themselves."""
        until = self._clock.monotonic() + _LONGEST_GO
        begun = 0
        while self._clock.monotonic() < until:
            started = await self._start()
            begun += started
            if not started:
                break
            await asyncio.wait(set(self._under_way), timeout=_SHORT, return_when=asyncio.FIRST_COMPLETED)
        return begun

    async def drain(self, grace: timedelta | None = None) -> None:
        """Wait for the tries under way; after `grace` the rest are dropped and handed back."""
        pending = dict(self._under_way)
        if not pending:
            return
        _, late = await asyncio.wait(pending, timeout=None if grace is None else grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        left: dict[UUID, list[UUID]] = {}
        for delivery, _ in (pending[task] for task in late):
            assert delivery.lease_id is not None, "it is under way"
            left.setdefault(delivery.lease_id, []).append(delivery.id)
        async with self._database.connection() as db:
            for lease_id, ids in left.items():
                await outbox.hand_back(db, ids, lease_id)

    async def _start(self) -> int:
        proven = sum(is_proven for _, is_proven in self._under_way.values())
        room = (self._terms.for_proven - proven, self._terms.for_others - len(self._under_way) + proven)
        async with self._database.connection() as db:
            queued = await outbox.queued(db)
            shares = share(queued, *room)
            if not shares:
                return 0
            leased = await outbox.lease(db, shares, new_id(), self._terms.lease)
        good = {each.name for each in queued if each.is_good}
        for delivery in leased:
            task = asyncio.create_task(self._try(delivery), name=f"webhook {delivery.id}")
            self._under_way[task] = (delivery, delivery.receiver in good)
            task.add_done_callback(self._under_way.pop)
        return len(leased)

    async def _try(self, delivery: Delivery) -> None:
        """Make one try and record it. A database that is away leaves it to the lease's end."""
        try:
            if not delivery.is_wanted:
                await self._drop(delivery)
                return
            made, asked = await self._made(delivery)
            await self._record(delivery, made, asked)
        except _AWAY as error:
            log.warning("webhook.unrecorded", delivery_id=str(delivery.id), error=type(error).__name__)

    async def _made(self, delivery: Delivery) -> tuple[Try, timedelta | None]:
        at, begun = self._clock.now(), self._clock.monotonic()
        asked: timedelta | None = None
        status: int | None = None
        problem: str | None = None
        said = ""
        try:
            answer = await self._send(await self._writer.write(delivery), self._writer.plan_of(delivery))
            status, said, asked = answer.status, _beginning(answer), _asked(answer, at)
        except (OutboundForbiddenError, OutboundFailedError) as error:
            problem = str(error)
        except _AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it counts as a try
            # a letter that cannot be written ends among the dead ones as any other, instead of being tried for ever
            log.error("webhook.unwritten", delivery_id=str(delivery.id), error=type(error).__name__)
            problem = "Something went wrong on our side."
        return Try(at, self._clock.monotonic() - begun, status, problem, said), asked

    async def _send(self, letter: Letter, plan: DeliveryPlan) -> Answer:
        limits = Limits(total=plan.timeout, silence=plan.timeout)
        return await self._outbound.send("POST", letter.url, letter.headers, letter.body, limits=limits)

    async def _record(self, delivery: Delivery, made: Try, asked: timedelta | None) -> None:
        """Write down what became of a try. Rows are locked in one order: receiver, delivery, job."""
        fate = fate_of(made.status)
        async with self._database.transaction() as db:
            await tries.log(db, delivery.id, made)
            if fate is Fate.DELIVERED:
                await tries.note_success(db, delivery.receiver)
                await outbox.deliver(db, delivery)
            elif fate is Fate.REFUSED:
                await outbox.bury(db, delivery, "gone", was_tried=True)
            else:
                await self._postpone(db, delivery, fate, asked)
        if fate is Fate.REFUSED and delivery.endpoint_id is not None:
            async with self._database.transaction() as db:
                await endpoints.disable(db, delivery.endpoint_id, "gone")
                await outbox.bury_all(db, delivery.receiver, "gone")
        log.info(
            "webhook.tried",
            delivery_id=str(delivery.id),
            job_id=str(delivery.job_id),
            status=made.status,
            problem=made.problem,
            took=round(made.took, 3),
        )

    async def _postpone(self, db: Connection, delivery: Delivery, fate: Fate, asked: timedelta | None) -> None:
        plan = self._writer.plan_of(delivery)
        failures, since = await tries.note_failure(db, delivery.receiver)
        pause = self._terms.breaker.pause_after(failures, is_throttled=fate is Fate.THROTTLED, asked=asked)
        if pause is not None:
            await tries.pause(db, delivery.receiver, pause)
        wait = plan.wait_after(delivery.tries + 1, self._chance(), asked)
        if wait is None:
            await outbox.bury(db, delivery, "exhausted", was_tried=True)
        else:
            await outbox.wait(db, delivery, wait)
        if plan.span and since >= plan.span:
            # what waited behind others for a receiver that has failed for as long as a whole plan takes ends with them
            await outbox.bury_all(db, delivery.receiver, "exhausted", older_than=plan.span)

    async def _drop(self, delivery: Delivery) -> None:
        async with self._database.transaction() as db:
            await outbox.bury(db, delivery, "disabled", was_tried=False)


def _beginning(answer: Answer) -> str:
    return answer.body[:_LOGGED].decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _asked(answer: Answer, now: datetime) -> timedelta | None:
    """Return the wait that a Retry-After asks for: seconds or a date."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    return max(timedelta(0), at.replace(tzinfo=at.tzinfo or UTC) - now)
