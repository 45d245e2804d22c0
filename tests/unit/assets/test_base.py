from __future__ import annotations

from uuid import UUID

import pytest

from calotype.assets.base import checked, key_for

ACCOUNT = UUID("01890000-0000-7000-8000-000000000001")
JOB = UUID("01890000-0000-7000-8000-0000000000ab")
ASSET = UUID("01890000-0000-7000-8000-000000000003")


def test_a_key_begins_with_the_account_and_ends_with_the_true_extension() -> None:
    assert key_for(ACCOUNT, JOB, ASSET, "png") == f"{ACCOUNT}/ab/{JOB}-{ASSET}.png"


def test_a_thumbnail_lies_beside_its_picture() -> None:
    assert key_for(ACCOUNT, JOB, ASSET, "thumb.webp") == f"{ACCOUNT}/ab/{JOB}-{ASSET}.thumb.webp"


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "/etc/passwd", "a/", "a//b", ".", "..", "a/..", "a/../b", "../a", ".hidden", "a/.b.part", "a\\b", "A", "ä",
        "a b", "a\n", "a\0", "a%2e", "~", "a/" * 300 + "a", "a" * 256,
    ],
)  # fmt: skip
def test_what_the_server_cannot_have_made_is_no_key(key: str) -> None:
    with pytest.raises(ValueError, match="no asset key"):
        checked(key)


def test_a_strange_extension_makes_no_key() -> None:
    with pytest.raises(ValueError, match="no asset key"):
        key_for(ACCOUNT, JOB, ASSET, "png/../../x")
