"""Order inside a lane. Virtual time and seeds: one account with many jobs costs the others no more than its share."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.fairness import REBASE_AT, UNIT, needs_rebase, priority_of, tags_of


@dataclass
class Lane:
    """A lane served by one worker in virtual time, with the very functions that serve the real one."""

    virtual_time: int = 0
    finishes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    waiting: list[tuple[int, int, str, int]] = field(default_factory=list)
    number: int = 0

    def submit(self, account: str, cost: int = 1, weight: int = 1) -> int:
        tags = tags_of(virtual_time=self.virtual_time, last_finish=self.finishes[account], cost=cost, weight=weight)
        self.finishes[account] = tags.finish
        self.number += 1
        heapq.heappush(self.waiting, (tags.start, self.number, account, cost))
        return self.number

    def claim(self) -> tuple[int, str, int]:
        start, number, account, cost = heapq.heappop(self.waiting)
        self.virtual_time = max(self.virtual_time, start)
        return number, account, cost


def test_the_first_job_starts_at_the_lanes_virtual_time() -> None:
    assert tags_of(virtual_time=7_000, last_finish=0).start == 7_000


def test_the_next_job_starts_where_the_accounts_last_one_finishes() -> None:
    assert tags_of(virtual_time=0, last_finish=5_000).start == 5_000


@pytest.mark.parametrize(
    ("cost", "weight", "distance"), [(1, 1, UNIT), (4, 1, 4 * UNIT), (1, 4, UNIT // 4), (1, 10**6, 1)]
)
def test_a_job_takes_its_cost_over_the_accounts_weight(cost: int, weight: int, distance: int) -> None:
    tags = tags_of(virtual_time=0, last_finish=0, cost=cost, weight=weight)

    assert tags.finish - tags.start == distance


@given(st.integers(2, 300), st.integers(0, 2**32 - 1))
def test_an_account_with_many_jobs_delays_anothers_next_job_by_two_of_its_own_at_most(many: int, seed: int) -> None:
    chance = random.Random(seed)
    lane = Lane()
    for _ in range(many):
        lane.submit("greedy")
    for _ in range(chance.randrange(many)):
        lane.claim()
    wanted = lane.submit("modest")

    before = 0
    while lane.claim()[0] != wanted:
        before += 1

    assert before <= 2


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 4)), min_size=1, max_size=200),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5)),
)
def test_two_backlogged_accounts_get_service_by_their_weights_within_a_job_each(
    jobs: list[tuple[str, int]], weights: dict[str, int]
) -> None:
    """The bound of start-time fair queuing: |W_f/r_f - W_g/r_g| <= l_f/r_f + l_g/r_g while both wait."""
    lane = Lane()
    left: dict[str, int] = defaultdict(int)
    for account, cost in jobs:
        lane.submit(account, cost, weights.get(account, 1))
        left[account] += 1
    normal: dict[str, float] = defaultdict(float)
    backlogged = set(left)

    while len(backlogged) > 1:
        _, account, cost = lane.claim()
        normal[account] += cost / weights.get(account, 1)
        left[account] -= 1
        for one in backlogged:
            for other in backlogged:
                most = 4 / weights.get(one, 1) + 4 / weights.get(other, 1)
                assert abs(normal[one] - normal[other]) <= most + 0.01
        backlogged = {name for name in backlogged if left[name]}


@pytest.mark.parametrize("seed", range(20))
def test_beside_a_flood_a_steady_account_is_served_as_if_it_had_half_the_worker_to_itself(seed: int) -> None:
    """Virtual time, one worker. The steady account asks for a third of it, another has 2,000 jobs waiting."""
    beside = waits(seed, every=3, flood=2_000)
    half_to_itself = waits(seed, every=3, flood=0, takes=2)

    assert all(wait <= half + 2 for wait, half in zip(beside, half_to_itself, strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_beside_a_flood_an_occasional_job_waits_no_more_than_twice_as_long_as_alone(seed: int) -> None:
    alone, beside = waits(seed, every=20, flood=0), waits(seed, every=20, flood=2_000)

    assert sum(beside) <= 2 * sum(alone)


def waits(seed: int, *, every: float, flood: int, takes: float = 1) -> list[float]:
    """Return how long each job of the steady account took, waiting and running; a job takes `takes` seconds."""
    chance = random.Random(seed)
    arrivals = list(itertools.accumulate(chance.expovariate(1 / every) for _ in range(100)))
    lane, now = Lane(), 0.0
    for _ in range(flood):
        lane.submit("flood")
    submitted: dict[int, float] = {}
    took: list[float] = []
    while len(took) < len(arrivals):
        while len(submitted) < len(arrivals) and arrivals[len(submitted)] <= now:
            submitted[lane.submit("steady")] = arrivals[len(submitted)]
        if not lane.waiting:
            now = arrivals[len(submitted)]
            continue
        number, account, _ = lane.claim()
        now += takes
        if account == "steady":
            took.append(now - submitted[number])
    return took


def test_an_idle_account_saves_up_no_credit() -> None:
    lane = Lane()
    for _ in range(50):
        lane.submit("busy")
    for _ in range(40):
        lane.claim()
    for _ in range(10):
        lane.submit("idle")

    first_ten = [lane.claim()[1] for _ in range(10)]

    assert first_ten.count("idle") <= 6


@given(st.integers(0, 2**31), st.integers(0, 2**31), st.integers(0, 2**31))
def test_the_lesser_tag_never_has_the_lower_priority(epoch: int, one: int, other: int) -> None:
    low, high = sorted((epoch + one, epoch + other))

    assert priority_of(low, epoch) >= priority_of(high, epoch)


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**62))
def test_a_priority_always_fits_the_queues_32_bits(tag: int, epoch: int) -> None:
    assert -(2**31) <= priority_of(tag, epoch) < 2**31


def test_a_lane_is_rebased_well_before_priorities_run_out() -> None:
    assert needs_rebase(REBASE_AT, 0)
    assert not needs_rebase(REBASE_AT - 1, 0)
    assert priority_of(REBASE_AT, 0) > -(2**31)
