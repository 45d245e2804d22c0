"""The sprite engine: one maker for each operation, behind the seam."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from calotype.engines.base import Context, Estimate, Order, Probe
from calotype.engines.sprite.card import CARD
from calotype.engines.sprite.effects import orders as effects
from calotype.engines.sprite.effects.paint import FORMS, Effect
from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.effects.words import read_wish
from calotype.engines.sprite.motion import orders as motion
from calotype.engines.sprite.reskin import orders as reskin
from calotype.engines.sprite.subject import Array, Check, Cutter, Finder
from calotype.errors import OutOfMemoryError
from calotype.jobs.inputs.sprite import SpriteInput

if TYPE_CHECKING:
    from calotype.engines.matte.matting import Matting

MAKERS: Mapping[str, Callable[[SpriteInput, int, Context, Cutter], None]] = {
    "effect": effects.make_effect,
    "effect_sheet": effects.make_sheet,
    "animate": motion.make_animation,
    "reskin": reskin.make_reskin,
}
SECONDS_PER_MEGAPIXEL = 1.6
SECONDS_PER_FRAME_MEGAPIXEL = 0.4
BYTES_PER_PIXEL = 12


class SpriteEngine:
    """Visual effects and sprites by rule; a network only finds what is to be cut out."""

    card = CARD

    def __init__(self) -> None:
        self._cutter = Cutter()

    def probe(self) -> Probe:
        """Return whether what it cannot do without is here: without onnxruntime, subjects are cut out of plain grounds only."""
        missing = [name for name in ("numpy", "PIL") if importlib.util.find_spec(name) is None]
        return Probe(not missing, f"The package {missing[0]} is not installed." if missing else "")

    def estimate(self, order: Order) -> Estimate:
        """Return seconds and bytes, which grow with the area."""
        wanted = SpriteInput.model_validate(dict(order.input))
        if wanted.operation == "animate":
            return _of_animation(wanted)
        pixels = wanted.side() ** 2
        warm = 0.4 + SECONDS_PER_MEGAPIXEL * pixels / 1e6
        return Estimate(warm + 0.3, warm, 200_000_000 + BYTES_PER_PIXEL * pixels, pixels)

    def batch_key(self, order: Order) -> None:
        """Return None: nothing is gained by making two together."""
        del order

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Read the network that finds subjects, where it can run."""
        report(0.0)
        if importlib.util.find_spec("onnxruntime") is not None:
            # imported late: where there is no onnxruntime, everything else must still work
            from calotype.engines.matte.matting import Matting

            self._cutter = Cutter(_finder(Matting(device)))
        report(1.0)

    def warm(self) -> None:
        """Draw one small effect."""
        wish = read_wish("fire")
        Effect(FORMS[wish.form], wish.look(), 1.0, False, 0, Noise(0)).paint(0.5, 64)

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Make what each order's operation asks for."""
        for order in orders:
            wanted = SpriteInput.model_validate(dict(order.input))
            try:
                MAKERS[wanted.operation](wanted, order.seed, context, self._cutter)
            except MemoryError as error:
                raise OutOfMemoryError from error

    def unload(self) -> None:
        """Drop the network."""
        self._cutter = Cutter()


def _finder(matting: Matting) -> Finder:
    def find(pixels: Array, check: Check) -> Array | None:
        found = matting.find(pixels, check)
        return found.matte if found.has_subject else None

    return find


def _of_animation(wanted: SpriteInput) -> Estimate:
    frames, pixels = wanted.frames or 0, motion.side_of(wanted) ** 2
    warm = 0.8 + SECONDS_PER_FRAME_MEGAPIXEL * frames * pixels / 1e6
    return Estimate(warm + 0.3, warm, 150_000_000 + 8 * frames * pixels, frames * pixels // 2)
