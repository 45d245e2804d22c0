"""From a database row to a record of `jobs.model`, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calotype.jobs.kinds import Kind
from calotype.jobs.model import Credits, Job, JobError, Output, Progress, Webhook
from calotype.jobs.states import JobState

_SAME_NAME = (
    "id", "number", "account_id", "user_id", "key_id", "face", "model", "requested_model", "lane_id", "input", "tags", "attempt",
    "max_attempts", "version", "tag", "worker_id", "lease_until", "retry_at", "deadline_at", "start_deadline_at", "created_at",
    "updated_at", "queued_at", "started_at", "finished_at", "expires_at", "erased_at", "retry_of", "trace", "load_ms",
    "preview_key", "idempotency_key", "digest",
)  # fmt: skip


def job_of(row: Mapping[str, Any]) -> Job:
    """Return the job a row of `jobs` holds; `outputs`, when the query made it, is a JSON list of asset rows."""
    state = JobState(row["state"])
    return Job(
        **{name: row[name] for name in _SAME_NAME},
        kind=Kind(row["kind"]),
        state=state,
        progress=Progress(round(row["percent"], 2), row["done"], row["total"], row["phase"]),
        credits=credits_of(row["price"], state),
        error=JobError(row["error_code"], row["error_message"], row["error_retryable"]) if row["error_code"] else None,
        webhook=_webhook_of(row),
        outputs=tuple(output_of(output) for output in row.get("outputs") or ()),
    )


def _webhook_of(row: Mapping[str, Any]) -> Webhook | None:
    given = row["webhook"]
    return Webhook(given["url"], tuple(given.get("events", ())), row["webhook_fate"]) if given else None


def credits_of(price: int, state: JobState) -> Credits:
    """Return a job's money: its hold stands until it is terminal, then is kept on success and given back otherwise."""
    if not state.is_terminal:
        return Credits(price, held=price)
    if state is JobState.SUCCEEDED:
        return Credits(price, captured=price)
    return Credits(price, refunded=price)


def output_of(row: Mapping[str, Any]) -> Output:
    """Return the output a row of `assets` holds."""
    return Output(
        asset_id=row["id"],
        ordinal=row["ordinal"],
        key=row["key"],
        media_type=row["media_type"],
        extension=row["extension"],
        bytes=row["bytes"],
        sha256=row["sha256"],
        width=row["width"],
        height=row["height"],
        duration=row["duration"],
        provenance=row["provenance"],
        expires_at=row["expires_at"],
        purged_at=row["purged_at"],
        thumbnail_key=row["thumbnail_key"],
    )
