"""Nothing that a user's URL can say leads to an address that is not public, and the bed that shows it bites."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from faults.instruments import ssrf

TARGETS = 200
FORMS = 64

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]
Counted = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def bed() -> None:
    reason = ssrf.why_not()
    if reason is not None:
        pytest.skip(f"the SSRF bed {reason}")


def test_no_target_is_reached_by_a_request_or_a_syn(record_property: Counted) -> None:
    found = ssrf.run(TARGETS, seed=1, client="ours")

    assert (found["requests"], found["syns"]) == (0, 0), found["examples"]
    assert found["targets"] == TARGETS
    assert found["control"] >= 1, "the bed itself must work: a public address is called"
    record_property("counts", f"SSRF: {TARGETS} targets, 0 requests and 0 SYNs at forbidden addresses")


def test_the_planted_check_then_fetch_is_caught() -> None:
    found = ssrf.run(TARGETS, seed=1, client="check_then_fetch")

    assert found["requests"] > 0
    assert found["syns"] > 0
    assert all("rebind" in url for url in found["examples"])


def test_a_client_that_looks_at_nothing_reaches_most_of_them(record_property: Counted) -> None:
    found = ssrf.run(TARGETS, seed=1, client="naive")

    assert found["reached"] > TARGETS / 3, "else the targets lead nowhere and prove nothing"
    record_property("counts", f"SSRF: a naive client reaches {found['reached']} of {TARGETS}")


def test_an_address_is_written_in_at_least_64_ways() -> None:
    ways = set(ssrf.forms(IPv4Address("169.254.169.254")))

    assert len(ways) >= FORMS
