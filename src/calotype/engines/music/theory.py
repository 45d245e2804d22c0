"""Keys, scales and chords as numbers: a pitch class is 0 (C) to 11 (B)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "blues": (0, 3, 4, 5, 7, 9, 10),
}
MINORS = frozenset({"minor", "dorian", "phrygian"})
QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7), "m": (0, 3, 7), "dim": (0, 3, 6), "sus4": (0, 5, 7), "sus2": (0, 2, 7), "5": (0, 7), "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "maj7": (0, 4, 7, 11), "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9), "9": (0, 4, 7, 10, 14), "m9": (0, 3, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14), "7sus4": (0, 5, 7, 10), "13": (0, 4, 10, 14, 21), "7b9": (0, 4, 7, 10, 13),
}  # fmt: skip
_ROMAN = re.compile(r"([b#]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(.*)")
_STEPS = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}


@dataclass(frozen=True)
class Key:
    """A tonic and a mode."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """Return the key's name, such as "F# minor"."""
        return f"{NAMES[self.tonic]} {'major' if self.mode == 'blues' else self.mode}"

    @property
    def is_minor(self) -> bool:
        """Whether its third is minor."""
        return self.mode in MINORS

    @cached_property
    def scale(self) -> frozenset[int]:
        """Return the scale's pitch classes."""
        return frozenset((self.tonic + step) % 12 for step in SCALES[self.mode])


@dataclass(frozen=True)
class Chord:
    """A chord: its root's pitch class, its intervals, and what it is called within the key."""

    root: int
    intervals: tuple[int, ...]
    numeral: str

    @cached_property
    def tones(self) -> tuple[int, ...]:
        """Return its pitch classes, root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    @property
    def has_minor_third(self) -> bool:
        """Whether it is minor."""
        return 3 in self.intervals

    def has(self, pitch: int) -> bool:
        """Whether a key belongs to it."""
        return pitch % 12 in self.tones

    def fifth(self) -> int:
        """Return the pitch class of its fifth, be it altered."""
        return (self.root + next((step for step in self.intervals if step in (6, 7, 8)), 7)) % 12


def read_chord(numeral: str, key: Key) -> Chord:
    """Return the chord that a Roman numeral names: degrees of the major scale, with accidentals; small letters are minor."""
    match = _ROMAN.fullmatch(numeral)
    assert match is not None, f"{numeral} is no chord"
    accidental, roman, suffix = match.groups()
    step = _STEPS[roman.upper()] + {"b": -1, "#": 1, "": 0}[accidental]
    is_small = roman.islower() and not suffix.startswith(("dim", "m7b5", "sus"))
    quality = ("m" if is_small else "") + suffix
    return Chord((key.tonic + step) % 12, QUALITIES[quality], numeral)


def scale_over(key: Key, chord: Chord) -> frozenset[int]:
    """Return the pitch classes that a tune may use over a chord: its own, and those of the key that do not rub against them."""
    foreign = [tone for tone in chord.tones if tone not in key.scale]
    kept = {tone for tone in key.scale if all((tone - other) % 12 not in (1, 11) for other in foreign)}
    return frozenset(kept | set(chord.tones))


def is_harsh(pitch: int, chord: Chord) -> bool:
    """Whether a held note lies a semitone above a chord's tone: the interval that sounds like a mistake."""
    return not chord.has(pitch) and (pitch - 1) % 12 in chord.tones


def nearest(pitch: float, classes: frozenset[int] | tuple[int, ...]) -> int:
    """Return the key nearest to a pitch among some pitch classes."""
    base = round(pitch)
    return min(
        (base + step for step in range(-7, 8) if (base + step) % 12 in classes), key=lambda key: abs(key - pitch)
    )
