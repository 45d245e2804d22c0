"""From a delivery in the outbox to the bytes and headers that are sent, in the words of the API that its receiver knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from calotype.clock import Clock
from calotype.dialects.base import Dialect, Notice, SigningKeys, WebhookRow
from calotype.jobs.deliveries import DeliveryPlan
from calotype.jobs.model import Job, Progress
from calotype.jobs.states import JobState
from calotype.links import LinkMaker
from calotype.signing import WebhookSecret
from calotype.store import jobs, secrets
from calotype.store.database import Connection, Database
from calotype.store.outbox import Delivery
from calotype.store.rows import credits_of

_CONTENT = {"content-type": "application/json", "user-agent": "Calotype-Webhooks/1"}


@dataclass(frozen=True, slots=True)
class Letter:
    """What is posted: these bytes, signed by these headers."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Writer:
    """Writes letters. `faces` are the APIs spoken, the native one first; `base_url` is where receivers find this server."""

    def __init__(
        self, database: Database, faces: Sequence[Dialect], links: LinkMaker, base_url: str, clock: Clock
    ) -> None:
        self._database = database
        self._faces = {face.id: face for face in faces if face.webhook is not None}
        self._native = faces[0]
        self._links = links
        self._base_url = base_url
        self._clock = clock

    def plan_of(self, delivery: Delivery) -> DeliveryPlan:
        """Return the tries that this delivery is given."""
        return self._row_of(self._face_of(delivery)).plan(delivery.event)

    async def write(self, delivery: Delivery) -> Letter:
        """Return the letter: the job as it was at the event, with links that work now, signed now."""
        face = self._face_of(delivery)
        async with self._database.connection() as db:
            job = await jobs.get(db, delivery.job_id) if delivery.job_id else None
            keys = await _keys_of(db, delivery, job)
        at = datetime.fromisoformat(delivery.facts["at"]) if "at" in delivery.facts else delivery.created_at
        shown = _as_it_was(job, delivery) if job else None
        links, _ = self._links.links_of(shown, self._base_url, has_lasting_links=face.has_lasting_links)
        notice = Notice(delivery.id, delivery.event, at, shown, links)
        row = self._row_of(face)
        body = row.body(notice)
        trace = {"traceparent": job.trace} if job and job.trace else {}
        return Letter(delivery.url, _CONTENT | trace | dict(row.sign(notice, body, keys, self._clock.now())), body)

    def _face_of(self, delivery: Delivery) -> Dialect:
        return self._faces.get(delivery.face, self._native)

    @staticmethod
    def _row_of(face: Dialect) -> WebhookRow:
        assert face.webhook is not None, "only faces with a webhook are kept, and the native one has one"
        return face.webhook


def _as_it_was(job: Job, delivery: Delivery) -> Job:
    """Return the job as it was at the event: one that has moved on since shows nothing that came later."""
    facts = delivery.facts
    state = JobState(facts.get("state", job.state))
    if state.is_terminal:
        return job
    return replace(
        job,
        state=state,
        attempt=facts["attempt"],
        version=facts["version"],
        progress=Progress(facts.get("percent", 0.0)),
        credits=credits_of(job.credits.price, state),
        outputs=(),
        error=None,
        finished_at=None,
        expires_at=None,
    )


async def _keys_of(db: Connection, delivery: Delivery, job: Job | None) -> SigningKeys:
    found = await secrets.live(db, delivery.owner_id)
    if not found:
        await secrets.first(db, delivery.owner_id, WebhookSecret.new().stored)
        found = await secrets.live(db, delivery.owner_id)
    key_hash = None
    if job is not None:
        row = await (await db.execute("select hash from keys where id = %s", (job.key_id,))).fetchone()
        key_hash = bytes(row["hash"]) if row else None
    return SigningKeys([WebhookSecret.of(one.value) for one in found], key_hash)
