"""The operation `reskin`: a picture or a sheet and a description in; the same in another skin out, every outline in its place."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageChops

from calotype.engines.base import Context, Phase
from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.pictures import png, preview, read_image
from calotype.engines.sprite.reskin.materials import Skin, read_skin
from calotype.engines.sprite.reskin.skin import coloured, in_style, made_of
from calotype.engines.sprite.subject import Cutter
from calotype.jobs.inputs.sprite import SpriteInput

NOTE = "Colours, material and style were put on the picture by rule; its outlines are unchanged and no generative model drew it."
NOTHING_KNOWN = "None of the words names a colour, a material or a style we know, so its colours stay. "
STEPS = 5


def make_reskin(wanted: SpriteInput, seed: int, context: Context, cutter: Cutter) -> None:
    """Put the skin on: what is behind the subject stays as it is."""
    context.progress(0, STEPS, Phase.FRAMES)
    skin = read_skin(wanted.prompt)
    picture = _sized(read_image(context.input_file("image")), wanted.side())
    alpha, how = cutter.matte_of(picture, context.check)
    context.check()
    context.progress(1, STEPS, Phase.FRAMES)
    worn = picture.copy()
    worn.putalpha(alpha)
    if skin.material is not None:
        worn = made_of(worn, skin.material, Noise(seed))
    context.check()
    context.progress(2, STEPS, Phase.FRAMES, preview(worn))
    if skin.colour is not None:
        worn = coloured(worn, skin.colour)
    style = wanted.style or skin.style
    if style is not None:
        worn = in_style(worn, style)
    context.check()
    context.progress(3, STEPS, Phase.FRAMES, preview(worn))
    made = worn if how == "alpha" else _before_its_ground(worn, picture)
    context.progress(4, STEPS, Phase.SAVING, preview(made))
    path = context.scratch / "reskin.png"
    png(made, path)
    context.write(path, "image/png", width=made.width, height=made.height, provenance=_said(wanted, skin, style, how))
    context.progress(STEPS, STEPS, Phase.SAVING)


def _sized(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    few = len(picture.resize((64, 64), Image.Resampling.NEAREST).getcolors(4096) or range(4096))
    is_small_art = scale >= 2 and few <= 48
    way = Image.Resampling.NEAREST if is_small_art else Image.Resampling.LANCZOS
    return picture if size == picture.size else picture.convert("RGBa").resize(size, way).convert("RGBA")


def _before_its_ground(worn: Image.Image, picture: Image.Image) -> Image.Image:
    """Return what was reskinned over the picture's own background, where the material lets it be seen."""
    whole = Image.alpha_composite(picture, worn)
    whole.putalpha(ImageChops.lighter(whole.getchannel("A"), picture.getchannel("A")))
    return whole.convert("RGB") if np.asarray(whole)[..., 3].min() == 255 else whole


def _said(wanted: SpriteInput, skin: Skin, style: str | None, how: str) -> dict[str, Any]:
    is_guess = skin.material is None and skin.colour is None and style is None
    return {
        "operation": wanted.operation,
        "material": skin.material.name if skin.material else None,
        "colour": skin.colour,
        "style": style,
        "not_understood": list(skin.unknown),
        "subject_by": how,
        "note": (NOTHING_KNOWN if is_guess else "") + NOTE,
    }
