"""Webhook signatures: what is made is accepted by our own check and by the libraries receivers use, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import standardwebhooks
import svix
from hypothesis import given
from hypothesis import strategies as st

from calotype.clock import SystemClock
from calotype.errors import InvalidWebhookError
from calotype.signing import WebhookSecret, check_body, check_webhook, sign_body, sign_webhook

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BODY = '{"type":"job.succeeded","data":{"prompt":"ein Füchslein 🦊"}}'.encode()
SECRET = WebhookSecret(b"s" * 32, b"p" * 32)
OTHER = WebhookSecret(b"t" * 32, b"q" * 32)


def signed(*live: WebhookSecret, body: bytes = BODY, at: datetime = NOW) -> dict[str, str]:
    return sign_webhook(live or (SECRET,), "0199-id", at, body)


def refused(headers: dict[str, str], key: str = SECRET.shared_text, body: bytes = BODY, now: datetime = NOW) -> str:
    with pytest.raises(InvalidWebhookError) as caught:
        check_webhook([key], headers, body, now=now)
    return str(caught.value)


# --- made and checked ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [SECRET.shared_text, SECRET.public_text])
def test_either_half_of_a_secret_checks_what_it_signed(key: str) -> None:
    check_webhook([key], signed(), BODY, now=NOW)


@given(st.binary(max_size=200), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - made aware below
def test_any_body_at_any_moment_is_checked_as_it_was_signed(body: bytes, moment: datetime) -> None:
    at = moment.replace(tzinfo=UTC)

    check_webhook([SECRET.shared_text], signed(body=body, at=at), body, now=at)


def test_while_a_secret_is_rotated_both_are_enough() -> None:
    headers = signed(OTHER, SECRET)

    for secret in (SECRET, OTHER):
        check_webhook([secret.shared_text], headers, BODY, now=NOW)
        check_webhook([secret.public_text], headers, BODY, now=NOW)


def test_a_receiver_that_knows_two_secrets_takes_what_either_signed() -> None:
    check_webhook([OTHER.shared_text, SECRET.shared_text], signed(SECRET), BODY, now=NOW)


def test_a_secret_kept_is_the_secret_read() -> None:
    made = WebhookSecret.new()

    assert WebhookSecret.of(made.stored) == made
    assert made != WebhookSecret.new()
    assert base64.b64decode(made.shared_text.removeprefix("whsec_")) == made.shared


def test_a_secret_shows_itself_in_no_log() -> None:
    assert "sss" not in repr(SECRET)
    assert "ppp" not in repr(SECRET)


def test_header_names_may_be_in_any_case() -> None:
    check_webhook([SECRET.shared_text], {name.title(): value for name, value in signed().items()}, BODY, now=NOW)


@pytest.mark.parametrize("key", [OTHER.shared_text, OTHER.public_text])
def test_another_secret_is_refused(key: str) -> None:
    assert "none of its signatures" in refused(signed(), key)


@pytest.mark.parametrize("key", [SECRET.shared_text, SECRET.public_text])
@given(st.data())
def test_a_changed_bit_is_refused(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(BODY) * 8 - 1))
    changed = bytearray(BODY)
    changed[place // 8] ^= 1 << place % 8

    refused(signed(), key, bytes(changed))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed_and_counts(name: str) -> None:
    headers = signed()

    assert "missing" in refused({key: value for key, value in headers.items() if key != name})
    refused(headers | {name: "17"})


@pytest.mark.parametrize("away", [timedelta(seconds=301), -timedelta(seconds=302)])
def test_an_old_or_early_webhook_is_refused(away: timedelta) -> None:
    assert "clock" in refused(signed(), now=NOW + away)


@pytest.mark.parametrize("stamp", ["1e9", "-1", "٣", " 1", "1" * 13, "nan"])
def test_a_timestamp_that_is_none_is_refused(stamp: str) -> None:
    assert "no number" in refused(signed() | {"webhook-timestamp": stamp})


@pytest.mark.parametrize(
    "signature",
    ["v1", "v1,", ",", "v1,é", "v1,====", "v1,\ud800", "v2,AAAA", "v1a,AAAA", "v1,v1,", " " * 50, "v1," + "A" * 10_000, "\x00"],
)  # fmt: skip
@pytest.mark.parametrize("key", [SECRET.shared_text, SECRET.public_text])
def test_a_garbled_signature_is_refused(signature: str, key: str) -> None:
    refused(signed() | {"webhook-signature": signature}, key)


def test_a_good_signature_among_garbled_ones_is_found() -> None:
    headers = signed()

    check_webhook(
        [SECRET.shared_text],
        headers | {"webhook-signature": "v9,x é " + headers["webhook-signature"]}, BODY, now=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    "key", ["", "whsec_", "whpk_AAAA", "cal_AAAA", "whsec_é", "whsec_%%%", "whpk_" + "A" * 100, "whsec_" + "A" * 1_000]
)
def test_a_secret_that_is_none_is_said_to_be_none(key: str) -> None:
    assert "whsec_ or whpk_" in refused(signed(), key)


def test_a_secret_without_padding_is_taken() -> None:
    check_webhook([SECRET.shared_text.rstrip("=")], signed(), BODY, now=NOW)


def test_the_vector_of_the_standard_webhooks_specification_is_signed_as_it_says() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)

    headers = sign_webhook([WebhookSecret(key, b"p" * 32)], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')

    assert headers["webhook-signature"].split(" ")[0] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


# --- what receivers use ----------------------------------------------------------------------------


@pytest.mark.parametrize("body", [BODY, b"{}", b'{"type":"job.failed"}'])
def test_the_libraries_for_python_accept_it_and_refuse_a_changed_one(body: bytes) -> None:
    headers = signed(OTHER, SECRET, body=body, at=SystemClock().now())

    assert standardwebhooks.Webhook(SECRET.shared_text).verify(body, headers) == json.loads(body)
    for library in (standardwebhooks.Webhook(SECRET.shared_text), svix.Webhook(SECRET.shared_text)):
        library.verify(body, headers)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            library.verify(body + b" ", headers)


def test_what_the_library_signs_our_check_accepts() -> None:
    now = SystemClock().now()
    signature = standardwebhooks.Webhook(SECRET.shared_text).sign("msg_1", now, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}

    check_webhook([SECRET.shared_text], headers, BODY, now=now)


_VERIFY = """
const { Webhook } = require('standardwebhooks');
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const check = (body) => { try { new Webhook(given.secret).verify(body, given.headers); return true; } catch { return false; } };
process.stdout.write(JSON.stringify([check(given.body), check(given.body + ' ')]));
"""


def test_the_library_for_javascript_accepts_it_and_refuses_a_changed_one(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are missing: .ci/run installs them")
    installed = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", str(tmp_path), "standardwebhooks@1.1.1"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip(f"npm cannot install standardwebhooks: {installed.stderr[-300:]}")
    headers = signed(OTHER, SECRET, at=SystemClock().now())
    asked = {"secret": SECRET.shared_text, "headers": headers, "body": BODY.decode()}

    ended = subprocess.run(
        [node, "-e", _VERIFY], cwd=tmp_path, input=json.dumps(asked), capture_output=True, text=True, check=True
    )

    assert json.loads(ended.stdout) == [True, False]


def test_only_v1a_needs_the_library_of_keys() -> None:
    code = """
