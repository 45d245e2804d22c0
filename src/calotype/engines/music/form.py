"""The shape of a piece: how many bars at which tempo fill its length exactly, and which section each bar belongs to."""

from __future__ import annotations

import math
from random import Random

from calotype.engines.music.brief import Brief
from calotype.engines.music.genres import Genre
from calotype.engines.music.score import Section, Timing

GIVE = 0.07
"""How far the tempo may move, where none was named, so that the bars fit the length."""

Plan = tuple[tuple[str, str, float], ...]
"""Sections in order: name, theme, intensity."""

SHAPES: dict[str, Plan] = {
    "band": (("verse", "a", 0.6), ("chorus", "b", 0.9), ("verse", "a", 0.65), ("chorus", "b", 0.95), ("bridge", "c", 0.45)),
    "ballad": (("verse", "a", 0.4), ("verse", "a", 0.55), ("chorus", "b", 0.8), ("bridge", "c", 0.5), ("verse", "a", 0.6)),
    "acoustic": (("verse", "a", 0.5), ("chorus", "b", 0.75), ("verse", "a", 0.6), ("bridge", "c", 0.5)),
    "loop": (("verse", "a", 0.6), ("verse", "a", 0.7), ("hook", "b", 0.8), ("verse", "a", 0.65), ("break", "c", 0.4)),
    "club": (("build", "a", 0.6), ("drop", "a", 0.95), ("break", "c", 0.3), ("build", "b", 0.65), ("drop", "b", 1.0)),
    "orchestral": (("theme", "a", 0.5), ("theme", "a", 0.7), ("episode", "b", 0.6), ("theme", "a", 0.8), ("episode", "c", 0.55)),
    "jazz": (("head", "a", 0.6), ("bridge", "b", 0.7), ("solo", "a", 0.8), ("solo", "b", 0.85)),
    "blues": (("chorus", "a", 0.6), ("solo", "a", 0.8), ("chorus", "a", 0.9)),
    "ambient": (("drift", "a", 0.5), ("drift", "b", 0.65), ("drift", "a", 0.6), ("drift", "c", 0.5)),
    "solo": (("theme", "a", 0.5), ("theme", "a", 0.6), ("episode", "b", 0.65)),
    "game": (("theme", "a", 0.7), ("theme", "b", 0.85), ("theme", "a", 0.75), ("bridge", "c", 0.7)),
}  # fmt: skip
CLOSING: dict[str, tuple[str, str, float]] = {
    "band": ("chorus", "b", 1.0), "ballad": ("chorus", "b", 0.9), "acoustic": ("chorus", "b", 0.85),
    "loop": ("hook", "b", 0.85), "club": ("drop", "a", 1.0), "orchestral": ("finale", "a", 1.0), "jazz": ("head", "a", 0.8),
    "blues": ("chorus", "a", 0.95), "ambient": ("drift", "a", 0.6), "solo": ("theme", "a", 0.6),
    "game": ("theme", "a", 0.95),
}  # fmt: skip
INTRO, OUTRO, EDGE_INTENSITY = "intro", "outro", 0.3
CHORUS_OF_BLUES = 12


def plan_timing(brief: Brief, duration: float, rng: Random) -> Timing:
    """Return tempo and bars so that the piece is exactly as long as it shall be, its last chord ringing at the end."""
    genre, metre = brief.genre, brief.metre or brief.genre.metre
    ring = min(max(2.0, genre.room), 0.22 * duration)
    room = duration - ring
    tempo = brief.tempo or _tempo(brief, rng)
    slowing = genre.slowing if duration >= 12 else 0.0
    if brief.tempo is not None:
        bars = max(1, math.floor(room * tempo / 60 / metre - slowing + 1e-6))
        return Timing(tempo, metre, bars, duration, slowing)
    bars = _fitting(room * tempo / 60 / metre - slowing)
    fitted = 60 * metre * (bars + slowing) / room
    is_near = abs(fitted / tempo - 1) <= 0.5
    return Timing(fitted if is_near else tempo, metre, bars, duration, slowing)


def plan_sections(genre: Genre, bars: int) -> tuple[Section, ...]:
    """Return the sections: an introduction and an ending where there is time, a body that ends at its height."""
    is_blues = genre.shape == "blues" and bars >= CHORUS_OF_BLUES
    intro = 0 if bars < 8 else 2 if bars < 24 else 4
    outro = 0 if bars < 14 else 2 if bars < 28 else 4
    if is_blues:
        intro = bars % CHORUS_OF_BLUES if bars % CHORUS_OF_BLUES <= 8 else 4
        outro = bars % CHORUS_OF_BLUES - intro
    body = bars - intro - outro
    unit = CHORUS_OF_BLUES if is_blues else 8 if body >= 28 else 4
    sections = [Section(INTRO, 0, intro, EDGE_INTENSITY, "a")] if intro else []
    at = intro
    for length, (name, theme, intensity) in zip(_cut(body, unit), _sequence(genre.shape, body, unit), strict=True):
        sections.append(Section(name, at, length, intensity, theme))
        at += length
    if outro:
        sections.append(Section(OUTRO, at, outro, EDGE_INTENSITY + 0.1, "a"))
    return tuple(sections)


def _tempo(brief: Brief, rng: Random) -> float:
    slow, fast = brief.genre.tempo
    pace = brief.pace if brief.pace is not None else 0.6 * brief.mood.energy
    share = min(1.0, max(0.0, 0.5 + 0.5 * pace + rng.uniform(-0.12, 0.12)))
    return float(round(slow + share * (fast - slow)))


def _fitting(exact: float) -> int:
    """Return a number of bars near to this one: whole phrases rather than odd bars."""
    candidates = [bars for bars in range(1, 400) if abs(bars / exact - 1) <= GIVE] if exact > 0 else []
    if not candidates:
        return max(1, round(exact))
    return min(candidates, key=lambda bars: ((bars % 4 != 0) + (bars % 2 != 0), abs(bars - exact)))


def _cut(body: int, unit: int) -> list[int]:
    blocks = max(1, body // unit)
    return [unit] * (blocks - 1) + [body - unit * (blocks - 1)]


def _sequence(shape: str, body: int, unit: int) -> list[tuple[str, str, float]]:
    blocks = max(1, body // unit)
    plan = SHAPES[shape]
    return [*(plan[number % len(plan)] for number in range(blocks - 1)), CLOSING[shape]]
