"""Phrases that are taken whole: the longest entry of a table, "on a plain white background", "for my son's bedroom wall"."""

from __future__ import annotations

from collections.abc import Container, Sequence

from calotype.engines.drawing import lexicon as lex
from calotype.engines.drawing.words import is_mark

_BACKGROUNDS = {"background", "backdrop", "backgrounds"}
_PLAIN = {
    "plain",
    "solid",
    "simple",
    "clean",
    "flat",
    "pure",
    "light",
    "pale",
    "dark",
    "bright",
    "soft",
    "pastel",
    "studio",
}
_LEADS = {"on", "against", "with", "in", "over"}
PLAIN = "plain"


def longest_in(table: Container[str], words: Sequence[str], at: int, longest: int) -> str:
    """Return the longest phrase of the table that starts here, or an empty text."""
    for length in range(min(longest, len(words) - at), 0, -1):
        phrase = " ".join(words[at : at + length])
        if phrase in table:
            return phrase
    return ""


def background_at(words: Sequence[str], at: int) -> tuple[int, str | None]:
    """Return how many words say what the background is, and its colour; (0, None) when these do not.

    "plain" stands for a plain background of no named colour.
    """
    end = at
    if words[end] in _LEADS:
        end += 1
    if end < len(words) and words[end] in {"a", "an", "the"}:
        end += 1
    colour, described = None, False
    while end < len(words) and (words[end] in lex.COLOURS or words[end] in _PLAIN):
        colour = lex.COLOURS.get(words[end], colour)
        described = True
        end += 1
    if not described or end >= len(words) or words[end] not in _BACKGROUNDS:
        return 0, None
    return end + 1 - at, colour or PLAIN


def purpose_at(words: Sequence[str], at: int) -> int:
    """Return how many words say what the picture is for ("for my son's bedroom wall"), which is not to be drawn."""
    if words[at] != "for" or at + 1 >= len(words) or words[at + 1] not in lex.POSSESSIVES:
        return 0
    end = at + 2
    while end < len(words) and not is_mark(words[end]) and words[end] not in {"i", "with", "showing", "please"}:
        end += 1
    return end - at
