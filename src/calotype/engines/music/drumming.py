"""Drums: the genre's patterns, thinner or fuller with the section's intensity, a fill before each new section."""

from __future__ import annotations

from random import Random

from calotype.engines.music.genres import Drums, Genre
from calotype.engines.music.score import Note, Section

STEP = 0.25
KEYS = {
    "kick": 36, "stick": 37, "snare": 38, "clap": 39, "hat": 42, "foot": 44, "open": 46, "crash": 49, "ride": 51,
    "tambourine": 54, "cowbell": 56, "cymbal": 57, "conga": 63, "shaker": 70, "tom": 43,
}  # fmt: skip
LEVELS = {"x": 84, "X": 108, "o": 52}
QUIETER = {
    "hat": 0.72, "shaker": 0.5, "ride": 0.68, "foot": 0.6, "tambourine": 0.6, "open": 0.66, "cowbell": 0.5, "conga": 0.8,
    "crash": 0.8, "cymbal": 0.6,
}  # fmt: skip
LENGTHS = {"open": 0.4}
TOMS = (48, 47, 45, 43, 41)
LIGHT = frozenset({"kick", "hat", "stick", "shaker", "ride", "foot"})
LIGHT_BELOW, FULL_FROM = 0.5, 0.75
PLAIN = {
    4: {"kick": "x.......x.......", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
    3: {"kick": "x...........", "stick": "....x...x...", "hat": "x...x...x..."},
}


def drum(genre: Genre, metre: int, section: Section, *, is_followed: bool, opens: bool, rng: Random) -> list[Note]:
    """Return a section's strokes; `opens` says that a crash marks its first beat."""
    patterns = [one for one in genre.drums if len(one["kick"]) == 4 * metre] or [PLAIN[metre]]
    pattern = patterns[-1] if section.intensity >= FULL_FROM else patterns[0]
    if section.intensity < LIGHT_BELOW:
        pattern = {name: row for name, row in pattern.items() if name in LIGHT}
    notes: list[Note] = []
    for bar in range(section.bars):
        start = (section.start + bar) * metre
        fills = is_followed and bar == section.bars - 1 and section.intensity >= 0.4
        small = section.bars >= 8 and bar % 4 == 3 and not fills and rng.random() < 0.4
        cut = _fill_length(genre, metre) if fills else 0.5 if small and genre.fill in ("toms", "snare") else 0.0
        notes += _bar(pattern, start, metre - cut, rng)
        if cut:
            notes += _fill(genre, start + metre - cut, cut, rng)
    if opens and section.intensity >= 0.6 and genre.fill != "none":
        notes.append(Note(section.start * metre, 2.0, KEYS["crash"], 88))
    return notes


def build_up(section: Section, metre: int) -> list[Note]:
    """Return a snare roll that grows and doubles over a section's last bars: what leads to a drop."""
    bars = min(4, section.bars)
    start = (section.start + section.bars - bars) * metre
    notes = []
    for bar in range(bars):
        step = 1.0 if bar < bars - 2 else 0.5 if bar == bars - 2 else 0.25
        for number in range(round(metre / step)):
            share = (bar * metre + number * step) / (bars * metre)
            notes.append(Note(start + bar * metre + number * step, step, KEYS["snare"], round(48 + 52 * share)))
    return notes


def last_stroke(genre: Genre, beat: float) -> list[Note]:
    """Return what ends the piece."""
    if genre.fill in ("none", "soft"):
        return [Note(beat, 2.0, KEYS["kick"], 60)]
    return [Note(beat, 2.0, KEYS["crash"], 96), Note(beat, 1.0, KEYS["kick"], 100)]


def _bar(pattern: Drums, start: float, until: float, rng: Random) -> list[Note]:
    notes = []
    for name, row in pattern.items():
        for place, mark in enumerate(row):
            if mark == "." or place * STEP >= until - 1e-6:
                continue
            if mark == "o" and rng.random() < 0.12:
                continue
            velocity = round(LEVELS[mark] * QUIETER.get(name, 1.0))
            notes.append(Note(start + place * STEP, LENGTHS.get(name, 0.2), KEYS[name], velocity))
    return notes


def _fill_length(genre: Genre, metre: int) -> float:
    return (
        {"toms": 2.0, "snare": 1.0, "soft": 1.0, "roll": 1.0}.get(genre.fill, 0.0)
        if metre == 4
        else 1.0 * (genre.fill != "none")
    )


def _fill(genre: Genre, start: float, length: float, rng: Random) -> list[Note]:
    """Return sixteenths: down the toms, on the snare, or a few soft taps."""
    count = round(length / STEP)
    notes = []
    for number in range(count):
        share = number / max(1, count - 1)
        if genre.fill == "soft":
            if number % 2 == 0 or rng.random() < 0.3:
                notes.append(Note(start + number * STEP, 0.2, KEYS["snare"], round(40 + 25 * share)))
            continue
        key = TOMS[min(len(TOMS) - 1, int(share * len(TOMS)))] if genre.fill == "toms" else KEYS["snare"]
        if genre.fill == "toms" and number < count // 4:
            key = KEYS["snare"]
        notes.append(Note(start + number * STEP, 0.2, key, round(76 + 30 * share)))
    return notes
