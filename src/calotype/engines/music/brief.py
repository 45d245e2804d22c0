"""Reads a prompt as a brief for a composer: genre, mood, tempo, key, metre, instruments, and what must not sound."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from calotype.engines.music.genres import GENRES, Genre
from calotype.engines.music.lexicon import (
    GENRE_WORDS,
    GUITARS,
    INSTRUMENT_WORDS,
    MOODS,
    TEMPO_WORDS,
    WEAK_GENRES,
    Mood,
)
from calotype.engines.music.theory import LETTERS

SLOWEST, FASTEST = 40, 220

_BPM = re.compile(r"\b(\d{2,3})(?:\.\d+)?\s*-?\s*(?:bpm|beats (?:per|a) minute)\b")
_ACCIDENTAL = r"(#|♯|b|♭|-?sharp\b|-?flat\b)?"
_KEY = re.compile(
    rf"\b(?:in|key of)\s+(?:the\s+key\s+of\s+)?([A-Ga-g])\s*{_ACCIDENTAL}[\s-]*"
    r"(major|minor|maj|min|dorian|mixolydian|lydian|phrygian)?(?![\w'])"
)
_BARE_KEY = re.compile(rf"\b([A-G])\s*{_ACCIDENTAL}[\s-]+(major|minor|dorian|mixolydian|lydian|phrygian)\b")
_MODE = re.compile(r"\b(?:in\s+)?(?:a\s+)?(major|minor|dorian|mixolydian|lydian|phrygian)(?:\s+(?:key|mode|scale))?\b")
_NEGATED = re.compile(
    r"\b(?:no|without|not any|minus|never any)\s+(?:any\s+)?([\w\s-]+?)(?=[,.;!?]|\bbut\b|\bwith\b|\band no\b|$)"
)
_SOLO = re.compile(r"\bsolo\s+(?!over|on)|\bunaccompanied\b")


@dataclass(frozen=True)
class Brief:
    """What a prompt asks for; None where it leaves the choice."""

    genre: Genre
    mood: Mood
    tempo: float | None = None
    pace: float | None = None
    tonic: int | None = None
    mode: str | None = None
    metre: int | None = None
    instruments: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    is_solo: bool = False
    understood: tuple[str, ...] = field(default=())

    @property
    def has_drums(self) -> bool:
        """Whether drums may play: the genre has them or they were asked for, and they were not forbidden."""
        if "drums" in self.excluded or self.is_solo:
            return False
        return bool(self.genre.drums) or "drums" in self.instruments


def read_brief(prompt: str) -> Brief:
    """Return what the words ask for. Unknown words are left alone: every prompt gives a brief."""
    text = re.sub(r"\s+", " ", prompt.replace("\u2019", "'"))
    lower = text.lower()
    excluded = _excluded(lower)
    wanted = _NEGATED.sub(" ", lower)
    heard: list[str] = []
    genre = _genre(wanted, heard)
    tonic, mode = _key(_NEGATED.sub(" ", text), heard)
    tempo = _tempo(lower, heard)
    pace = _pace(wanted, heard)
    instruments = tuple(name for name in dict.fromkeys(_instruments(wanted, genre.name, heard)) if name not in excluded)
    return Brief(
        genre=genre,
        mood=_mood(wanted, heard),
        tempo=tempo,
        pace=pace,
        tonic=tonic,
        mode=mode,
        metre=3 if re.search(r"\b3/4\b|\bthree[- ]four\b|\bwaltz\b", wanted) else None,
        instruments=instruments,
        excluded=excluded,
        is_solo=bool(_SOLO.search(wanted)) and bool(instruments),
        understood=tuple(dict.fromkeys(heard)),
    )


def _found(text: str, words: tuple[str, ...]) -> list[str]:
    """Return which words stand in the text, longer ones first, none inside another that was found, in the text's order."""
    places: list[tuple[int, str]] = []
    left = text
    for word in words:
        pattern = _pattern(word)
        places += [(match.start(), word) for match in pattern.finditer(left)]
        left = pattern.sub(lambda match: " " * len(match[0]), left)
    return [word for _, word in sorted(places)]


