"""Whatever is called in whatever order, the audit is clean and what was acknowledged stays so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from faults.instruments import planted
from faults.instruments.programs import Programs, Stage, close_stage, open_stage

PROGRAMS = 60
LENGTH = 40


def settings_for(programs: int, *, is_hunt: bool = False) -> settings:
    """Return how hypothesis is to search; in the hunt for a planted bug the first example is enough."""
    return settings(
        max_examples=programs,
        stateful_step_count=LENGTH,
        deadline=None,
        database=None,
        derandomize=is_hunt,
        phases=[Phase.generate] if is_hunt else [Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    opened = open_stage(database_url)
    yield opened
    close_stage(opened)


@pytest.mark.timeout(600)
def test_no_program_of_calls_breaks_an_invariant(stage: Stage, record_property: Callable[[str, object], None]) -> None:
    class Real(Programs): ...

    Real.stage = stage

    run_state_machine_as_test(Real, settings=settings_for(PROGRAMS))

    record_property(
        "counts", f"programs: {PROGRAMS:,} of up to {LENGTH} steps, {Real.acknowledged:,} acknowledged calls"
    )


def test_a_forgotten_refund_is_found(stage: Stage) -> None:
    class Forgetful(Programs): ...

    Forgetful.stage = stage

    with planted.refunds_forgotten(), pytest.raises(AssertionError, match="neither captured nor refunded"):
        run_state_machine_as_test(Forgetful, settings=settings_for(100, is_hunt=True))


def test_without_the_fence_a_sleeper_that_is_listened_to_is_found(stage: Stage) -> None:
    class Sleepless(Programs):
        lifecycle_class = planted.Unfenced

    Sleepless.stage = stage

    with pytest.raises(AssertionError, match="a sleeper"):
        run_state_machine_as_test(Sleepless, settings=settings_for(200, is_hunt=True))
