"""Reads the description of an effect: which form, of which element, in which colours and size, and what says nothing to us."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from calotype.engines.drawing.colour import NAMED, named
from calotype.engines.sprite.effects.looks import LOOKS, Colour, Look
from calotype.engines.sprite.effects.wording import (
    DEFAULT_ELEMENT,
    ELEMENT_OF,
    ENDS_THE_HEAD,
    FORM_OF,
    LEFT,
    PHRASES,
    SILENT,
    SIZE_OF,
)

_COLOURS = {
    "crimson": "red", "scarlet": "red", "ruby": "red", "golden": "gold", "amber": "orange", "emerald": "green", "cyan": "turquoise",
    "teal": "turquoise",
    "aqua": "turquoise", "azure": "blue", "sapphire": "blue", "violet": "purple", "gray": "grey", "rosy": "pink",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """An effect as it was understood."""

    form: str
    elements: tuple[str, ...]
    colours: tuple[str, ...]
    size: float
    mirrored: bool
    understood: tuple[str, ...]
    unknown: tuple[str, ...]

    def look(self, reference: Sequence[Colour] = ()) -> Look:
        """Return its look: the elements', in the colours named, else in those of a reference."""
        look = LOOKS[self.elements[0]]
        if len(self.elements) > 1:
            other = LOOKS[self.elements[1]]
            look = replace(look, bright=other.main, accent=other.accent, matter=other.matter, shade=other.shade)
        return look.tinted([_colour(name) for name in self.colours] or list(reference))


def read_wish(text: str) -> Wish:
    """Return what the description asks for. Of several forms the head of the phrase is taken: "an explosion of ice shards"."""
    words = _words(text)
    forms = _found(words, FORM_OF)
    elements = list(dict.fromkeys(_found(words, ELEMENT_OF).values()))
    colours = list(dict.fromkeys(_colour_name(word) for word in words if _colour_name(word)))
    form = _head(words, forms) or (LOOKS[elements[0]].form if elements else "burst")
    sizes = [SIZE_OF[word] for word in words if word in SIZE_OF]
    known = [word for word in words if _is_known(word)]
    return Wish(
        form=form,
        elements=tuple(elements[:2]) or (DEFAULT_ELEMENT[form],),
        colours=tuple(colours[:2]),
        size=sizes[0] if sizes else 1.0,
        mirrored=any(word in LEFT for word in words),
        understood=tuple(dict.fromkeys(known)),
        unknown=tuple(
            dict.fromkeys(word for word in words if word not in SILENT and not _is_known(word) and not word.isdigit())
        ),
    )


def _words(text: str) -> list[str]:
    plain = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    for phrase, meaning in PHRASES.items():
        plain = re.sub(rf"\b{phrase}\b", meaning, plain)
    return plain.split()


def _single(word: str, table: Mapping[str, object]) -> str | None:
    """Return the table's spelling of a word: as it is, or without its plural."""
    for form in (
        word,
        word.removesuffix("s"),
        word.removesuffix("es"),
        word.removesuffix("ing"),
        f"{word.removesuffix('y')}",
    ):
        if form in table:
            return form
    return None


def _found(words: Sequence[str], table: Mapping[str, str]) -> dict[int, str]:
    found = {}
    for number, word in enumerate(words):
        spelt = _single(word, table)
        if spelt is not None:
            found[number] = table[spelt]
    return found


def _head(words: Sequence[str], forms: Mapping[int, str]) -> str | None:
    """Return the last form before the first "of" or "with", else the first after it."""
    if not forms:
        return None
    end = next((number for number, word in enumerate(words) if word in ENDS_THE_HEAD), len(words))
    before = [number for number in forms if number < end]
    return forms[before[-1] if before else min(forms)]


def _colour_name(word: str) -> str:
    return word if word in NAMED else _COLOURS.get(word, "")


def _colour(name: str) -> Colour:
    text = named(name)
    return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255


def _is_known(word: str) -> bool:
    return bool(
        _single(word, FORM_OF) or _single(word, ELEMENT_OF) or _colour_name(word) or word in SIZE_OF or word in LEFT
    )
