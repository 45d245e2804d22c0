"""Paint a composition: the stage, then each drawing with its shadow or reflection, in the scene's light."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import resvg_py
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from calotype.engines.drawing.colour import already, body_of, distinct, light_up
from calotype.engines.drawing.colour import paint as paint_in
from calotype.engines.drawing.compose import Composition, Placed
from calotype.engines.drawing.figures import Figures
from calotype.engines.drawing.scenery.palette import rgb
from calotype.engines.drawing.scenery.stage import Stage

LARGEST_SPRITE = 1800
_SUNK = 0.07
"""How much of a floating thing's height the water hides."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A piece of the picture: what it is ("body", "shadow", "mirror", "foam"), its pixels, and where its corner lies."""

    part: str
    image: Image.Image
    corner: tuple[int, int]


class Painter:
    """Turns compositions into pixels."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def picture(self, composition: Composition, step: Callable[[int, int], None] | None = None) -> Image.Image:
        """Return the finished picture; `step` is told of each drawing painted, and may raise to stop."""
        total, step = len(composition.placed) + 2, step or _ignore
        canvas = _layer(composition.stage, composition.stage.back, composition.width, composition.height).convert("RGB")
        step(1, total)
        for number, placed in enumerate(composition.placed):
            for layer in self.layers(placed, composition):
                canvas.paste(layer.image, layer.corner, layer.image)
            step(number + 2, total)
        if composition.stage.front:
            front = _layer(composition.stage, composition.stage.front, composition.width, composition.height)
            canvas.paste(front, (0, 0), front)
        return canvas

    def layers(self, placed: Placed, composition: Composition) -> list[Layer]:
        """Return what one drawing puts into the picture, in the order it is painted: its shadow or mirror image, and itself."""
        sprite = self._lit(self._sprite(placed, composition.scale), placed, composition.stage)
        return [*_cast(sprite, placed, composition), Layer("body", sprite, _corner(placed, composition.scale))]

    def scenery(
        self, composition: Composition, markup: Sequence[str], box: tuple[int, int, int, int] | None = None
    ) -> Image.Image:
        """Return some of the stage's markup, see-through where nothing is painted: all of it, or a box of the picture's pixels."""
        if box is None:
            return _layer(composition.stage, markup, composition.width, composition.height)
        left, top, right, bottom = (edge / composition.scale for edge in box)
        view = f"{left:.3f} {top:.3f} {right - left:.3f} {bottom - top:.3f}"
        return _rendered(view, markup, box[2] - box[0], box[3] - box[1])

    def ids(self, composition: Composition) -> Image.Image:
        """Return the same geometry with each drawing in one flat colour of its own, on black, for checks."""
        canvas = Image.new("RGB", (composition.width, composition.height))
        for number, placed in enumerate(composition.placed):
            alpha = self.mask(placed, composition.scale)
            canvas.paste(Image.new("RGB", alpha.size, distinct(number + 1)), _corner(placed, composition.scale), alpha)
        return canvas

    def mask(self, placed: Placed, scale: float) -> Image.Image:
        """Return where a drawing has paint: white, on black."""
        return self._sprite(placed, scale).getchannel("A").point(lambda value: 255 if value > 127 else 0)

    def _sprite(self, placed: Placed, scale: float) -> Image.Image:
        """Return one drawing in its size and colour, before the scene's light falls on it."""
        width, height = _size(placed, scale)
        figure = self._figures.of(placed.drawing, placed.art_set, placed.outfit)
        shrink = min(1.0, LARGEST_SPRITE / max(width, height))
        sprite = figure.render(max(1, round(width * shrink)), max(1, round(height * shrink)))
        if placed.colour is not None:
            body = body_of(figure.render(64, 64), prefer_hue=placed.drawing.group.startswith("transport"))
            has_eyes = placed.drawing.group.startswith(("animal", "person"))
            if not already(body, placed.colour) or placed.shade:
                sprite = _mapped(sprite, paint_in(body, placed.colour, placed.shade, has_eyes=has_eyes))
        if sprite.size != (width, height):
            sprite = sprite.resize((width, height), Image.Resampling.BICUBIC)
        if placed.flip:
            sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return _sunk(sprite) if placed.afloat else sprite

    def _lit(self, sprite: Image.Image, placed: Placed, stage: Stage) -> Image.Image:
        """Return a drawing as it looks in the scene's light; what is far off is a little lost in the haze."""
        outdoors = stage.kind not in {"plain", "studio", "space", "room"}
        share = 0.10 * (1 - placed.depth) if outdoors and placed.stands else 0.0
        if stage.palette.tint == (1.0, 1.0, 1.0) and share < 0.02:
            return sprite
        haze = tuple(part / 255 for part in rgb(stage.palette.haze))
        return _mapped(sprite, light_up(stage.palette.tint, (haze[0], haze[1], haze[2]), share))


def _ignore(done: int, total: int) -> None:
    """Nobody is watching."""
    del done, total


def _layer(stage: Stage, markup: Sequence[str], width: int, height: int) -> Image.Image:
    return _rendered(f"0 0 {stage.width:.3f} {stage.height:.3f}", markup, width, height)


