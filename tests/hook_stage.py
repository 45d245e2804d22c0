"""A stage for tests of webhooks: a database, jobs on it, and a deliverer that calls real receivers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from calotype.clock import SystemClock
from calotype.config import OutboundSettings, Settings
from calotype.dialects import dialects
from calotype.dialects.base import Dialect
from calotype.jobs.model import Job, Webhook
from calotype.jobs.states import JobState
from calotype.links import LinkMaker
from calotype.outbound import Outbound
from calotype.signing import LinkSigner
from calotype.store.database import Database
from calotype.store.endpoints import Endpoint
from calotype.webhooks.deliver import Deliverer, Terms
from calotype.webhooks.endpoints import Endpoints
from calotype.webhooks.letters import Writer
from factories import Place, make_place

LOOPBACK = OutboundSettings(allow_subnets=("127.0.0.0/8",))
BASE_URL = "http://api.test"


def make_deliverer(
    database: Database,
    *,
    offset: timedelta = timedelta(0),
    terms: Terms | None = None,
    faces: Sequence[Dialect] | None = None,
    outbound: Outbound | None = None,
    chance: Callable[[], float] = lambda: 0.5,
) -> Deliverer:
    """Return a deliverer whose clock is `offset` from the real one, as its database's should be."""
    clock = SystemClock(offset)
    links = LinkMaker(LinkSigner({"1": b"k" * 32}, "1"), clock, timedelta(hours=1))
    writer = Writer(database, faces or dialects(Settings()), links, BASE_URL, clock)
    return Deliverer(database, writer, outbound or Outbound(LOOPBACK), clock, terms or Terms(), chance)


@dataclass
class HookStage:
    """What a test plays on."""

    place: Place
    endpoints: Endpoints
    url: str

    @property
    def database(self) -> Database:
        return self.place.database

    @property
    def account_id(self) -> UUID:
        return self.place.caller.account_id

    async def endpoint(self, url: str, *events: str) -> Endpoint:
        return await self.endpoints.create(self.account_id, url, "", events)

    async def ended(
        self, url: str | None = None, state: JobState = JobState.CANCELLED, *events: str, **given: Any
    ) -> Job:
        """Return a job that has ended, with a webhook of its own if a URL is given."""
        webhook = Webhook(url, events) if url else None
        if state is JobState.CANCELLED and not given:
            job = await self.place.submitted(webhook=webhook)
            return await self.place.lifecycle.cancel(job.id, account_id=job.account_id)
        return await self.place.job_in(state, webhook=webhook, **given)

    async def deliver(self, after: timedelta = timedelta(0), **given: Any) -> None:
        """Send what is due so much later, and wait until every try is over."""
        async with Database(self.url, clock_offset=after) as database:
            deliverer = make_deliverer(database, offset=after, **given)
            while await deliverer.deliver():
                await deliverer.drain()
            await deliverer.drain()

    async def row(self, column: str) -> Any:
        """Return a column of the only delivery."""
        (row,) = await self.place.rows(f"select {column} as found from outbox")
        return row["found"]

    async def tries(self) -> list[dict[str, Any]]:
        return await self.place.rows("select status, problem, answer, took from tries order by id")


@asynccontextmanager
async def hook_stage(database_url: str) -> AsyncIterator[HookStage]:
    async with Database(database_url) as database:
        place = await make_place(database, None)
        yield HookStage(place, Endpoints(database, Outbound(LOOPBACK)), database_url)
