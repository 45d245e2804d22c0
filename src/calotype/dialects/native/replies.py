"""How the native API words what it answers: plain dictionaries, whose models stand in `answers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from calotype.dialects.base import (
    AccountView,
    AssetView,
    Happening,
    KeyView,
    LedgerRow,
    Links,
    Offer,
    Page,
    Quote,
    Reply,
    SpendView,
)
from calotype.jobs.limits import Limit, Subject
from calotype.jobs.model import Job, JobError, Output
from calotype.jobs.prices import Price

PREFIX = "/native/v1"
_EXCERPT = 200


def job(job: Job, links: Links) -> Reply:
    """Return the whole job."""
    return Reply(200, _job(job, links))


def accepted(job: Job, links: Links) -> Reply:
    """Return a job just submitted, and where it is."""
    body = _job(job, links)
    return Reply(202, body, {"Location": body["links"]["self"]})


def quote(quote: Quote) -> Reply:
    """Return what a submission would cost."""
    return Reply(
        200,
        {
            "kind": quote.kind,
            "model": quote.model,
            "input": dict(quote.input),
            "price": quote.price,
            "balance": quote.balance,
            "is_possible": quote.is_affordable,
            "eta_seconds": None,
        },
    )


def page(page: Page) -> Reply:
    """Return one page of a list: rows leave out what only the job itself shows."""
    return Reply(
        200,
        {
            "data": [_row(job, page.links(job)) for job in page.jobs],
            "has_more": page.next is not None,
            "next": page.next,
            "previous": page.previous,
        },
    )


def erased() -> Reply:
    """Return that there is nothing left to say."""
    return Reply(204)


def event(happening: Happening) -> Reply:
    """Return the data of one server-sent event."""
    return Reply(
        200,
        {
            "seq": happening.seq,
            "job_id": str(happening.job_id),
            "event": happening.event,
            "state": happening.state,
            "attempt": happening.attempt,
            "version": happening.version,
            "data": dict(happening.data),
            "at": moment(happening.at),
        },
    )


def asset(view: AssetView) -> Reply:
    """Return a stored file's facts."""
    return Reply(200, _asset(view))


def uploaded(view: AssetView) -> Reply:
    """Return a fresh upload's facts, and where they are."""
    return Reply(201, _asset(view), {"Location": f"{PREFIX}/assets/{view.file.asset_id}"})


def kinds(offers: Sequence[Offer]) -> Reply:
    """Return what can be made."""
    data = [
        {"kind": o.kind, "models": list(o.models), "price": _price(o.price), "input_schema": dict(o.input_schema)}
        for o in offers
    ]
    return Reply(200, {"data": data})


def models(cards: Sequence[Mapping[str, Any]]) -> Reply:
    """Return which engines there are."""
    fields = ("id", "title", "version", "kinds", "licences", "limits")
    data = [
        {name: card.get(name) for name in fields}
        | {"prices": {kind: _price(price) for kind, price in card["prices"].items()}}
        for card in cards
    ]
    return Reply(200, {"data": data})


def account(view: AccountView) -> Reply:
    """Return whose key this is, what it may spend and ask for, and what things cost."""
    limits = {limit.subject: _limit(limit) for limit in view.limits}
    body = {
        "id": str(view.account_id),
        "name": view.name,
        "balance": view.balance,
        "floor": view.floor,
        "plan": view.plan,
        "spend": _spend(view.spend),
        "scopes": sorted(view.scopes),
        "key": _key(view.key),
        "limits": {
            "account": limits.get(Subject.ACCOUNT),
            "key": limits.get(Subject.KEY),
            "max_running": view.max_running,
        },
        "prices": {kind: _price(price) for kind, price in view.prices.items()},
    }
    return Reply(200, body)


def ledger(rows: Sequence[LedgerRow], after: str | None) -> Reply:
    """Return one page of the ledger."""
    data = [
        {
            "number": row.number,
            "entry": row.entry,
            "amount": row.amount,
            "effect": row.effect,
            "job_id": str(row.job_id) if row.job_id else None,
            "note": row.note,
            "at": moment(row.at),
        }
        for row in rows
    ]
    return Reply(200, {"data": data, "has_more": after is not None, "next": after})


def keys(views: Sequence[KeyView]) -> Reply:
    """Return the account's keys, none of them in full."""
    return Reply(200, {"data": [_key(view) for view in views]})


def new_key(view: KeyView, secret: str) -> Reply:
    """Return a new key in full: the only time anybody sees it."""
    body = {
        "id": str(view.id),
        "name": view.name,
        "key": secret,
        "scopes": sorted(view.scopes),
        "expires_at": moment(view.expires_at),
    }
    return Reply(201, body, {"Cache-Control": "no-store"})


