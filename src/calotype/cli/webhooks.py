"""`calotype webhooks`: receivers of the account's events, whether they got them, and a way to get them without a public address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import httpx2

from calotype.cli.output import client_of, data_option, json_option, put, say, show, table, worded
from calotype.client.client import Client
from calotype.client.errors import ConfigurationError, NotFound
from calotype.clock import SystemClock
from calotype.dialects.base import JobView
from calotype.dialects.native import letters
from calotype.errors import InvalidWebhookError
from calotype.signing import WebhookSecret, sign_webhook

_PATIENCE = 15.0
_SOON = 0.3

event_option = click.option(
    "--event", "events", multiple=True, type=click.Choice(letters.EVENTS), help="Only this event; may be given more than once."
)  # fmt: skip


@click.group()
def webhooks() -> None:
    """Send the events of jobs to receivers, and look what became of them. Needs a key with the scope admin."""


@webhooks.command("listen")
@click.option(
    "--forward-to", "url", required=True, help="Where to post each event: an address of this machine will do."
)
@click.option("--secret", help="Sign with this secret (default: a new one, printed first).")
@event_option
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@data_option
@worded
def listen(url: str, secret: str | None, events: tuple[str, ...], count: int | None, data: Path | None) -> None:
    """Post the account's events to a receiver that the server cannot reach, as the server would: no public address needed."""
    signer = _signer_of(secret)
    wanted = set(events or letters.ENDINGS)
    with client_of(data) as client, httpx2.Client(timeout=_PATIENCE, follow_redirects=False) as out:
        say(f"Forwarding to {url}. Signed with {signer.shared_text}; Ctrl-C ends it.")
        for view in client.webhooks.listen():
            if f"job.{view.state}" not in wanted:
                continue
            put(f"{_hour(view)}  job.{view.state}  {view.id}  →  {_forward(client, out, url, signer, view)}")
            count = None if count is None else count - 1
            if count == 0:
                return


def _signer_of(secret: str | None) -> WebhookSecret:
    if secret is None:
        return WebhookSecret.new()
    try:
        return WebhookSecret.sharing(secret)
    except InvalidWebhookError:
        raise click.UsageError("--secret must be one that begins with whsec_.") from None


def _hour(view: JobView) -> str:
    return str(view.body.get("at", ""))[11:19]


def _forward(client: Client, out: httpx2.Client, url: str, signer: WebhookSecret, view: JobView) -> str:
    """Post one event and return what became of it, in words."""
    try:
        job: Mapping[str, Any] = client.jobs.get(view.id).body
    except NotFound:
        return "erased meanwhile"
    body = letters.written(f"job.{view.state}", str(view.body.get("at")), {**job, "state": str(view.state)})
    headers = sign_webhook([signer], f"{view.id}-{view.body.get('seq')}", SystemClock().now(), body)
    begun = time.monotonic()
    try:
        answer = out.post(url, content=body, headers=headers | {"content-type": "application/json"})
    except httpx2.InvalidURL:
        raise ConfigurationError(f"{url!r} is no address to forward to.") from None
    except httpx2.TransportError as error:
        return f"no answer ({error or type(error).__name__})"
    return f"{answer.status_code} ({(time.monotonic() - begun) * 1000:.0f} ms)"


@webhooks.command("ls")
@json_option
@data_option
@worded
def list_endpoints(as_json: bool, data: Path | None) -> None:
    """List the account's endpoints."""
    with client_of(data) as client:
        found = client.webhooks.endpoints()
    if as_json:
        show(found)
        return
    table([(each["id"], _health(each), each["url"], ", ".join(each["events"])) for each in found], "No endpoints.")


def _health(endpoint: Mapping[str, Any]) -> str:
    if not endpoint["enabled"]:
        return "disabled"
    return f"failing ({endpoint['failures']})" if endpoint["failures"] else "enabled"


