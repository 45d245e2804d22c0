"""The illustrator as an engine: text in, PNG out."""

from __future__ import annotations

import gc
import importlib.util
import io
from collections.abc import Callable, Sequence

from PIL import Image

import calotype_data
from calotype.engines.base import Context, Estimate, Order, Phase, Probe
from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.drawing.provenance import provenance_of
from calotype.engines.illustrator.card import CARD
from calotype.errors import EngineError
from calotype.jobs.inputs.image import ImageInput

PREVIEW_SIDE = 256
_MOST_SEEDS = 2**32


class IllustratorEngine:
    """Text to image on any machine."""

    card = CARD

    def __init__(self) -> None:
        self._illustrator: Illustrator | None = None

    def probe(self) -> Probe:
        """Return whether the data pack and the renderer are there."""
        missing = [name for name in ("resvg_py", "tokenizers", "numpy") if importlib.util.find_spec(name) is None]
        if missing:
            return Probe(False, f"The package {missing[0]} is not installed.")
        try:
            calotype_data.path("art/index.json.gz")
        except FileNotFoundError as error:
            return Probe(False, f"{error}.")
        return Probe(True)

    def estimate(self, order: Order) -> Estimate:
        """Return seconds and bytes, which grow with the picture's area."""
        wanted = ImageInput.model_validate(dict(order.input))
        width, height = wanted.size()
        megapixels = width * height * wanted.count / 1e6
        return Estimate(
            cold=1.0 + megapixels,
            warm=0.2 + megapixels,
            memory=250_000_000 + width * height * 24,
            output=int(megapixels * 1.2e6),
        )

    def batch_key(self, order: Order) -> str | None:
        """Return None: a picture is made in one go, and nothing is gained by making two together."""
        del order
        return None

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Read the index of drawings and the word vectors; the device does not matter."""
        del device
        self._illustrator = Illustrator()
        report(1.0)

    def warm(self) -> None:
        """Paint one small picture."""
        illustrator = self._loaded()
        composition = illustrator.compose(
            ImageInput(prompt="a red sailboat on the sea at sunset", width=64, height=64), 0
        )
        illustrator.painter.picture(composition)

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Paint every order; several pictures of one order take the seeds after the first."""
        for order in orders:
            wanted = ImageInput.model_validate(dict(order.input))
            for number in range(wanted.count):
                self._paint(wanted, (order.seed + number) % _MOST_SEEDS, number, context)

    def unload(self) -> None:
        """Give the memory back."""
        self._illustrator = None
        gc.collect()

    def _loaded(self) -> Illustrator:
        if self._illustrator is None:
            raise EngineError("The illustrator was asked to paint before it was loaded.")
        return self._illustrator

    def _paint(self, wanted: ImageInput, seed: int, number: int, context: Context) -> None:
        illustrator, whole = self._loaded(), 100 * wanted.count
        context.progress(100 * number, whole, Phase.COMPOSING)
        composition = illustrator.compose(wanted, seed)

        def step(done: int, total: int) -> None:
            context.check()
            context.progress(100 * number + round(5 + 80 * done / total), whole, Phase.DECODING)

        picture = illustrator.painter.picture(composition, step)
        context.progress(100 * number + 90, whole, Phase.SAVING, _preview(picture))
        context.write(
            _png(picture),
            "image/png",
            width=picture.width,
            height=picture.height,
            provenance=provenance_of(composition, seed),
        )
        context.progress(100 * (number + 1), whole, Phase.SAVING)


def _preview(picture: Image.Image) -> bytes:
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=80)
    return data.getvalue()


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=3)
    return data.getvalue()
