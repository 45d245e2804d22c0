"""Composes a score for a brief: form, harmony, players, then every part section by section, and the hands of people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from calotype.engines.music import accompany
from calotype.engines.music.accompany import Band, Comping
from calotype.engines.music.brief import Brief
from calotype.engines.music.drumming import build_up, drum, last_stroke
from calotype.engines.music.form import INTRO, OUTRO, plan_sections, plan_timing
from calotype.engines.music.genres import Genre
from calotype.engines.music.harmony import CENTRE, Voicing, harmonise
from calotype.engines.music.melody import Singer, Tune
from calotype.engines.music.players import LEAD_RANGE, PANS, RANGES, SENDS, STARTS, WIDTHS, Player, cast
from calotype.engines.music.score import Note, Part, Score, Section, Timing
from calotype.engines.music.theory import MINORS, Key

COMMON_KEYS = {"major": (0, 2, 5, 7, 9, 10, 4, 3), "minor": (9, 4, 2, 0, 7, 11, 5, 6)}
SAD, GLAD = -0.25, 0.4
EIGHTHS_FROM = 0.3
"""From this much swing on it is the eighths that swing, below it the sixteenths."""
LATEST = 0.02
HELD_OVER = frozenset({"pad", "comp", "bass", "lead", "counter", "drums", "timpani", "stab"})
DARK, BRIGHT = 0.75, 1.1


@dataclass(frozen=True)
class Words:
    """What is sung, as counts of syllables, a phrase each; empty when nothing is."""

    syllables: tuple[int, ...] = ()


def compose(brief: Brief, duration: float, seed: int, words: Words = Words()) -> Score:
    """Return a score that lasts exactly so many seconds: the same for the same brief and seed."""
    rng = Random(seed)  # noqa: S311 - music, not secrets
    genre = brief.genre
    key = _key(brief, rng)
    timing = plan_timing(brief, duration, rng)
    if timing.metre != genre.metre:
        genre = _in_metre(genre, timing.metre)
    sections = plan_sections(genre, timing.bars)
    chords = harmonise(genre, key, timing, sections, rng)
    players = cast(brief, rng, sings=bool(words.syllables))
    band = Band(genre, key, chords, timing.metre, rng)
    parts = [_part(player, band, sections, timing, words) for player in players]
    human = [_humanised(part, genre, rng) for part in parts if part.notes]
    return Score(timing, key, sections, chords, tuple(human), genre.room, _cutoff(brief), genre.ducks)


def _key(brief: Brief, rng: Random) -> Key:
    mode = brief.mode or brief.genre.mode
    if brief.mode is None and brief.genre.mode in ("major", "minor"):
        mode = "minor" if brief.mood.valence < SAD else "major" if brief.mood.valence > GLAD else mode
    tonic = rng.choice(COMMON_KEYS["minor" if mode in MINORS else "major"])
    return Key(tonic if brief.tonic is None else brief.tonic, mode)


def _cutoff(brief: Brief) -> float:
    """Return where the mix is dulled: lower for calm and dark moods."""
    factor = 1.0 + 0.2 * brief.mood.energy + 0.12 * brief.mood.valence
    return brief.genre.cutoff * max(DARK, min(BRIGHT, factor))


def _in_metre(genre: Genre, metre: int) -> Genre:
    """Return the genre in three beats a bar, or four: its own patterns do not fit, plain ones do."""
    comp = ("....x-..x-..",) if metre == 3 else ("x---x---x---x---",)
    bass = ("R---........",) if metre == 3 else ("R-------5-------",)
    return replace(genre, metre=metre, comp=comp, bass=bass, drums=())


def _part(player: Player, band: Band, sections: Sequence[Section], timing: Timing, words: Words) -> Part:
    part = Part(
        player.role,
        player.instrument,
        pan=PANS[player.role],
        send=SENDS[player.role],
        width=WIDTHS.get(player.role, 0.0),
    )
    play = _PLAYING[player.role](player, band, words)
    heard = [section for section in sections if _plays(player, section, band.genre)]
    if not heard:
        heard = [max(sections, key=lambda section: section.intensity)]
    for number, section in enumerate(sections):
        if section in heard:
            loud = 0.74 + 0.34 * section.intensity
            part.notes += [_scaled(note, loud) for note in play(section, sections[number + 1 :], sections[:number])]
    last = timing.bars * timing.metre
    if player.role in HELD_OVER:
        part.notes += _ending(player, play, band, float(last))
    return part


def _plays(player: Player, section: Section, genre: Genre) -> bool:
    role, name = player.role, section.name
    if role == "lead":
        return name not in (INTRO, OUTRO, "build") or (genre.shape == "solo" and name == OUTRO)
    if role == "drums" and genre.shape == "club":
        return name != "break"
    if role in ("bass", "drums") and name == OUTRO and genre.shape != "ambient":
        return True
    start = STARTS[role]
    return section.intensity >= (min(start, 0.45) if player.is_wanted else start)


Playing = Callable[[Section, Sequence[Section], Sequence[Section]], list[Note]]


class _Leading:
    def __init__(self, player: Player, band: Band, words: Words) -> None:
        low, high = RANGES.get(player.instrument, LEAD_RANGE)
        singer = Singer(low, high, band.genre.density, band.metre, words.syllables)
        self.tune = Tune(band.key, band.chords, singer, band.rng)

    def __call__(self, section: Section, after: Sequence[Section], before: Sequence[Section]) -> list[Note]:
        del after, before
        return self.tune.sing(section)


class _Comping:
    def __init__(self, player: Player, band: Band, words: Words) -> None:
        del words
        style = band.genre.voicing
        if style == "power" and player.instrument != "overdriven guitar":
            style = "close"
        if style == "guitar" and not player.instrument.endswith("guitar"):
            style = "close"
        self.comping = Comping(band, band.rng.choice(band.genre.comp), instrument=player.instrument, style=style)

    def __call__(self, section: Section, after: Sequence[Section], before: Sequence[Section]) -> list[Note]:
        del after, before
        return self.comping.play(section)


def _padding(player: Player, band: Band, words: Words) -> Playing:
    del words
    before: list[Voicing] = []
    centre = 60 if player.instrument in ("choir", "voices", "horn", "trombone") else CENTRE["pad"]
    return lambda section, _after, _before: accompany.pad(band, section, before, centre=centre)


def _bass(player: Player, band: Band, words: Words) -> Playing:
    del player, words
    pattern = band.rng.choice(band.genre.bass)

    def play(section: Section, after: Sequence[Section], before: Sequence[Section]) -> list[Note]:
        del before
        following = band.chords_in((section.start + section.bars) * band.metre, 1)
        del after
        return accompany.bass(band, section, pattern, following[0][2] if following else None)

    return play


def _drumming(player: Player, band: Band, words: Words) -> Playing:
    del player, words

    def play(section: Section, after: Sequence[Section], before: Sequence[Section]) -> list[Note]:
        if section.name == "build":
            light = replace(section, intensity=0.45)
            return drum(band.genre, band.metre, light, is_followed=False, opens=False, rng=band.rng) + build_up(
                section, band.metre
            )
        return drum(band.genre, band.metre, section, is_followed=bool(after), opens=bool(before), rng=band.rng)

    return play


def _counter(player: Player, band: Band, words: Words) -> Playing:
    del words
    low, high = RANGES.get(player.instrument, (55, 74))
    before: list[int] = []
    return lambda section, _after, _before: accompany.inner_line(band, section, low, high, before)


_PLAYING: dict[str, Callable[[Player, Band, Words], Playing]] = {
    "lead": _Leading,
    "comp": _Comping,
    "pad": _padding,
    "bass": _bass,
    "drums": _drumming,
    "counter": _counter,
    "arp": lambda _player, band, _words: lambda section, _after, _before: accompany.arpeggio(band, section),
    "stab": lambda _player, band, _words: lambda section, _after, _before: accompany.stabs(band, section),
    "timpani": lambda _player, band, _words: lambda section, _after, _before: accompany.timpani(band, section),
}


def _ending(player: Player, play: Playing, band: Band, beat: float) -> list[Note]:
    """Return the last chord as this player plays it: one that ends."""
    _, length, chord = band.chords[-1]
    held = max(1.0, length * 0.7)
    if player.role == "drums":
        return last_stroke(band.genre, beat)
    if isinstance(play, _Leading):
        return [play.tune.last_note(beat, held, chord)]
    if isinstance(play, _Comping):
        return play.comping.final(beat, held, chord)
    if player.role in ("bass", "timpani"):
        return [Note(beat, held, accompany.low(chord.root) + (12 if player.role == "timpani" else 0), 88)]
    last = Section("final", int(beat // band.metre), 1, 0.5, "a")
    return [replace(note, start=beat, length=held) for note in play(last, (), ()) if abs(note.start - beat) < 0.01]


def _scaled(note: Note, factor: float) -> Note:
    return replace(note, velocity=max(8, min(127, round(note.velocity * factor))))


def _humanised(part: Part, genre: Genre, rng: Random) -> Part:
    """Return the part with its swing, and with the small unevenness of a hand; a machine's genre keeps its grid."""
    spread = 0.006 * genre.human * (0.5 if part.role == "drums" else 1.0)
    late = 0.012 if genre.name == "lofi" and part.role == "drums" else 0.0
    notes = []
    for note in sorted(part.notes, key=lambda one: (one.start, one.pitch)):
        start = _swung(note.start, genre.swing)
        end = _swung(note.start + note.length, genre.swing)
        drift = max(-LATEST, min(LATEST, rng.gauss(0, spread))) if spread else 0.0
        velocity = note.velocity + (rng.gauss(0, 4.5 * min(1.0, genre.human)) if genre.human else 0)
        is_first = start == 0
        notes.append(
            Note(
                start,
                max(0.05, end - start),
                note.pitch,
                max(8, min(127, round(velocity))),
                note.shift + late + (abs(drift) if is_first else drift),
            )
        )
    part.notes = notes
    return part


def _swung(beat: float, swing: float) -> float:
    """Return a beat with what lies off the pulse made late: eighths where the swing is strong, else sixteenths."""
    if not swing:
        return beat
    pulse = 1.0 if swing >= EIGHTHS_FROM else 0.5
    whole, share = divmod(beat / pulse, 1.0)
    turned = share * (1 + swing) if share < 0.5 else 0.5 * (1 + swing) + (share - 0.5) * (1 - swing)
    return (whole + turned) * pulse
