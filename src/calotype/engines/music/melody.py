"""Tunes: a motif of rhythm and contour for each theme, repeated, moved and answered in phrases that breathe and close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from calotype.engines.music.harmony import Chords, chord_at
from calotype.engines.music.score import Note, Section
from calotype.engines.music.theory import Chord, Key, is_harsh, nearest, scale_over

Cell = tuple[float, ...]
"""Lengths in beats; a negative one is a rest."""

SPARSE: tuple[Cell, ...] = ((4,), (3, 1), (2, 2), (-2, 2), (-1, 3), (1, 3))
PLAIN: tuple[Cell, ...] = ((2,), (1, 1), (1.5, 0.5), (-0.5, 0.5, 1), (1, -1))
BUSY: tuple[Cell, ...] = (
    (0.5, 0.5, 1),
    (1, 0.5, 0.5),
    (0.5, 1, 0.5),
    (0.5, 0.5, 0.5, 0.5),
    (0.75, 0.75, 0.5),
    (-0.5, 0.5, 0.5, 0.5),
)
THREES: tuple[Cell, ...] = ((2, 1), (1, 1, 1), (3,), (1.5, 0.5, 1), (1, 0.5, 0.5, 1), (2, 0.5, 0.5), (-1, 1, 1))
CLOSES = {4: ((1, 1, 2), (2, 2), (0.5, 0.5, 1, 2), (1.5, 0.5, 2)), 3: ((1, 2), (2, 1), (3,))}
PHRASE_BARS = 2
LABELS = ("a", "a", "b", "close")
STEPS, WEIGHTS = (-3, -2, -1, 0, 1, 2, 3), (1, 3, 6, 2, 6, 3, 1)
WIDEST_LEAP = 9
SOLO = "solo"
"""The section whose tune is its own, and busier."""


@dataclass(frozen=True)
class Motif:
    """Starts and lengths in beats within the phrase, and how many steps of the scale each note moves."""

    rhythm: tuple[tuple[float, float], ...]
    contour: tuple[int, ...]


@dataclass(frozen=True)
class Singer:
    """Who plays the tune: its range, how many notes it plays, and how many syllables each phrase has, if it has words."""

    low: int
    high: int
    density: float
    metre: int
    syllables: tuple[int, ...] = ()


class Tune:
    """The tune of a whole piece: each theme's motifs are made once, so that a theme comes back as itself."""

    def __init__(self, key: Key, chords: Chords, singer: Singer, rng: Random) -> None:
        self._key, self._chords, self._singer, self._rng = key, chords, singer, rng
        self._motifs: dict[tuple[str, str], Motif] = {}
        self._phrases = 0
        self._last = nearest((2 * singer.low + singer.high) / 3, chords[0][2].tones)
        self._heard: set[str] = set()

    def sing(self, section: Section) -> list[Note]:
        """Return the notes of a section."""
        metre = self._singer.metre
        is_again = section.theme in self._heard
        self._heard.add(section.theme)
        notes: list[Note] = []
        for number, first in enumerate(range(0, section.bars, PHRASE_BARS)):
            bars = min(PHRASE_BARS, section.bars - first)
            is_last = first + bars >= section.bars
            label = "close" if is_last and section.bars > PHRASE_BARS else LABELS[number % len(LABELS)]
            start = (section.start + first) * metre
            theme = section.name if section.name == SOLO else section.theme
            motif = self._fitted(self._motif(theme, label), bars * metre)
            notes += self._realise(
                motif, start, self._anchor(section, number, label), rests=label == "close" and is_last
            )
        return self._embellished(notes) if is_again else notes

    def last_note(self, beat: float, length: float, chord: Chord) -> Note:
        """Return the note that the piece ends on: the tonic, near to where the tune was."""
        return Note(beat, length, self._within(nearest(self._last, (chord.root,))), 80)

    def _motif(self, theme: str, label: str) -> Motif:
        if self._singer.syllables:
            count = self._singer.syllables[self._phrases % len(self._singer.syllables)]
            self._phrases += 1
            rhythm = _spoken(count, PHRASE_BARS * self._singer.metre, self._rng)
            return Motif(rhythm, self._contour(len(rhythm)))
        if (theme, label) not in self._motifs:
            singer = (
                replace(self._singer, density=min(0.95, self._singer.density + 0.3)) if theme == SOLO else self._singer
            )
            rhythm = _rhythm(singer, label, self._rng)
            self._motifs[theme, label] = Motif(rhythm, self._contour(len(rhythm)))
        return self._motifs[theme, label]

    def _fitted(self, motif: Motif, beats: float) -> Motif:
        kept = [(row, step) for row, step in zip(motif.rhythm, motif.contour, strict=True) if row[0] < beats]
        rhythm = tuple((start, min(length, beats - start)) for (start, length), _ in kept)
        return Motif(rhythm, tuple(step for _, step in kept))

    def _contour(self, count: int) -> tuple[int, ...]:
        steps = [0]
        for _ in range(count - 1):
            step = self._rng.choices(STEPS, WEIGHTS)[0]
            if abs(steps[-1]) >= 3:  # a leap is answered by a step the other way
                step = -1 if steps[-1] > 0 else 1
            if step == 0 and steps[-1] == 0:
                step = self._rng.choice((-1, 1))
            steps.append(step)
        return tuple(steps)

    def _anchor(self, section: Section, number: int, label: str) -> float:
        span = self._singer.high - self._singer.low
        height = {"a": 0.35, "b": 0.6, "close": 0.4}[label] + 0.15 * (section.theme == "b") + 0.1 * (number % 4 == 1)
        return self._singer.low + span * min(0.8, height + 0.15 * (section.intensity - 0.6))

    def _realise(self, motif: Motif, start: float, anchor: float, *, rests: bool) -> list[Note]:
        notes: list[Note] = []
        pitch = round((self._last + 2 * anchor) / 3)
        for number, ((at, length), step) in enumerate(zip(motif.rhythm, motif.contour, strict=True)):
            beat = start + at
            chord = chord_at(self._chords, beat)
            is_strong = length >= 1 or at % 1 == 0
            is_end = rests and number == len(motif.rhythm) - 1
            pitch = self._choose(pitch, step, chord, is_strong=is_strong, is_end=is_end)
            accent = 8 if at % self._singer.metre == 0 else 3 if at % 1 == 0 else 0
            notes.append(Note(beat, length * 0.94, pitch, 84 + accent))
        if notes:
            self._last = notes[-1].pitch
        return notes

    def _choose(self, before: int, step: int, chord: Chord, *, is_strong: bool, is_end: bool) -> int:
        scale = scale_over(self._key, chord)
        target = before + 1.8 * step
        if is_end:
            classes: Sequence[int] = [
                tone for tone in chord.tones if tone in (self._key.tonic, chord.root, chord.fifth())
            ] or chord.tones
        elif is_strong:
            classes = [tone for tone in chord.tones[:4] if tone in scale]
        else:
            classes = [tone for tone in scale if not is_harsh(tone, chord)]
        target = min(max(target, self._singer.low), self._singer.high)
        found = nearest(target, tuple(classes))
        if found == before and step:  # a tune that means to move does: to the next tone that way, or back from the edge
            way = 1 if step > 0 else -1
            way = -way if not self._singer.low <= before + 2 * way <= self._singer.high else way
            found = next(key for key in range(before + way, before + 13 * way, way) if key % 12 in classes)
        if abs(found - before) > WIDEST_LEAP:
            found = nearest(before, tuple(classes))
        return self._within(found)

    def _within(self, pitch: int) -> int:
        while pitch > self._singer.high:
            pitch -= 12
        while pitch < self._singer.low:
            pitch += 12
        return pitch

    def _embellished(self, notes: list[Note]) -> list[Note]:
        """Return the tune as it comes back: here and there a passing note between two that lie a third apart."""
        found: list[Note] = []
        for note, after in zip(notes, [*notes[1:], None], strict=True):
            gap = after.pitch - note.pitch if after else 0
            if after and abs(gap) in (3, 4) and note.length > 0.9 and self._rng.random() < 0.5:
                half = note.length / 2
                middle = nearest(note.pitch + gap / 2, tuple(scale_over(self._key, chord_at(self._chords, note.start))))
                found += [
                    Note(note.start, half, note.pitch, note.velocity),
                    Note(note.start + round(half * 2) / 2, half, middle, note.velocity - 8),
                ]
            else:
                found.append(note)
        return found


