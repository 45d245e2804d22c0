"""What a receiver does decides what becomes of a delivery: it arrives once and for all, is tried again, or is a dead letter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from calotype.audit import audit
from calotype.clock import SystemClock
from calotype.config import OutboundSettings
from calotype.errors import DatabaseUnavailableError
from calotype.jobs.deliveries import STANDARD
from calotype.jobs.model import Job
from calotype.jobs.states import TERMINAL, JobState
from calotype.outbound import Outbound
from calotype.signing import check_webhook
from calotype.store import outbox, tries
from calotype.store.database import Database
from calotype.webhooks.deliver import Terms
from calotype.webhooks.letters import Writer
from hook_stage import HookStage, hook_stage, make_deliverer
from receivers import Answering, endless, one_after_another, raw, receiver, stall, status

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"
SOON = timedelta(minutes=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[HookStage]:
    async with hook_stage(database_url) as stage:
        yield stage
        assert (await audit(stage.database)).findings == ()


# --- what arrives ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", sorted(TERMINAL))
async def test_a_job_that_has_ended_is_told_as_the_api_shows_it(stage: HookStage, state: JobState) -> None:
    async with receiver() as taken:
        job = await stage.ended(taken.url, state, tags={"project": "x"})

        await stage.deliver()

    (got,) = taken.received
    data = got.json["data"]
    assert (got.headers["content-type"], got.json["type"], got.json["omitted"]) == (
        "application/json",
        f"job.{state}",
        [],
    )
    assert (data["id"], data["state"], data["tags"]) == (str(job.id), state, {"project": "x"})
    assert sum(data["credits"][name] for name in ("captured", "refunded")) == data["credits"]["price"]
    assert len(data["outputs"]) == (state is JobState.SUCCEEDED)
    assert await stage.row("state") == "delivered"


async def test_links_in_a_webhook_are_signed_and_lead_to_this_server(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url, JobState.SUCCEEDED)

        await stage.deliver()

    (output,) = taken.received[0].json["data"]["outputs"]
    assert output["url"].startswith("http://api.test/assets/outputs/")
    assert "&s=" in output["url"]


async def test_every_endpoint_that_wants_an_event_is_told_under_an_id_of_its_own(stage: HookStage) -> None:
    async with receiver() as first, receiver() as second, receiver() as third:
        for taken, events in ((first, ()), (second, ("job.cancelled",)), (third, ("job.succeeded",))):
            await stage.endpoint(taken.url, *events)
        await stage.ended()

        await stage.deliver()

    assert [len(taken.received) for taken in (first, second, third)] == [1, 1, 0]
    assert first.received[0].id != second.received[0].id


async def test_an_event_that_does_not_end_a_job_is_told_as_it_was_then(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url, JobState.SUCCEEDED, "job.running", "job.succeeded")

        await stage.deliver()

    shown = {got.json["type"]: got.json["data"] for got in taken.received}
    assert (shown["job.running"]["state"], shown["job.running"]["outputs"]) == ("running", [])
    assert (shown["job.running"]["finished_at"], shown["job.running"]["credits"]["held"]) == (None, 1)
    assert (shown["job.succeeded"]["state"], len(shown["job.succeeded"]["outputs"])) == ("succeeded", 1)


async def test_the_signature_is_over_the_bytes_sent_by_the_endpoints_secret(stage: HookStage) -> None:
    async with receiver() as taken:
        endpoint = await stage.endpoint(taken.url)
        await stage.ended()
        await stage.deliver()

    (live,) = await stage.endpoints.secrets(stage.account_id, endpoint.id)
    (got,) = taken.received
    for key in (live.secret.shared_text, live.secret.public_text):
        check_webhook([key], got.headers, got.body, now=SystemClock().now())


async def test_while_a_secret_is_rotated_both_sign(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.endpoints.secrets(stage.account_id, None)
        live = await stage.endpoints.rotate(stage.account_id, None, timedelta(hours=1))
        await stage.ended(taken.url)
        await stage.deliver()

    assert len(live) == 2
    for each in live:
        check_webhook(
            [each.secret.shared_text], taken.received[0].headers, taken.received[0].body, now=SystemClock().now()
        )


async def test_the_trace_of_the_submission_goes_along(stage: HookStage) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with receiver() as taken:
        await stage.ended(taken.url, JobState.FAILED, trace=trace)

        await stage.deliver()

    assert taken.received[0].headers["traceparent"] == trace


async def test_a_body_has_less_than_20_kb_and_says_what_was_left_out(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url, JobState.FAILED, input={"prompt": "ü" * 30_000})

        await stage.deliver()

    assert len(taken.received[0].body) < 20_000
    assert taken.received[0].json["omitted"] == ["input"]
    assert taken.received[0].json["data"]["state"] == "failed"


async def test_a_job_that_was_erased_meanwhile_is_told_without_its_prompt(stage: HookStage) -> None:
    async with receiver() as taken:
        job = await stage.ended(taken.url, JobState.FAILED)
        await stage.place.lifecycle.erase(job.id, stage.account_id)

        await stage.deliver()

    assert taken.received[0].json["data"]["input"] == {}


async def test_jobs_without_a_receiver_put_nothing_in_the_outbox(stage: HookStage) -> None:
    await stage.ended()

    assert await stage.place.rows("select 1 from outbox") == []


# --- what receivers do -----------------------------------------------------------------------------

DELIVERED: dict[str, Answering] = {
    "says 204": status(204, b""),
    "closes in the middle of its answer": raw(OK + b"Content-Length: 100\r\n\r\nhalf"),
    "lies about its length": raw(OK + b"Content-Length: 2\r\n\r\nmore than two"),
    "answers without end": endless(OK + b"Content-Length: 1000000000\r\n\r\n"),
}
FAILED: dict[str, Answering] = {
    "says 500": status(500),
    "says 404": status(404),
    "redirects": status(302, Location="http://127.0.0.1:1/elsewhere"),
    "says 503": status(503),
    "closes at once": raw(b""),
    "speaks no HTTP": raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "sends a head without end": endless(b"HTTP/1.1 200 OK\r\nX: "),
}


@pytest.mark.parametrize("how", DELIVERED)
async def test_a_receiver_that_took_it_has_taken_it_whatever_it_says_next(stage: HookStage, how: str) -> None:
    async with receiver(DELIVERED[how]) as taken:
        await stage.ended(taken.url)
        await stage.deliver()
        await stage.deliver(SOON)

    assert (len(taken.received), await stage.row("state")) == (1, "delivered")


@pytest.mark.parametrize("how", FAILED)
async def test_a_receiver_that_fails_is_tried_again_under_the_same_id(stage: HookStage, how: str) -> None:
    async with receiver(one_after_another(FAILED[how], status(200))) as taken:
        await stage.ended(taken.url)
        await stage.deliver()
        assert (await stage.row("state"), await stage.row("tries")) == ("waiting", 1)
        await stage.deliver(SOON)

    assert await stage.row("state") == "delivered"
    assert len({got.id for got in taken.received}) == 1
    assert len(taken.received) == 2


async def test_a_receiver_that_says_nothing_is_waited_for_15_seconds_in_all(
    stage: HookStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = STANDARD.__class__(STANDARD.waits, timeout=timedelta(milliseconds=50))
    monkeypatch.setattr(Writer, "plan_of", lambda *_: plan)
    async with receiver(stall) as taken:
        await stage.ended(taken.url)
        await stage.deliver()

    (made,) = await stage.tries()
    assert STANDARD.timeout == timedelta(seconds=15)
    assert (made["status"], made["problem"]) == (None, "The URL could not be read: it does not answer in time.")
    assert await stage.row("state") == "waiting"


async def test_nobody_listening_is_a_try_in_vain(stage: HookStage) -> None:
    await stage.ended("http://127.0.0.1:61009/hook")

    await stage.deliver()

    (made,) = await stage.tries()
    assert made["status"] is None
    assert await stage.row("state") == "waiting"


async def test_an_address_that_may_not_be_called_is_never_called(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url)
        await stage.deliver(outbound=Outbound(OutboundSettings()))

    assert taken.received == []
    assert (await stage.tries())[0]["problem"] == "The URL cannot be called: its host is not public."


async def test_a_try_is_logged_with_status_time_and_the_first_kilobyte(stage: HookStage) -> None:
    async with receiver(status(500, b"no\x00" + "\u00e9".encode() * 2_000)) as taken:
        await stage.ended(taken.url)
        await stage.deliver()

    (made,) = await stage.tries()
    assert (made["status"], made["answer"][:4]) == (500, "no\ufffd\u00e9")
    assert len(made["answer"].encode()) <= 1_024 + 4
    assert 0 < made["took"] < 10


async def test_410_ends_it_and_disables_the_endpoint(stage: HookStage) -> None:
    async with receiver(status(410)) as taken:
        endpoint = await stage.endpoint(taken.url)
        await stage.ended()
        await stage.deliver(terms=Terms(for_others=1))
        await stage.ended()

    found = await stage.endpoints.get(endpoint.id, stage.account_id)
    assert (found.is_enabled, found.disabled_because) == (False, "gone")
    assert (await stage.row("state"), await stage.row("reason")) == ("dead", "gone")


async def test_410_from_the_webhook_of_a_job_ends_that_one(stage: HookStage) -> None:
    async with receiver(status(410)) as taken:
        job = await stage.ended(taken.url)
        await stage.deliver()

    assert await stage.row("state") == "dead"
    assert (await webhook_of(stage, job)) == "failed"


@pytest.mark.parametrize("code", [429, 502, 504])
async def test_a_receiver_that_asks_for_fewer_is_left_alone_for_a_while(stage: HookStage, code: int) -> None:
    async with receiver(one_after_another(status(code), status(200))) as taken:
        await stage.ended(taken.url)
        await stage.deliver()
        await stage.ended(taken.url)
        await stage.deliver()
        assert len(taken.received) == 1
        await stage.deliver(SOON)

    assert len(taken.received) == 3


@pytest.mark.parametrize("is_date", [True, False])
async def test_retry_after_is_honoured(stage: HookStage, is_date: bool) -> None:
    asked = format_datetime(SystemClock().now() + timedelta(hours=1)) if is_date else "3600"
    async with receiver(one_after_another(status(503, Retry_After=asked), status(200))) as taken:
        await stage.ended(taken.url)
        await stage.deliver()
        await stage.deliver(timedelta(minutes=58))
        assert len(taken.received) == 1
        await stage.deliver(timedelta(minutes=62))

    assert len(taken.received) == 2


@pytest.mark.parametrize("text", ["soon", "-5", "٣", "9" * 20, "Thu, 99 Foo 2026"])
async def test_a_retry_after_that_makes_no_sense_is_passed_over(stage: HookStage, text: str) -> None:
    async with receiver(
        one_after_another(raw(f"HTTP/1.1 503 X\r\nRetry-After: {text}\r\n\r\n".encode()), status(200))
    ) as taken:
        await stage.ended(taken.url)
        await stage.deliver()
        await stage.deliver(SOON)

    assert len(taken.received) == 2


async def test_after_ten_tries_in_75_hours_it_is_a_dead_letter(stage: HookStage) -> None:
    async with receiver(status(500)) as taken:
        job = await stage.ended(taken.url)
        after = timedelta(0)
        for wait in (*STANDARD.waits, None):
            await stage.deliver(after)
            after += (wait or timedelta(0)) + timedelta(minutes=6)

    assert (len(taken.received), len(await stage.tries())) == (10, 10)
    assert (await stage.row("state"), await stage.row("reason")) == ("dead", "exhausted")
    assert await webhook_of(stage, job) == "failed"


async def test_a_receiver_that_keeps_failing_is_left_alone_and_comes_back(stage: HookStage) -> None:
    async with receiver(status(500)) as taken:
        for _ in range(20):
            await stage.ended(taken.url)
        await stage.deliver()
        in_vain = len(taken.received)
        taken.answering = status(200)
        await stage.deliver()
        assert len(taken.received) == in_vain
        await stage.deliver(timedelta(minutes=6))

    assert in_vain <= 4
    assert len({got.id for got in taken.received}) == 20
    assert [row["state"] for row in await stage.place.rows("select state from outbox")] == ["delivered"] * 20


async def test_what_waited_behind_others_for_75_hours_ends_with_them(stage: HookStage) -> None:
    async with receiver(status(500)) as taken:
        for _ in range(5):
            await stage.ended(taken.url)
        await stage.deliver()
        await stage.deliver(timedelta(hours=76))

    states = {(row["state"], row["reason"]) for row in await stage.place.rows("select state, reason from outbox")}
    assert states == {("dead", "exhausted")}


async def test_what_waits_for_an_endpoint_that_is_disabled_goes_to_the_dead_letters(stage: HookStage) -> None:
    async with receiver() as taken:
        endpoint = await stage.endpoint(taken.url)
        await stage.ended()
        await stage.endpoints.update(endpoint.id, stage.account_id, {"is_enabled": False})
        await stage.deliver()

    assert (taken.received, await stage.row("state"), await stage.row("reason")) == ([], "dead", "disabled")


async def test_what_was_written_while_its_endpoint_was_deleted_is_not_sent(stage: HookStage) -> None:
    async with receiver() as taken:
        endpoint = await stage.endpoint(taken.url)
        await stage.ended()
        await stage.place.rows("update endpoints set deleted_at = now() where id = %s", endpoint.id)
        await stage.deliver()

    assert (taken.received, await stage.row("reason")) == ([], "disabled")


async def test_an_endpoint_that_has_moved_is_found_at_its_new_url(stage: HookStage) -> None:
    async with receiver(status(500)) as old, receiver() as new:
        endpoint = await stage.endpoint(old.url)
        await stage.ended()
        await stage.deliver()
        await stage.endpoints.update(endpoint.id, stage.account_id, {"url": new.url})
        await stage.deliver(SOON)

    assert (len(old.received), len(new.received)) == (1, 1)


# --- several at once, and ends that come early ------------------------------------------------------


async def test_two_deliverers_at_once_send_everything_once(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.endpoint(taken.url)
        for _ in range(30):
            await stage.ended()

        await asyncio.gather(stage.deliver(), stage.deliver())

    assert len(taken.received) == 30


async def test_what_a_dead_process_held_is_sent_again_under_the_same_id(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url)
        async with stage.database.connection() as db:
            (held,) = await outbox.lease(db, {await stage.row("receiver"): 1}, stage.account_id, timedelta(seconds=40))
        await stage.deliver()
        assert taken.received == []
        await stage.deliver(timedelta(seconds=41))

    assert [got.id for got in taken.received] == [str(held.id)]


async def test_a_process_that_stops_hands_back_what_it_has_not_finished(stage: HookStage) -> None:
    async with receiver(one_after_another(stall, status(200))) as taken:
        await stage.ended(taken.url)
        deliverer = make_deliverer(stage.database)
        await deliverer.deliver()
        await asyncio.wait_for(taken.arrived.wait(), 5)
        await deliverer.drain(timedelta(0))
        await stage.deliver()

    assert len(taken.received) == 2
    assert await stage.row("state") == "delivered"


async def test_a_lost_lease_spoils_nothing_its_next_holder_has_written(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url)
        async with stage.database.connection() as db:
            (late,) = await outbox.lease(db, {await stage.row("receiver"): 1}, stage.account_id, timedelta(0))
        await stage.deliver()
        async with stage.database.transaction() as db:
            await outbox.wait(db, late, timedelta(0))
            await outbox.bury(db, late, "exhausted", was_tried=True)

    assert (await stage.row("state"), await stage.row("tries")) == ("delivered", 1)


async def test_a_database_that_is_away_leaves_a_try_to_its_leases_end(
    stage: HookStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise DatabaseUnavailableError

    async with receiver() as taken:
        await stage.ended(taken.url)
        with monkeypatch.context() as while_away:
            while_away.setattr(tries, "log", away)
            await stage.deliver()
        assert (len(taken.received), await stage.row("state")) == (1, "waiting")
        await stage.deliver(SOON)

    assert (len(taken.received), await stage.row("state")) == (2, "delivered")


async def test_a_webhook_that_cannot_be_written_ends_as_any_other_that_fails(
    stage: HookStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Writer, "write", broken)
    await stage.ended("http://127.0.0.1:61009/hook")

    await stage.deliver()

    assert (await stage.row("tries"), (await stage.tries())[0]["problem"]) == (1, "Something went wrong on our side.")


# --- the job shows it, and again -------------------------------------------------------------------


async def webhook_of(stage: HookStage, job: Job) -> str | None:
    found = (await stage.place.now(job)).webhook
    assert found is not None
    return found.state_of(job.state)


async def test_a_job_shows_how_its_webhook_fares(stage: HookStage) -> None:
    async with receiver(one_after_another(status(500), status(200))) as taken:
        job = await stage.ended(taken.url)
        assert await webhook_of(stage, job) == "pending"
        await stage.deliver()
        assert await webhook_of(stage, job) == "pending"
        await stage.deliver(SOON)

    assert await webhook_of(stage, job) == "delivered"


async def test_a_webhook_that_is_sent_again_is_pending_again(stage: HookStage) -> None:
    async with receiver() as taken:
        job = await stage.ended(taken.url)
        await stage.deliver()
        before = await stage.place.now(job)

        await stage.endpoints.replay(await stage.row("id"), stage.account_id)

        assert (await webhook_of(stage, job), (await stage.place.now(job)).version) == ("pending", before.version + 1)
        await stage.deliver()

    assert len({got.id for got in taken.received}) == 1
    assert (len(taken.received), await stage.row("replays")) == (2, 1)


async def test_a_test_arrives_and_tells_of_no_job(stage: HookStage) -> None:
    async with receiver() as taken:
        endpoint = await stage.endpoint(taken.url)
        await stage.endpoints.test(endpoint.id, stage.account_id)

        await stage.deliver()

    assert json.loads(taken.received[0].body)["type"] == "webhook.test"


async def test_old_tries_in_vain_are_dropped_and_the_proof_of_delivery_stays(stage: HookStage) -> None:
    async with receiver(one_after_another(status(500), status(200))) as taken:
        await stage.ended(taken.url)
        await stage.deliver()
        await stage.deliver(SOON)
    async with Database(stage.url, clock_offset=timedelta(days=31)) as later, later.connection() as db:
        await tries.prune(db, timedelta(days=30), 100)

    assert [made["status"] for made in await stage.tries()] == [200]
