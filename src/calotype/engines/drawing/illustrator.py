"""Reads prompts and paints them: the whole of drawing in one object, for any engine that shows what a prompt names."""

from __future__ import annotations

import calotype_data
from calotype.engines.drawing.art import Library
from calotype.engines.drawing.compose import Composition, compose
from calotype.engines.drawing.figures import Figures
from calotype.engines.drawing.paint import Painter
from calotype.engines.drawing.prompt import read_prompt
from calotype.engines.drawing.vectors import WordVectors
from calotype.jobs.inputs.image import ImageInput


class Illustrator:
    """Reads prompts and paints them."""

    def __init__(self) -> None:
        vectors = WordVectors(calotype_data.path("vectors/pieces.npz"), calotype_data.path("vectors/tokenizer.json.gz"))
        self.library = Library(calotype_data.path("art/index.json.gz").parent, vectors)
        self.figures = Figures(self.library)
        self.painter = Painter(self.figures)

    def compose(self, wanted: ImageInput, seed: int, size: tuple[int, int] | None = None) -> Composition:
        """Return the picture laid out, at the size asked for or another of the same shape."""
        reading = read_prompt(wanted.prompt, self.library, negative=wanted.negative_prompt, style=wanted.style)
        width, height = size or wanted.size()
        return compose(reading, self.figures, width, height, seed)
