"""Words that others chose, shown so that they do nothing to the terminal they are read on."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Controls, characters that turn or join what stands around them, halves of characters, ends of lines and paragraphs."""


def printable(text: str) -> str:
    r"""Return the text with every character that is an order to a terminal written out, as `\x1b`; a line's end is one too."""
    if text.isprintable():
        return text
    return "".join(char.encode("unicode_escape").decode() if _is_hidden(char) else char for char in text)


def printable_json(text: str) -> str:
    """Return JSON that says the same with every such character written as JSON writes it."""
    if text.isprintable():
        return text
    return "".join(_in_json(char) if _is_hidden(char) else char for char in text)


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN


def _in_json(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