@webhooks.command("add")
@click.argument("url")
@event_option
@click.option("--description", default="", help="What it is for.")
@json_option
@data_option
@worded
def add(url: str, events: tuple[str, ...], description: str, as_json: bool, data: Path | None) -> None:
    """Send the account's events to URL; the secret that checks them goes to standard output."""
    with client_of(data) as client:
        made = client.webhooks.create(url, events=events, description=description)
    if as_json:
        show(made)
        return
    say(f"Endpoint {made['id']}. `calotype webhooks test {made['id']}` tries it; its secret:")
    put(made["secrets"][0]["secret"])


@webhooks.command("rm")
@click.argument("endpoint_id")
@data_option
@worded
def remove(endpoint_id: str, data: Path | None) -> None:
    """Delete the endpoint ENDPOINT_ID."""
    with client_of(data) as client:
        client.webhooks.delete(endpoint_id)
    say(f"Deleted {endpoint_id}.")


@webhooks.command("test")
@click.argument("endpoint_id")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=20.0, show_default=True, help="Seconds to wait for its answer."
)
@json_option
@data_option
@worded
def test(endpoint_id: str, timeout: float, as_json: bool, data: Path | None) -> None:
    """Send the endpoint ENDPOINT_ID a test; exit code 1 when it does not take it."""
    with client_of(data) as client:
        found = client.webhooks.delivery(client.webhooks.test(endpoint_id)["id"])
        until = time.monotonic() + timeout
        while found["state"] == "waiting" and not found["tries"] and time.monotonic() < until:
            time.sleep(_SOON)
            found = client.webhooks.delivery(found["id"])
    if as_json:
        show(found)
    else:
        put(_told(found))
    if found["state"] != "delivered":
        raise SystemExit(1)


def _told(delivery: Mapping[str, Any]) -> str:
    if not delivery["tries"]:
        return "Not tried yet; does upkeep run?"
    last = delivery["tries"][-1]
    said = last["problem"] or f"It answered {last['status']} after {last['seconds']:.2f} s."
    return str(
        said if delivery["state"] == "delivered" else f"{said} Not delivered: {delivery['id']} is {delivery['state']}."
    )


@webhooks.command("deliveries")
@click.option(
    "--state", type=click.Choice(["waiting", "delivered", "dead"]), help="Only these; dead are the dead letters."
)
@click.option("--endpoint", "endpoint_id", help="Only this endpoint's.")
@click.option("--job", "job_id", help="Only this job's.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many.")
@json_option
@data_option
@worded
def list_deliveries(as_json: bool, data: Path | None, **filters: Any) -> None:
    """List deliveries, newest first."""
    with client_of(data) as client:
        found = client.webhooks.deliveries(**filters)
    if as_json:
        show(found)
        return
    table([(d["id"], d["state"], d["event"], f"{d['try_count']} tries", d["url"]) for d in found], "No deliveries.")


@webhooks.command("replay")
@click.argument("delivery_ids", nargs=-1, metavar="[DELIVERY_ID]...")
@click.option("--dead", "is_dead", is_flag=True, help="All dead letters.")
@click.option("--endpoint", "endpoint_id", help="With --dead: only this endpoint's.")
@click.option("--since", type=click.DateTime(), help="With --dead: only those made since then (UTC).")
@data_option
@worded
def replay(
    delivery_ids: tuple[str, ...], is_dead: bool, endpoint_id: str | None, since: datetime | None, data: Path | None
) -> None:
    """Send deliveries again, under their own ids: those named, or all dead letters with --dead."""
    if bool(delivery_ids) == is_dead:
        raise click.UsageError("Name the deliveries, or give --dead for all dead letters.")
    with client_of(data) as client:
        for delivery_id in delivery_ids:
            put(f"{client.webhooks.replay(delivery_id)['id']}  waiting")
        if is_dead:
            moment = f"{since.isoformat()}Z" if since else None
            count = client.webhooks.replay_all(endpoint_id=endpoint_id, created_from=moment)
            put(f"{count} deliveries are being sent again.")