import sys
from datetime import UTC, datetime
from calotype.errors import InvalidWebhookError
from calotype.signing import check_webhook
now = datetime(2026, 5, 1, tzinfo=UTC)
headers = {"webhook-id": "1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": "v1,AAAA v1a,AAAA"}
try:
    check_webhook(["whsec_AAAA"], headers, b"", now=now)
except InvalidWebhookError:
    print("cryptography" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "False"


# --- signatures older than the standard: vectors of the contracts -----------------------------------

_APIFRAME_BODY = (
    b'{"event":"progress","jobId":"7f0c2d1e-3a4b-4c5d-8e6f-9a0b1c2d3e4f","status":"PROCESSING",'
    b'"progress":40,"model":"midjourney"}'
)
_PRODUCTAI_BODY = (
    b'{"event":"job.completed","job_id":"job_k3v9q2m7x","status":"completed","images":[{"url":"http://127.0.0.1:8000/files/'
    b'job_k3v9q2m7x/1.jpg","width":1024,"height":1024}],"tokens_used":5,"completed_at":"2026-11-22T00:31:05Z"}'
)
_KEY_HASH = hashlib.sha256(b"afk_test_0123456789abcdef")


@pytest.mark.parametrize(
    ("key", "body", "signature"),
    [
        (_KEY_HASH.hexdigest().encode(), _APIFRAME_BODY, "1535d491e81d4e5d0cf144b875524cf3e85ab90fcc41ac78f1444e3876bc4db8"),
        (_KEY_HASH.digest(), _APIFRAME_BODY, "f44cf3c0f377e0bc0330307bd20ef5ee291099f8f52efdfac252c36560db1a9c"),
        (b"pk_test_productai_0001", _PRODUCTAI_BODY, "0e916a54058ac4098da9f5d5ad3d4f90eff3d48f9d83b53b1f137bcb975bd071"),
    ],
    ids=["apiframe, hex key", "apiframe, raw key", "productai"],
)  # fmt: skip
def test_the_contracts_vectors_are_signed_as_they_say(key: bytes, body: bytes, signature: str) -> None:
    assert sign_body(key, body) == f"sha256={signature}"
    assert check_body(key, body, f"sha256={signature}")
    assert not check_body(key, body + b"\n", f"sha256={signature}")
    assert not check_body(key, body, "\ud800")