def _key(view: KeyView) -> dict[str, Any]:
    return {
        "id": str(view.id),
        "name": view.name,
        "hint": view.hint,
        "state": view.state,
        "scopes": sorted(view.scopes),
        "created_at": moment(view.created_at),
        "expires_at": moment(view.expires_at),
        "plan": view.plan,
        "spend": _spend(view.spend),
    }


def _spend(view: SpendView) -> dict[str, Any]:
    return {"cap": view.cap, "window": view.window, "spent": view.spent}


def _limit(limit: Limit) -> dict[str, Any]:
    rate = limit.rate
    return {
        "plan": limit.plan,
        "rate": {"requests": rate.requests, "per": rate.per.total_seconds(), "burst": rate.burst} if rate else None,
        "max_waiting": limit.max_waiting,
    }


def _price(price: Price) -> dict[str, Any]:
    is_whole = price.credits == price.credits.to_integral_value()
    return {
        "credits": int(price.credits) if is_whole else float(price.credits),
        "unit": price.unit,
        "least": price.least,
    }


def _job(job: Job, links: Links) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "kind": job.kind,
        "model": job.model,
        "requested_model": job.requested_model,
        "face": job.face,
        "state": job.state,
        "progress": _progress(job),
        "queue": {
            "position": links.queue_position,
            "eta_seconds": links.eta_seconds,
            "is_possible": links.is_possible,
        },
        "attempt": job.attempt,
        "input": dict(job.input),
        "outputs": [_output(output, links) for output in job.outputs],
        "preview": links.preview_url,
        "error": _error(job.error),
        "credits": {
            "price": job.credits.price,
            "held": job.credits.held,
            "captured": job.credits.captured,
            "refunded": job.credits.refunded,
        },
        "webhook": _webhook(job),
        "tags": dict(job.tags),
        "batch": None,
        "depends_on": [],
        "retry_of": str(job.retry_of) if job.retry_of else None,
        "created_at": moment(job.created_at),
        "queued_at": moment(job.queued_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "expires_at": moment(job.expires_at),
        "links": _links(job, links),
    }


def _webhook(job: Job) -> dict[str, Any] | None:
    if job.webhook is None:
        return None
    return {"url": job.webhook.url, "events": list(job.webhook.events), "state": job.webhook.state_of(job.state)}


def _row(job: Job, links: Links) -> dict[str, Any]:
    prompt = job.input.get("prompt")
    return {
        "id": str(job.id),
        "kind": job.kind,
        "model": job.model,
        "face": job.face,
        "state": job.state,
        "progress": _progress(job),
        "prompt": prompt[:_EXCERPT] if isinstance(prompt, str) else None,
        "error": _error(job.error),
        "price": job.credits.price,
        "tags": dict(job.tags),
        "retry_of": str(job.retry_of) if job.retry_of else None,
        "created_at": moment(job.created_at),
        "finished_at": moment(job.finished_at),
        "links": _links(job, links),
    }


def _output(output: Output, links: Links) -> dict[str, Any]:
    is_there = output.purged_at is None
    return {
        "asset_id": str(output.asset_id),
        "url": links.asset_url(output) if is_there else None,
        "thumbnail_url": links.thumbnail_url(output) if is_there else None,
        "media_type": output.media_type,
        "width": output.width,
        "height": output.height,
        "duration": output.duration,
        "bytes": output.bytes,
        "sha256": output.sha256,
        "expires_at": moment(_earliest(links.expires_at, output.expires_at)) if is_there else None,
        "provenance": dict(output.provenance),
    }


def _asset(view: AssetView) -> dict[str, Any]:
    file = view.file
    return {
        "id": str(file.asset_id),
        "role": view.role,
        "url": view.url,
        "media_type": file.media_type,
        "width": file.width,
        "height": file.height,
        "duration": file.duration,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "job_id": str(view.job_id) if view.job_id else None,
        "expires_at": moment(file.expires_at),
    }


def _progress(job: Job) -> dict[str, Any]:
    shown = job.progress
    return {"done": shown.done, "total": shown.total, "phase": shown.phase, "percent": shown.percent}


def _error(error: JobError | None) -> dict[str, Any] | None:
    return {"code": error.code, "message": error.message, "retryable": error.is_retryable} if error else None


def _links(job: Job, links: Links) -> dict[str, str]:
    itself = f"{links.base_url}{PREFIX}/jobs/{job.id}"
    return {"self": itself, "events": f"{itself}/events", "cancel": f"{itself}/cancel", "retry": f"{itself}/retry"}


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def moment(at: datetime | None) -> str | None:
    """Return a moment as the API writes it."""
    return at.isoformat().replace("+00:00", "Z") if at is not None else None
