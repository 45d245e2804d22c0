"""Webhooks over the API: endpoints, secrets, deliveries, and sending again what was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer
from calotype.clock import SystemClock
from calotype.config import OutboundSettings
from calotype.dialects.native import answers, hooks
from calotype.signing import check_webhook
from calotype.webhooks.endpoints import MOST_ENDPOINTS
from hook_stage import make_deliverer
from receivers import receiver, status

pytestmark = pytest.mark.anyio

ROOT = "/native/v1/webhooks"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, data_folder: Path) -> AsyncIterator[ApiStage]:
    outbound = OutboundSettings(allow_subnets=("127.0.0.0/8",))
    async with api_stage(database_url, data_folder, outbound=outbound) as stage:
        stage.key = await stage.new_key("owner", account="me", scopes=("submit", "read", "admin"))
        yield stage


async def create(stage: ApiStage, url: str, **given: Any) -> dict[str, Any]:
    answer = await stage.post(f"{ROOT}/endpoints", {"url": url} | given)
    assert answer.status_code == 201, answer.text
    hooks.NewEndpointAnswer.model_validate_json(answer.content)
    made: dict[str, Any] = answer.json()
    return made


async def send(stage: ApiStage, method: str, path: str, body: Any = None) -> httpx2.Response:
    return await stage.client.request(method, f"{ROOT}{path}", json=body, headers=bearer(stage.key))


async def deliver(stage: ApiStage) -> None:
    deliverer = make_deliverer(stage.database)
    while await deliverer.deliver():
        await deliverer.drain()
    await deliverer.drain()


async def test_an_endpoint_is_made_read_listed_changed_and_deleted(stage: ApiStage) -> None:
    made = await create(stage, "http://127.0.0.1:61009/a", description="mine", events=["job.failed"])
    path = f"/endpoints/{made['id']}"

    read = await send(stage, "GET", path)
    changed = await send(stage, "PATCH", path, {"url": "http://127.0.0.1:61009/b", "events": [], "enabled": False})
    listed = await send(stage, "GET", "/endpoints")
    deleted = await send(stage, "DELETE", path)

    assert read.json() == {name: value for name, value in made.items() if name != "secrets"}
    shown = hooks.EndpointAnswer.model_validate_json(changed.content)
    assert (shown.url, shown.events, shown.enabled, shown.description) == (
        "http://127.0.0.1:61009/b",
        [],
        False,
        "mine",
    )
    assert listed.json() == {"data": [changed.json()]}
    assert deleted.status_code == 204
    assert (await send(stage, "GET", path)).status_code == 404
    assert (await send(stage, "GET", "/endpoints")).json() == {"data": []}


async def test_a_secret_is_rotated_and_two_are_live(stage: ApiStage) -> None:
    made = await create(stage, "http://127.0.0.1:61009/a")
    path = f"/endpoints/{made['id']}/secrets"

    first = (await send(stage, "POST", path)).json()["data"]
    second = (await send(stage, "POST", path, {"overlap": 60})).json()["data"]
    last = await send(stage, "POST", path, {"overlap": 0})

    assert [each["secret"] for each in first][1:] == [each["secret"] for each in made["secrets"]]
    assert [second[1]["secret"], second[0]["retires_at"]] == [first[0]["secret"], None]
    assert len(second) == 2
    assert len(last.json()["data"]) == 1
    assert (last.status_code, last.headers["cache-control"]) == (201, "no-store")
    hooks.SecretList.model_validate_json((await send(stage, "GET", path)).content)


async def test_the_account_has_a_secret_for_the_webhooks_of_its_jobs(stage: ApiStage) -> None:
    async with receiver() as taken:
        before = (await send(stage, "GET", "/secrets")).json()["data"]
        job = await stage.submit(webhook={"url": taken.url})
        await stage.fail(job["id"])
        await deliver(stage)
        rotated = (await send(stage, "POST", "/secrets")).json()["data"]

    (got,) = taken.received
    check_webhook([before[0]["secret"]], got.headers, got.body, now=SystemClock().now())
    assert [each["secret"] for each in rotated[1:]] == [before[0]["secret"]]


async def test_a_body_holds_what_the_job_object_shows(stage: ApiStage) -> None:
    async with receiver() as taken:
        job = await stage.submit(webhook={"url": taken.url})
        await stage.succeed(job["id"])
        await deliver(stage)
    told = taken.received[0].json["data"]
    shown = (await stage.get(f"/native/v1/jobs/{job['id']}")).json()

    answers.JobAnswer.model_validate(told)
    assert shown["webhook"]["state"] == "delivered"
    assert told["webhook"]["state"] == "pending"
    for body in (told, shown):
        del body["webhook"], body["outputs"][0]["url"]
    assert told == shown


async def test_a_polled_job_sees_its_webhook_arrive(stage: ApiStage) -> None:
    async with receiver() as taken:
        job = await stage.submit(webhook={"url": taken.url})
        await stage.fail(job["id"])
        before = await stage.get(f"/native/v1/jobs/{job['id']}")
        await deliver(stage)
        while (after := await stage.get(f"/native/v1/jobs/{job['id']}")).json()["webhook"]["state"] == "pending":
            pass

    assert before.json()["webhook"]["state"] == "pending"
    assert after.json()["webhook"]["state"] == "delivered"
    assert after.headers["etag"] != before.headers["etag"]


async def test_deliveries_are_listed_filtered_and_paged(stage: ApiStage) -> None:
    async with receiver() as good, receiver(status(410)) as gone:
        first, second = await create(stage, good.url), await create(stage, gone.url)
        for _ in range(2):
            await stage.fail((await stage.submit())["id"])
        job = await stage.submit(webhook={"url": good.url})
        await stage.fail(job["id"])
        await deliver(stage)

    async def ids(query: str) -> list[str]:
        answer = await send(stage, "GET", f"/deliveries?{query}")
        hooks.DeliveryPage.model_validate_json(answer.content)
        return [row["id"] for row in answer.json()["data"]]

    everything = await ids("limit=100")
    paged: list[str] = []
    cursor = ""
    while True:
        page = (await send(stage, "GET", f"/deliveries?limit=2{cursor}")).json()
        paged += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&after={page['next']}"
    assert (len(everything), paged) == (7, everything)
    assert len(await ids(f"endpoint_id={first['id']}&state=delivered")) == 3
    assert len(await ids(f"endpoint_id={second['id']}&state=dead&event=job.failed")) == 3
    assert len(await ids(f"job_id={job['id']}")) == 3
    assert await ids("state=waiting") == []


async def test_a_delivery_shows_its_tries_and_is_sent_again_under_its_id(stage: ApiStage) -> None:
    async with receiver(status(500, b"not today")) as taken:
        await create(stage, taken.url)
        await stage.fail((await stage.submit())["id"])
        await deliver(stage)
        row = (await send(stage, "GET", "/deliveries")).json()["data"][0]
        taken.answering = status(200)

        again = await send(stage, "POST", f"/deliveries/{row['id']}/replay")
        await deliver(stage)

    read = await send(stage, "GET", f"/deliveries/{row['id']}")
    shown = hooks.DeliveryAnswer.model_validate_json(read.content)
    assert (again.status_code, again.json()["replays"], again.headers["location"]) == (
        202, 1, f"/native/v1/webhooks/deliveries/{row['id']}",
    )  # fmt: skip
    assert [(each.status, each.answer) for each in shown.tries] == [(500, "not today"), (200, "thanks")]
    assert (shown.state, shown.due_at) == ("delivered", None)
    assert {got.id for got in taken.received} == {row["id"]}


async def test_dead_letters_are_sent_again_all_at_once(stage: ApiStage) -> None:
    async with receiver(status(410)) as taken:
        endpoint = await create(stage, taken.url)
        for _ in range(3):
            await stage.fail((await stage.submit())["id"])
        await deliver(stage)
        taken.received.clear()
        taken.answering = status(200)
        await send(stage, "PATCH", f"/endpoints/{endpoint['id']}", {"enabled": True})

        none = await send(stage, "POST", "/replays", {"created_to": "2001-01-01T00:00:00Z"})
        replayed = await send(stage, "POST", "/replays", {"endpoint_id": endpoint["id"]})
        await deliver(stage)

    assert none.json() == {"count": 0, "has_more": False}
    assert (replayed.status_code, replayed.json()) == (202, {"count": 3, "has_more": False})
    assert len({got.id for got in taken.received}) == 3


async def test_a_test_is_sent_and_can_be_followed(stage: ApiStage) -> None:
    async with receiver() as taken:
        made = await create(stage, taken.url)
        begun = await send(stage, "POST", f"/endpoints/{made['id']}/test")
        await deliver(stage)

    hooks.DeliveryRow.model_validate_json(begun.content)
    assert (begun.status_code, taken.received[0].id) == (202, begun.json()["id"])
    assert (await send(stage, "GET", f"/deliveries/{begun.json()['id']}")).json()["state"] == "delivered"


async def test_an_endpoint_that_is_disabled_is_not_tested(stage: ApiStage) -> None:
    made = await create(stage, "http://127.0.0.1:61009/a")
    await send(stage, "PATCH", f"/endpoints/{made['id']}", {"enabled": False})

    answer = await send(stage, "POST", f"/endpoints/{made['id']}/test")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/enabled")


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "ftp://x"}, "/url"),
        ({"url": "http://10.0.0.1/"}, "/url"),
        ({"url": "http://169.254.169.254/latest"}, "/url"),
        ({"url": "http://nowhere.invalid/"}, "/url"),
        ({"url": "http://127.0.0.1:61009/", "events": ["job.queued"]}, "/events/0"),
        ({"url": "http://127.0.0.1:61009/", "more": 1}, "/more"),
        ({}, "/url"),
    ],
)
async def test_an_endpoint_that_cannot_be_called_is_the_callers_error(
    stage: ApiStage, body: dict[str, Any], pointer: str
) -> None:
    answer = await stage.post(f"{ROOT}/endpoints", body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await send(stage, "GET", "/endpoints")).json() == {"data": []}


async def test_a_job_whose_webhook_may_not_be_called_is_refused(stage: ApiStage) -> None:
    answer = await stage.post(
        "/native/v1/jobs",
        {"kind": "image", "input": {"prompt": "x"}, "webhook": {"url": "http://10.0.0.1/"}},
    )

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/webhook/url")
    assert await stage.jobs_stored() == 0


async def test_there_are_only_so_many_endpoints(stage: ApiStage) -> None:
    async with stage.database.connection() as db:
        await db.execute(
            """insert into endpoints (id, account_id, url) select gen_random_uuid(), id, 'http://x' from accounts,
               generate_series(1, %s)""",
            (MOST_ENDPOINTS,),
        )

    answer = await stage.post(f"{ROOT}/endpoints", {"url": "http://127.0.0.1:61009/"})

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_endpoints")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("state=lost", "/state"),
        ("after=!", "/after"),
        ("after=aGVsbG8", "/after"),
        ("after=MjAyNi0wMS0wMSAwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA", "/after"),
        ("endpoint_id=x", "/endpoint_id"),
        ("event=%00", "/event"),
        ("limit=0", "/limit"),
    ],
)
async def test_a_list_that_makes_no_sense_is_the_callers_error(stage: ApiStage, query: str, pointer: str) -> None:
    answer = await send(stage, "GET", f"/deliveries?{query}")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
