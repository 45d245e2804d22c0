"""The native API, job by job: submit, wait, read, list, cancel, retry, erase."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api_stage import BASE_URL, ApiStage, api_stage, bearer, on_a_socket
from calotype.dialects.native.answers import JobAnswer, JobPage, QuoteAnswer
from calotype.jobs.model import Progress
from calotype.store import workers

pytestmark = pytest.mark.anyio

JOBS = "/native/v1/jobs"
BODY = {"kind": "image", "input": {"prompt": "a red fox"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


# --- submit --------------------------------------------------------------------------------------


async def test_a_submit_is_accepted_with_the_whole_job_and_where_it_is(stage: ApiStage) -> None:
    answer = await stage.post(JOBS, BODY | {"tags": {"project": "autumn"}, "deadline": 60})

    job = JobAnswer.model_validate(answer.json())
    assert answer.status_code == 202
    assert answer.headers["location"] == job.links.self == f"{BASE_URL}{JOBS}/{job.id}"
    assert (job.state, job.model, job.tags, job.credits.held) == ("queued", "illustrator", {"project": "autumn"}, 1)
    assert answer.headers["retry-after"] == "1"


async def test_the_trace_is_kept_with_the_job(stage: ApiStage) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    job_id = (await stage.post(JOBS, BODY, traceparent=trace)).json()["id"]

    assert (await stage.claim(job_id)).trace == trace


async def test_a_key_may_come_as_x_api_key(stage: ApiStage) -> None:
    answer = await stage.client.post(JOBS, json=BODY, headers={"X-API-Key": stage.key})

    assert answer.status_code == 202


async def test_a_dry_run_says_the_price_and_stores_nothing(stage: ApiStage) -> None:
    answer = await stage.post(f"{JOBS}?dry_run=true", {"kind": "image", "input": {"prompt": "x", "count": 3}})

    quote = QuoteAnswer.model_validate(answer.json())
    assert (answer.status_code, quote.price, quote.model, quote.is_possible) == (200, 3, "illustrator", True)
    assert await stage.jobs_stored() == 0


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"kind": "poem", "input": {}}, 422, "unknown_kind", None),
        (BODY | {"model": "gpt"}, 422, "unknown_model", None),
        (BODY | {"model": "upscale"}, 422, "unknown_model", None),
        ({"kind": "image", "input": {}}, 422, "invalid_input", "/input/prompt"),
        ({"kind": "image"}, 422, "invalid_input", "/input"),
        (BODY | {"colour": 1}, 422, "invalid_input", "/colour"),
        ({"kind": "image", "input": {"prompt": "x", "width": "64"}}, 422, "invalid_input", "/input/width"),
        ({"kind": "image", "input": {"prompt": "x", "width": True}}, 422, "invalid_input", "/input/width"),
        (BODY | {"deadline": -1}, 422, "invalid_input", "/deadline"),
        (BODY | {"webhook": {"url": "ftp://x"}}, 422, "invalid_input", "/webhook/url"),
        (
            {"kind": "upscale", "input": {"image": {"url": "https://127.0.0.1/y.png"}, "scale": 2}},
            400,
            "url_not_allowed",
            None,
        ),
    ],
)
async def test_a_refusal_names_the_field_and_stores_nothing(
    stage: ApiStage, body: dict[str, Any], status: int, code: str, pointer: str | None
) -> None:
    answer = await stage.post(JOBS, body)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer is None or pointer in [entry["pointer"] for entry in problem["errors"]]
    assert await stage.jobs_stored() == 0


async def test_who_cannot_pay_is_refused_before_anything_is_stored(stage: ApiStage) -> None:
    stage.key = await stage.new_key("poor", credits_granted=1)
    body = {"kind": "image", "input": {"prompt": "x", "count": 2}}

    answer = await stage.post(JOBS, body)

    assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credits")
    assert (await stage.balance(), await stage.jobs_stored()) == (1, 0)


# --- idempotency ---------------------------------------------------------------------------------


@pytest.mark.parametrize("again", ["key-1", '"key-1"'])
async def test_the_same_key_and_submission_are_one_job_and_one_charge(stage: ApiStage, again: str) -> None:
    first = await stage.post(JOBS, BODY, **{"Idempotency-Key": "key-1"})
    second = await stage.post(JOBS, BODY, **{"Idempotency-Key": again})

    assert second.status_code == 202
    assert second.json()["id"] == first.json()["id"]
    assert (first.headers.get("idempotent-replay"), second.headers["idempotent-replay"]) == (None, "true")
    assert (await stage.balance(), await stage.jobs_stored()) == (-1, 1)


async def test_the_same_key_for_another_submission_is_refused(stage: ApiStage) -> None:
    await stage.post(JOBS, BODY, **{"Idempotency-Key": "key-1"})

    other = await stage.post(JOBS, BODY | {"tags": {"a": "b"}}, **{"Idempotency-Key": "key-1"})

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_the_order_of_members_makes_no_other_submission(stage: ApiStage) -> None:
    first = await stage.post(JOBS, BODY, **{"Idempotency-Key": "key-1"})
    second = await stage.post(JOBS, dict(reversed(BODY.items())), **{"Idempotency-Key": "key-1"})

    assert second.json()["id"] == first.json()["id"]


async def test_ten_at_once_with_one_key_make_one_job(stage: ApiStage) -> None:
    answers = await asyncio.gather(*(stage.post(JOBS, BODY, **{"Idempotency-Key": "key-1"}) for _ in range(10)))

    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await stage.balance(), await stage.jobs_stored()) == (-1, 1)


async def test_a_refused_submission_does_not_use_the_key_up(stage: ApiStage) -> None:
    refused = await stage.post(JOBS, {"kind": "image", "input": {}}, **{"Idempotency-Key": "key-1"})
    accepted = await stage.post(JOBS, BODY, **{"Idempotency-Key": "key-1"})

    assert (refused.status_code, accepted.status_code) == (422, 202)


async def test_an_idempotency_key_must_be_printable(stage: ApiStage) -> None:
    answer = await stage.post(JOBS, BODY, **{"Idempotency-Key": "k" * 256})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/Idempotency-Key")


# --- read ----------------------------------------------------------------------------------------


async def test_equal_reads_give_equal_bytes(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)

    first = await stage.get(f"{JOBS}/{job_id}")
    stage.app.services.cache.forget_all()
    second = await stage.get(f"{JOBS}/{job_id}")

    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    JobAnswer.model_validate(first.json())


async def test_a_known_etag_is_answered_without_a_body(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    etag = (await stage.get(f"{JOBS}/{job_id}")).headers["etag"]

    answer = await stage.get(f"{JOBS}/{job_id}", **{"If-None-Match": etag})

    assert etag.startswith("W/")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


async def test_an_ended_jobs_etag_is_strong_and_nobody_is_told_to_look_again(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)

    answer = await stage.get(f"{JOBS}/{job_id}")

    assert answer.headers["etag"].startswith('"')
    assert "retry-after" not in answer.headers


async def test_every_move_is_seen_by_the_next_read(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    seen = [(await stage.get(f"{JOBS}/{job_id}")).json()["state"]]

    claimed = await stage.claim(job_id)
    seen.append((await read_until(stage, job_id, "running"))["state"])
    await stage.lifecycle.progress(claimed, Progress(40, 4, 10, "composing"))
    shown = await read_until(stage, job_id, "running", percent=40)

    assert seen == ["queued", "running"]
    assert shown["progress"] == {"done": 4, "total": 10, "phase": "composing", "percent": 40.0}


async def test_a_notice_that_cannot_be_read_makes_nobody_deaf(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    async with stage.database.connection() as db:
        await db.execute("select pg_notify('calotype_jobs', 'nonsense')")

    await stage.claim(job_id)

    assert (await read_until(stage, job_id, "running"))["state"] == "running"


async def test_a_waiting_job_says_how_many_stand_before_it_and_whether_a_worker_is_there(stage: ApiStage) -> None:
    await stage.submit()
    second = await stage.submit()

    queue = (await stage.get(f"{JOBS}/{second['id']}")).json()["queue"]

    assert queue == {"position": 1, "eta_seconds": None, "is_possible": False}


async def test_a_waiting_job_says_about_when_it_begins_once_there_is_something_to_judge_by(stage: ApiStage) -> None:
    for _ in range(5):
        await stage.succeed((await stage.submit())["id"])
    async with stage.database.connection() as db:
        await db.execute("update jobs set started_at = finished_at - interval '4 seconds'")
        for _ in range(2):
            await workers.register(db, host="here", pid=1, device="cpu", models=["illustrator"])
    await stage.submit()
    second = await stage.submit()

    queue = (await stage.get(f"{JOBS}/{second['id']}")).json()["queue"]

    assert queue == {"position": 1, "eta_seconds": 4.0, "is_possible": True}


@pytest.mark.parametrize("query", ["stat=failed", "limit=1&offset=5", "State=failed"])
async def test_a_list_refuses_what_it_would_else_ignore(stage: ApiStage, query: str) -> None:
    answer = await stage.get(f"{JOBS}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert "state" in answer.json()["detail"]


async def test_a_head_is_a_get_without_its_body(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]

    got = await stage.get(f"{JOBS}/{job_id}")
    head = await stage.client.head(f"{JOBS}/{job_id}", headers=bearer(stage.key))

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_every_answer_has_a_request_id_and_a_plain_one_is_kept(stage: ApiStage) -> None:
    given = await stage.get(f"{JOBS}/{uuid4()}", **{"X-Request-Id": "mine-1"})
    made = await stage.get(f"{JOBS}/{uuid4()}", **{"X-Request-Id": "not a plain one"})

    assert given.headers["x-request-id"] == given.json()["request_id"] == "mine-1"
    assert made.headers["x-request-id"] == made.json()["request_id"] != "not a plain one"


async def test_a_revoked_key_is_refused_within_a_second_also_where_a_poll_was_just_answered(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    assert (await stage.get(f"{JOBS}/{job_id}")).status_code == 200
    admin = await stage.new_key("me", scopes=("admin",))
    await stage.client.delete(f"/native/v1/keys/{stage.keys['me']}", headers=bearer(admin))
    async with stage.database.connection() as db:
        await db.execute("update keys set state = 'revoked'")
        stage.parts.accounts._known.clear()

    assert (await stage.get(f"{JOBS}/{job_id}")).status_code == 401


# --- wait ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "header"), [("?wait=20", {}), ("", {"Prefer": "wait=20"})])
async def test_a_read_can_wait_for_the_end(stage: ApiStage, query: str, header: dict[str, str]) -> None:
    job_id = (await stage.submit())["id"]
    waiting = asyncio.create_task(stage.get(f"{JOBS}/{job_id}{query}", **header))
    await is_waited_for(stage)

    await stage.succeed(job_id)
    answer = await waiting

    assert answer.json()["state"] == "succeeded"
    assert answer.headers.get("preference-applied") == ("wait=20" if header else None)


async def test_a_submit_can_wait_for_the_end(stage: ApiStage) -> None:
    waiting = asyncio.create_task(stage.post(JOBS, BODY, Prefer="wait=20"))
    await is_waited_for(stage)
    [row] = (await stage.get(JOBS)).json()["data"]

    await stage.succeed(row["id"])
    answer = await waiting

    assert (answer.status_code, answer.json()["state"]) == (202, "succeeded")
    assert len(answer.json()["outputs"]) == 1


async def test_a_wait_ends_in_time_with_the_job_as_it_stands(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]

    answer = await stage.get(f"{JOBS}/{job_id}?wait=1")

    assert (answer.status_code, answer.json()["state"]) == (200, "queued")


async def test_a_wait_with_a_known_etag_ends_at_the_first_change(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    etag = (await stage.get(f"{JOBS}/{job_id}")).headers["etag"]
    waiting = asyncio.create_task(stage.get(f"{JOBS}/{job_id}?wait=20", **{"If-None-Match": etag}))
    await is_waited_for(stage)

    await stage.claim(job_id)

    assert (await waiting).json()["state"] == "running"


@pytest.mark.parametrize("wait", ["61", "-1", "soon", "", "1.5", "٣"])
async def test_a_wait_must_be_a_whole_number_up_to_a_minute(stage: ApiStage, wait: str) -> None:
    job_id = (await stage.submit())["id"]

    answer = await stage.client.get(f"{JOBS}/{job_id}", params={"wait": wait}, headers=bearer(stage.key))

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/wait")


async def test_a_client_that_goes_away_is_not_waited_for(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    async with on_a_socket(stage) as (url, _), httpx2.AsyncClient(base_url=url, headers=bearer(stage.key)) as client:
        waiting = asyncio.create_task(client.get(f"{JOBS}/{job_id}?wait=60"))
        await in_flight(url, 2)

        waiting.cancel()

        await in_flight(url, 1)


# --- list ----------------------------------------------------------------------------------------


async def test_pages_lead_through_all_jobs_newest_first_and_back(stage: ApiStage) -> None:
    made = [(await stage.submit(f"number {number}"))["id"] for number in range(5)]

    first = await page(stage, limit=2)
    second = await page(stage, limit=2, after=first.next)
    third = await page(stage, limit=2, after=second.next)
    back = await page(stage, limit=2, before=third.previous)

    assert [str(row.id) for p in (first, second, third) for row in p.data] == made[::-1]
    assert (first.has_more, third.has_more, first.previous) == (True, False, None)
    assert [row.id for row in back.data] == [row.id for row in second.data]


async def test_a_list_can_be_narrowed(stage: ApiStage) -> None:
    await stage.submit("a red fox", tags={"project": "autumn"})
    await stage.submit("a blue whale", tags={"project": "sea"})
    ended = (await stage.submit("a green frog"))["id"]
    await stage.post(f"{JOBS}/{ended}/cancel")

    assert await prompts(stage, state="cancelled") == ["a green frog"]
    assert await prompts(stage, state="queued,running") == ["a blue whale", "a red fox"]
    assert await prompts(stage, tag="project:sea") == ["a blue whale"]
    assert await prompts(stage, text="RED") == ["a red fox"]
    assert await prompts(stage, face="aetherai") == []
    assert await prompts(stage, kind="image", model="illustrator", created_from="2020-01-01T00:00:00Z") != []
    assert await prompts(stage, created_to="2020-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    [
        {"state": "ready"},
        {"limit": "0"},
        {"limit": "101"},
        {"after": "x"},
        {"after": "ä"},
        {"tag": "a"},
        {"created_from": "soon"},
        {"created_from": "2020-01-01"},
        {"text": "\x00"},
        {"kind": "x" * 400},
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(stage: ApiStage, query: dict[str, str]) -> None:
    answer = await stage.client.get(JOBS, params=query, headers=bearer(stage.key))

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(query))}")


# --- cancel, retry, erase ------------------------------------------------------------------------


async def test_a_waiting_job_is_cancelled_at_once_and_a_second_cancel_is_no_error(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]

    first = await stage.post(f"{JOBS}/{job_id}/cancel")
    second = await stage.post(f"{JOBS}/{job_id}/cancel")

    assert [(a.status_code, a.json()["state"]) for a in (first, second)] == [(200, "cancelled")] * 2
    assert (first.json()["credits"]["refunded"], await stage.balance()) == (1, 0)


async def test_a_running_job_is_asked_to_stop(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    await stage.claim(job_id)

    assert (await stage.post(f"{JOBS}/{job_id}/cancel")).json()["state"] == "cancelling"


async def test_a_succeeded_job_cannot_be_cancelled(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)

    answer = await stage.post(f"{JOBS}/{job_id}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


async def test_a_retry_is_a_new_job_that_names_the_old_one(stage: ApiStage) -> None:
    old = await stage.submit("a red fox", tags={"a": "b"}, input={"prompt": "a red fox", "seed": 7})
    await stage.fail(old["id"])

    new = (await stage.post(f"{JOBS}/{old['id']}/retry")).json()

    assert new["id"] != old["id"]
    assert (new["retry_of"], new["input"], new["tags"]) == (old["id"], old["input"], old["tags"])


async def test_a_retry_can_be_edited_field_by_field(stage: ApiStage) -> None:
    old = await stage.submit(input={"prompt": "a red fox", "seed": 7, "width": 512})
    await stage.succeed(old["id"])

    new = await stage.post(f"{JOBS}/{old['id']}/retry", {"input": {"seed": 8, "width": None}, "tags": {"c": "d"}})

    assert new.status_code == 202
    assert new.json()["input"] == {"prompt": "a red fox", "seed": 8, "count": 1}
    assert new.json()["tags"] == {"c": "d"}


async def test_a_job_under_way_cannot_be_retried(stage: ApiStage) -> None:
    old = await stage.submit()

    answer = await stage.post(f"{JOBS}/{old['id']}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


async def test_an_erased_job_is_gone_with_its_files_and_its_charge_stays(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]
    await stage.succeed(job_id)
    [output] = (await stage.get(f"{JOBS}/{job_id}")).json()["outputs"]

    erased = await stage.client.delete(f"{JOBS}/{job_id}", headers=bearer(stage.key))
    read = await stage.get(f"{JOBS}/{job_id}")

    assert (erased.status_code, erased.content) == (204, b"")
    assert (read.status_code, read.json()["code"]) == (410, "gone")
    assert (await stage.client.get(output["url"])).status_code == 410
    assert (await page(stage)).data == []
    assert await stage.balance() == -1


async def test_a_job_under_way_cannot_be_erased(stage: ApiStage) -> None:
    job_id = (await stage.submit())["id"]

    answer = await stage.client.delete(f"{JOBS}/{job_id}", headers=bearer(stage.key))

    assert answer.status_code == 409


# --- what the tests above ask ---------------------------------------------------------------------


async def page(stage: ApiStage, **query: Any) -> JobPage:
    answer = await stage.client.get(JOBS, params=query, headers=bearer(stage.key))
    assert answer.status_code == 200, answer.text
    return JobPage.model_validate(answer.json())


async def prompts(stage: ApiStage, **query: Any) -> list[str | None]:
    return [row.prompt for row in (await page(stage, **query)).data]


async def is_waited_for(stage: ApiStage) -> None:
    async with asyncio.timeout(10):
        while not stage.app.services.watch._sleepers:  # noqa: ASYNC110 - the request is on its way into the app
            await asyncio.sleep(0.01)


async def in_flight(url: str, count: int) -> None:
    """Wait until so many requests are being answered, the one that asks included."""
    async with asyncio.timeout(10), httpx2.AsyncClient() as client:
        while f"calotype_requests_in_flight {count}.0" not in (await client.get(f"{url}/metrics")).text:  # noqa: ASYNC110 - it is another app's number
            await asyncio.sleep(0.02)


async def read_until(stage: ApiStage, job_id: str, state: str, percent: float = 0) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            shown: dict[str, Any] = (await stage.get(f"{JOBS}/{job_id}")).json()
            if shown["state"] == state and shown["progress"]["percent"] >= percent:
                return shown
            await asyncio.sleep(0.01)
