"""What a score promises: exactly as long as asked, in its key, in range, with an end that ends; the same for the same seed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calotype.engines.music.brief import read_brief
from calotype.engines.music.compose import Words, compose
from calotype.engines.music.genres import GENRES
from calotype.engines.music.harmony import chord_at
from calotype.engines.music.players import LEAD_RANGE, RANGES
from calotype.engines.music.score import Score
from calotype.engines.music.theory import is_harsh

EACH_GENRE = pytest.mark.parametrize("genre", sorted(GENRES))


def score_of(prompt: str, duration: float = 40, seed: int = 5, syllables: tuple[int, ...] = ()) -> Score:
    return compose(read_brief(prompt), duration, seed, Words(syllables))


@EACH_GENRE
def test_the_bars_and_the_last_chord_fill_the_length(genre: str) -> None:
    score = score_of(genre)
    end = score.timing.seconds(score.timing.bars * score.timing.metre)

    assert sum(section.bars for section in score.sections) == score.timing.bars
    assert 1.5 <= 40 - end <= 3 * score.timing.bar + 5
    assert [section.start for section in score.sections] == list(
        itertools.accumulate((section.bars for section in score.sections[:-1]), initial=0)
    )


@EACH_GENRE
def test_no_bar_is_empty_and_no_note_is_stuck(genre: str) -> None:
    score = score_of(genre, 60)
    metre, last = score.timing.metre, score.timing.bars * score.timing.metre
    notes = [note for part in score.parts for note in part.notes]

    for bar in range(score.timing.bars):
        assert any(note.start < (bar + 1) * metre and note.start + note.length > bar * metre for note in notes), bar
    assert all(note.length <= 4 * metre + 0.5 for note in notes if note.start < last - 0.1)
    assert all(0 <= note.start <= last + 0.01 for note in notes)
    assert all(20 <= note.pitch <= 110 and 1 <= note.velocity <= 127 for note in notes)


@EACH_GENRE
def test_the_tune_stays_in_range_moves_and_agrees_with_its_chords(genre: str) -> None:
    score = score_of(genre, 60)
    lead = score.part("lead")
    assert lead is not None
    low, high = RANGES.get(lead.instrument, LEAD_RANGE)
    long = [note for note in lead.notes if note.length >= 0.9]
    repeated = sum(first.pitch == second.pitch for first, second in itertools.pairwise(lead.notes))

    assert all(low <= note.pitch <= high for note in lead.notes)
    assert len({note.pitch for note in lead.notes}) >= 4
    assert repeated <= 0.3 * len(lead.notes)
    assert sum(is_harsh(note.pitch, chord_at(score.chords, note.start + 0.1)) for note in long) <= 0.1 * len(long) + 1


@EACH_GENRE
def test_it_ends_on_the_tonic(genre: str) -> None:
    score = score_of(genre)
    last = score.timing.bars * score.timing.metre
    bass = score.part("bass")

    assert score.chords[-1][2].root == score.key.tonic
    if bass is not None:
        assert {note.pitch % 12 for note in bass.notes if note.start >= last - 0.01} == {score.key.tonic}


def test_the_same_seed_is_the_same_score_and_another_is_not() -> None:
    first, again, other = (score_of("a pop song", seed=seed) for seed in (1, 1, 2))

    assert first.parts == again.parts
    assert first.parts != other.parts


def test_a_theme_comes_back_as_itself() -> None:
    score = score_of("a pop song at 120 bpm", 120, seed=3)
    first, second = [section for section in score.sections if section.theme == "b" and section.bars == 8][:2]

    chords = [
        [chord.numeral for start, _, chord in score.chords if section.start * 4 <= start < (section.start + 7) * 4]
        for section in (first, second)
    ]
    assert chords[0] == chords[1]


@pytest.mark.parametrize("bpm", [60, 93, 128, 174])
def test_a_tempo_that_was_named_is_kept_exactly(bpm: int) -> None:
    assert score_of(f"techno at {bpm} bpm", 33).timing.tempo == bpm


def test_instruments_asked_for_play_and_others_refused_do_not() -> None:
    score = score_of("pop with harp, cello and oboe, no drums, no bass, no piano", 45)
    playing = {part.instrument for part in score.parts}

    assert {"harp", "cello", "oboe"} <= playing
    assert not {"piano", "bass", "double bass", "synth bass"} & playing
    assert score.part("drums") is None


def test_a_solo_is_one_instrument() -> None:
    assert {part.instrument for part in score_of("solo piano, calm").parts} == {"piano"}
    assert {part.instrument for part in score_of("solo violin, sad").parts} == {"violin"}


def test_with_words_a_voice_sings_a_note_a_syllable() -> None:
    score = score_of("a folk song", 40, syllables=(5, 7))
    lead = score.part("lead")

    assert lead is not None
    assert lead.instrument == "voices"


@settings(max_examples=60, deadline=None)
@given(
    genre=st.sampled_from(sorted(GENRES)),
    mood=st.sampled_from(["happy", "sad", "dark", "calm", "angry", "in 3/4"]),
    duration=st.floats(5, 300),
    seed=st.integers(0, 2**32 - 1),
    bpm=st.none() | st.integers(40, 220),
)
def test_every_brief_can_be_composed(genre: str, mood: str, duration: float, seed: int, bpm: int | None) -> None:
    score = score_of(f"{mood} {genre}" + (f" at {bpm} bpm" if bpm else ""), duration, seed)

    assert score.parts
    assert score.timing.seconds(score.timing.bars * score.timing.metre) < duration + 0.01
