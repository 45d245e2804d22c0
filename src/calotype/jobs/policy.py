"""What this server refuses to make: a list of words, matched whole and without regard to case, width or accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

_TEXTS = ("prompt", "style")


class ContentPolicy:
    """Decides by words. An empty list refuses nothing."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        folded = sorted({_fold(word).strip() for word in words} - {""})
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, folded))})(?!\w)") if folded else None

    def refuses(self, given: Mapping[str, Any]) -> bool:
        """Return whether a job's input may not be made."""
        if self._pattern is None:
            return False
        return any(self._pattern.search(_fold(str(given[name]))) is not None for name in _TEXTS if given.get(name))


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
