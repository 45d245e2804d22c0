"""Prices and quotes, as a client of the native API meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api_stage import ApiStage, api_stage, bearer, picture
from calotype.dialects.native.answers import KindList, ModelList, QuoteAnswer
from calotype.jobs.prices import Price, PriceList, Unit
from calotype.lifecycle import Policy

pytestmark = pytest.mark.anyio

NATIVE = "/native/v1"
JOBS = f"{NATIVE}/jobs"
PRICES = PriceList(
    models={"Nano Banana": Price(Decimal(5))},
    kinds={"image": Price(Decimal("0.5"), Unit.MEGAPIXEL), "upscale": Price(Decimal(1), Unit.MEGAPIXEL, least=2)},
)


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
