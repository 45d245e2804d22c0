"""The outbox: webhooks to send, written in the transaction that made them true."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from calotype.jobs.model import Job
from calotype.store.database import Connection


async def put(db: Connection, delivery_id: UUID, job: Job, seq: int, event: str, body: dict[str, Any]) -> None:
    """Put one delivery in, due at once. The body carries the facts as they are now."""
    assert job.webhook is not None, "only a job with a webhook has deliveries"
    await db.execute(
        "insert into outbox (id, account_id, job_id, seq, event, url, body) values (%s, %s, %s, %s, %s, %s, %s)",
        (delivery_id, job.account_id, job.id, seq, event, job.webhook.url, Jsonb(body)),
    )
