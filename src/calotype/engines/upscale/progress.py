"""How far an order is: counted in tiles over all passes, with a small preview at each quarter of the way."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

from PIL import Image

from calotype.engines.base import Context, Phase
from calotype.engines.upscale.passes import Passes
from calotype.engines.upscale.tiles import Pixels, Tile, plan

PREVIEW_SIDE = 320
PREVIEWS = 4
REDUCE = Image.Resampling.BOX
DIMMED = 0.35
"""How bright what is still to come is shown."""


class Progress:
    """Counts tiles for one order and draws the preview: the source, dimmed where its tiles are still to come."""

    def __init__(self, context: Context, source: Pixels, passes: Passes) -> None:
        height, width, _ = source.shape
        factors = [math.prod(passes[:done]) for done in range(len(passes))]
        self._context = context
        self._total = sum(len(plan(width * factor, height * factor)) for factor in factors)
        self._done = 0
        self._shown = Image.fromarray(source)
        self._shown.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        self._shown = self._shown.point([round(value * DIMMED) for value in range(256)] * 3)
        self._reduction = self._shown.width / (width * max(factors, default=1))
        """From the last pass's input to the preview."""
        context.progress(0, self._total, Phase.TILES)

    def after_tile(self, *, is_last: bool) -> Callable[[Tile, Pixels], None]:
        """Return what to call after each tile of a pass; the last pass is the one that the preview shows."""

        def after(tile: Tile, made: Pixels) -> None:
            if is_last:
                self._show(tile, made)
            self._done += 1
            preview = self._preview() if is_last and self._is_due() else None
            self._context.progress(self._done, self._total, Phase.TILES, preview)
            self._context.check()

        return after

    def saving(self) -> None:
        """Say that only saving is left."""
        self._context.progress(self._total, self._total, Phase.SAVING)

    def _is_due(self) -> bool:
        quarter = self._done * PREVIEWS // self._total
        return quarter > (self._done - 1) * PREVIEWS // self._total

    def _preview(self) -> bytes:
        file = io.BytesIO()
        self._shown.save(file, "JPEG", quality=75)
        return file.getvalue()

    def _show(self, tile: Tile, made: Pixels) -> None:
        """Put what a tile became in its place in the preview."""
        left, top, right, bottom = (
            round(edge * self._reduction)
            for edge in (tile.core[1].start, tile.core[0].start, tile.core[1].stop, tile.core[0].stop)
        )
        if right > left and bottom > top:
            self._shown.paste(Image.fromarray(made).resize((right - left, bottom - top), REDUCE), (left, top))
