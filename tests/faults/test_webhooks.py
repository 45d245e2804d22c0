"""Webhooks under SIGKILL arrive at least once under one id, and dead receivers do not delay good ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faults.instruments import hooks

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.timeout(280)
async def test_a_thousand_webhooks_arrive_while_their_sender_is_killed(
    database_url: str, record_property: Callable[[str, object], None]
) -> None:
    counts = await hooks.run(database_url, 1_000, seed=1)

    record_property(
        "counts",
        f"webhooks under kills: {counts.deliveries} to arrive, {counts.kills} kills, {counts.repeated} arrived again,"
        f" {len(counts.findings)} findings",
    )
    assert counts.findings == []
    assert counts.kills >= 20


async def test_the_instrument_bites_on_a_delivery_marked_before_it_is_sent(database_url: str) -> None:
    counts = await hooks.run(database_url, 300, seed=2, plant=hooks.MARKED_FIRST)

    assert any("never arrived and is delivered" in found for found in counts.findings)


@pytest.mark.timeout(200)
async def test_ninety_dead_receivers_do_not_delay_ten_good_ones(
    database_url: str, record_property: Callable[[str, object], None]
) -> None:
    alone = await hooks.first_tries(database_url, dead=0, jobs=20, pace=0.25)

    seen = await hooks.first_tries(database_url, dead=90, jobs=40, pace=0.25)

    p50, p99 = seen[len(seen) // 2], seen[int(len(seen) * 0.99)]
    without = alone[int(len(alone) * 0.99)]
    record_property(
        "counts",
        f"first tries beside 90 dead receivers: {len(seen)}, p50 {p50:.3f} s, p99 {p99:.3f} s; without them p99 {without:.3f} s",
    )
    assert p99 < max(
        2, 2 * without
    )  # on a machine so busy that they are late without the dead ones too, not more than twice
