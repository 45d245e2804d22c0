from __future__ import annotations

import pytest

from calotype.engines.product.wording import with_references


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("the coffee cup on a table", "REF on a table"),
        ("a photo of this motorcycle in the desert", "REF in the desert"),
        ("Create a product shot of a red shoe with flowers", "REF with flowers"),
        ("place it on a beach", "REF on a beach"),
        ("my cat, asleep", "REF , asleep"),
        ("on a picnic blanket in a park", "REF on a picnic blanket in a park"),
        ("a rocket on a beach", "REF on a beach"),
    ],
)
def test_what_a_prompt_calls_the_subject_is_the_reference(prompt: str, read: str) -> None:
    assert _read(prompt) == read


@pytest.mark.parametrize("prompt", ["a beach at sunset", "white studio background", "three palm trees by the sea"])
def test_a_place_or_several_things_are_not_the_subject(prompt: str) -> None:
    assert _read(prompt) == prompt


def test_a_product_named_later_is_the_subject() -> None:
    assert _read("two palm trees beside the product") == "two palm trees beside REF "


def _read(prompt: str) -> str:
    text = with_references(
        prompt, "REF", lambda phrase: any(word in phrase for word in ("beach", "background", "trees"))
    )
    return " ".join(text.split(" ")).replace("REF  ", "REF ")
