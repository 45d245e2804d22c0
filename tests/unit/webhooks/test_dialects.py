"""A dialect may have its own body, signature and plan for webhooks: one row, and nothing else changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

import pytest

from calotype.config import Settings
from calotype.dialects import dialects
from calotype.dialects.base import Notice, SigningKeys, WebhookRow
from calotype.dialects.native import Native
from calotype.jobs.deliveries import ONCE, DeliveryPlan
from calotype.jobs.model import Webhook
from calotype.jobs.states import JobState
from calotype.signing import check_body, sign_body
from hook_stage import HookStage, hook_stage
from receivers import receiver, status

pytestmark = pytest.mark.anyio

KEY = b"afk_a key of the caller"
HOUR = DeliveryPlan(tuple(timedelta(minutes=wait) for wait in (1, 4, 10, 15, 30)), timeout=timedelta(seconds=10))


def _body(notice: Notice) -> bytes:
    assert notice.job is not None
    urls = [notice.links.asset_url(output) for output in notice.job.outputs]
    return json.dumps({"jobId": str(notice.job.id), "status": notice.job.state.upper(), "urls": urls}).encode()


def _sign(notice: Notice, body: bytes, keys: SigningKeys, sent_at: datetime) -> Mapping[str, str]:
    assert keys.key_hash is not None
    return {
        "X-Webhook-Event": notice.event,
        "X-Webhook-Signature": sign_body(keys.key_hash.hex().encode(), body),
        "X-Account-Signature": sign_body(keys.secrets[0].shared_text.encode(), body),
    }


class Other(Native):
    """An API that signs with what it knows of the caller's key, or with a secret of the account, and gives up after an hour."""

    id = "other"
    has_lasting_links = True
    webhook = WebhookRow(_body, _sign, lambda event: HOUR if event != "job.running" else ONCE)


FACES = (*dialects(Settings()), Other())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[HookStage]:
    async with hook_stage(database_url) as stage:
        await stage.place.rows("update keys set hash = %s", hashlib.sha256(KEY).digest())
        yield stage


async def test_a_jobs_webhook_speaks_the_words_of_the_api_it_came_through(stage: HookStage) -> None:
    async with receiver() as taken:
        job = await stage.ended(taken.url, JobState.SUCCEEDED, face="other")
        await stage.deliver(faces=FACES)

    (got,) = taken.received
    assert (got.json["jobId"], got.json["status"], len(got.json["urls"])) == (str(job.id), "SUCCEEDED", 1)
    assert got.headers["x-webhook-event"] == "job.succeeded"
    assert "webhook-signature" not in got.headers


async def test_it_is_signed_by_the_callers_key_or_by_a_secret_of_the_account(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url, JobState.FAILED, face="other")
        await stage.deliver(faces=FACES)

    (live,) = await stage.endpoints.secrets(stage.account_id, None)
    (got,) = taken.received
    assert check_body(hashlib.sha256(KEY).hexdigest().encode(), got.body, got.headers["x-webhook-signature"])
    assert check_body(live.secret.shared_text.encode(), got.body, got.headers["x-account-signature"])


async def test_it_is_tried_by_a_plan_of_its_own(stage: HookStage) -> None:
    async with receiver(status(500)) as taken:
        await stage.ended(taken.url, JobState.FAILED, face="other")
        after = timedelta(0)
        for wait in (*HOUR.waits, timedelta(0)):
            await stage.deliver(after, faces=FACES)
            after += wait * 1.2

    assert len(taken.received) == 6
    assert (await stage.row("state"), await stage.row("reason")) == ("dead", "exhausted")


async def test_a_single_try_may_be_all_of_the_plan(stage: HookStage) -> None:
    async with receiver(status(500)) as taken:
        await stage.place.claimed(face="other", webhook=Webhook(taken.url, ("job.running",)))
        await stage.deliver(faces=FACES)

    assert (len(taken.received), await stage.row("state")) == (1, "dead")


async def test_the_endpoints_of_an_account_get_the_native_words_whatever_api_a_job_came_through(
    stage: HookStage,
) -> None:
    async with receiver() as taken:
        await stage.endpoint(taken.url)
        await stage.ended(None, JobState.FAILED, face="other")
        await stage.deliver(faces=FACES)

    assert taken.received[0].json["type"] == "job.failed"


async def test_an_api_without_webhooks_tells_in_the_native_words(stage: HookStage) -> None:
    async with receiver() as taken:
        await stage.ended(taken.url, JobState.FAILED, face="aetherai")
        await stage.deliver(faces=FACES)

    assert taken.received[0].json["type"] == "job.failed"
