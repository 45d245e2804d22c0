"""`verify_webhook` returns what the server told, and for anything else raises WebhookInvalid and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.client import WebhookInvalid, verify_webhook
from calotype.clock import SystemClock
from calotype.signing import WebhookSecret, sign_webhook

SECRET, OTHER = WebhookSecret(b"s" * 32, b"p" * 32), WebhookSecret(b"t" * 32, b"q" * 32)
EVENT = {"type": "job.succeeded", "data": {"id": "1"}}


def signed(body: bytes) -> dict[str, str]:
    return sign_webhook([SECRET], "1", SystemClock().now(), body)


@pytest.mark.parametrize("key", [SECRET.shared_text, SECRET.public_text, [OTHER.shared_text, SECRET.shared_text]])
@pytest.mark.parametrize("is_text", [True, False])
def test_a_genuine_webhook_is_returned(key: Any, is_text: bool) -> None:
    body = json.dumps(EVENT).encode()

    assert verify_webhook(body.decode() if is_text else body, signed(body), key) == EVENT


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"\xff\xfe", b"[" * 100_000, b"1" * 5_000])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookInvalid):
        verify_webhook(body, signed(body), SECRET.shared_text)


@given(
    st.one_of(st.binary(), st.text(), st.none(), st.integers()),
    st.one_of(
        st.none(),
        st.dictionaries(st.sampled_from(["webhook-id", "Webhook-Timestamp", "webhook-signature", "x"]), st.text()),
    ),
    st.one_of(st.text(), st.just(SECRET.shared_text), st.none(), st.lists(st.text()), st.integers()),
)
def test_whatever_is_handed_in_nothing_but_webhook_invalid_comes_out(body: Any, headers: Any, secret: Any) -> None:
    with pytest.raises(WebhookInvalid):
        verify_webhook(body, headers, secret)


def test_an_old_one_is_refused() -> None:
    body = json.dumps(EVENT).encode()
    old = sign_webhook([SECRET], "1", SystemClock().now() - timedelta(minutes=6), body)

    with pytest.raises(WebhookInvalid, match="clock"):
        verify_webhook(body, old, SECRET.shared_text)


def test_without_the_library_a_public_key_is_refused_with_what_to_do() -> None:
    code = """
import sys
sys.modules["cryptography"] = None
from datetime import UTC, datetime
from calotype.client import WebhookInvalid, verify_webhook
headers = {"webhook-id": "1", "webhook-timestamp": str(int(datetime.now(UTC).timestamp())), "webhook-signature": "v1a,AAAA"}
try:
    verify_webhook(b"{}", headers, "whpk_" + "A" * 43)
except WebhookInvalid as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install cryptography" in ended.stdout