def _rhythm(singer: Singer, label: str, rng: Random) -> tuple[tuple[float, float], ...]:
    """Return the rhythm of a phrase: busier cells before its middle, a long note at its end."""
    metre, whole = singer.metre, PHRASE_BARS * singer.metre
    cells: list[float] = []
    close = rng.choice(CLOSES[metre]) if label == "close" or rng.random() < 0.6 else ()
    room = whole - sum(abs(length) for length in close)
    while (left := room - sum(abs(length) for length in cells)) > 1e-6:
        fitting = [cell for cell in _cells(singer, rng) if sum(abs(length) for length in cell) <= left + 1e-6]
        cells += rng.choice(fitting) if fitting else (left,)
    rhythm, at = [], 0.0
    for length in [*cells, *close]:
        if length > 0:
            rhythm.append((at, length))
        at += abs(length)
    return tuple(rhythm) or ((0.0, 2.0),)


def _cells(singer: Singer, rng: Random) -> tuple[Cell, ...]:
    if singer.metre == 3:
        return THREES[:3] if rng.random() > singer.density * 1.5 else THREES
    if singer.density < 0.2:
        return SPARSE
    return BUSY if rng.random() < singer.density else PLAIN


def _spoken(syllables: int, beats: float, rng: Random) -> tuple[tuple[float, float], ...]:
    """Return a rhythm of so many notes, one a syllable, the last one long."""
    count = min(max(1, syllables), int(beats * 2) - 2)
    grid = 0.5 if count > beats - 2 else 1.0
    slots = int((beats - 2) / grid)
    starts = sorted(rng.sample(range(1, slots), min(count - 2, slots - 1))) if count > 2 else []
    times = [0.0, *(slot * grid for slot in starts)]
    if count > 1:
        times.append(beats - 2)
    return tuple((at, end - at) for at, end in zip(times, [*times[1:], beats - 0.5], strict=True))
