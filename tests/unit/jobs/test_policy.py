"""The content policy: whole words, whatever their case, width or accents."""

from __future__ import annotations

import pytest

from calotype.jobs.policy import ContentPolicy


@pytest.mark.parametrize(
    "prompt", ["a forbidden thing", "Forbidden", "FORBIDDEN!", "forbidd\u00e9n", "\uff46orbidden", "(forbidden)", "a\nforbidden\tb"]
)  # fmt: skip
def test_a_blocked_word_is_found_in_any_dress(prompt: str) -> None:
    assert ContentPolicy(["forbidden"]).refuses({"prompt": prompt})


@pytest.mark.parametrize("prompt", ["unforbidden", "forbiddenly", "for bidden", "a boat", ""])
def test_a_word_that_only_contains_it_is_let_through(prompt: str) -> None:
    assert not ContentPolicy(["forbidden"]).refuses({"prompt": prompt})


def test_the_style_is_read_too() -> None:
    assert ContentPolicy(["forbidden"]).refuses({"prompt": "a boat", "style": "forbidden"})


def test_what_should_be_kept_out_of_the_picture_may_be_named() -> None:
    assert not ContentPolicy(["forbidden"]).refuses({"prompt": "a boat", "negative_prompt": "forbidden"})


def test_several_words_are_one_phrase() -> None:
    policy = ContentPolicy(["two words"])

    assert policy.refuses({"prompt": "Two words here"})
    assert not policy.refuses({"prompt": "two other words"})


@pytest.mark.parametrize("words", [[], [""], ["  "]])
def test_an_empty_list_refuses_nothing(words: list[str]) -> None:
    assert not ContentPolicy(words).refuses({"prompt": "anything"})


def test_a_word_is_no_pattern() -> None:
    assert not ContentPolicy(["a.*b"]).refuses({"prompt": "a long b"})


def test_a_job_without_a_prompt_is_let_through() -> None:
    assert not ContentPolicy(["forbidden"]).refuses({"image": {"asset_id": "x"}})
