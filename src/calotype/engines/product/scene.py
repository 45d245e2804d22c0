"""The scene around the subjects: the prompt read with the references in it, composed, and the subjects made its heroes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from calotype.engines.drawing import traits
from calotype.engines.drawing.art import Library
from calotype.engines.drawing.compose import Composition, Placed, compose
from calotype.engines.drawing.prompt import read_prompt
from calotype.engines.drawing.reading import Mention, Reading
from calotype.engines.product.stand_ins import (
    FiguresWithReferences,
    WithReferences,
    drawings_for,
    is_stand_in,
    names_for,
    number_of,
)
from calotype.engines.product.subjects import Subject
from calotype.engines.product.wording import is_definite, with_references
from calotype.jobs.inputs.edit import EditInput

_ALONE = 0.9
"""A subject's longer side where nothing else is in the picture, in the unit in which a grown person is 1.1."""
_CARRIED = 0.68
"""A subject's size beside what it stands on."""
_PORTRAIT = 0.78
"""How much of the picture's height a subject that is cut off below takes: it rises from the lower edge."""


def read(wanted: EditInput, subjects: Sequence[Subject], library: Library) -> Reading:
    """Return the prompt as read, the references among what it names, each once."""
    drawings = drawings_for(subjects)
    known = WithReferences(library, drawings)

    def is_scene(phrase: str) -> bool:
        found = read_prompt(phrase, library)
        # "three tulips" are drawn; "the ducks" are those of the picture
        are_several = not is_definite(phrase) and any(mention.count > 1 for mention in found.mentions)
        return bool(found.scenes or found.background) or are_several

    text = with_references(wanted.prompt, names_for(drawings), is_scene)
    reading = read_prompt(text, known, negative=wanted.negative_prompt, style=wanted.style)
    named = {mention.drawing.id for mention in reading.mentions}
    reading.mentions += [Mention(one.label, one) for one in drawings if one.id not in named]
    _sized(reading)
    return reading


def arrange(
    reading: Reading, subjects: Sequence[Subject], figures: FiguresWithReferences, size: tuple[int, int], seed: int
) -> Composition:
    """Return the scene laid out."""
    composition = compose(reading, figures, *size, seed)
    placed = [_as_itself(one) for one in composition.placed]
    if len(subjects) == 1 and subjects[0].is_cut_below:
        placed = _risen(placed, composition, reading)
    return replace(composition, placed=tuple(placed))


def _sized(reading: Reading) -> None:
    """Make each reference as large as the largest thing around it, or well fitting on what carries it."""
    carriers = {one.subject: one.object for one in reading.relations if one.kind in {"on", "in", "under"}}
    others = [
        traits.size_of(mention.drawing) * mention.scale
        for mention in reading.mentions
        if not is_stand_in(mention.drawing) and traits.place_of(mention.drawing) is traits.Place.GROUND
    ]
    for number, mention in enumerate(reading.mentions):
        if is_stand_in(mention.drawing):
            carrier = carriers.get(number)
            if carrier is not None and not is_stand_in(reading.mentions[carrier].drawing):
                size = _CARRIED * traits.size_of(reading.mentions[carrier].drawing) * reading.mentions[carrier].scale
            else:
                size = max([_ALONE, *others])
            mention.scale = size / traits.size_of(mention.drawing)
            mention.count, mention.at_least, mention.colour, mention.shade = 1, False, None, None


def _as_itself(placed: Placed) -> Placed:
    """Return a reference as it is: never mirrored, since it may bear writing, and never sunk."""
    return replace(placed, flip=False, afloat=False, stands=placed.stands) if is_stand_in(placed.drawing) else placed


def _risen(placed: list[Placed], composition: Composition, reading: Reading) -> list[Placed]:
    """Return the drawings with a subject that is cut off below risen from the picture's lower edge, behind what stands."""
    carried = {one.subject for one in reading.relations if one.kind in {"on", "in"}}
    hero = next((one for one in placed if is_stand_in(one.drawing) and one.mention not in carried), None)
    if hero is None:
        return placed
    stage = composition.stage
    left, top, right, bottom = hero.box
    tall = min(_PORTRAIT * stage.height, 0.9 * stage.width * (bottom - top) / (right - left))
    wide = tall * (right - left) / (bottom - top)
    middle = min(max((left + right) / 2, wide / 2), stage.width - wide / 2)
    box = (middle - wide / 2, stage.height - tall + 1, middle + wide / 2, stage.height + 1)
    others = [one for one in placed if one is not hero]
    at = next((number for number, one in enumerate(others) if one.stands or one.afloat), len(others))
    return [*others[:at], replace(hero, box=box, stands=False), *others[at:]]


def seen(composition: Composition) -> list[int]:
    """Return which references the picture shows."""
    return sorted(number_of(one.drawing) for one in composition.placed if is_stand_in(one.drawing))
