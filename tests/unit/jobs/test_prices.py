"""What jobs cost: which price holds, how many units a job has, and whole credits at the end."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.jobs.kinds import Kind
from calotype.jobs.prices import DEFAULTS, FLAT, MOST_CREDITS, File, Price, PriceList, Unit, cost_of, needs_files

ASSET = {"asset_id": "0198c0de-0000-7000-8000-000000000001"}


def price(each: str, unit: Unit = Unit.OUTPUT, least: int = 0) -> Price:
    return Price(Decimal(each), unit, least)


def cost(asked: Price, kind: Kind = Kind.IMAGE, files: Sequence[File] = (), **given: Any) -> int:
    return cost_of(asked, kind, {"prompt": "a boat"} | given if kind is Kind.IMAGE else given, files)


# --- which price holds ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_price_out_of_the_box(kind: Kind) -> None:
    assert PriceList().of(kind, "any").credits > 0


def test_a_kind_that_nobody_has_priced_costs_the_flat_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(DEFAULTS, "image")

    assert PriceList().of(Kind.IMAGE, "any") == FLAT
    assert PriceList(flat=price("9")).of(Kind.IMAGE, "any") == price("9")


PRICES = {"vendor/image": "5", "vendor": "4", "own/image": "3", "own": "2"}


@pytest.mark.parametrize(
    ("models", "held"),
    [
        (PRICES, "5"),
        ({"vendor": "4", "own/image": "3", "own": "2"}, "4"),
        ({"own/image": "3", "own": "2"}, "3"),
        ({"own": "2"}, "2"),
        ({"own/upscale": "2"}, "7"),
        ({}, "7"),
    ],
)
def test_the_name_the_caller_used_goes_before_the_model_and_the_model_before_the_kind(
    models: dict[str, str], held: str
) -> None:
    prices = PriceList({name: price(each) for name, each in models.items()}, {"image": price("7")})

    assert prices.of(Kind.IMAGE, "own", "vendor") == price(held)


def test_without_another_name_the_models_own_holds() -> None:
    assert PriceList({"own": price("2")}).of(Kind.IMAGE, "own") == price("2")


# --- how many units ------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "paid"), [({}, 3), ({"count": 1}, 3), ({"count": 4}, 12)])
def test_each_output_asked_for_is_paid(given: dict[str, Any], paid: int) -> None:
    assert cost(price("3"), **given) == paid


def test_a_flat_price_is_for_the_job() -> None:
    assert cost(price("3", Unit.JOB), count=4) == 3


@pytest.mark.parametrize(
    ("given", "paid"),
    [
        ({"width": 2000, "height": 1000}, 2),
        ({"width": 2000, "height": 1000, "count": 2}, 4),
        ({"width": 1000, "height": 1000}, 1),
        ({"width": 1001, "height": 1000}, 2),
        ({}, 2),
        ({"aspect_ratio": "16:9"}, 2),
    ],
)
def test_a_megapixel_is_a_million_pixels_of_an_output(given: dict[str, Any], paid: int) -> None:
    assert cost(price("1", Unit.MEGAPIXEL), **given) == paid


@pytest.mark.parametrize(
    ("given", "paid"),
    [({"scale": 2}, 8), ({"scale": 4}, 32), ({"target": "4K"}, 9), ({"target": "1K"}, 1), ({"target": "720p"}, 2)],
)
def test_an_enlargement_is_paid_by_what_comes_out(given: dict[str, Any], paid: int) -> None:
    picture = File(2000, 1000)

    assert cost(price("1", Unit.MEGAPIXEL), Kind.UPSCALE, [picture], image=ASSET, **given) == paid


def test_an_edit_is_as_large_as_its_first_picture() -> None:
    files = [File(duration=3.0), File(3000, 1000), File(10, 10)]

    assert cost(price("1", Unit.MEGAPIXEL), Kind.UPSCALE, files, image=ASSET) == 3


@pytest.mark.parametrize("given", [{}, {"scale": 1}])
def test_what_nobody_knows_counts_as_one_megapixel(given: dict[str, Any]) -> None:
    assert cost(price("1", Unit.MEGAPIXEL), Kind.UPSCALE, image=ASSET, **given) == 1


@pytest.mark.parametrize(
    ("given", "files", "paid"),
    [
        ({"duration": 5}, [], 10),
        ({"duration": 2.2}, [], 5),
        ({"duration": 5, "count": 4}, [], 40),
        ({"duration": 5}, [File(duration=60.0)], 10),
        ({}, [File(8, 8), File(duration=6.0), File(duration=2.0)], 12),
        ({}, [], 2),
        ({"duration": "auto"}, [], 2),
    ],
)
def test_a_second_is_one_of_an_output(given: dict[str, Any], files: list[File], paid: int) -> None:
    assert cost(price("2", Unit.SECOND), files=files, **given) == paid


# --- whole credits -------------------------------------------------------------------------------


@pytest.mark.parametrize(("each", "count", "paid"), [("0.1", 1, 1), ("0.1", 4, 1), ("0.3", 4, 2), ("0", 4, 0)])
def test_parts_of_credits_are_rounded_up_once_for_the_whole_job(each: str, count: int, paid: int) -> None:
    assert cost(price(each), count=count) == paid


def test_a_price_may_ask_for_something_at_the_least() -> None:
    assert cost(price("0.1", Unit.SECOND, least=5), duration=3) == 5


@given(st.decimals(0, 10**9, places=3), st.sampled_from(Unit), st.integers(1, 4), st.floats(0.001, 10**9))
def test_a_price_is_a_whole_number_that_can_be_stored(each: Decimal, unit: Unit, count: int, duration: float) -> None:
    paid = cost(Price(each, unit), count=count, duration=duration) if unit is not Unit.MEGAPIXEL else 0

    assert 0 <= paid <= MOST_CREDITS


@pytest.mark.parametrize(
    ("unit", "is_needed"), [(Unit.JOB, False), (Unit.OUTPUT, False), (Unit.MEGAPIXEL, True), (Unit.SECOND, True)]
)
def test_input_files_are_looked_at_only_where_they_may_change_the_price(unit: Unit, is_needed: bool) -> None:
    assert needs_files(price("1", unit)) is is_needed