@cache
def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(word).replace(chr(92) + ' ', '[ -]')}(?:s|es)?(?![\w])")


@cache
def _by_length(*words: str) -> tuple[str, ...]:
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def _genre(text: str, heard: list[str]) -> Genre:
    """Return the genre: the first strong word decides, else the first weak one, else what the mood suggests."""
    found = _found(text, _by_length(*GENRE_WORDS))
    heard += found
    strong = [word for word in found if word not in WEAK_GENRES]
    if strong or found:
        return GENRES[GENRE_WORDS[(strong or found)[0]]]
    mood = _mood(text, [])
    if mood.energy < -0.2:
        return GENRES["ballad" if mood.valence < 0 or "drum" in text else "ambient" if "pad" in text else "ballad"]
    if mood.valence < -0.2:
        return GENRES["cinematic"]
    return GENRES["pop"]


def _mood(text: str, heard: list[str]) -> Mood:
    found = _found(text, _by_length(*MOODS))
    heard += found
    if not found:
        return Mood(0.0, 0.0)
    feelings = [MOODS[word] for word in found]
    return Mood(sum(f.valence for f in feelings) / len(feelings), sum(f.energy for f in feelings) / len(feelings))


def _tempo(text: str, heard: list[str]) -> float | None:
    match = _BPM.search(text)
    if match is None:
        return None
    heard.append(match[0])
    return float(min(FASTEST, max(SLOWEST, int(match[1]))))


def _pace(text: str, heard: list[str]) -> float | None:
    found = _found(text, _by_length(*TEMPO_WORDS))
    heard += found
    return sum(TEMPO_WORDS[word] for word in found) / len(found) if found else None


def _key(text: str, heard: list[str]) -> tuple[int | None, str | None]:
    """Return tonic and mode where they are named. "in a …" is an article unless a mode follows."""
    for pattern in (_BARE_KEY, _KEY):
        for match in pattern.finditer(text):
            letter, accidental, mode = match.groups()
            if mode is None and letter not in "ABCDEFG":
                continue
            if letter == "a" and re.match(r"\s+(?:key|mode|scale)\b", text[match.end() :]):
                continue  # "in a minor key": an article
            if mode is None and letter == "A" and not re.match(r"[\s.,;!?]*$|\s*(?:,|with|at)", text[match.end() :]):
                continue
            heard.append(match[0])
            shift = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get((accidental or " ")[0], 0)
            shift = 1 if "sharp" in (accidental or "") else -1 if "flat" in (accidental or "") else shift
            return (LETTERS[letter.upper()] + shift) % 12, {"maj": "major", "min": "minor"}.get(mode, mode)
    named = _MODE.search(text.lower())
    if named:
        heard.append(named[0])
    return None, named[1] if named else None


def _instruments(text: str, genre: str, heard: list[str]) -> list[str]:
    found = _found(text, _by_length(*INSTRUMENT_WORDS))
    heard += found
    names = [INSTRUMENT_WORDS[word] for word in found]
    return [GUITARS.get(genre, "acoustic guitar") if name == "guitar" else name for name in names if name]


def _excluded(text: str) -> frozenset[str]:
    names: set[str] = set()
    for match in _NEGATED.finditer(text):
        found = {INSTRUMENT_WORDS[word] for word in _found(match[1], _by_length(*INSTRUMENT_WORDS))}
        names |= found
        if "guitar" in found:
            names |= {name for name in INSTRUMENT_WORDS.values() if name.endswith("guitar")}
        if re.search(r"\b(vocals?|voices?|singing|singers?|lyrics)\b", match[1]):
            names |= {"voices", "choir"}
        if "bass" in found:
            names |= {"double bass", "synth bass"}
    return frozenset(names)
