"""The operations `effect` and `effect_sheet`: a description in, one PNG on transparency out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PIL import Image

from calotype.engines.base import Context, Phase
from calotype.engines.sprite.effects.looks import Colour
from calotype.engines.sprite.effects.paint import FORMS, Effect
from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.effects.words import Wish, read_wish
from calotype.engines.sprite.pictures import main_colours, png, preview, read_image
from calotype.engines.sprite.subject import Cutter
from calotype.jobs.inputs.sprite import SpriteInput

NOTE = "This effect was drawn by rule from noise, particles and gradients; no generative model made it."
NOTHING_KNOWN = "Nothing in the description names an effect, so this is a burst of light. "
_STEPS = 100
"""Progress of one frame."""


def make_effect(wanted: SpriteInput, seed: int, context: Context, cutter: Cutter) -> None:
    """Draw the effect at the moment it is best seen."""
    del cutter
    context.progress(0, _STEPS + 10, Phase.FRAMES)
    wish, effect, is_tinted = _prepared(wanted, seed, context)
    picture = effect.paint(effect.form.peak, wanted.side(), _reporting(context, 0, _STEPS + 10))
    _hand_in(picture, _said(wish, wanted, is_tinted), context, _STEPS + 10)


def make_sheet(wanted: SpriteInput, seed: int, context: Context, cutter: Cutter) -> None:
    """Draw the effect's moments in the cells of a square, row by row."""
    del cutter
    frames = wanted.frames or 0
    across = math.isqrt(frames)
    cell, total = wanted.side() // across, frames * _STEPS + 10
    context.progress(0, total, Phase.FRAMES)
    wish, effect, is_tinted = _prepared(wanted, seed, context)
    sheet = Image.new("RGBA", (cell * across, cell * across))
    for number, moment in enumerate(effect.moments(frames)):
        picture = effect.paint(moment, cell, _reporting(context, number * _STEPS, total))
        sheet.paste(picture, (number % across * cell, number // across * cell))
        context.progress((number + 1) * _STEPS, total, Phase.FRAMES, preview(sheet))
    said = _said(wish, wanted, is_tinted) | {
        "frames": frames,
        "columns": across,
        "cell": {"width": cell, "height": cell},
        "loops": effect.form.loops,
    }
    _hand_in(sheet, said, context, total)


def _prepared(wanted: SpriteInput, seed: int, context: Context) -> tuple[Wish, Effect, bool]:
    wish = read_wish(wanted.prompt)
    reference: list[Colour] = []
    if wanted.image is not None:
        reference = main_colours(read_image(context.input_file("image")), 2)
    form = FORMS[wish.form]
    effect = Effect(form, wish.look(reference), wish.size, wish.mirrored, seed, Noise(seed))
    return wish, effect, bool(reference) and not wish.colours


def _reporting(context: Context, before: int, total: int) -> Callable[[float], None]:
    def after(share: float) -> None:
        context.check()
        context.progress(before + int(share * (_STEPS - 1)), total, Phase.FRAMES)

    return after


def _hand_in(picture: Image.Image, said: dict[str, Any], context: Context, total: int) -> None:
    context.progress(total - 10, total, Phase.SAVING, preview(picture))
    path = context.scratch / "effect.png"
    png(picture, path)
    context.write(path, "image/png", width=picture.width, height=picture.height, provenance=said)
    context.progress(total, total, Phase.SAVING)


def _said(wish: Wish, wanted: SpriteInput, is_tinted: bool) -> dict[str, Any]:
    return {
        "operation": wanted.operation,
        "form": wish.form,
        "elements": list(wish.elements),
        "colours": list(wish.colours),
        "colours_of_reference": is_tinted,
        "understood": list(wish.understood),
        "not_understood": list(wish.unknown),
        "note": ("" if wish.understood else NOTHING_KNOWN) + NOTE,
    }
