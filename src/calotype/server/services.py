"""What the verbs work with: the parts, and what the API itself keeps in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from calotype.dialects.base import Dialect, Operation
from calotype.errors import ForbiddenError, NotAuthenticatedError
from calotype.inputs import Inputs
from calotype.jobs.model import Caller
from calotype.links import LinkMaker
from calotype.outbound import Outbound
from calotype.server.body import Limits
from calotype.server.cache import JobCache
from calotype.server.catalogue import Catalogue
from calotype.server.fastlane import FastLane
from calotype.server.metrics import Metrics
from calotype.server.parts import Parts
from calotype.server.reads import Reads
from calotype.server.room import Room
from calotype.server.tail import Tails
from calotype.server.watch import Watch
from calotype.telemetry import log
from calotype.webhooks.endpoints import Endpoints


@dataclass(frozen=True, slots=True)
class Services:
    """One API process."""

    parts: Parts
    cache: JobCache
    lane: FastLane
    reads: Reads
    watch: Watch
    tails: Tails
    inputs: Inputs
    links: LinkMaker
    outbound: Outbound
    endpoints: Endpoints
    catalogue: Catalogue
    room: Room
    limits: Limits
    metrics: Metrics
    scratch: Path

    @classmethod
    def of(cls, parts: Parts) -> Services:
        """Put together what stands on the parts."""
        server = parts.settings.server
        cache = JobCache(parts.database, parts.clock)
        outbound = Outbound(parts.settings.outbound)
        reads = Reads(parts.settings.limits, parts.clock)
        return cls(
            parts=parts,
            cache=cache,
            lane=FastLane(parts.accounts, cache, reads, parts.clock),
            reads=reads,
            watch=Watch(),
            tails=Tails(),
            inputs=Inputs(
                parts.database,
                parts.assets,
                parts.settings.jobs.retention,
                outbound,
                server.max_upload,
            ),
            links=LinkMaker(parts.signer, parts.clock, server.link_lifetime),
            outbound=outbound,
            endpoints=Endpoints(parts.database, outbound),
            catalogue=Catalogue(parts.database, parts.clock, parts.cards, parts.lifecycle.prices),
            room=Room(parts.assets, parts.clock),
            limits=Limits(server.max_body, server.max_upload),
            metrics=Metrics(),
            scratch=parts.settings.data / "incoming",
        )

    async def caller_of(self, face: Dialect, operation: Operation, headers: dict[str, str]) -> Caller | None:
        """Return who asks; None where no key is asked for. What lasts asks again: a key may be revoked meanwhile."""
        if operation.scope is None:
            return None
        key = face.key_of(headers)
        if key is None:
            raise NotAuthenticatedError
        caller = await self.parts.accounts.authenticate(key)
        if operation.scope not in caller.scopes:
            raise ForbiddenError(operation.scope)
        return caller

    def heard(self, channel: str, payload: str) -> None:
        """Take a NOTIFY: `job_id account_id version state`."""
        try:
            job_id, account_id, version, _ = payload.split(" ")
            self.cache.heard(UUID(job_id), int(version))
            self.watch.wake(UUID(job_id), UUID(account_id))
        except ValueError:  # whoever may write to the database may send anything
            log.warning("notice.unreadable", channel=channel)
            self._forget_all()

    async def lost(self) -> None:
        """Believe nothing that was remembered: notices went by unheard."""
        self._forget_all()

    def _forget_all(self) -> None:
        self.cache.forget_all()
        self.watch.wake_all()
