"""Puts a material or a colour on what is seen, keeping its light and shade, and draws it in a style; the outline stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from calotype.engines.drawing.colour import already, body_of, paint
from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.reskin.materials import Material

Array = NDArray[Any]

_LUMA = np.array([0.30, 0.59, 0.11], np.float32)
_SMOOTHED = 2048
"""A larger picture is smoothed at half its size: a quarter of the time for what nobody can tell apart."""
_STRIP = 1_000_000
"""Pixels worked on at once."""
_INK = (34, 24, 38)
_BLOCKS = 160
"""How many blocks of pixel art the longer side has."""


def coloured(picture: Image.Image, colour: str) -> Image.Image:
    """Return the picture with what it mostly is in another colour."""
    small = picture.copy()
    small.thumbnail((128, 128))
    body = body_of(small, prefer_hue=True)
    return picture if already(body, colour) else picture.filter(paint(body, colour))


def made_of(picture: Image.Image, material: Material, noise: Noise) -> Image.Image:
    """Return the picture as if made of a material: its own light and shade choose among the material's colours."""
    low, high = _range_of(picture)
    reach = max(1.0, max(picture.size) / 90)
    soft = picture.getchannel("A").filter(ImageFilter.GaussianBlur(reach))
    stops = np.array([[int(stop[at : at + 2], 16) / 255 for at in (0, 2, 4)] for stop in material.stops], np.float32)
    tones = np.linspace(0, 1, 1024)
    table = np.stack([np.interp(tones, np.linspace(0, 1, len(stops)), stops[:, channel]) for channel in range(3)], -1)
    table += (material.gloss * np.exp(-(((tones - 0.82) / 0.07) ** 2)))[:, None]
    table = table.astype(np.float32)

    def strip(rows: slice) -> Array:
        pixels = _part(picture, rows)
        colours, alpha = pixels[..., :3], pixels[..., 3]
        down, across = _slopes(soft, rows)
        light = 0.10 + 0.72 * (colours @ _LUMA - low) / (high - low)
        light += np.clip((down + across) * reach * 0.9, -0.35, 0.35) * alpha
        light += (_grain(picture.size, rows, noise, material) - 0.5) * material.grain * 2
        made = table[(np.clip(light, 0, 1) * 1023).astype(np.int16)]
        mixed = np.clip(made + (colours - colours.mean(-1, keepdims=True)) * material.keep * 2, 0, 1)
        return np.concatenate([mixed, (alpha * material.opacity)[..., None]], -1)

    return _in_strips(picture.size, strip)


def _range_of(picture: Image.Image) -> tuple[float, float]:
    """Return how dark and how light the subject is, seen small: that range is stretched over the material's."""
    small = picture.resize((128, 128), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32) / 255
    solid = pixels[pixels[..., 3] > 0.5][:, :3] @ _LUMA
    low, high = np.percentile(solid, (2, 98)) if len(solid) else (0.0, 1.0)
    return float(low), float(low) + max(float(high - low), 0.12)


