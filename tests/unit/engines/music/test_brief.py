"""What is read from a prompt: genre, tempo, key, instruments, and what must not sound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.engines.music.brief import read_brief
from calotype.engines.music.genres import GENRES
from calotype.engines.music.lexicon import GENRE_WORDS, GUITARS, INSTRUMENT_WORDS, ROLES
from calotype.engines.music.theory import Key, read_chord


@pytest.mark.parametrize(
    ("prompt", "genre"),
    [
        ("lo-fi hip hop beat", "lofi"),
        ("hip hop beat", "hiphop"),
        ("an epic orchestral trailer", "cinematic"),
        ("acoustic folk song", "folk"),
        ("a rock ballad", "rock"),
        ("drum and bass", "dnb"),
        ("a waltz", "waltz"),
        ("something happy", "pop"),
        ("sad and slow", "ballad"),
        ("dark and scary", "cinematic"),
        ("", "pop"),
    ],
)
def test_the_genre_is_the_one_named_or_the_one_the_mood_suggests(prompt: str, genre: str) -> None:
    assert read_brief(prompt).genre.name == genre


@pytest.mark.parametrize(
    ("prompt", "tonic", "mode"),
    [
        ("a song in A minor", 9, "minor"),
        ("in F# minor", 6, "minor"),
        ("in Bb major, fast", 10, "major"),
        ("in E flat major", 3, "major"),
        ("key of C", 0, None),
        ("folk with fiddle in G", 7, None),
        ("C sharp minor nocturne", 1, "minor"),
        ("in a minor key", None, "minor"),
        ("in a happy mood", None, None),
        ("A gentle tune", None, None),
        ("D dorian jam", 2, "dorian"),
    ],
)
def test_the_key_is_read_and_an_article_is_none(prompt: str, tonic: int | None, mode: str | None) -> None:
    brief = read_brief(prompt)

    assert (brief.tonic, brief.mode) == (tonic, mode)


@pytest.mark.parametrize(("prompt", "tempo"), [("at 128 bpm", 128), ("92BPM", 92), ("999 bpm", 220), ("in 1999", None)])
def test_a_tempo_in_figures_is_taken_within_limits(prompt: str, tempo: float | None) -> None:
    assert read_brief(prompt).tempo == tempo


def test_what_is_refused_is_not_also_asked_for() -> None:
    brief = read_brief("jazz with piano, no saxophone and no drums")

    assert brief.instruments == ("piano",)
    assert brief.excluded == {"saxophone", "drums"}
    assert not brief.has_drums


def test_a_guitar_is_the_genres_own() -> None:
    assert read_brief("rock guitar").instruments == ("overdriven guitar",)
    assert read_brief("folk guitar").instruments == ("acoustic guitar",)


def test_every_word_of_the_lexicon_leads_somewhere() -> None:
    assert set(GENRE_WORDS.values()) <= set(GENRES)
    assert set(INSTRUMENT_WORDS.values()) - {"", "drums", "guitar"} <= set(ROLES)
    assert set(GUITARS.values()) <= set(ROLES)


@pytest.mark.parametrize("genre", GENRES.values(), ids=lambda genre: genre.name)
def test_every_genre_has_patterns_that_fill_a_bar_and_chords_that_can_be_read(genre: object) -> None:
    table = GENRES[genre.name]  # type: ignore[attr-defined]
    by_rule = {"arp", "alberti", "walk", "boogie"}
    rows = [*table.comp, *table.bass, *(row for drums in table.drums for row in drums.values())]

    assert all(len(row) == 4 * table.metre for row in rows if row not in by_rule)
    for themes in (table.themes, table.other_themes):
        for progression in (one for options in themes.values() for one in options):
            assert all(
                read_chord(name, Key(0, "major")).tones for bar in progression.split() for name in bar.split("-")
            )


@given(st.text(max_size=300))
def test_any_text_is_a_brief(prompt: str) -> None:
    assert read_brief(prompt).genre.name in GENRES
