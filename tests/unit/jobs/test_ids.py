"""Identifiers."""

from __future__ import annotations

from calotype.jobs.ids import new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    assert (new_id().version, new_id().variant) == (7, "specified in RFC 4122")


def test_ids_made_one_after_another_sort_in_that_order() -> None:
    ids = [new_id() for _ in range(10_000)]

    assert ids == sorted(ids)


def test_no_two_ids_are_the_same() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000
