"""Submitting: from a dialect's draft to a job, or to a refusal that stores and charges nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from calotype.dialects.base import Draft, Inputs, Quote
from calotype.dialects.pacing import standing_fields
from calotype.errors import (
    GoneError,
    IdempotencyMismatchError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    OutboundForbiddenError,
)
from calotype.inputs import Resolved, checked
from calotype.jobs.fields import Input
from calotype.jobs.model import Job, Output, Receipt, Submission, Webhook
from calotype.jobs.prices import needs_files
from calotype.jobs.states import JobState
from calotype.server import waiting
from calotype.server.answer import Answer, answer_of, raw
from calotype.server.body import read_incoming
from calotype.server.call import Call, is_async, wait_of
from calotype.server.scratch import Scratch
from calotype.server.services import Services
from calotype.server.wording import Standing, pause_of, reply_for, standing_of
from calotype.store import jobs

_TRUE = {"true", "1", "yes"}
_PATIENCE_FOR_URLS = timedelta(seconds=10)
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


async def submit(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Read the request as the row says, and submit what it asks for."""
    incoming = await read_incoming(call, services.limits, scratch)
    assert call.operation.read is not None, "a row that submits reads"
    return await _submit(services, call, call.operation.read(incoming), scratch)


async def retry(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Submit an ended job again, with what the body changes."""
    incoming = await read_incoming(call, services.limits, scratch)
    before = await _ended(services, call)
    edits: dict[str, Any] = incoming.body.model_dump() if incoming.body else {}
    merged = {name: value for name, value in (dict(before.input) | edits.get("input", {})).items() if value is not None}
    draft = Draft(
        kind=before.kind,
        input=merged,
        model=edits.get("model") or before.model,
        requested_model=edits.get("model") or before.requested_model,
        tags=before.tags if edits.get("tags") is None else edits["tags"],
        webhook=edits.get("webhook") or _webhook_of(before),
        deadline=edits.get("deadline"),
        start_deadline=edits.get("start_deadline"),
    )
    return await _submit(services, call, draft, scratch, retry_of=before.id)


async def _ended(services: Services, call: Call) -> Job:
    async with services.parts.database.connection() as db:
        job = await jobs.get(db, call.face.job_id(call.path["job_id"]), call.owner.account_id)
    if job is None:
        raise NotFoundError
    if job.erased_at is not None:
        raise GoneError("job")
    if not job.state.is_terminal:
        raise IllegalTransitionError(job.state, "be retried")
    return job


async def _submit(
    services: Services, call: Call, draft: Draft, scratch: Scratch, *, retry_of: UUID | None = None
) -> Answer:
    _check_webhook(services, draft)
    kind, model = await services.catalogue.choose(draft.kind, draft.model)
    wanted = checked(kind, draft.input, draft.files)
    values = wanted.model_dump(mode="json", exclude_none=True)
    submission = Submission(
        kind=kind,
        model=model,
        input=values,
        face=call.face.id,
        requested_model=draft.requested_model or draft.model or model,
        tags=draft.tags,
        webhook=Webhook(draft.webhook["url"], tuple(draft.webhook.get("events", ()))) if draft.webhook else None,
        deadline=_seconds(draft.deadline),
        start_deadline=_seconds(draft.start_deadline),
        idempotency_key=_idempotency_key(call),
        idempotency_route=f"{call.face.id} {call.operation.name}",
        digest=_digest(draft, retry_of),
        retry_of=retry_of,
        trace=call.trace,
    )
    if call.operation.quote is not None and call.query.get("dry_run", "").lower() in _TRUE:
        resolved = await _resolved(services, call, submission, wanted, draft, scratch)
        try:
            return await _quote(services, call, replace(submission, input=resolved.input), values)
        finally:
            await services.inputs.discard(resolved.fresh)
    replayed = await _replayed(services, call, submission)
    if replayed is not None:
        return await _receipt(services, call, replayed)
    await services.parts.lifecycle.check_rate(call.owner)
    await services.room.check()
    resolved = await _resolved(services, call, submission, wanted, draft, scratch)
    submission = replace(submission, input=resolved.input, awaits_urls=resolved.awaits_urls)
    receipt = await _accept(services, call, submission, resolved.fresh)
    return await _receipt(services, call, receipt)


async def _resolved(
    services: Services, call: Call, submission: Submission, wanted: Input, draft: Draft, scratch: Scratch
) -> Resolved:
    """Return the input with its files stored; the files that nobody keeps must be images too."""
    await services.inputs.look_at(call.owner, draft.unused, scratch.folder)
    kind = submission.kind
    price = services.parts.lifecycle.prices.of(kind, submission.model, submission.requested_model)
    # a price that hangs on what the files measure cannot be held before they are in
    is_later = (call.operation.inputs is Inputs.AFTER or is_async(call)) and not needs_files(price)
    patience = None if is_later else _PATIENCE_FOR_URLS
    return await services.inputs.resolve(call.owner, kind, wanted, draft.files, scratch.folder, patience=patience)


async def _accept(services: Services, call: Call, submission: Submission, fresh: list[Output]) -> Receipt:
    """Hand the submission in; files stored for one that is refused, or was made before, are taken back."""
    try:
        receipt = await services.parts.lifecycle.submit(call.owner, submission)
    except BaseException:
        await services.inputs.discard(fresh)
        raise
    if receipt.is_replay:
        await services.inputs.discard(fresh)
    return receipt


async def _replayed(services: Services, call: Call, submission: Submission) -> Receipt | None:
    """Return what an earlier submission with this key made, so that its files are not stored a second time."""
    if submission.idempotency_key is None:
        return None
    async with services.parts.database.connection() as db:
        job = await jobs.by_idempotency_key(
            db, call.owner.account_id, submission.idempotency_route, submission.idempotency_key
        )
    if job is None:
        return None
    if job.digest != submission.digest:
        raise IdempotencyMismatchError
    return Receipt(job, is_replay=True)


async def _receipt(services: Services, call: Call, receipt: Receipt) -> Answer:
    job, standing = receipt.job, Standing()
    services.cache.forget(job.id)
    seconds = wait_of(call)
    if seconds:
        entry = await waiting.until_ended(services, call, job.id, seconds)
        if entry is not None:
            job, standing = entry.job, standing_of(entry)
    answer = answer_of(reply_for(services, call, job, standing))
    if receipt.is_replay:
        answer.headers.append((b"idempotent-replay", b"true"))
    if receipt.standing is not None:
        answer.headers += raw(standing_fields(receipt.standing))
    if not job.state.is_terminal:
        answer.headers.append((b"retry-after", str(pause_of(standing.position)).encode()))
    if job.state is JobState.CREATED and is_async(call):
        answer.headers.append((b"preference-applied", b"respond-async"))
    return waiting.with_preference(answer, call, seconds)


async def _quote(services: Services, call: Call, submission: Submission, asked: Mapping[str, Any]) -> Answer:
    """Answer what the submission would cost; `asked` is its input as the caller worded it."""
    balance = await services.parts.accounts.balance(call.owner.account_id)
    price = await services.parts.lifecycle.quote(submission)
    quote = Quote(
        kind=submission.kind,
        model=submission.model,
        input=asked,
        price=price,
        balance=balance.balance,
        is_affordable=balance.floor is None or balance.balance - price >= balance.floor,
    )
    assert call.operation.quote is not None, "only rows with a quote take dry_run"
    return answer_of(call.operation.quote(quote))


def _check_webhook(services: Services, draft: Draft) -> None:
    """Refuse a receiver that will never be called; whether its name leads anywhere is seen at each try."""
    if draft.webhook is None:
        return
    try:
        services.outbound.check_url(draft.webhook["url"])
    except OutboundForbiddenError as error:
        raise InvalidInputError.at("/webhook/url", "url", str(error)) from None


def _idempotency_key(call: Call) -> str | None:
    """Return the key, which may be quoted as RFC 8941 has it, or bare."""
    given = call.headers.get("idempotency-key")
    if given is None:
        return None
    key = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    if not _KEY.fullmatch(key):
        raise InvalidInputError.at("/Idempotency-Key", "text", "must be 1 to 255 printable ASCII characters")
    return key


def _digest(draft: Draft, retry_of: UUID | None) -> bytes:
    """Return what makes two submissions the same: everything that was asked for, files by their SHA-256."""
    facts = {
        "kind": draft.kind,
        "model": draft.model,
        "requested_model": draft.requested_model,
        "input": draft.input,
        "files": {name: [upload.sha256 for upload in uploads] for name, uploads in draft.files.items()},
        "unused": [upload.sha256 for upload in draft.unused],
        "tags": dict(draft.tags),
        "webhook": draft.webhook,
        "deadline": draft.deadline,
        "start_deadline": draft.start_deadline,
        "retry_of": str(retry_of) if retry_of else None,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).digest()


def _webhook_of(job: Job) -> dict[str, Any] | None:
    return {"url": job.webhook.url, "events": list(job.webhook.events)} if job.webhook else None


def _seconds(given: float | None) -> timedelta | None:
    return timedelta(seconds=given) if given is not None else None
