"""What a prompt was understood to ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

from calotype.engines.drawing.art import Drawing


@dataclass(slots=True)
class Mention:
    """One thing the prompt names: the drawing it is shown by, how many, of what colour and size."""

    name: str
    drawing: Drawing
    count: int = 1
    at_least: bool = False
    colour: str | None = None
    shade: str | None = None
    scale: float = 1.0
    mixed: bool = False
    """Whether the instances are to be of different colours."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How one mention stands to another, by their numbers."""

    subject: int
    kind: str
    object: int


@dataclass(slots=True)
class Reading:
    """A whole prompt, read."""

    mentions: list[Mention] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    background: str | None = None
    style: str | None = None
    unknown: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    """Ids of drawings that were asked to stay away."""
    unwanted_scenes: list[str] = field(default_factory=list)

    def add_scenes(self, names: tuple[str, ...]) -> None:
        """Note scenes, each once."""
        self.scenes.extend(name for name in names if name not in self.scenes)
