"""Harmony: the progression of each theme, the cadence at the end, and chords voiced so that each voice moves little."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random

from calotype.engines.music.genres import MAJOR, MINOR, Genre, Themes
from calotype.engines.music.score import Section, Timing
from calotype.engines.music.theory import MINORS, Chord, Key, read_chord

Chords = tuple[tuple[float, float, Chord], ...]
Voicing = tuple[int, ...]

CENTRE = {"close": 62, "rootless": 62, "wide": 60, "guitar": 57, "power": 45, "pad": 64}
CADENCES = {"rock": "bVII", "metal": "bVII", "techno": "bVII", "trance": "bVII", "house": "bVII", "ambient": "IVmaj7"}
PLAIN_FINALS = frozenset(
    {"waltz", "march", "classical", "orchestral", "lullaby", "folk", "country", "rock", "metal", "punk", "cinematic"}
)
MOST_VOICES = 4


def themes_of(genre: Genre, key: Key) -> Themes:
    """Return the genre's progressions for the key's mode."""
    if key.is_minor == (genre.mode in MINORS):
        return genre.themes
    return genre.other_themes or (MINOR if key.is_minor else MAJOR)


def harmonise(genre: Genre, key: Key, timing: Timing, sections: Sequence[Section], rng: Random) -> Chords:
    """Return the chords of the whole piece, the last one, on the tonic, ringing to the end."""
    table = themes_of(genre, key)
    chosen = {theme: rng.choice(table.get(theme) or table["a"]).split() for theme in "abc"}
    bars: list[str] = []
    for section in sections:
        progression = chosen[section.theme]
        bars += [progression[bar % len(progression)] for bar in range(section.bars)]
    if len(bars) > 1:
        bars[-1] = _cadence(genre, key)
    chords: list[tuple[float, float, Chord]] = []
    for number, names in enumerate(bars):
        parts = names.split("-")
        length = timing.metre / len(parts)
        for place, name in enumerate(parts):
            chords.append((number * timing.metre + place * length, length, read_chord(name, key)))
    ring = (timing.duration - timing.seconds(timing.bars * timing.metre)) / timing.beat
    chords.append((float(timing.bars * timing.metre), max(1.0, ring), read_chord(_final(genre, key, chosen["a"]), key)))
    return tuple(chords)


def chord_at(chords: Chords, beat: float) -> Chord:
    """Return the chord that sounds at a beat."""
    found = chords[0][2]
    for start, _, chord in chords:
        if start > beat + 1e-6:
            break
        found = chord
    return found


def voice(chord: Chord, style: str, before: Voicing | None, centre: int | None = None) -> Voicing:
    """Return the chord's keys, low to high: the way of stacking it that moves least from the chord before."""
    middle = CENTRE[style] if centre is None else centre
    if style == "power":
        root = middle - 6 + (chord.root - (middle - 6)) % 12
        return (root, root + (chord.fifth() - chord.root) % 12, root + 12)
    options = [_styled(stack, style) for stack in _stacks(_voices(chord, style), middle)]
    return min(
        options, key=lambda option: (_movement(option, before) + 0.6 * abs(sum(option) / len(option) - middle), option)
    )


def _voices(chord: Chord, style: str) -> tuple[int, ...]:
    """Return which tones are played: of a rich chord the fifth, and the root where the bass has it, are left out."""
    tones = list(dict.fromkeys(chord.tones))
    if len(tones) > MOST_VOICES or (style == "rootless" and len(tones) >= MOST_VOICES):
        if style == "rootless":
            tones.remove(chord.root)
        elif chord.fifth() in tones:
            tones.remove(chord.fifth())
    return tuple(tones[:MOST_VOICES])


def _stacks(tones: tuple[int, ...], middle: int) -> list[Voicing]:
    found = []
    for order in range(len(tones)):
        rotated = tones[order:] + tones[:order]
        for lowest in range(middle - 16, middle + 4):
            if lowest % 12 != rotated[0]:
                continue
            keys = [lowest]
            for tone in rotated[1:]:
                keys.append(keys[-1] + ((tone - keys[-1]) % 12 or 12))
            if keys[-1] - keys[0] <= 17:
                found.append(tuple(keys))
    return found or [(middle, *(middle + (tone - middle) % 12 for tone in tones[1:]))]


def _styled(stack: Voicing, style: str) -> Voicing:
    if style == "wide" and len(stack) >= 3:
        return tuple(sorted((*stack[:1], stack[1] + 12, *stack[2:])))
    if style == "guitar":
        return (*stack, stack[0] + 12)
    return stack


def _movement(option: Voicing, before: Voicing | None) -> float:
    if before is None:
        return 0.0
    top = abs(option[-1] - before[-1])
    return sum(min(abs(key - other) for other in before) for key in option) + 0.5 * top


def _cadence(genre: Genre, key: Key) -> str:
    if genre.name in CADENCES:
        found = CADENCES[genre.name]
        return "bVImaj7" if found == "IVmaj7" and key.is_minor else found
    if genre.name in ("jazz", "bossa"):
        return "iim7b5-V7b9" if key.is_minor else "ii7-V7"
    if genre.name in ("waltz", "march", "classical", "orchestral", "lullaby", "blues"):
        return "V7"
    if genre.name in ("lofi", "soul"):
        return "v7" if key.is_minor else "V7sus4"
    return "V"


def _final(genre: Genre, key: Key, theme: Sequence[str]) -> str:
    tonic = "i" if key.is_minor else "I"
    if genre.name in PLAIN_FINALS:
        return tonic
    names = [
        name
        for name in itertools.chain(*(bar.split("-") for bar in theme))
        if name == tonic or (name[len(tonic) :].startswith(("maj", "add", "6", "7", "9")) and name.startswith(tonic))
    ]
    return names[0] if names else tonic
