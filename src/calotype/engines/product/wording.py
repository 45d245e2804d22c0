"""Where a prompt speaks of the reference pictures: "the bottle", "a photo of this shoe", "place it on a table"."""

from __future__ import annotations

import re
from collections.abc import Callable

_ARTICLE = r"(?:the|this|that|these|those|my|our|your|its|their|an?)"
_LEAD = re.compile(
    r"^\W*(?:please\s+)?(?:(?:create|make|generate|take|design|produce|render|draw|show|give\s+me|i\s+want)\s+)?"
    r"(?:(?:an?|the)\s+)?(?:[\w-]+\s+){0,4}?"
    r"(?:shot|photo|photograph|photography|picture|image|render|rendering|ad|advert|advertisement|banner|poster|close-up|scene)\s+"
    r"(?:of|with|for|showing|featuring)\s+",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"^\W*(?:please\s+)?(?:place|put|set|display|present|feature|position|stand|show|photograph|imagine|add)\s+",
    re.IGNORECASE,
)
_END = re.compile(
    r"\s*(?:[,.;:!?]|\b(?:on|onto|in|into|at|with|against|beside|next|under|beneath|over|above|near|by|before|behind|among|inside|"
    r"outside|surrounded|floating|standing|lying|sitting|resting|placed|displayed|and|is|are|as|for|from|to|between)\b|$)",
    re.IGNORECASE,
)
_DEFINITE = re.compile(r"^(?:the|this|that|these|those|my|our|your|its|their)\b", re.IGNORECASE)
_GENERIC = re.compile(
    rf"\b(?:{_ARTICLE}\s+)?(?:[\w-]+\s+)?(?:products?|items?|objects?|subjects?|references?|(?:reference|input|given|attached|"
    rf"uploaded)\s+(?:image|picture|photo)s?)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"^(?:it|them|this|these)\b", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"^\W*(?:on|in|at|against|beside|next to|under|over|near|by|in front of|among|inside)\b", re.IGNORECASE
)
_LONGEST = 6
"""Words in what a phrase may call the subject."""


def with_references(prompt: str, names: str, is_scene: Callable[[str], bool]) -> str:
    """Return the prompt with what it calls the subject replaced by `names`; unchanged where it does not speak of it.

    `is_scene` tells whether a phrase names a place rather than a thing: "a beach at sunset" has no subject.
    """
    lead = _LEAD.match(prompt) or _VERB.match(prompt)
    start = lead.end() if lead else 0
    rest = prompt[start:]
    end = _END.search(rest)
    phrase = rest[: end.start() if end else len(rest)].strip()
    if (
        phrase
        and len(phrase.split()) <= _LONGEST
        and _speaks_of_it(phrase, rest[len(phrase) :], lead is not None, is_scene)
    ):
        return _rest_of(prompt, start + rest.index(phrase) + len(phrase), names)
    generic = _GENERIC.search(prompt)
    if generic:
        return prompt[: generic.start()] + names + " " + prompt[generic.end() :]
    return f"{names} {prompt}" if _PREPOSITION.match(prompt) else prompt


def is_definite(phrase: str) -> bool:
    """Return whether a phrase speaks of something known: "the ducks", "my shoe"."""
    return bool(_DEFINITE.match(phrase))


def _rest_of(prompt: str, after: int, names: str) -> str:
    return names + " " + prompt[after:]


def _speaks_of_it(phrase: str, behind: str, has_lead: bool, is_scene: Callable[[str], bool]) -> bool:
    """Whether the first phrase of a prompt is what it calls the subject."""
    if _PRONOUN.match(phrase) or _GENERIC.fullmatch(phrase):
        return True
    if is_scene(phrase):
        return False
    return has_lead or is_definite(phrase) or (phrase.lower().startswith(("a ", "an ")) and bool(behind.strip()))
