"""What makes a piece again: its order as JSON, which goes into its files, so that stems can be played from the score."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from calotype.engines.music.brief import Brief, read_brief
from calotype.engines.music.compose import Words, compose
from calotype.engines.music.score import Score
from calotype.jobs.inputs.music import MusicInput

LONGEST_TITLE = 60
_VOWELS = re.compile(r"[aeiouyàâäáãåæéèêëíìîïóòôöõøœúùûüÿ]+", re.IGNORECASE)
_SECTION_MARK = re.compile(r"^\s*[\[(].*[\])]\s*$")


@dataclass(frozen=True)
class Piece:
    """One piece to make."""

    wanted: MusicInput
    seed: int

    @property
    def title(self) -> str:
        """Return the title: the one given, else the prompt's beginning."""
        text = " ".join((self.wanted.title or self.wanted.prompt).split())
        return text if self.wanted.title or len(text) <= LONGEST_TITLE else text[:LONGEST_TITLE].rsplit(" ", 1)[0] + "…"

    def brief(self) -> Brief:
        """Return the prompt as a brief: of an instrumental every voice is left out."""
        prompt = self.wanted.prompt + (", no vocals" if self.wanted.instrumental else "")
        return read_brief(prompt)

    def score(self, brief: Brief) -> Score:
        """Return the score: the same for the same piece."""
        return compose(brief, self.wanted.duration, self.seed, Words(self.syllables()))

    def syllables(self) -> tuple[int, ...]:
        """Return how many syllables each line of the lyrics has; nothing for an instrumental."""
        if self.wanted.instrumental or not self.wanted.lyrics:
            return ()
        lines = [line for line in self.wanted.lyrics.splitlines() if line.strip() and not _SECTION_MARK.match(line)]
        return tuple(max(1, len(_VOWELS.findall(line)) or len(line.split())) for line in lines)

    def written(self, version: str) -> str:
        """Return the recipe."""
        given = self.wanted.model_dump(mode="json", exclude={"count", "seed"}, exclude_none=True)
        return json.dumps({"calotype": version, "kind": "music", "input": given, "seed": self.seed}, sort_keys=True)
