"""Prices, quotes, caps, limits and keys, as a client of the native API meets them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api_stage import ApiStage, api_stage, bearer, picture
from calotype.clock import SystemClock
from calotype.dialects.native.answers import AccountAnswer, KeyList, KindList, LedgerPage, ModelList, QuoteAnswer
from calotype.jobs.limits import Plan, Rate, Window
from calotype.jobs.prices import Price, PriceList, Unit
from calotype.lifecycle import Policy
from calotype.store import limits

pytestmark = pytest.mark.anyio

NATIVE = "/native/v1"
JOBS = f"{NATIVE}/jobs"
PRICES = PriceList(
    models={"Nano Banana": Price(Decimal(5))},
    kinds={"image": Price(Decimal("0.5"), Unit.MEGAPIXEL), "upscale": Price(Decimal(1), Unit.MEGAPIXEL, least=2)},
)


class LeapingClock(SystemClock):
    """The system's clock, some seconds on."""

    leap = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.leap


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path, policy=Policy(prices=PRICES)) as stage:
        yield stage


async def quoted(stage: ApiStage, body: dict[str, Any]) -> QuoteAnswer:
    answer = await stage.post(f"{JOBS}?dry_run=true", body)
    assert answer.status_code == 200, answer.text
    return QuoteAnswer.model_validate(answer.json())


# --- prices --------------------------------------------------------------------------------------


async def test_what_is_on_offer_says_its_price(stage: ApiStage) -> None:
    kinds = KindList.model_validate((await stage.client.get(f"{NATIVE}/kinds")).json())
    models = ModelList.model_validate((await stage.client.get(f"{NATIVE}/models")).json())

    asked = {str(kind.kind): (kind.price.credits, kind.price.unit, kind.price.least) for kind in kinds.data}
    assert asked["image"] == (0.5, Unit.MEGAPIXEL, 0)
    assert asked["upscale"] == (1, Unit.MEGAPIXEL, 2)
    assert all(set(model.prices) == set(model.kinds) for model in models.data)


async def test_a_quote_is_what_the_job_then_costs(stage: ApiStage) -> None:
    body = {"kind": "image", "input": {"prompt": "x", "width": 2000, "height": 2000, "count": 2}}

    quote = await quoted(stage, body)
    job = (await stage.post(JOBS, body)).json()

    assert (quote.price, job["credits"]["price"], job["credits"]["held"]) == (4, 4, 4)


async def test_the_pixels_of_a_picture_given_count(stage: ApiStage) -> None:
    stored = await stage.client.post(
        f"{NATIVE}/assets", content=picture(600, 500), headers=bearer(stage.key) | {"Content-Type": "image/png"}
    )
    body = {"kind": "upscale", "input": {"image": {"asset_id": stored.json()["id"]}, "scale": 4}}

    quote = await quoted(stage, body)
    job = (await stage.post(JOBS, body)).json()

    assert (quote.price, job["credits"]["price"]) == (5, 5)


async def test_a_vendors_model_has_its_own_price(stage: ApiStage) -> None:
    asked = {"prompt": (None, "x"), "ai_model": (None, "Nano Banana")}
    made = await stage.client.post("/public/v1/generate/image", files=asked, headers=bearer(stage.key))

    assert made.status_code == 200, made.text
    assert await stage.balance() == -5


async def test_a_quote_says_whether_the_account_can_pay(stage: ApiStage) -> None:
    stage.key = await stage.new_key("poor", credits_granted=1)
    body: dict[str, Any] = {"kind": "image", "input": {"prompt": "x", "width": 1000, "height": 1000}}

    cheap = await quoted(stage, body)
    dear = await quoted(stage, body | {"input": {**body["input"], "count": 4}})

    assert (cheap.price, cheap.balance, cheap.is_possible) == (1, 1, True)
    assert (dear.price, dear.balance, dear.is_possible) == (2, 1, False)


# --- what limits a key ---------------------------------------------------------------------------


async def planned(stage: ApiStage, name: str, plan: Plan, **given: Any) -> str:
    async with stage.database.connection() as db:
        await limits.register(db, [plan])
    return await stage.new_key(name, plan=plan.name, **given)


