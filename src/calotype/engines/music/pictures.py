"""What a piece looks like: a cover drawn from its notes and its mood, and its waveform."""

from __future__ import annotations

import colorsys
import io
import itertools
import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from calotype.engines.music.brief import Brief
from calotype.engines.music.sampler import Sound
from calotype.engines.music.score import Score

COVER, PREVIEW = 1024, 320
WAVE = (1600, 400)
LONGEST_TITLE = 34
Colour = tuple[int, int, int]


def cover(score: Score, brief: Brief, title: str, seed: int) -> Image.Image:
    """Return the cover: the tune as dots on a spiral over a sky in the colours of the mood, the title below."""
    rng = Random(seed)  # noqa: S311 - a picture, not secrets
    top, bottom, ink = _palette(brief, score, rng)
    side = COVER
    image = _sky(side, top, bottom)
    glow = Image.new("RGB", (side, side))
    draw = ImageDraw.Draw(glow)
    _spiral(draw, score, side, ink)
    soft = glow.filter(ImageFilter.GaussianBlur(14))
    image = Image.fromarray(
        np.clip(np.asarray(image, np.int16) + np.asarray(soft, np.int16) + np.asarray(glow, np.int16), 0, 255).astype(
            np.uint8
        )
    )
    _write(image, title, score, ink)
    return image


def waveform(sound: Sound, brief: Brief, score: Score, seed: int) -> Image.Image:
    """Return the waveform with its sections marked: see-through, so that it stands on any page."""
    _, _, ink = _palette(brief, score, Random(seed))  # noqa: S311 - a picture, not secrets
    width, height = WAVE
    image = Image.new("RGBA", WAVE, (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    edges = np.linspace(0, sound.shape[1], width // 4 + 1).astype(int)
    level = np.abs(sound).max(0)
    dark = tuple(round(part * 0.62) for part in ink)
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        peak = float(level[first:last].max(initial=0))
        rms = float(np.sqrt(np.square(sound[:, first:last]).mean())) if last > first else 0.0
        x = number * 4
        for value, colour in ((peak, (*dark, 150)), (rms, (*dark, 255))):
            half = max(1, round(value * (height / 2 - 8)))
            draw.rectangle((x, height // 2 - half, x + 2, height // 2 + half), fill=colour)
    for section in score.sections[1:]:
        x = round(score.timing.seconds(section.start * score.timing.metre) / score.timing.duration * width)
        draw.line((x, 6, x, height - 6), fill=(*dark, 90), width=1)
    return image


def png(image: Image.Image) -> bytes:
    """Return the picture as PNG."""
    data = io.BytesIO()
    image.save(data, "PNG", compress_level=6)
    return data.getvalue()


def preview(image: Image.Image) -> bytes:
    """Return the picture small, as JPEG."""
    small = image.convert("RGB")
    small.thumbnail((PREVIEW, PREVIEW))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=80)
    return data.getvalue()


def _palette(brief: Brief, score: Score, rng: Random) -> tuple[Colour, Colour, Colour]:
    """Return colours for the sky's top and bottom and for what is drawn: warm when glad, cold when sad, vivid when lively."""
    warm = 0.5 + 0.5 * brief.mood.valence - 0.15 * score.key.is_minor
    hue = (0.62 - 0.55 * warm + rng.uniform(-0.07, 0.07)) % 1
    vivid = 0.5 + 0.3 * brief.mood.energy
    depth = 0.3 + 0.12 * brief.mood.valence
    return (
        _rgb(hue, vivid, depth),
        _rgb(hue + 0.09, vivid * 0.8, depth + 0.34),
        _rgb(hue + 0.5 + rng.uniform(-0.1, 0.1), 0.35, 1.0),
    )


def _rgb(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(1.0, max(0.0, saturation)), min(1.0, max(0.0, value)))
    return round(red * 255), round(green * 255), round(blue * 255)


def _sky(side: int, top: Colour, bottom: Colour) -> Image.Image:
    share = np.linspace(0, 1, side, dtype=np.float32)[:, None, None] ** 1.3
    rows = np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share
    grain = np.random.default_rng(7).normal(0, 2.5, (side, side, 1))
    return Image.fromarray(np.clip(np.broadcast_to(rows, (side, side, 3)) + grain, 0, 255).astype(np.uint8))


def _spiral(draw: ImageDraw.ImageDraw, score: Score, side: int, ink: Colour) -> None:
    centre, whole = side * 0.5, score.timing.duration
    for part in score.parts:
        if part.role == "drums":
            continue
        is_lead = part.role == "lead"
        shade = tuple(round(value * (0.75 if is_lead else 0.2)) for value in ink)
        for note in part.notes:
            share = score.timing.seconds(note.start) / whole
            angle = 2 * math.pi * (5 * share) - math.pi / 2
            radius = side * (0.1 + 0.27 * share + 0.0022 * (note.pitch - 60))
            x, y = centre + radius * math.cos(angle), side * 0.44 + radius * math.sin(angle)
            size = (3 + 5 * min(2.5, note.length)) if is_lead else 2 + 2 * min(2.0, note.length)
            draw.ellipse((x - size, y - size, x + size, y + size), fill=shade)


def _write(image: Image.Image, title: str, score: Score, ink: Colour) -> None:
    """Write title and key below, where the built-in font has the letters."""
    draw = ImageDraw.Draw(image)
    short = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1].rstrip() + "…"
    if all(ord(letter) < 0x180 or letter == "…" for letter in short):
        draw.text((COVER / 2, COVER * 0.9), short, fill=ink, font=ImageFont.load_default(44), anchor="mm")
    facts = f"{score.key.name}  ·  {score.timing.tempo:.0f} bpm"
    draw.text((COVER / 2, COVER * 0.95), facts, fill=ink, font=ImageFont.load_default(24), anchor="mm")
