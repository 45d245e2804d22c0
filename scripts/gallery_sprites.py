"""Draw the effects, motions and skins that were asked for into contact sheets: docs/gallery/sprites.md. Run by `make gallery`."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.sprite.effects.paint import FORMS, Effect
from calotype.engines.sprite.effects.stage import Noise
from calotype.engines.sprite.effects.words import read_wish
from calotype.engines.sprite.motion.motions import read_script
from calotype.engines.sprite.motion.puppet import Puppet
from calotype.engines.sprite.reskin.materials import read_skin
from calotype.engines.sprite.reskin.skin import coloured, in_style, made_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "gallery"
SEED, CELL, CAPTION, GROUND = 7, 110, 18, (38, 38, 48)
NOISE = Noise(SEED)
PAGE = """# Sprites and effects

What `tests/gallery/effects.toml`, `motions.toml` and `reskins.toml` ask for, as the built-in **sprite** engine shows it, seed 7;
made by `make gallery`. Everything is drawn by rule: no generative model made it. The files say what must be seen.

![effects: four moments and the best one, two in a row](sprites-effects.jpg)

![motions: ten of 25 frames](sprites-motions.jpg)

![skins: before and after](sprites-skins.jpg)
"""


def main() -> None:
    """Write the three sheets and their page."""
    illustrator = Illustrator()
    rows = {
        "effects": ([(one["text"], effect(one["text"])) for one in asked("effect")], 2),
        "motions": ([(f"{one['subject']}: {one['text']}", motion(illustrator, one)) for one in asked("motion")], 1),
        "skins": ([(f"{one['subject']}: {one['text']}", skin(illustrator, one)) for one in asked("reskin")], 4),
    }
    for name, (strips, columns) in rows.items():
        sheet(strips, columns).save(FOLDER / f"sprites-{name}.jpg", quality=82, optimize=True)
        sys.stdout.write(f"sprites-{name}.jpg\n")
    (FOLDER / "sprites.md").write_text(PAGE, "utf-8")


def asked(kind: str) -> list[dict[str, Any]]:
    """Return what a file asks for."""
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "tests" / "gallery" / f"{kind}s.toml").read_text("utf-8"))[kind]
    return found


def effect(text: str) -> list[Image.Image]:
    """Return four moments of an effect, and its best."""
    wish = read_wish(text)
    drawn = Effect(FORMS[wish.form], wish.look(), wish.size, wish.mirrored, SEED, NOISE)
    return [drawn.paint(moment, 2 * CELL) for moment in (*drawn.moments(4), drawn.form.peak)]


def motion(illustrator: Illustrator, one: dict[str, Any]) -> list[Image.Image]:
    """Return ten frames of a subject in motion."""
    puppet = Puppet.of(subject(illustrator, one["subject"]), 320)
    poses = read_script(one["text"]).poses(25)
    return [puppet.posed(poses[number * 5 // 2]) for number in range(10)]


def skin(illustrator: Illustrator, one: dict[str, Any]) -> list[Image.Image]:
    """Return a subject as it is and in its skin."""
    before = after = subject(illustrator, one["subject"])
    wanted = read_skin(one["text"])
    if wanted.material is not None:
        after = made_of(after, wanted.material, NOISE)
    if wanted.colour is not None:
        after = coloured(after, wanted.colour)
    return [before, in_style(after, wanted.style) if wanted.style is not None else after]


def subject(illustrator: Illustrator, name: str) -> Image.Image:
    """Return a drawing by its name, alone."""
    drawing = illustrator.library.named(name) or illustrator.library.nearest(name)
    assert drawing is not None, f"there is no drawing of {name}"
    figure = illustrator.figures.of(drawing, drawing.set_for("3d"))
    height = 480
    return figure.render(max(1, round(height * figure.aspect)), height)


def sheet(strips: Sequence[tuple[str, list[Image.Image]]], columns: int) -> Image.Image:
    """Return strips of pictures, each with its words above."""
    wide, tall = len(strips[0][1]) * CELL, CELL + CAPTION
    page = Image.new("RGB", (columns * (wide + 10), -(-len(strips) // columns) * tall), GROUND)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, (text, pictures) in enumerate(strips):
        x, y = number % columns * (wide + 10), number // columns * tall
        draw.text((x + 4, y + 3), text[: wide // 6], fill="#e8e4dc", font=font)
        for place, picture in enumerate(pictures):
            small = picture.copy()
            small.thumbnail((CELL, CELL))
            page.paste(small, (x + place * CELL + (CELL - small.width) // 2, y + CAPTION + CELL - small.height), small)
    return page


if __name__ == "__main__":
    main()
