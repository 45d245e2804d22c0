"""What each genre is made of. The tables stand in genres.toml; the common progressions are here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Drums = Mapping[str, str]
Themes = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Genre:
    """One genre's table."""

    name: str
    tempo: tuple[int, int]
    mode: str
    themes: Themes
    """Progressions of each theme (a, b, c)."""
    players: Mapping[str, tuple[str, ...]]
    """The instruments that may take each role, the likeliest first."""
    comp: tuple[str, ...] = ("x---------------",)
    bass: tuple[str, ...] = ("R---------------",)
    drums: tuple[Drums, ...] = ()
    """Patterns from thin to full."""
    kit: str = "standard kit"
    metre: int = 4
    swing: float = 0.0
    """How far the second half of a pulse is late: 0.33 is a triplet."""
    human: float = 1.0
    """How uneven the players' hands are: 0 is a machine."""
    room: float = 1.4
    cutoff: float = 18_000
    density: float = 0.5
    slowing: float = 0.0
    shape: str = "band"
    fill: str = "toms"
    other_themes: Themes = field(default_factory=dict)
    """For when the words ask for the other mode; without them the common ones are used."""
    ducks: bool = False
    voicing: str = "close"


MAJOR: Themes = {
    "a": ("I vi IV V", "I V vi IV", "I IV vi V", "I iii IV V", "I IV I V vi IV ii V"),
    "b": ("IV V iii vi", "vi IV I V", "IV I V vi", "IV V vi I IV ii IV V"),
    "c": ("vi iii IV I", "ii iii IV V", "bVII IV I V"),
}
MINOR: Themes = {
    "a": ("i bVI bIII bVII", "i iv bVI V", "i bVII bVI V", "i v bVI iv i bVI iv V"),
    "b": ("bVI bVII i i", "iv i bVI V", "bIII bVII iv V", "bVI bIII bVII i"),
    "c": ("iv bVII bIII bVI", "bVI iv bII V", "iv v bVI V"),
}
COMMON = {"major": MAJOR, "minor": MINOR}


def _read() -> dict[str, Genre]:
    tables = tomllib.loads(Path(__file__).with_name("genres.toml").read_text("utf-8"))
    return {
        name: Genre(name, **{key: _frozen(key, value) for key, value in row.items()}) for name, row in tables.items()
    }


def _frozen(key: str, value: Any) -> Any:
    """Return a table's value with its lists as tuples; the name of common progressions as those."""
    if key == "themes" and isinstance(value, str):
        return COMMON[value]
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        return {name: _frozen("", inner) for name, inner in value.items()}
    return value


GENRES = _read()
