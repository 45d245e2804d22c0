"""Music from words."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, model_validator

from calotype.jobs.fields import Input, Prompt, Seed, Text

SHORTEST, LONGEST = 5.0, 300.0
DEFAULT_DURATION = 45.0
MOST_VARIATIONS = 3

_SECONDS = re.compile(r"\b([0-9]{1,3})(?:[ -]?(?:seconds?|secs?)|[ -]s)\b", re.IGNORECASE)
_MINUTES = re.compile(r"\b([0-9](?:\.[0-9])?|one|two|three|four|five|half an?|an?)[ -]minutes?\b", re.IGNORECASE)
_NUMBERS = {
    "one": 1.0,
    "a": 1.0,
    "an": 1.0,
    "half a": 0.5,
    "half an": 0.5,
    "two": 2.0,
    "three": 3.0,
    "four": 4.0,
    "five": 5.0,
}


class MusicInput(Input):
    """Music from words: mood, genre, tempo, key, instruments, length and form are read from the prompt.

    `duration` is in seconds; without it the prompt's own ("two minutes") counts, else 45. With `lyrics` a sampled voice carries the
    tune in their rhythm, a note a syllable: it does not pronounce them. `instrumental` leaves every voice out.
    """

    prompt: Prompt
    duration: Annotated[float, Field(ge=SHORTEST, le=LONGEST, allow_inf_nan=False)] = DEFAULT_DURATION
    lyrics: Annotated[Text, Field(max_length=5_000)] | None = None
    title: Annotated[Text, Field(max_length=120)] | None = None
    instrumental: bool = False
    count: Annotated[int, Field(ge=1, le=MOST_VARIATIONS)] = 1
    seed: Seed | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_long_as_its_words_say(cls, given: Any) -> Any:
        """Take the length from the prompt when it stands there and nowhere else: it decides the price."""
        if isinstance(given, dict) and given.get("duration") is None and isinstance(given.get("prompt"), str):
            kept = {name: value for name, value in given.items() if name != "duration"}
            said = length_in(given["prompt"])
            return kept if said is None else {**kept, "duration": said}
        return given


def length_in(prompt: str) -> float | None:
    """Return the length in seconds that a prompt names, brought within the limits; None when it names none."""
    if match := _SECONDS.search(prompt):
        said = float(match[1])
    elif match := _MINUTES.search(prompt):
        said = 60 * (_NUMBERS.get(match[1].lower()) or float(match[1]))
    else:
        return None
    return min(LONGEST, max(SHORTEST, said))
