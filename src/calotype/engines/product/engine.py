"""The engine: cuts the references' subjects out once, then composes and paints a scene around them for each picture asked for."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import calotype_data
from calotype.engines.base import Context, Estimate, Order, Phase, Probe
from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.drawing.provenance import provenance_of
from calotype.engines.drawing.reading import Reading
from calotype.engines.matte.matting import WEIGHTS, WEIGHTS_LICENCE, WEIGHTS_NAME, Matting
from calotype.engines.pictures import open_picture, png, preview
from calotype.engines.product.card import CARD
from calotype.engines.product.scene import arrange, read, seen
from calotype.engines.product.stand_ins import FiguresWithReferences, PainterWithReferences, is_stand_in
from calotype.engines.product.subjects import Subject, cut_out
from calotype.errors import EngineError, OutOfMemoryError
from calotype.jobs.inputs.edit import EditInput

_MOST_SEEDS = 2**32
_CUT, _PAINT = 30, 100
"""Steps for each reference that is cut out, and for each picture that is painted."""
NOTE = (
    "The subjects are the reference pictures' own pixels, cut out, scaled and a little tinted by the scene's light. The scene "
    "was not made by a generative model: openly licensed drawings (Fluent Emoji, MIT; Noto Emoji, Apache-2.0; Calotype's own, "
    "Apache-2.0) were arranged around them."
)


class ProductEngine:
    """Pictures with references on any machine."""

    card = CARD

    def __init__(self) -> None:
        self._matting: Matting | None = None
        self._illustrator: Illustrator | None = None

    def probe(self) -> Probe:
        """Return whether what cuts and what draws are both here."""
        for name in ("onnxruntime", "resvg_py", "tokenizers"):
            if importlib.util.find_spec(name) is None:
                return Probe(False, f"The package {name} is not installed, or has no build for this platform.")
        for file in (WEIGHTS, "art/index.json.gz"):
            try:
                calotype_data.path(file)
            except FileNotFoundError:
                return Probe(False, f"The package calotype-data lacks {file}.")
        return Probe(True)

    def estimate(self, order: Order) -> Estimate:
        """Return seconds and bytes: so much for each reference of a megapixel, and by area for each picture."""
        wanted = EditInput.model_validate(dict(order.input))
        width, height = wanted.size()
        megapixels = width * height * wanted.count / 1e6
        warm = 0.3 + 1.2 * len(wanted.images) + 1.2 * megapixels
        memory = 600_000_000 + width * height * 24 + 23_000_000 * len(wanted.images)
        return Estimate(cold=warm + 1.5, warm=warm, memory=memory, output=int(megapixels * 1.6e6) + 1)

    def batch_key(self, order: Order) -> None:
        """Return None: an order's references are its own."""
        del order

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Read the weights, the index of drawings and the word vectors."""
        report(0.0)
        self._matting = Matting(device)
        report(0.4)
        self._illustrator = Illustrator()
        report(1.0)

    def warm(self) -> None:
        """Find the subject of a small picture."""
        self._loaded()[0].find(np.zeros((64, 64, 3), np.uint8))

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Make each order's pictures; several of one order take the seeds after the first."""
        for order in orders:
            try:
                self._make(EditInput.model_validate(dict(order.input)), order.seed, context)
            except MemoryError as error:
                raise OutOfMemoryError from error

    def unload(self) -> None:
        """Give the memory back."""
        self._matting = self._illustrator = None
        gc.collect()

    def _loaded(self) -> tuple[Matting, Illustrator]:
        if self._matting is None or self._illustrator is None:
            raise EngineError("The product engine was asked to work before it was loaded.")
        return self._matting, self._illustrator

    def _make(self, wanted: EditInput, seed: int, context: Context) -> None:
        matting, illustrator = self._loaded()
        cuts = _CUT * len(wanted.images)
        total = cuts + _PAINT * wanted.count
        subjects = []
        for number in range(len(wanted.images)):
            context.progress(_CUT * number, total, Phase.ENCODING)
            picture = open_picture(context.input_file("images", number))
            subjects.append(cut_out(picture, matting, context.check))
        for number in range(wanted.count):
            # read anew for each: composing settles open plurals in the reading
            reading = read(wanted, subjects, illustrator.library)
            start = cuts + _PAINT * number
            self._paint(wanted, subjects, reading, (seed + number) % _MOST_SEEDS, context, start, total)

    def _paint(
        self,
        wanted: EditInput,
        subjects: Sequence[Subject],
        reading: Reading,
        seed: int,
        context: Context,
        start: int,
        total: int,
    ) -> None:
        context.progress(start, total, Phase.COMPOSING)
        figures = FiguresWithReferences(self._loaded()[1].library, subjects)
        composition = arrange(reading, subjects, figures, wanted.size(), seed)

        def step(done: int, of: int) -> None:
            context.check()
            context.progress(start + round(5 + 80 * done / of), total, Phase.DECODING)

        picture = PainterWithReferences(figures, subjects).picture(composition, step)
        context.progress(start + 90, total, Phase.SAVING, preview(picture))
        said = _provenance(provenance_of(composition, seed), reading, subjects, seen(composition))
        context.write(png(picture), "image/png", width=picture.width, height=picture.height, provenance=said)
        context.progress(start + _PAINT, total, Phase.SAVING)


def _provenance(
    of_scene: dict[str, Any], reading: Reading, subjects: Sequence[Subject], shown: Sequence[int]
) -> dict[str, Any]:
    """Return the scene's record with the references told from the drawings."""
    drawn = [
        said
        for said, mention in zip(of_scene["understood"], reading.mentions, strict=True)
        if not is_stand_in(mention.drawing)
    ]
    relations = [
        {**said, **{end: _called(said[end]) for end in ("subject", "object")}} for said in of_scene["relations"]
    ]
    return {
        **of_scene,
        "understood": drawn,
        "not_understood": [word for word in of_scene["not_understood"] if word not in of_scene["scene"].split()],
        "relations": relations,
        "references": [
            {"subject_found": not subject.is_whole_picture, "shown": number in shown}
            for number, subject in enumerate(subjects)
        ],
        "weights": WEIGHTS_NAME,
        "weights_licence": WEIGHTS_LICENCE,
        "note": NOTE,
    }


def _called(name: str) -> str:
    return "reference" if name.startswith("referenceq") else name
