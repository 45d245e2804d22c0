"""A piece as written down: notes in beats, parts with an instrument and a place in the room, and how beats become seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from calotype.engines.music.theory import Chord, Key


@dataclass(frozen=True, slots=True)
class Note:
    """One note: start and length in beats, the MIDI key, how hard (1 to 127), and how early or late it is played in seconds."""

    start: float
    length: float
    pitch: int
    velocity: int
    shift: float = 0.0


@dataclass(slots=True)
class Part:
    """What one player plays. `gain` in decibels; `pan` from -1 to 1; `send` is the share that goes to the reverb."""

    role: str
    instrument: str
    notes: list[Note] = field(default_factory=list)
    gain: float = 0.0
    pan: float = 0.0
    send: float = 0.2
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of bars that plays one role in the form. `intensity` from 0 to 1."""

    name: str
    start: int
    bars: int
    intensity: float
    theme: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How beats become seconds: even until the last bar, which may slow down; then the last chord rings out."""

    tempo: float
    metre: int
    bars: int
    duration: float
    slowing: float = 0.0
    """How much longer the last bar before the last chord is: 0.2 is a fifth."""

    @property
    def beat(self) -> float:
        """Return the length of a beat in seconds."""
        return 60 / self.tempo

    @property
    def bar(self) -> float:
        """Return the length of a bar in seconds."""
        return self.beat * self.metre

    def seconds(self, beats: float) -> float:
        """Return when a beat falls."""
        turn = (self.bars - 1) * self.metre
        late = min(max(0.0, beats - turn), self.metre) / self.metre
        return self.beat * (beats + self.slowing * self.metre * late * late)


@dataclass(frozen=True, slots=True)
class Score:
    """A whole piece."""

    timing: Timing
    key: Key
    sections: tuple[Section, ...]
    chords: tuple[tuple[float, float, Chord], ...]
    """Start and length in beats, and the chord."""
    parts: tuple[Part, ...]
    room: float
    """How long the reverb rings, in seconds."""
    cutoff: float
    """Above this many hertz the mix is dulled."""
    ducks: bool = False
    """Whether everything but the drums makes way for each kick."""

    def part(self, role: str) -> Part | None:
        """Return the part of a role."""
        return next((part for part in self.parts if part.role == role), None)
