"""What is said about a picture: what of the prompt it shows, what it does not, and what it is made of."""

from __future__ import annotations

from typing import Any

from calotype.engines.drawing.compose import Composition
from calotype.engines.drawing.reading import Reading

NOTE = (
    "This picture was not made by a generative model: openly licensed drawings (Fluent Emoji, MIT; Noto Emoji, Apache-2.0; "
    "Calotype's own, Apache-2.0) were found for what the prompt names and arranged in a drawn scene."
)
NOTHING_KNOWN = "Nothing the prompt names could be drawn, so this is an abstract landscape that only the seed decides. "


def provenance_of(composition: Composition, seed: int) -> dict[str, Any]:
    """Return the record that goes with a picture."""
    reading = composition.reading
    knows_nothing = composition.setting.kind == "mood"
    return {
        "understood": [_understood(reading, number, composition.style) for number in range(len(reading.mentions))],
        "not_understood": list(reading.unknown),
        "scene": " and ".join(
            [composition.setting.kind, *(one for one in composition.setting.scenes if one != composition.setting.kind)]
        ),
        "background": reading.background,
        "style": composition.style,
        "relations": [
            {"subject": _name(reading, one.subject), "relation": one.kind, "object": _name(reading, one.object)}
            for one in reading.relations
        ],
        "seed": seed,
        "note": (NOTHING_KNOWN if knows_nothing else "") + NOTE,
    }


def _name(reading: Reading, number: int) -> str:
    return reading.mentions[number].name


def _understood(reading: Reading, number: int, style: str) -> dict[str, Any]:
    mention = reading.mentions[number]
    return {
        "object": mention.name,
        "art": mention.drawing.label,
        "art_set": mention.drawing.set_for(style),
        "count": mention.count,
        "colour": mention.colour,
    }
