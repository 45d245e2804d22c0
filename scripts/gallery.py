"""Paint the acceptance prompts into contact sheets: docs/gallery/. Run by `make gallery`."""

from __future__ import annotations

import sys
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from calotype.engines.drawing.illustrator import Illustrator
from calotype.jobs.inputs.image import ImageInput

ROOT = Path(__file__).parents[1]
PROMPTS = ROOT / "tests" / "gallery" / "prompts.toml"
FOLDER = ROOT / "docs" / "gallery"
COLUMNS, ROWS, SIDE, CAPTION, GAP = 4, 5, 400, 46, 14
INTRODUCTION = """# Gallery

The hundred prompts of `tests/gallery/prompts.toml`, written before the engine, as the built-in **illustrator** shows them, each
with the seed that stands in the file. Made by `make gallery` on a plain CPU; the same prompt and seed give the same picture.

These are not a generative model's pictures: openly licensed drawings (Fluent Emoji, MIT; Noto Emoji, Apache-2.0; Calotype's own)
are found for what a prompt names and arranged in a drawn scene. `tests/gallery/test_bar.py` checks them.

Further sheets: [backgrounds removed](cutouts.md), [pictures with references](products.md), [music](music.md),
[sprites and effects](sprites.md).
"""


def main() -> None:
    """Write the sheets and their page."""
    prompts = tomllib.loads(PROMPTS.read_text("utf-8"))["prompt"]
    illustrator = Illustrator()
    FOLDER.mkdir(parents=True, exist_ok=True)
    a_sheet = COLUMNS * ROWS
    lines = [INTRODUCTION]
    for number, start in enumerate(range(0, len(prompts), a_sheet), 1):
        part = prompts[start : start + a_sheet]
        name = f"sheet-{number}.jpg"
        sheet([(paint(illustrator, prompt), f"{prompt['id']}: {prompt['text']}") for prompt in part]).save(
            FOLDER / name, quality=80, optimize=True
        )
        lines.append(f"![{part[0]['id']} to {part[-1]['id']}]({name})\n")
        sys.stdout.write(f"{name}\n")
    lines.append("Clips, as strips of frames: [clips](clips.md).\n")
    (FOLDER / "README.md").write_text("\n".join(lines), "utf-8")


def paint(illustrator: Illustrator, prompt: Mapping[str, Any]) -> Image.Image:
    """Return a prompt's picture, small."""
    order = ImageInput(
        prompt=prompt["text"], width=prompt.get("width"), height=prompt.get("height"), aspect_ratio=prompt.get("aspect")
    )
    width, height = order.size()
    shrink = SIDE / max(width, height)
    size = (round(width * shrink), round(height * shrink))
    return illustrator.painter.picture(illustrator.compose(order, prompt["seed"], size))


def sheet(pictures: Sequence[tuple[Image.Image, str]]) -> Image.Image:
    """Return the pictures in a grid, each with its prompt below."""
    cell_wide, cell_tall = SIDE + GAP, SIDE + CAPTION + GAP
    page = Image.new("RGB", (COLUMNS * cell_wide + GAP, ROWS * cell_tall + GAP), "#f6f4ef")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for number, (picture, text) in enumerate(pictures):
        x, y = GAP + number % COLUMNS * cell_wide, GAP + number // COLUMNS * cell_tall
        page.paste(picture, (x + (SIDE - picture.width) // 2, y + (SIDE - picture.height) // 2))
        lines = textwrap.wrap(text, 62)
        caption = "\n".join([*lines[:2], *(["…"] if len(lines) > 2 else [])])
        draw.multiline_text((x, y + SIDE + 4), caption, fill="#3a3733", font=font, spacing=2)
    return page


if __name__ == "__main__":
    main()
