"""What the prompt reader understands."""

from __future__ import annotations

import time

import pytest

from calotype.engines.drawing.art import Library
from calotype.engines.drawing.prompt import MOST_MENTIONS, read_prompt
from calotype.engines.drawing.reading import Reading


def named(reading: Reading) -> list[tuple[str, int, str | None]]:
    return [(mention.drawing.label, mention.count, mention.colour) for mention in reading.mentions]


def related(reading: Reading) -> list[tuple[str, str, str]]:
    labels = [mention.drawing.label for mention in reading.mentions]
    return [(labels[one.subject], one.kind, labels[one.object]) for one in reading.relations]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a green car", [("automobile", 1, "green")]),
        ("three blue cars", [("automobile", 3, "blue")]),
        ("6 dogs", [("dog", 6, None)]),
        ("a couple of red apples", [("red apple", 2, "red")]),
        ("a dark blue bus and a white horse", [("bus", 1, "blue"), ("horse", 1, "white")]),
        ("a hot air balloon", [("hot air balloon", 1, None)]),
        ("a chocolate cake", [("birthday cake", 1, None)]),
        ("an orange", [("tangerine", 1, None)]),
        ("an orange tractor", [("tractor", 1, "orange")]),
        ("mice", [("mouse", 3, None)]),
    ],
)
def test_a_noun_phrase_gives_a_thing_its_count_and_its_colour(
    library: Library, text: str, expected: list[tuple[str, int, str | None]]
) -> None:
    assert named(read_prompt(text, library)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat on a chair", [("cat", "on", "chair")]),
        ("an owl to the left of a robot", [("owl", "left_of", "robot")]),
        ("a bench with a bird on it", [("bird", "on", "bench")]),
        ("a house, to the right of it a tree", [("deciduous tree", "right_of", "house")]),
        ("a dog and a cat on a sofa", [("dog", "on", "couch and lamp"), ("cat", "on", "couch and lamp")]),
        ("a bear wearing a crown", [("bear", "wears", "crown")]),
        ("a horse jumping over a fence", [("horse", "leaps", "fence")]),
        ("a girl in a red dress", [("girl", "wears", "dress")]),
        ("a boy wearing a shirt and a cap", [("boy", "wears", "t-shirt"), ("boy", "wears", "billed cap")]),
        ("a bowl of cherries", [("cherries", "in", "bowl")]),
        ("an apple on a plate", [("red apple", "on", "plate")]),
        ("a child on a swing under a tree", [("child", "on", "swing"), ("swing", "under", "deciduous tree")]),
        ("a goat under a tree next to a barn", [("goat", "under", "deciduous tree"), ("goat", "next_to", "barn")]),
    ],
)
def test_a_preposition_relates_what_stands_around_it(
    library: Library, text: str, expected: list[tuple[str, str, str]]
) -> None:
    assert related(read_prompt(text, library)) == expected


@pytest.mark.parametrize(
    ("text", "scenes"),
    [
        ("a boat on the sea at sunset", ["sea", "sunset"]),
        ("a taxi downtown by night", ["city", "night"]),
        ("a whale under the sea", ["underwater"]),
        ("a snowy forest", ["snow", "forest"]),
    ],
)
def test_scene_phrases_set_the_scene_and_name_no_thing(library: Library, text: str, scenes: list[str]) -> None:
    assert read_prompt(text, library).scenes == scenes


@pytest.mark.parametrize(
    "view", ["top view of", "side view of", "a close-up of", "high quality, 4k, detailed photo of"]
)
def test_how_a_picture_is_taken_names_no_thing(library: Library, view: str) -> None:
    assert named(read_prompt(f"{view} a pizza", library)) == [("pizza", 1, None)]


def test_leaves_give_their_tree_its_colour(library: Library) -> None:
    assert named(read_prompt("a tree with orange leaves", library)) == [("deciduous tree", 1, "orange")]


def test_a_word_that_is_also_an_adverb_names_a_thing_only_after_an_article(library: Library) -> None:
    assert named(read_prompt("a dog, well drawn", library)) == [("dog", 1, None)]
    assert named(read_prompt("a dog next to a well", library))[1][0] == "well"


@pytest.mark.parametrize(
    ("text", "background"),
    [
        ("a key on a plain red background", "red"),
        ("a key, white background", "white"),
        ("a key against a solid light blue backdrop", "blue"),
        ("a key", None),
    ],
)
def test_a_background_phrase_names_its_colour(library: Library, text: str, background: str | None) -> None:
    assert read_prompt(text, library).background == background


def test_the_style_field_speaks_before_the_prompt(library: Library) -> None:
    assert read_prompt("a cartoon dog", library, style="3d render").style == "3d"


def test_a_style_it_does_not_know_is_said_not_to_be_understood(library: Library) -> None:
    assert "ukiyo-e" in read_prompt("a dog", library, style="ukiyo-e").unknown


def test_what_the_negative_prompt_names_stays_away(library: Library) -> None:
    reading = read_prompt("a dog and a cat at night", library, negative="cats, night")

    assert named(reading) == [("dog", 1, None)]
    assert reading.scenes == []


@pytest.mark.parametrize("text", ["a beach with no dogs", "a beach without any dog"])
def test_what_the_prompt_itself_denies_stays_away(library: Library, text: str) -> None:
    assert read_prompt(text, library).mentions == []


def test_what_a_picture_is_for_is_not_drawn(library: Library) -> None:
    assert named(read_prompt("a rocket for my son's bedroom wall", library)) == [("rocket", 1, None)]


@pytest.mark.parametrize(
    "text",
    ["the weight of unspoken things", "qwxz blorf", "entropy", "why not", "a strategy meeting", "liberty and justice"],
)
def test_nonsense_and_abstract_words_are_not_illustrated(library: Library, text: str) -> None:
    assert read_prompt(text, library).mentions == []


def test_a_word_that_is_no_label_finds_the_drawing_nearest_in_meaning(library: Library) -> None:
    assert [mention.drawing.group for mention in read_prompt("a sousaphone", library).mentions] in (
        [],
        ["musical-instrument"],
    )
    assert named(read_prompt("a feline", library)) == [("cat", 1, None)]


@pytest.mark.parametrize(
    "text",
    [
        "a dog " * 1_666,
        "x" * 10_000,
        "🐶🦊" * 5_000,
        "كلب أحمر على شاطئ " * 500,
        "\u202e\u200b\x07\x1b[31m" * 1_000,
        "?!.,;:" * 1_600,
        "on " * 3_000,
        "of the left to the right of " * 350,
        "1 2 3 4 " * 1_200,
        "no " * 3_000,
        "(((((" * 2_000,
        "\uff41\u3000\uff44\uff4f\uff47",
        "'",
        "-",
    ],
)
def test_hostile_prompts_are_read_quickly_and_never_raise(library: Library, text: str) -> None:
    started = time.perf_counter()

    reading = read_prompt(text[:10_000], library)

    assert time.perf_counter() - started < 1.0
    assert len(reading.mentions) <= MOST_MENTIONS