def _rendered(view: str, markup: Sequence[str], width: int, height: int) -> Image.Image:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" '
        f'preserveAspectRatio="none" width="{width}" height="{height}">{"".join(markup)}</svg>'
    )
    return Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))).convert("RGBA")


def _size(placed: Placed, scale: float) -> tuple[int, int]:
    left, top, right, bottom = placed.box
    return max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))


def _corner(placed: Placed, scale: float) -> tuple[int, int]:
    return round(placed.box[0] * scale), round(placed.box[1] * scale)


def _mapped(sprite: Image.Image, table: ImageFilter.Color3DLUT) -> Image.Image:
    """Return the sprite with its colours looked up; its transparency stays."""
    painted = sprite.convert("RGB").filter(table)
    painted.putalpha(sprite.getchannel("A"))
    return painted


def _sunk(sprite: Image.Image) -> Image.Image:
    """Let water hide the lowest edge, along a wavy line."""
    width, height = sprite.size
    columns = np.arange(width) / max(1, width)
    line = height * (1 - _SUNK + 0.006 * np.sin(columns * 34))
    rows = np.arange(height)[:, None]
    keep = np.clip((line[None, :] - rows) / max(1.0, height * 0.015) + 0.5, 0, 1)
    alpha = Image.fromarray((keep * 255).astype(np.uint8))
    sunk = sprite.copy()
    sunk.putalpha(ImageChops.multiply(sprite.getchannel("A"), alpha))
    return sunk


def _cast(sprite: Image.Image, placed: Placed, composition: Composition) -> list[Layer]:
    """Return what a drawing does to the ground or the water it is on."""
    if placed.afloat:
        return _mirrored(sprite, placed, composition)
    return [_shadow(sprite, placed, composition)] if placed.stands else []


def _shadow(sprite: Image.Image, placed: Placed, composition: Composition) -> Layer:
    """Return the shadow at a thing's foot: its own outline laid flat toward the viewer, and a dark line of contact."""
    palette, (width, height) = composition.stage.palette, sprite.size
    flat = max(2, round(min(height * 0.15, width * 0.32)))
    pad = max(2, flat // 2)
    mask = Image.new("L", (width + 2 * pad, flat * 2 + 2 * pad))
    lying = sprite.getchannel("A").transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, flat))
    mask.paste(lying.point(lambda value: round(value * 0.55)), (pad, flat + pad - max(1, flat // 4)))
    contact = _foot(sprite)
    if contact is not None:
        left, right = contact
        ImageDraw.Draw(mask).ellipse(
            (left + pad, flat + pad - flat * 0.22, right + pad, flat + pad + flat * 0.2), fill=220
        )
    mask = mask.filter(ImageFilter.GaussianBlur(max(0.6, flat * 0.14)))
    mask = mask.point(lambda value: round(value * palette.shadow_strength * 1.35))
    x, y = _corner(placed, composition.scale)
    return Layer("shadow", _of_one_colour(rgb(palette.shadow), mask), (x - pad, y + height - flat - pad))


def _foot(sprite: Image.Image) -> tuple[int, int] | None:
    """Return from where to where a drawing touches the ground."""
    alpha = np.asarray(sprite.getchannel("A"))
    across = np.nonzero((alpha[-max(1, round(len(alpha) * 0.05)) :] > 100).any(0))[0]
    return (int(across[0]), int(across[-1])) if len(across) else None


def _mirrored(sprite: Image.Image, placed: Placed, composition: Composition) -> list[Layer]:
    """Return a floating thing's image in the water below it, fading out, and the foam around it."""
    width, height = sprite.size
    line = round(height * (1 - _SUNK))
    tall = max(2, round(line * 0.42))
    mirrored = sprite.crop((0, 0, width, line)).transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, tall))
    mirrored = mirrored.filter(ImageFilter.GaussianBlur(max(0.5, width * 0.006)))
    fade = Image.linear_gradient("L").resize((width, tall)).point(lambda value: round((255 - value) * 0.42))
    x, y = _corner(placed, composition.scale)
    mirrored.putalpha(ImageChops.multiply(mirrored.getchannel("A"), fade))
    return [Layer("mirror", mirrored, (x, y + line)), *_foam(sprite, (x, y + line))]


def _foam(sprite: Image.Image, corner: tuple[int, int]) -> list[Layer]:
    """Return a soft bright line on the water where a floating thing enters it."""
    width, height = sprite.size
    alpha = np.asarray(sprite.getchannel("A"))[round(height * (1 - _SUNK - 0.04))]
    across = np.nonzero(alpha > 100)[0]
    if not len(across):
        return []
    thick = max(2, round(width * 0.022))
    mask = Image.new("L", (width + 8 * thick, 8 * thick))
    left, right = int(across[0]) + 3 * thick, int(across[-1]) + 5 * thick
    ImageDraw.Draw(mask).ellipse((left, 3.4 * thick, right, 4.8 * thick), fill=150)
    mask = mask.filter(ImageFilter.GaussianBlur(thick * 0.45))
    return [Layer("foam", _of_one_colour((255, 255, 255), mask), (corner[0] - 4 * thick, corner[1] - 4 * thick))]


def _of_one_colour(colour: tuple[int, int, int], mask: Image.Image) -> Image.Image:
    image = Image.new("RGB", mask.size, colour)
    image.putalpha(mask)
    return image
