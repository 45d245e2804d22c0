"""Remove the backgrounds of the bar's photographs and composed pictures: docs/gallery/cutouts.md. Run by `make gallery`."""

from __future__ import annotations

import resource
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from calotype.engines.cutout.backgrounds import place
from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.matte.matting import Matting, nobody_waits
from calotype.jobs.inputs.image import ImageInput

ROOT = Path(__file__).parents[1]
BAR = ROOT / "tests" / "gallery" / "cutouts.toml"
FOLDER = ROOT / "docs" / "gallery"
CELL, COLUMNS, GAP = 300, 3, 10
SIDE, SHOWN = 512, 15
PAGE = """# Backgrounds removed

Each picture and what **cutout** keeps of it. The bar, `tests/gallery/cutouts.toml`, was written before the engine: ten photographs
with points that must stay or go, and fifty composed pictures whose true mask is known. Photographs: `tests/gallery/photos/NOTICE`.

- Fifty composed pictures of {side} pixels: mean intersection over union {mean:.3f}, least {least:.3f} ({worst}).
- A picture of 1024 x 1024: {seconds:.1f} s on two cores that others used too; peak memory of the whole process {memory:.0f} MB.

What is weak: thin parts that the network sees at 320 pixels only (a mast, steam), a fish's fins in water of their colour, and a
thing on a table, which is taken together with the table.

![photographs](cutouts-1.jpg)

![composed pictures](cutouts-2.jpg)
"""


def main() -> None:
    """Write both sheets and their page."""
    bar = tomllib.loads(BAR.read_text("utf-8"))
    matting, illustrator = Matting(), Illustrator()
    photographs = [
        np.array(Image.open(BAR.parent / "photos" / f"{photo['name']}.jpg").convert("RGB")) for photo in bar["photo"]
    ]
    sheet([(photo, cut(matting, photo)[0]) for photo in photographs], "cutouts-1.jpg")
    agreements, shown = {}, []
    for seed, prompt in enumerate(bar["composed"]):
        composition = illustrator.compose(ImageInput(prompt=prompt), seed, (SIDE, SIDE))
        picture = np.array(illustrator.painter.picture(composition))
        kept, found = cut(matting, picture)
        drawn = np.asarray(illustrator.painter.ids(composition)).any(2)
        agreements[prompt] = float((drawn & found).sum() / max(1, (drawn | found).sum()))
        if seed % (len(bar["composed"]) // SHOWN) == 0:
            shown.append((picture, kept))
    sheet(shown[:SHOWN], "cutouts-2.jpg")
    worst = min(agreements, key=agreements.__getitem__)
    facts = {"side": SIDE, "mean": np.mean(list(agreements.values())), "least": agreements[worst], "worst": worst}
    seconds, memory = measured(matting, photographs[0])
    (FOLDER / "cutouts.md").write_text(PAGE.format(**facts, seconds=seconds, memory=memory), "utf-8")
    sys.stdout.write("cutouts.md\n")


def measured(matting: Matting, photograph: np.ndarray) -> tuple[float, float]:
    """Return seconds for a picture of 1024 pixels a side, and the process's peak memory in MB."""
    large = np.array(Image.fromarray(photograph).resize((1024, 1024)))
    started = time.monotonic()
    cut(matting, large)
    return time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cut(matting: Matting, pixels: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """Return the subject on its own, and where it is."""
    matte = matting.find(pixels).matte
    return place(pixels, matte, "transparent", nobody_waits), matte > 0.5


def sheet(pairs: Sequence[tuple[np.ndarray, Image.Image]], name: str) -> None:
    """Write pictures, each beside what was kept of it on a chequered ground."""
    rows = -(-len(pairs) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * (2 * CELL + 2 * GAP), rows * (CELL + GAP)), "#f6f4ef")
    for number, (before, after) in enumerate(pairs):
        x, y = number % COLUMNS * (2 * CELL + 2 * GAP), number // COLUMNS * (CELL + GAP)
        small = Image.fromarray(before)
        small.thumbnail((CELL, CELL))
        kept = after.resize(small.size, Image.Resampling.LANCZOS)
        page.paste(small, (x, y))
        page.paste(chequers(kept.size), (x + CELL + 2, y))
        page.paste(kept, (x + CELL + 2, y), kept)
    page.save(FOLDER / name, quality=80, optimize=True)


def chequers(size: tuple[int, int]) -> Image.Image:
    """Return the ground that shows what is see-through."""
    columns, rows = np.meshgrid(np.arange(size[0]) // 12, np.arange(size[1]) // 12)
    return Image.fromarray(np.where((columns + rows) % 2, 255, 205).astype(np.uint8)).convert("RGB")


if __name__ == "__main__":
    main()
