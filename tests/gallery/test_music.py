"""Of the prompts written before the music engine every score holds what was asked; some are played and measured here.

`make gallery` plays and measures all of them.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import calotype_data
from calotype.engines.music.brief import read_brief
from calotype.engines.music.compose import compose
from calotype.engines.music.lexicon import GENRE_WORDS, INSTRUMENT_WORDS, MOODS
from calotype.engines.music.loudness import loudness
from calotype.engines.music.mix import mix
from calotype.engines.music.sampler import Sampler
from gallery import music_bar as bar

PLAYED = {"m04", "m09", "m13", "m16"}
RANDOM_PROMPTS = 30


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(calotype_data.path("music/instruments.zip"))


@pytest.mark.parametrize("prompt", bar.prompts(), ids=lambda prompt: str(prompt["id"]))
def test_the_score_holds_what_was_asked(prompt: dict[str, object]) -> None:
    brief, score = bar.compose_for(prompt)

    assert bar.faults_of_score(prompt, brief, score) == []


@pytest.mark.parametrize(
    "prompt", [p for p in bar.prompts() if p["id"] in PLAYED], ids=lambda prompt: str(prompt["id"])
)
def test_the_sound_holds_what_was_asked(prompt: dict[str, object], sampler: Sampler) -> None:
    _, score = bar.compose_for(prompt)

    assert bar.faults_of_sound(prompt, score, mix(score, sampler, lambda _done, _total: None).sound) == []


def test_whatever_is_asked_makes_a_sound(sampler: Sampler) -> None:
    rng = Random(44)
    words = [
        *sorted(GENRE_WORDS),
        *sorted(INSTRUMENT_WORDS),
        *sorted(MOODS),
        "castle",
        "of",
        "zebra",
        "夜",
        "in",
        "the",
        "F#",
    ]
    for _ in range(RANDOM_PROMPTS):
        prompt = " ".join(rng.choices(words, k=rng.randint(1, 7)))

        mixed = mix(compose(read_brief(prompt), 5, rng.randrange(2**32)), sampler, lambda _done, _total: None)

        assert np.isfinite(mixed.sound).all(), prompt
        assert loudness(mixed.sound) > -16, prompt
        assert bar.silence(mixed.sound) < 2, prompt
