"""What the players behind the tune play in a section: chords, pads, arpeggios, bass, stabs, timpani and inner lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from calotype.engines.music.genres import Genre
from calotype.engines.music.harmony import Chords, Voicing, chord_at, voice
from calotype.engines.music.score import Note, Section
from calotype.engines.music.theory import Chord, Key, nearest

STEP = 0.25
STROKES = {"x": 0, "X": 12, "o": -18}
BASS_LOW, BASS_HIGH = 28, 47
STRUM = 0.014
STAB = {4: ("X.....x.........", "X-----....X---..", "..x...x.X-------"), 3: ("X...........",)}
WALKING = (84, 78, 82, 76)


@dataclass
class Band:
    """What the players share: the genre, the key, the chords and the dice; each chordal player recalls its last chord."""

    genre: Genre
    key: Key
    chords: Chords
    metre: int
    rng: Random

    def bars(self, section: Section) -> Iterator[tuple[int, float]]:
        """Yield each bar's number within the section and its first beat."""
        for number in range(section.bars):
            yield number, float((section.start + number) * self.metre)

    def chords_in(self, start: float, length: float) -> list[tuple[float, float, Chord]]:
        """Return the chords that sound in a stretch, cut to it."""
        found = []
        for at, long, chord in self.chords:
            first, last = max(at, start), min(at + long, start + length)
            if last - first > 1e-6:
                found.append((first, last - first, chord))
        return found


def strokes(pattern: str) -> Iterator[tuple[float, float, str]]:
    """Yield start and length in beats and the character of each stroke of a pattern."""
    at = 0
    while at < len(pattern):
        mark, end = pattern[at], at + 1
        while end < len(pattern) and pattern[end] == "-":
            end += 1
        if mark not in ".-":
            yield at * STEP, (end - at) * STEP, mark
        at = end


class Comping:
    """Chords in the genre's rhythm, or broken."""

    def __init__(self, band: Band, pattern: str, *, instrument: str, style: str) -> None:
        self._band, self._pattern, self._style = band, pattern, style
        self._before: Voicing | None = None
        self._is_plucked = instrument.endswith("guitar") or instrument in ("harp", "banjo")

    def play(self, section: Section) -> list[Note]:
        """Return the section's notes."""
        notes: list[Note] = []
        for _, start in self._band.bars(section):
            notes += list(self._broken(start) if self._pattern in ("arp", "alberti") else self._struck(start))
        return notes

    def final(self, start: float, length: float, chord: Chord) -> list[Note]:
        """Return the last chord."""
        keys = self._voiced(chord)
        return [Note(start, length, key, 78, shift=STRUM * 2 * place) for place, key in enumerate(keys)]

    def _voiced(self, chord: Chord) -> Voicing:
        self._before = voice(chord, self._style, self._before)
        return self._before

    def _struck(self, start: float) -> Iterator[Note]:
        downwards = True
        for at, length, mark in strokes(self._pattern):
            for first, long, chord in self._band.chords_in(start + at, length):
                keys = self._voiced(chord)
                held = long * (0.96 if long > 0.5 else 0.7)
                for place, key in enumerate(keys if downwards else reversed(keys)):
                    shift = STRUM * place if self._is_plucked and self._style != "power" else 0.0
                    yield Note(first, held, key, 74 + STROKES[mark] - 3 * (not downwards), shift)
            downwards = not downwards

    def _broken(self, start: float) -> Iterator[Note]:
        is_alberti = self._pattern == "alberti"
        for first, length, chord in self._band.chords_in(start, self._band.metre):
            keys = self._voiced(chord)
            keys = (*keys, keys[0] + 12) if len(keys) == 3 and not is_alberti else keys
            order = (
                (0, 2, 1, 2)
                if is_alberti
                else (0, 1, 2, 3, 2, 1)
                if self._band.metre == 3
                else (0, 1, 2, 3, 2, 1, 2, 1)
            )
            count = round(length / 0.5)
            for number in range(count):
                key = keys[min(order[number % len(order)], len(keys) - 1)]
                held = 0.5 if is_alberti else min(1.6, length - number * 0.5)
                yield Note(first + number * 0.5, held, key, 70 + (8 if number == 0 else 0))


def pad(band: Band, section: Section, before: list[Voicing], style: str = "close", centre: int = 64) -> list[Note]:
    """Return long chords; a chord that is heard twice in a row is held over."""
    notes: list[Note] = []
    for start, length, chord in band.chords_in(section.start * band.metre, section.bars * band.metre):
        keys = voice(chord, style, before[-1] if before else None, centre)
        before[:] = [keys]
        for key in keys:
            last = next(
                (
                    note
                    for note in reversed(notes)
                    if note.pitch == key and abs(note.start + note.length - start) < 0.01
                ),
                None,
            )
            if last is not None and last.length + length <= 2 * band.metre + 0.01:
                notes.remove(last)
                notes.append(Note(last.start, last.length + length, key, last.velocity))
            else:
                notes.append(Note(start, length, key, 66))
    return notes


def arpeggio(band: Band, section: Section, octave: int = 72) -> list[Note]:
    """Return running notes through the chord, sixteenths in club and game music, else eighths."""
    is_fast = band.genre.shape in ("club", "game")
    step = 0.25 if is_fast else 0.5
    shape = band.rng.choice(((0, 1, 2, 3), (0, 2, 1, 3), (3, 2, 1, 0), (0, 1, 2, 1)))
    notes = []
    for start, length, chord in band.chords_in(section.start * band.metre, section.bars * band.metre):
        tones = [nearest(octave, (chord.root,))]
        for tone in chord.tones[1:3]:
            tones.append(tones[-1] + (tone - tones[-1]) % 12)
        tones.append(tones[0] + 12)
        for number in range(round(length / step)):
            key = tones[shape[number % 4] % len(tones)]
            notes.append(
                Note(start + number * step, step * (0.7 if is_fast else 1.6), key, 66 + 10 * (number % 4 == 0))
            )
    return notes