async def test_a_key_on_a_plan_is_told_what_is_left_and_refused_beyond_it(stage: ApiStage) -> None:
    stage.key = await planned(stage, "slow", Plan("slow", Rate(2, timedelta(minutes=1), 2)))
    body = {"kind": "image", "input": {"prompt": "x"}}

    first, second, third = [await stage.post(JOBS, body) for _ in range(3)]

    assert [answer.status_code for answer in (first, second, third)] == [202, 202, 429]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in (first, second, third)] == ["r=1", "r=0", "r=0"]
    assert third.headers["ratelimit-policy"] == '"slow";q=2;w=60'
    assert 0 < int(third.headers["retry-after"]) <= 30
    assert (third.json()["code"], third.json()["retryable"]) == ("rate_limited", True)
    assert await stage.jobs_stored() == 2


async def test_a_refused_client_of_a_face_is_told_so_in_its_words(stage: ApiStage) -> None:
    key = await planned(stage, "slow", Plan("slow", Rate(1, timedelta(minutes=1), 1)))
    asked = {"prompt": (None, "x"), "ai_model": (None, "Nano Banana")}

    answers = [await stage.client.post("/public/v1/generate/image", files=asked, headers=bearer(key)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json() == {"detail": "Too Many Requests"}
    assert int(answers[1].headers["retry-after"]) > 0


async def test_a_replay_is_no_new_request(stage: ApiStage) -> None:
    stage.key = await planned(stage, "slow", Plan("slow", Rate(1, timedelta(minutes=1), 1)))
    body = {"kind": "image", "input": {"prompt": "x"}}

    first, again = [await stage.post(JOBS, body, **{"Idempotency-Key": "one"}) for _ in range(2)]

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["idempotent-replay"] == "true"


async def test_a_refused_client_leaves_no_file_behind(stage: ApiStage) -> None:
    stage.key = await planned(stage, "slow", Plan("slow", Rate(1, timedelta(minutes=1), 1)))
    data = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    body = {"kind": "upscale", "input": {"image": {"data": data}, "scale": 2}}
    await stage.post(JOBS, body)

    refused = await stage.post(JOBS, body)

    async with stage.database.connection() as db:
        row = await (await db.execute("select count(*) as stored from assets")).fetchone()
    assert (refused.status_code, row) == (429, {"stored": 1})


async def test_waiting_jobs_and_caps_are_refused_by_their_own_codes(stage: ApiStage) -> None:
    body = {"kind": "image", "input": {"prompt": "x"}}
    stage.key = await planned(stage, "narrow", Plan("narrow", max_waiting=1))
    waiting = [await stage.post(JOBS, body) for _ in range(2)][1]
    stage.key = await stage.new_key("capped", cap=1, window=Window.DAY)
    capped = [await stage.post(JOBS, body) for _ in range(2)][1]

    assert (waiting.status_code, waiting.json()["code"]) == (429, "too_many_waiting")
    assert (capped.status_code, capped.json()["code"]) == (402, "spend_cap_reached")
    assert "retry-after" in waiting.headers


async def test_the_account_says_what_limits_it_and_what_things_cost(stage: ApiStage) -> None:
    stage.key = await planned(
        stage, "all", Plan("all", Rate(9, timedelta(minutes=1), 3), 7), cap=5, window=Window.MONTH, credits_granted=50
    )
    await stage.parts.accounts.limit_account("all", max_running=2, max_waiting=4)
    stage.key = await stage.new_key("all", plan="all", cap=5, window=Window.MONTH)
    await stage.post(JOBS, {"kind": "image", "input": {"prompt": "x"}})

    account = AccountAnswer.model_validate((await stage.get(f"{NATIVE}/account")).json())

    assert (account.balance, account.plan, account.limits.max_running) == (49, "metered", 2)
    assert (account.key.plan, account.key.spend.cap, account.key.spend.spent) == ("all", 5, 1)
    assert account.limits.key is not None
    assert account.limits.key.rate is not None
    assert (account.limits.key.rate.requests, account.limits.key.max_waiting) == (9, 7)
    assert account.limits.account is not None
    assert (account.limits.account.rate, account.limits.account.max_waiting) == (None, 4)
    assert account.prices["image"].credits == 0.5


async def test_the_ledger_is_read_page_by_page(stage: ApiStage) -> None:
    stage.key = await stage.new_key("metered", credits_granted=9)
    for _ in range(3):
        await stage.submit()

    first = LedgerPage.model_validate((await stage.get(f"{NATIVE}/ledger?limit=3")).json())
    rest = LedgerPage.model_validate((await stage.get(f"{NATIVE}/ledger?limit=3&after={first.next}")).json())

    assert [row.entry for row in first.data] == ["hold"] * 3
    assert [(row.entry, row.effect, row.note) for row in rest.data] == [("grant", 9, "with key metered")]
    assert (first.has_more, rest.has_more, rest.next) == (True, False, None)
    assert (await stage.get(f"{NATIVE}/ledger?after=nonsense")).status_code == 422


async def test_a_key_is_switched_off_and_on_while_its_job_goes_on(stage: ApiStage) -> None:
    admin = await stage.new_key("me", scopes=("admin",))
    stage.key = await stage.new_key("me")
    job_id = (await stage.submit())["id"]
    key_id = stage.keys["me"]

    off = await stage.client.post(f"{NATIVE}/keys/{key_id}/deactivate", headers=bearer(admin))
    refused = await stage.get(f"{JOBS}/{job_id}")
    await stage.succeed(job_id)
    on = await stage.client.post(f"{NATIVE}/keys/{key_id}/reactivate", headers=bearer(admin))

    assert (off.status_code, on.status_code) == (204, 204)
    assert (refused.status_code, refused.json()["code"]) == (403, "inactive_key")
    job = (await stage.get(f"{JOBS}/{job_id}")).json()
    assert (job["state"], job["credits"]["captured"]) == ("succeeded", 1)


async def test_a_revoked_key_stays_revoked_and_its_jobs_are_settled(stage: ApiStage) -> None:
    admin = await stage.new_key("me", scopes=("admin", "read"))
    stage.key = await stage.new_key("me")
    job_id, key_id = (await stage.submit())["id"], stage.keys["me"]
    await stage.client.delete(f"{NATIVE}/keys/{key_id}", headers=bearer(admin))

    on = await stage.client.post(f"{NATIVE}/keys/{key_id}/reactivate", headers=bearer(admin))
    none = await stage.client.post(f"{NATIVE}/keys/none/reactivate", headers=bearer(admin))
    await stage.fail(job_id)

    assert (on.status_code, none.status_code) == (404, 404)
    assert (await stage.get(f"{JOBS}/{job_id}")).status_code == 401
    stage.key = admin
    assert (await stage.get(f"{JOBS}/{job_id}")).json()["credits"]["refunded"] == 1


async def test_an_admin_makes_a_key_with_a_cap(stage: ApiStage) -> None:
    stage.key = await stage.new_key("me", scopes=("admin", "read"))
    body = {"name": "child", "spend_cap": 3, "spend_window": "month"}

    made = await stage.post(f"{NATIVE}/keys", body)
    listed = KeyList.model_validate((await stage.get(f"{NATIVE}/keys")).json())

    assert made.status_code == 201
    assert {row.name: row.spend.cap for row in listed.data}["child"] == 3


# --- how often a key may ask ---------------------------------------------------------------------


async def test_reads_are_limited_and_looking_at_a_job_once_a_second_is_not(database_url: str, tmp_path: Path) -> None:
    clock = LeapingClock()
    async with api_stage(database_url, tmp_path, clock=clock, limits={"reads": 5, "read_burst": 1}) as stage:
        job_id = (await stage.submit())["id"]
        for _ in range(30):
            assert (await stage.get(f"{JOBS}/{job_id}")).status_code == 200
            clock.leap += 1.0

        # what is found again by its tag, and what was remembered, count like anything else
        tag = (await stage.get(f"{JOBS}/{job_id}")).headers["etag"]
        hasty = [await stage.get(f"{JOBS}/{job_id}", **{"If-None-Match": tag}) for _ in range(4)]
        hasty += [await stage.get(f"{JOBS}/{job_id}") for _ in range(6)]
        elsewhere = await stage.get(f"{NATIVE}/account")
        submitted = await stage.post(JOBS, {"kind": "image", "input": {"prompt": "x"}})
        missing = await stage.get(f"{JOBS}/{'0' * 8}-0000-7000-8000-{'0' * 12}")

    assert hasty[0].status_code == 304
    assert hasty[-1].status_code == elsewhere.status_code == missing.status_code == 429
    assert elsewhere.headers["ratelimit-policy"] == '"reads";q=5;w=1'
    assert submitted.status_code == 202
