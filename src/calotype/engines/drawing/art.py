"""The drawings: an index by name, label and tag, the nearest one for a word that is none of these, and their bodies."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from calotype.engines.drawing.synonyms import SYNONYMS
from calotype.engines.drawing.vectors import WordVectors

SIDES = {"flat": 32.0, "3d": 32.0, "cartoon": 128.0, "prop": 64.0}
"""The side of the square each set's bodies are drawn in."""

NEAR_ENOUGH = 0.61
"""Below this cosine a drawing is not what the word means."""
SPELT_ENOUGH = 0.75
"""The same for a word of several pieces, whose vector says more about its spelling than about its meaning."""
TAGGED_ENOUGH = 0.5
"""A drawing tagged with the very word may be this far from it."""

_FALLBACKS = {
    "3d": ("prop", "3d", "flat", "cartoon"),
    "flat": ("prop", "flat", "3d", "cartoon"),
    "cartoon": ("cartoon", "prop", "3d", "flat"),
}
_UNILLUSTRATED = {
    "punctuation",
    "body-parts",
    "flag",
    "music",
    "person-gesture",
    "lock",
    "mail",
    "office",
    "face-negative",
}
_UNTAGGED = _UNILLUSTRATED | {
    "sky-weather",
    "person",
    "person-activity",
    "money",
    "sound",
    "time",
    "writing",
    "science",
}


@dataclass(frozen=True, slots=True)
class Outline:
    """Which part of its square a drawing fills (left, top, right, bottom, 0 to 1), and its lower edge and its colour."""

    box: tuple[float, float, float, float]
    hem: tuple[float, float]
    cloth: str

    @property
    def aspect(self) -> float:
        """Width by height."""
        return (self.box[2] - self.box[0]) / max(self.box[3] - self.box[1], 0.01)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """One thing that can be drawn, in one set or several."""

    id: str
    label: str
    tags: tuple[str, ...]
    names: tuple[str, ...]
    """Other names for the very thing; tags are only about it."""
    group: str
    sets: Mapping[str, Outline]

    def set_for(self, style: str) -> str:
        """Return the set to draw it from in a style: that style's own where there is one."""
        return next(name for name in _FALLBACKS[style] if name in self.sets)


class Library:
    """All drawings, found by what people call them."""

    def __init__(self, folder: Path, vectors: WordVectors) -> None:
        self._folder = folder
        self._vectors = vectors
        rows = json.loads(gzip.decompress((folder / "index.json.gz").read_bytes()))
        self.drawings = {row["id"]: _drawing(row) for row in rows}
        self._names = self._name_all()
        self._tagged = self._tag_all()
        self._near = [drawing for drawing in self.drawings.values() if drawing.group not in _UNILLUSTRATED]
        self._near_vectors = vectors.of([drawing.label for drawing in self._near])
        self._rows = {drawing.id: row for row, drawing in enumerate(self._near)}

    def named(self, name: str) -> Drawing | None:
        """Return the drawing people call exactly this."""
        return self.drawings.get(self._names.get(name, ""))

    def nearest(self, word: str) -> Drawing | None:
        """Return the drawing nearest in meaning, or None when nothing is near enough."""
        vector = self._vectors.of([word])[0]
        scores = self._near_vectors @ vector
        tagged = [self._rows[key] for key in self._tagged.get(word, ()) if key in self._rows]
        if tagged:
            best = max(tagged, key=lambda row: float(scores[row]))
            if scores[best] >= TAGGED_ENOUGH:
                return self._near[best]
        best = int(np.argmax(scores))
        enough = NEAR_ENOUGH if self._vectors.is_whole(word) else SPELT_ENOUGH
        return self._near[best] if scores[best] >= enough else None

    def body(self, drawing: Drawing, name: str) -> str:
        """Return a drawing's SVG body in one set."""
        return _read_body(self._folder / f"{name}.zip", drawing.id)

    def _name_all(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for drawing in self.drawings.values():
            for name in _own_names(drawing):
                names.setdefault(name, drawing.id)
        names.update((name, key) for name, key in SYNONYMS.items() if key in self.drawings)
        return names

    def _tag_all(self) -> dict[str, list[str]]:
        tagged: dict[str, list[str]] = {}
        for drawing in self.drawings.values():
            if drawing.group not in _UNTAGGED:
                for tag in drawing.tags:
                    tagged.setdefault(tag, []).append(drawing.id)
        return tagged


def _own_names(drawing: Drawing) -> Iterable[str]:
    """Return what a drawing is called: its label, its other names, and a face by the name of whose it is."""
    if drawing.group in _UNILLUSTRATED:
        return
    yield drawing.label
    yield from drawing.names
    for ending in (" face", " with garden"):
        yield drawing.label.removesuffix(ending)


def _drawing(row: Mapping[str, Any]) -> Drawing:
    sets = {
        name: Outline(tuple(found["box"]), tuple(found["hem"]), found["cloth"]) for name, found in row["sets"].items()
    }
    return Drawing(row["id"], row["label"], tuple(row["tags"]), tuple(row.get("names", ())), row["group"], sets)


@lru_cache(maxsize=8)
def _open(archive: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(archive)


@lru_cache(maxsize=256)
def _read_body(archive: Path, key: str) -> str:
    return _open(archive).read(f"{key}.svg").decode()