def bass(band: Band, section: Section, pattern: str, after: Chord | None) -> list[Note]:
    """Return the bass line; `after` is the chord that follows the section."""
    if pattern == "walk":
        return _walk(band, section, after)
    notes: list[Note] = []
    for number, start in band.bars(section):
        following = _next_chord(band, start, number, section, after)
        line = _boogie(band, start) if pattern == "boogie" else _line(band, start, pattern, following)
        notes += line
    return notes


def _next_chord(band: Band, start: float, number: int, section: Section, after: Chord | None) -> Chord:
    is_last = number == section.bars - 1
    return (after or chord_at(band.chords, start)) if is_last else chord_at(band.chords, start + band.metre)


def low(tone: int, near: int = 36) -> int:
    """Return a pitch class as a key of the bass."""
    key = nearest(near, (tone,))
    return key + 12 if key < BASS_LOW else key - 12 if key > BASS_HIGH else key


def _line(band: Band, start: float, pattern: str, following: Chord) -> Iterator[Note]:
    heard: Chord | None = None
    for at, length, mark in strokes(pattern):
        chord = chord_at(band.chords, start + at)
        root = low(chord.root)
        third = root + (chord.tones[1] - root) % 12
        keys = {
            "R": root,
            "8": root + 12,
            "5": low(chord.fifth(), root + 4),
            "3": third,
            "a": _leading(low(following.root, root)),
        }
        key = root if heard is not None and heard is not chord else keys[mark]  # a new chord begins on its root
        heard = chord
        yield Note(start + at, length * 0.92, key, 84 + (6 if at == 0 else 0))


def _leading(target: int) -> int:
    return target - 1 if target > BASS_LOW else target + 1


def _boogie(band: Band, start: float) -> Iterator[Note]:
    for beat in range(band.metre):
        chord = chord_at(band.chords, start + beat)
        root = low(chord.root)
        third = root + (3 if chord.has_minor_third else 4)
        tones = (root, third, root + 7, root + 9) if band.metre == 4 else (root, third, root + 7)
        yield Note(start + beat, 0.6, tones[beat], 86)
        yield Note(start + beat + 0.5, 0.35, tones[beat], 70)


def _walk(band: Band, section: Section, after: Chord | None) -> list[Note]:
    """Return quarters: the root on each new chord, chord tones between, and into the next root by a step."""
    notes: list[Note] = []
    before = 36
    for number, start in band.bars(section):
        for beat in range(band.metre):
            chord = chord_at(band.chords, start + beat)
            is_new = beat == 0 or chord is not chord_at(band.chords, start + beat - 1)
            is_last = beat == band.metre - 1
            following = (
                _next_chord(band, start, number, section, after) if is_last else chord_at(band.chords, start + beat + 1)
            )
            if is_new:
                key = low(chord.root, before)
            elif is_last or following is not chord:
                key = low(following.root, before) + band.rng.choice((-1, 1, 2, -2))
            else:
                key = low(band.rng.choice(chord.tones[1:3]), before + band.rng.choice((-3, 3)))
            if notes and key == before:
                key = low(chord.fifth(), before + 5) if not is_last else key + 1
            before = min(max(key, BASS_LOW), BASS_HIGH)
            notes.append(Note(start + beat, 0.92, before, WALKING[beat % 4]))
    return notes


def stabs(band: Band, section: Section, centre: int = 60) -> list[Note]:
    """Return short chords of brass on the section's accents."""
    pattern = band.rng.choice(STAB[band.metre])
    notes, before = [], None
    for number, start in band.bars(section):
        if number % 2 and band.genre.shape != "orchestral":
            continue
        for at, length, _ in strokes(pattern):
            chord = chord_at(band.chords, start + at)
            before = voice(chord, "close", before, centre)
            notes += [Note(start + at, max(0.35, length * 0.9), key, 92) for key in before]
    return notes


def timpani(band: Band, section: Section) -> list[Note]:
    """Return roots and fifths on the strong beats, and a roll into the next section."""
    notes = []
    for number, start in band.bars(section):
        chord = chord_at(band.chords, start)
        root = 41 + (chord.root - 41) % 12
        if number == section.bars - 1 and section.intensity >= 0.5:
            notes += [
                Note(start + at / 8, 0.12, root, 50 + at * 40 // (8 * band.metre)) for at in range(8 * band.metre)
            ]
        else:
            notes.append(Note(start, 0.9, root, 92))
            if band.metre == 4:
                notes += [Note(start + 2, 0.9, root, 76), Note(start + 3.5, 0.4, root, 70)]
    return notes


def inner_line(band: Band, section: Section, low_key: int, high_key: int, before: list[int]) -> list[Note]:
    """Return a slow line of thirds and sevenths that moves by step from chord to chord."""
    notes: list[Note] = []
    for start, length, chord in band.chords_in(section.start * band.metre, section.bars * band.metre):
        guides = chord.tones[1:] if len(chord.tones) > 1 else chord.tones
        near = before[-1] if before else (low_key + high_key) // 2
        key = nearest(near, tuple(tone for tone in guides))
        while key > high_key:
            key -= 12
        while key < low_key:
            key += 12
        before[:] = [key]
        if notes and notes[-1].pitch == key and notes[-1].length < 2 * band.metre:
            notes[-1] = Note(notes[-1].start, notes[-1].length + length, key, notes[-1].velocity)
        else:
            notes.append(Note(start, length * 0.98, key, 74))
    return notes