def _in_strips(size: tuple[int, int], strip: Callable[[slice], Array]) -> Image.Image:
    """Return the picture whose rows `strip` makes, in RGBA from 0 to 1: a large one takes no more memory than a small one."""
    picture = Image.new("RGBA", size)
    height = max(1, _STRIP // size[0])
    for top in range(0, size[1], height):
        made = strip(slice(top, min(size[1], top + height)))
        picture.paste(Image.fromarray((made * 255 + 0.5).astype(np.uint8)), (0, top))
    return picture


def _part(picture: Image.Image, rows: slice) -> Array:
    return np.asarray(picture.crop((0, rows.start, picture.width, rows.stop)), np.float32) / 255


def _slopes(picture: Image.Image, rows: slice) -> tuple[Array, Array]:
    """Return how a grey picture changes downward and to the right; a strip's edge sees the rows beyond it."""
    above, below = max(0, rows.start - 1), min(picture.height, rows.stop + 1)
    values = _part(picture, slice(above, below))
    if len(values) < 2:
        return np.zeros_like(values), np.zeros_like(values)
    down, across = np.gradient(values)
    kept = slice(rows.start - above, rows.stop - above)
    return down[kept], across[kept]


def _grain(size: tuple[int, int], rows: slice, noise: Noise, material: Material) -> Array:
    across, down = np.meshgrid(
        np.linspace(0, 1.6, size[0], dtype=np.float32),
        np.arange(rows.start, rows.stop, dtype=np.float32) * 1.6 / size[0],
    )
    if material.streaks:
        bent = noise.at(across * 0.4, down * 0.4) * 0.5
        return noise.at(across * 2.6 + bent, down * 0.55 + bent * 0.6)
    grain: Array = 0.55 * noise.at(across * 1.3, down * 1.3) + 0.45 * noise.at(across * 3.1, down * 3.1)
    return grain


def in_style(picture: Image.Image, style: str) -> Image.Image:
    """Return the picture drawn in a style."""
    return {"pixel": _pixel, "cartoon": _cartoon, "sd": _soft, "quater_view": _lit_from_above}[style](picture)


def _pixel(picture: Image.Image) -> Image.Image:
    shrink = min(1.0, _BLOCKS / max(picture.size))
    size = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
    small = picture.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")
    alpha = small.getchannel("A").point([0] * 128 + [255] * 128)
    few = small.convert("RGB").quantize(32, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    few.putalpha(alpha)
    return few.resize(picture.size, Image.Resampling.NEAREST)


def _cartoon(picture: Image.Image) -> Image.Image:
    return _inked(_flattened(picture, 5, 1.22), max(1, round(max(picture.size) / 380)))


def _soft(picture: Image.Image) -> Image.Image:
    """Draw it as for a small, round figure: pale colours, a broad line. Its proportions stay, or no sheet would line up."""
    flat = _flattened(picture, 4, 1.1)
    pale = Image.blend(flat.convert("RGB"), Image.new("RGB", flat.size, (255, 244, 240)), 0.2)
    pale.putalpha(flat.getchannel("A"))
    return _inked(pale, max(2, round(max(picture.size) / 230)))


def _flattened(picture: Image.Image, levels: int, fullness: float) -> Image.Image:
    colours = picture.convert("RGB")
    if max(picture.size) > _SMOOTHED:
        colours = colours.reduce(2)
    for _ in range(2):
        colours = colours.filter(ImageFilter.MedianFilter(5))
    colours = colours if colours.size == picture.size else colours.resize(picture.size, Image.Resampling.BICUBIC)
    hue, full, light = colours.convert("HSV").split()
    step = 255 / levels
    light = light.point([min(255, round((value // step + 0.62) * step)) for value in range(256)])
    full = full.point([min(255, round(value * fullness)) for value in range(256)])
    flat = Image.blend(Image.merge("HSV", (hue, full, light)).convert("RGB"), colours, 0.25)
    flat.putalpha(picture.getchannel("A"))
    return flat


def _inked(picture: Image.Image, width: int) -> Image.Image:
    """Draw a line along the outline's inner side, and a finer one along strong edges: nothing grows."""
    alpha = picture.getchannel("A")
    inner = alpha.filter(ImageFilter.MinFilter(2 * width + 1)).filter(ImageFilter.GaussianBlur(width * 0.35))
    line = ImageChops.subtract(alpha, inner)
    grey = picture.convert("L").filter(ImageFilter.GaussianBlur(max(1.0, width * 0.8)))

    def edges(rows: slice) -> Array:
        strength = np.hypot(*_slopes(grey, rows)) * 255
        drawn = np.clip((strength * width - 22) * 6, 0, 165) / 255 * (_part(inner, rows) > 0.5)
        return np.repeat(drawn[..., None], 4, -1)

    line = ImageChops.lighter(line, _in_strips(picture.size, edges).getchannel("A"))
    inked = Image.composite(Image.new("RGB", picture.size, _INK), picture.convert("RGB"), line)
    inked.putalpha(alpha)
    return inked


def _lit_from_above(picture: Image.Image) -> Image.Image:
    """Draw it as in a game seen from above: flat colours, tops in the light, lower parts in shade. The view itself stays."""
    flat = _flattened(picture, 6, 1.1)
    reach = max(2.0, max(picture.size) / 60)
    soft = flat.getchannel("A").filter(ImageFilter.GaussianBlur(reach))

    def strip(rows: slice) -> Array:
        pixels = _part(flat, rows)
        slope = np.clip(_slopes(soft, rows)[0] * reach * 1.5, -0.4, 0.4)[..., None]
        lit = np.clip(pixels[..., :3] * (1 + slope * 0.9) + np.clip(slope, 0, 1) * 0.16, 0, 1)
        return np.concatenate([lit, pixels[..., 3:]], -1)

    out = _in_strips(picture.size, strip)
    return _inked(out, max(1, round(max(picture.size) / 500)))
