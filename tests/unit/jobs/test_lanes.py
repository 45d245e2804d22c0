"""Which lane a worker serves next: warm within a bound, then whoever has waited longest; no lane starves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.lanes import LaneView, Residency, WarmBound, lane_name, order_of

BOUND = WarmBound(jobs=3, seconds=60)
LANES = st.lists(
    st.builds(LaneView, st.integers(1, 9), st.sampled_from("abcdef"), st.floats(0, 1e6)),
    max_size=6,
    unique_by=(lambda lane: lane.lane_id, lambda lane: lane.model),
)
RESIDENCIES = st.builds(Residency, st.none() | st.sampled_from("abcdef"), st.integers(0, 20), st.floats(0, 200))


def served(lanes: list[LaneView], residency: Residency) -> list[str]:
    return [lane.model for lane in order_of(lanes, residency, BOUND)]


def test_the_loaded_model_is_served_first() -> None:
    assert served([LaneView(1, "a", 50), LaneView(2, "b", 1)], Residency("b", 2, 10)) == ["b", "a"]


def test_after_its_share_of_jobs_the_loaded_model_comes_last() -> None:
    assert served([LaneView(1, "a", 1), LaneView(2, "b", 50)], Residency("b", 3, 10)) == ["a", "b"]


def test_after_its_share_of_time_the_loaded_model_comes_last() -> None:
    assert served([LaneView(1, "a", 1), LaneView(2, "b", 50)], Residency("b", 1, 60)) == ["a", "b"]


def test_alone_the_loaded_model_goes_on_for_ever() -> None:
    assert served([LaneView(2, "b", 1)], Residency("b", 1_000, 10_000)) == ["b"]


def test_without_a_loaded_model_the_longest_wait_is_served_first() -> None:
    assert served([LaneView(1, "a", 1), LaneView(2, "b", 50), LaneView(3, "c", 7)], Residency()) == ["b", "c", "a"]


def test_equal_waits_are_served_in_a_fixed_order() -> None:
    assert served([LaneView(2, "b", 5), LaneView(1, "a", 5)], Residency()) == ["a", "b"]


@given(LANES, RESIDENCIES)
def test_no_lane_is_lost_and_none_is_named_twice(lanes: list[LaneView], residency: Residency) -> None:
    assert sorted(served(lanes, residency)) == sorted(lane.model for lane in lanes)


@given(LANES, RESIDENCIES)
def test_the_others_stand_by_how_long_they_have_waited(lanes: list[LaneView], residency: Residency) -> None:
    others = [lane.waited for lane in order_of(lanes, residency, BOUND) if lane.model != residency.model]

    assert others == sorted(others, reverse=True)


@given(st.integers(2, 6), st.lists(st.floats(0.1, 100), min_size=60, max_size=60), st.integers(0, 5))
def test_no_lane_waits_longer_than_one_bounded_turn_of_every_other(
    count: int, seconds: list[float], loaded: int
) -> None:
    """Virtual time: every lane always has work; between two services of a lane each other one is served at most its bound."""
    models = [f"m{number}" for number in range(count)]
    waiting_since = dict.fromkeys(models, 0.0)
    residency, now = Residency(models[loaded % count]), 0.0
    jobs_since = dict.fromkeys(models, 0)
    for took in seconds:
        lanes = [LaneView(number, model, now - waiting_since[model]) for number, model in enumerate(models)]
        chosen = order_of(lanes, residency, BOUND)[0].model
        is_same = chosen == residency.model
        residency = Residency(
            chosen, residency.streak + 1 if is_same else 1, residency.seconds + took if is_same else took
        )
        now += took
        waiting_since[chosen] = now
        jobs_since = {model: 0 if model == chosen else jobs_since[model] + 1 for model in models}

        # one turn of each other lane: its bound of jobs
        assert max(jobs_since.values()) <= BOUND.jobs * (count - 1) + 1


@given(st.integers(1, 2**31 - 1))
def test_a_lane_name_is_short_enough_for_a_notify_channel(lane_id: int) -> None:
    assert len(f"procrastinate_queue_v1#{lane_name(lane_id)}".encode()) < 63
