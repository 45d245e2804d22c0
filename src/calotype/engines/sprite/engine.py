"""The sprite engine: one maker for each operation, behind the seam."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence

from calotype.engines.base import Context, Estimate, Order, Probe
from calotype.engines.sprite.card import CARD
from calotype.engines.sprite.effects import orders as effects
from calotype.engines.sprite.effects.paint import FORMS, Effect
from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.effects.words import read_wish
from calotype.engines.sprite.motion import orders as motion
from calotype.errors import OutOfMemoryError
from calotype.jobs.inputs.sprite import SpriteInput

MAKERS: Mapping[str, Callable[[SpriteInput, int, Context], None]] = {
    "effect": effects.make_effect,
    "effect_sheet": effects.make_sheet,
    "animate": motion.make_animation,
}
SECONDS_PER_MEGAPIXEL = 1.6
SECONDS_PER_FRAME_MEGAPIXEL = 0.4
BYTES_PER_PIXEL = 12


class SpriteEngine:
    """Visual effects and sprites by rule."""

    card = CARD

    def probe(self) -> Probe:
        """Return whether numpy and Pillow are here: all it needs."""
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
        """Do nothing: there are no weights."""
        del device
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
                MAKERS[wanted.operation](wanted, order.seed, context)
            except MemoryError as error:
                raise OutOfMemoryError from error

    def unload(self) -> None:
        """Keep nothing: there is nothing to give back."""


def _of_animation(wanted: SpriteInput) -> Estimate:
    frames, pixels = wanted.frames or 0, motion.side_of(wanted) ** 2
    warm = 0.8 + SECONDS_PER_FRAME_MEGAPIXEL * frames * pixels / 1e6
    return Estimate(warm + 0.3, warm, 150_000_000 + 8 * frames * pixels, frames * pixels // 2)
