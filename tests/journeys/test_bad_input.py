"""A thousand malformed requests: each is the caller's error, none is ours, and the server is unharmed."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api_stage import ApiStage, api_stage, bearer, picture

pytestmark = pytest.mark.anyio

NATIVE, AETHERAI = "/native/v1/jobs", "/public/v1/generate/image"
COUNT = 1_000

Case = tuple[bytes, str]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[ApiStage]:
    async with api_stage(database_url, tmp_path) as stage:
        yield stage


async def send(stage: ApiStage, path: str, body: bytes, media_type: str) -> httpx2.Response:
    return await stage.client.post(path, content=body, headers=bearer(stage.key) | {"Content-Type": media_type})


IMAGE = b'{"kind": "image", "input": {"prompt": %s}}'
NAMED: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "cut short": b'{"kind": "image"',
    "two values": b"{} {}",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "NaN": b'{"kind": "image", "input": {"prompt": "x", "seed": NaN}}',
    "Infinity": b'{"kind": "image", "input": {"prompt": "x", "seed": -Infinity}}',
    "1e400": b'{"kind": "image", "input": {"prompt": "x", "seed": 1e400}}',
    "10^400": b'{"kind": "image", "input": {"prompt": "x", "seed": 1' + b"0" * 400 + b"}}",
    "10^5000": b'{"kind": "image", "input": {"prompt": "x", "seed": 1' + b"0" * 5000 + b"}}",
    "a boolean as a number": b'{"kind": "image", "input": {"prompt": "x", "width": true}}',
    "a text as a number": b'{"kind": "image", "input": {"prompt": "x", "width": "512"}}',
    "a fraction as a whole number": b'{"kind": "image", "input": {"prompt": "x", "width": 512.5}}',
    "depth 10,000 of lists": b"[" * 10_000 + b"]" * 10_000,
    "depth 10,000 of objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "depth 10,000 in the input": IMAGE % (b"[" * 10_000 + b"]" * 10_000),
    "a lone surrogate": IMAGE % rb'"\ud800"',
    "a reversed surrogate pair": IMAGE % rb'"\udc00\ud800"',
    "a surrogate in UTF-8": IMAGE % b'"\xed\xa0\x80"',
    "broken UTF-8": IMAGE % b'"\xff\xfe"',
    "an overlong slash": IMAGE % b'"\xc0\xaf"',
    "NUL": IMAGE % rb'"a\u0000b"',
    "NUL in a name": b'{"kind": "image", "input": {"prompt": "x", "a\\u0000": 1}}',
    "NUL in a tag": b'{"kind": "image", "input": {"prompt": "x"}, "tags": {"a": "\\u0000"}}',
    "NUL in the kind": b'{"kind": "\\u0000", "input": {}}',
    "UTF-16": '{"kind": "image"}'.encode("utf-16"),
    "a BOM": b'\xef\xbb\xbf{"kind": "image"}',
    "a prompt that is a number": IMAGE % b"1",
    "a prompt that is an object": IMAGE % b"{}",
    "a prompt of blanks": IMAGE % b'"   "',
    "a prompt too long": IMAGE % (b'"' + b"x" * 10_001 + b'"'),
    "a deadline of NaN": b'{"kind": "image", "input": {"prompt": "x"}, "deadline": NaN}',
    "tags that are a list": b'{"kind": "image", "input": {"prompt": "x"}, "tags": []}',
    "a huge aspect": b'{"kind": "image", "input": {"prompt": "x", "aspect_ratio": "0:0"}}',
    "an unknown kind": b'{"kind": "x' + b"y" * 500 + b'", "input": {}}',
}


@pytest.mark.parametrize("name", NAMED)
async def test_a_malformed_json_body_is_the_callers_error(stage: ApiStage, name: str) -> None:
    for path in (NATIVE, AETHERAI):
        answer = await send(stage, path, NAMED[name], "application/json")
        assert 400 <= answer.status_code < 500, (path, answer.text)

    assert await stage.jobs_stored() == 0


FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n'
FORMS: dict[str, Case] = {
    "no boundary": (PART, "multipart/form-data"),
    "another boundary": (PART, "multipart/form-data; boundary=c"),
    "cut short": (PART, FORM),
    "cut in a header": (b"--b\r\nContent-Dispo", FORM),
    "no name": (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", FORM),
    "no disposition": (b"--b\r\nX: y\r\n\r\nx\r\n--b--\r\n", FORM),
    "a thousand parts": (PART * 1_000 + b"--b--\r\n", FORM),
    "a thousand headers": (b"--b\r\n" + b"X: y\r\n" * 1_000 + b"\r\nx\r\n--b--\r\n", FORM),
    "a text that is not UTF-8": (PART.replace(b"\r\nx\r\n", b"\r\n\xff\r\n") + b"--b--\r\n", FORM),
    "a text with NUL": (PART.replace(b"\r\nx\r\n", b"\r\n\x00\r\n") + b"--b--\r\n", FORM),
    "a boundary of 10,000": (PART, "multipart/form-data; boundary=" + "b" * 10_000),
    "urlencoded that is not UTF-8": (b"prompt=%ff&ai_model=Nano+Banana", "application/x-www-form-urlencoded"),
    "urlencoded with NUL": (b"prompt=%00&ai_model=Nano+Banana", "application/x-www-form-urlencoded"),
    "a thousand fields": (b"&".join(b"a%d=1" % n for n in range(1_000)), "application/x-www-form-urlencoded"),
    "an unknown format": (b"<xml/>", "text/xml"),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_malformed_form_is_the_callers_error(stage: ApiStage, name: str) -> None:
    for path in (NATIVE, AETHERAI, "/native/v1/assets"):
        answer = await send(stage, path, *FORMS[name])
        assert 400 <= answer.status_code < 500, (path, answer.text)

    assert await stage.jobs_stored() == 0


async def test_a_body_larger_than_the_limit_is_refused_by_its_bytes(stage: ApiStage) -> None:
    most = stage.parts.settings.server.max_upload * 4 // 3 + stage.parts.settings.server.max_body

    native = await send(stage, NATIVE, b" " * (most + 1), "application/json")
    aetherai = await send(stage, AETHERAI, b" " * (stage.parts.settings.server.max_body + 1), "application/json")

    assert (native.status_code, native.json()["code"]) == (413, "body_too_large")
    assert aetherai.status_code == 400


GOOD = json.dumps({"kind": "image", "input": {"prompt": "x", "width": 512}, "tags": {"a": "b"}}).encode()
GOOD_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n'
    b'--b\r\nContent-Disposition: form-data; name="ai_model"\r\n\r\nNano Banana\r\n'
    b'--b\r\nContent-Disposition: form-data; name="ref_images"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
)
ODD: list[Any] = [
    None,
    True,
    -1,
    2**64,
    10**30,
    1.5,
    "",
    "\x00",
    "é" * 300,
    [],
    {},
    [[]],
    {"url": "x"},
    {"asset_id": 1},
]


def flipped(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def doubled(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at:] * chance.randint(2, 5)


def odd_json(chance: random.Random, _: bytes) -> bytes:
    body: dict[str, Any] = json.loads(GOOD)
    place = chance.choice([body, body["input"], body["tags"]])
    place[chance.choice([*place, "scale", "image", "webhook", "deadline", "model", "seed"])] = chance.choice(ODD)
    return json.dumps(body).encode()


DAMAGE: list[Callable[[random.Random, bytes], bytes]] = [flipped, cut, doubled, odd_json]


async def test_a_thousand_damaged_requests_are_never_our_fault(stage: ApiStage) -> None:
    chance = random.Random(7)
    image = GOOD_FORM + picture() + b"\r\n--b--\r\n"
    statuses: dict[int, int] = {}

    for _ in range(COUNT):
        if chance.random() < 0.9:
            path, body, media_type = NATIVE, chance.choice(DAMAGE)(chance, GOOD), "application/json"
        else:
            path, body, media_type = AETHERAI, chance.choice(DAMAGE[:3])(chance, image), FORM
        answer = await send(stage, path, body, media_type)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (body[:300], answer.text)

    assert sum(statuses.values()) == COUNT
    assert sum(count for status, count in statuses.items() if status >= 400) > COUNT // 2
    assert (await stage.client.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/native/v1/jobs/%00", "/native/v1/jobs/%ff%fe", "/native/v1/jobs/..%2f..%2fetc", "/native/v1/jobs/" + "a" * 5_000,
        "/public/v1/job/%00", "/public/v1/job/" + "9" * 5_000, "/assets/%00", "/assets/../../etc/passwd", "/assets/",
        "/native/v1/assets/%ed%a0%80", "/docs/%00", "/docs/errors/..%2f", "//", "/%2f", "/native/v1/events?last_event_id=%00",
        "/native/v1/jobs?after=%00&limit=%00", "/native/v1/jobs?" + "a=1&" * 3_000,
    ],
)  # fmt: skip
async def test_a_path_or_query_of_nonsense_is_the_callers_error(stage: ApiStage, path: str) -> None:
    answer = await stage.get(path)

    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "http://", "http:///path", "http://?x", "http://user:secret@example.org/", "http://@example.org/",
        "http://example.org/a b", " http://example.org/", "http://example.org/\n", "http://exa\tmple.org/", "http://\x1b[31m/",
        "http://[::1", "http://example.org:99999/", "http://example.org:x/", "http://example.org\\@evil.example/", "http://:80/",
        "HTTP://[::1]:8080/hook?x=1#y", "http://127.0.0.1/", "http://169.254.169.254/latest",
    ],
)  # fmt: skip
async def test_a_webhook_that_cannot_be_called_is_the_callers_error(stage: ApiStage, url: str) -> None:
    body = {"kind": "image", "input": {"prompt": "x"}, "webhook": {"url": url}}
    answer = await stage.post(NATIVE, body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/webhook/url")


@pytest.mark.parametrize(
    "url", ["https://example.org", "HTTP://[2606:2800::1]:8080/hook?x=1#y", "http://bücher.example/ä"]
)
async def test_a_webhook_that_can_be_called_is_taken(stage: ApiStage, url: str) -> None:
    await stage.submit(webhook={"url": url})


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "Idempotency-Key", "Content-Type"])
async def test_a_header_that_is_said_twice_is_the_callers_error(stage: ApiStage, name: str) -> None:
    given = bearer(stage.key) | {"X-API-Key": stage.key, "Idempotency-Key": "a", "Content-Type": "application/json"}
    answer = await stage.client.post(NATIVE, content=IMAGE % b'"x"', headers=[*given.items(), (name, given[name])])

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert await stage.jobs_stored() == 0


@pytest.mark.parametrize("given", ["wait=1e9", "wait=1.5", "wait=0x10", "wait=-1"])
async def test_a_preference_that_is_no_number_is_none(stage: ApiStage, given: str) -> None:
    job_id = (await stage.submit())["id"]
    answer = await stage.get(f"{NATIVE}/{job_id}", Prefer=given)

    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2030-01-01T00:00:00"])
async def test_a_key_does_not_end_in_the_past_nor_after_centuries(stage: ApiStage, moment: str) -> None:
    stage.key = await stage.new_key("root", scopes=("admin",))
    answer = await stage.post("/native/v1/keys", {"name": "x", "expires_at": moment})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/expires_at")
