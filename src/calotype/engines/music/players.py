"""Who plays: an instrument for each role, those that were asked for first, and where each sits in the mix."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from calotype.engines.music.brief import Brief
from calotype.engines.music.lexicon import ROLES

DRUMS = "drums"
CHORDAL = frozenset({
    "piano", "electric piano", "harpsichord", "organ", "church organ", "accordion", "nylon guitar", "acoustic guitar",
    "jazz guitar", "clean guitar", "harp", "music box", "celesta", "vibraphone", "marimba", "kalimba", "koto", "banjo",
    "strings",
})  # fmt: skip
STAND_INS = {
    "comp": ("piano", "acoustic guitar", "electric piano"), "lead": ("flute", "piano", "violin", "clarinet"),
    "bass": ("bass", "double bass"),
}  # fmt: skip
RANGES: dict[str, tuple[int, int]] = {
    "cello": (45, 64), "horn": (50, 69), "trombone": (48, 66), "tuba": (34, 50), "harmonica": (64, 84), "violin": (62, 86),
    "flute": (67, 89), "pan flute": (67, 86), "music box": (72, 93), "celesta": (72, 93), "glockenspiel": (79, 98),
    "bells": (62, 79), "overdriven guitar": (57, 79), "saxophone": (56, 77), "trumpet": (60, 80), "muted trumpet": (60, 80),
    "voices": (57, 74), "choir": (57, 74), "oboe": (62, 81), "clarinet": (58, 79), "strings": (62, 84),
    "electric piano": (62, 82), "square wave": (64, 86), "saw wave": (60, 82), "organ": (60, 79), "kalimba": (64, 84),
    "vibraphone": (62, 84), "steel drums": (62, 82), "sitar": (55, 74), "koto": (57, 79), "brass": (58, 76),
    "accordion": (62, 82), "nylon guitar": (57, 76), "acoustic guitar": (57, 76), "clean guitar": (58, 78),
    "jazz guitar": (57, 76), "banjo": (60, 79), "marimba": (60, 84), "harpsichord": (62, 82), "church organ": (60, 79),
    "harp": (62, 86), "pizzicato": (62, 82),
}  # fmt: skip
LEAD_RANGE = (62, 82)

LEVELS = {
    "lead": -19.0, "comp": -23.5, "pad": -27.0, "bass": -20.5, "drums": -18.5, "arp": -27.0, "counter": -25.5,
    "stab": -24.0, "timpani": -24.5,
}  # fmt: skip
"""How loud each role is, in LUFS of its own, before the whole is brought to its level."""
PANS = {
    "lead": 0.0, "comp": -0.3, "pad": 0.12, "bass": 0.0, "arp": 0.45, "counter": 0.3, "stab": -0.4, "timpani": 0.2,
    "drums": 0.0,
}  # fmt: skip
SENDS = {
    "lead": 0.22,
    "comp": 0.16,
    "pad": 0.34,
    "bass": 0.03,
    "arp": 0.3,
    "counter": 0.3,
    "stab": 0.28,
    "timpani": 0.25,
    "drums": 0.1,
}
WIDTHS = {"comp": 0.6, "pad": 1.0, "arp": 0.4, "stab": 0.5, "lead": 0.15}
STARTS = {
    "lead": 0.0,
    "comp": 0.0,
    "pad": 0.0,
    "bass": 0.36,
    "drums": 0.42,
    "arp": 0.58,
    "counter": 0.62,
    "stab": 0.72,
    "timpani": 0.5,
}
"""The intensity from which on each role plays."""


@dataclass(frozen=True)
class Player:
    """One role's instrument, and whether the words asked for it."""

    role: str
    instrument: str
    is_wanted: bool = False


def cast(brief: Brief, rng: Random, *, sings: bool = False) -> list[Player]:
    """Return the players: what was asked for, then what the genre still needs."""
    taken = _wanted(brief, sings="voices" not in brief.excluded and sings)
    if brief.is_solo:
        return _alone(list(taken.values()))
    for role in ("lead", "comp", "bass", "pad", "arp", "counter", "stab", "timpani"):
        if role not in taken and (instrument := _choose(brief, role, taken, rng)):
            taken[role] = Player(role, instrument)
    if brief.has_drums:
        taken[DRUMS] = Player(DRUMS, brief.genre.kit, DRUMS in brief.instruments)
    return list(taken.values())


def _wanted(brief: Brief, *, sings: bool) -> dict[str, Player]:
    """Return who was asked for, each in the first of its roles that is free."""
    taken = {"lead": Player("lead", "voices", is_wanted=True)} if sings else {}
    for name in brief.instruments:
        if name != DRUMS and name not in {player.instrument for player in taken.values()}:
            role = next((role for role in _roles(brief, name) if role not in taken), None)
            if role is not None:
                taken[role] = Player(role, name, is_wanted=True)
    return taken


def _roles(brief: Brief, name: str) -> tuple[str, ...]:
    """Return the roles an instrument may take: first the one the genre itself gives it."""
    own = [role for role, names in brief.genre.players.items() if names[:1] == (name,)]
    return (*own, *(role for role in ROLES[name] if role not in own), "counter", "arp")


def _choose(brief: Brief, role: str, taken: dict[str, Player], rng: Random) -> str | None:
    allowed = [name for name in brief.genre.players.get(role, ()) if name not in brief.excluded]
    if not allowed and role in ("lead", "comp") and brief.genre.players.get(role):
        allowed = [name for name in STAND_INS[role] if name not in brief.excluded]
    if role == "counter" and brief.genre.shape == "orchestral":
        allowed = [name for name in ("cello", "horn", "oboe", "clarinet") if name not in brief.excluded]
    used = {player.instrument for player in taken.values()}
    fresh = [
        name
        for name in allowed
        if name not in used or name in ("overdriven guitar", "square wave", "saw wave", "strings", "piano")
    ]
    if not fresh:
        return allowed[0] if allowed and role in ("lead", "comp") else None
    weights = [1 / (place + 1) ** 1.4 for place in range(len(fresh))]
    return rng.choices(fresh, weights)[0]


def _alone(players: list[Player]) -> list[Player]:
    """Return one instrument on its own: tune and chords where it can play both."""
    name = players[0].instrument
    lead = Player("lead", name, is_wanted=True)
    return [lead, Player("comp", name, is_wanted=True)] if name in CHORDAL else [lead]
