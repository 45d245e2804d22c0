"""Stand-ins: each reference's subject as a drawing, so that the scene is composed around it as around any other thing."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageFilter

from calotype.engines.drawing.art import Drawing, Library, Outline
from calotype.engines.drawing.colour import light_up
from calotype.engines.drawing.compose import Placed
from calotype.engines.drawing.figures import Figure, Figures, Outfit
from calotype.engines.drawing.paint import Painter
from calotype.engines.drawing.scenery.stage import Stage
from calotype.engines.product.subjects import Subject

GROUP = "reference"
_STYLES = ("3d", "flat", "cartoon", "prop")
_WORDS = ("referenceqa", "referenceqb", "referenceqc", "referenceqd", "referenceqe", "referenceqf", "referenceqg", "referenceqh",
          "referenceqi", "referenceqj")  # fmt: skip
"""What the references are called in the prompt that is read: no word of any language."""
_LIGHT = 0.35
"""How much of the scene's light falls on a subject: its own colours are to stay what they are."""


def drawings_for(subjects: Sequence[Subject]) -> list[Drawing]:
    """Return a drawing for each subject."""
    return [_drawing(number) for number in range(len(subjects))]


def names_for(drawings: Sequence[Drawing]) -> str:
    """Return what the prompt calls all of them: one after the other, joined."""
    return " and ".join(drawing.label for drawing in drawings)


def is_stand_in(drawing: Drawing) -> bool:
    """Whether a drawing stands for a reference."""
    return drawing.group == GROUP


def number_of(drawing: Drawing) -> int:
    """Return which reference a stand-in stands for."""
    return _WORDS.index(drawing.id)


def _drawing(number: int) -> Drawing:
    whole = Outline((0.0, 0.0, 1.0, 1.0), (0.0, 1.0), "#888888")
    word = _WORDS[number]
    return Drawing(word, word, (), (), GROUP, dict.fromkeys(_STYLES, whole))


class WithReferences(Library):
    """A library that knows the references by their names too."""

    def __init__(self, library: Library, drawings: Sequence[Drawing]) -> None:
        vars(self).update(vars(library))  # the index and its vectors are shared: only the names are more
        self.drawings = {**self.drawings, **{drawing.id: drawing for drawing in drawings}}
        self._names = {**self._names, **{drawing.label: drawing.id for drawing in drawings}}


class FiguresWithReferences(Figures):
    """Figures in which a stand-in has its subject's shape."""

    def __init__(self, library: Library, subjects: Sequence[Subject]) -> None:
        super().__init__(library)
        self._subjects = subjects

    def _make(self, drawing: Drawing, set_name: str, outfit: Outfit = ()) -> Figure:
        if not is_stand_in(drawing):
            return super()._make(drawing, set_name, outfit)
        wide, tall = 100 * self._subjects[number_of(drawing)].aspect, 100.0
        return Figure(f'<rect width="{wide:.3f}" height="{tall:.3f}" fill="#888888"/>', (0, 0, wide, tall))


class PainterWithReferences(Painter):
    """A painter that puts each subject's own pixels where its stand-in is."""

    def __init__(self, figures: Figures, subjects: Sequence[Subject]) -> None:
        super().__init__(figures)
        self._subjects = subjects

    def _sprite(self, placed: Placed, scale: float) -> Image.Image:
        if not is_stand_in(placed.drawing):
            return super()._sprite(placed, scale)
        left, top, right, bottom = placed.box
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        return self._subjects[number_of(placed.drawing)].image.resize(size, Image.Resampling.LANCZOS)

    def _lit(self, sprite: Image.Image, placed: Placed, stage: Stage) -> Image.Image:
        if not is_stand_in(placed.drawing):
            return super()._lit(sprite, placed, stage)
        if stage.palette.tint == (1.0, 1.0, 1.0):
            return sprite
        red, green, blue = (1 + (part - 1) * _LIGHT for part in stage.palette.tint)
        lit = sprite.convert("RGB").filter(_table(red, green, blue))
        lit.putalpha(sprite.getchannel("A"))
        return lit


def _table(red: float, green: float, blue: float) -> ImageFilter.Color3DLUT:
    return light_up((red, green, blue), (0.0, 0.0, 0.0), 0.0)
