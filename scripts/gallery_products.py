"""Make the shots of the bar of edit: docs/gallery/products.md. Run by `make gallery`."""

from __future__ import annotations

import resource
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from PIL import Image

from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.matte.matting import Matting, nobody_waits
from calotype.engines.pictures import open_picture
from calotype.engines.product.scene import arrange, read
from calotype.engines.product.stand_ins import FiguresWithReferences, PainterWithReferences
from calotype.engines.product.subjects import Subject, cut_out
from calotype.jobs.inputs.edit import EditInput
from gallery import COLUMNS, SIDE, sheet

ROOT = Path(__file__).parents[1]
BAR = ROOT / "tests" / "gallery" / "products.toml"
FOLDER = ROOT / "docs" / "gallery"
ASSET = {"asset_id": "00000000-0000-7000-8000-000000000000"}
PAGE = """# Pictures with references

The twelve shots of `tests/gallery/products.toml`, written before the engine, as **product** makes them: each subject is cut out of
its photograph (`tests/gallery/photos/NOTICE`) and keeps its own pixels; the scene is arranged of openly licensed drawings.

A picture of 1024 x 1024 from one reference of 1024 x 1024: {seconds:.1f} s on two cores that others used too; peak memory of the
whole process {memory:.0f} MB.

What is weak: photographs in drawn scenes look like collages; the light falls from where it fell in the photograph; a subject that
its photograph cuts off at the top or at a side fades out there.

![the twelve shots](products.jpg)
"""


def main() -> None:
    """Write the sheet and its page."""
    bar = tomllib.loads(BAR.read_text("utf-8"))["shot"]
    matting, illustrator = Matting(), Illustrator()
    names = sorted({name for shot in bar for name in shot["images"]})
    subjects = {name: subject_of(name, matting) for name in names}
    pictures = [(paint(shot, subjects, illustrator), f"{shot['id']}: {shot['prompt']}") for shot in bar]
    page = sheet(pictures)
    rows = -(-len(pictures) // COLUMNS)
    page.crop((0, 0, page.width, round(page.height * rows / 5))).save(
        FOLDER / "products.jpg", quality=80, optimize=True
    )
    seconds, memory = measured(matting, illustrator)
    (FOLDER / "products.md").write_text(PAGE.format(seconds=seconds, memory=memory), "utf-8")
    sys.stdout.write("products.md\n")


def subject_of(name: str, matting: Matting) -> Subject:
    """Return a photograph's subject."""
    return cut_out(open_picture(BAR.parent / "photos" / f"{name}.jpg"), matting, nobody_waits)


def paint(
    shot: dict[str, Any], subjects: dict[str, Subject], illustrator: Illustrator, side: int = SIDE
) -> Image.Image:
    """Return a shot, its longer side this long."""
    chosen = [subjects[name] for name in shot["images"]]
    wanted = EditInput.model_validate(
        {"prompt": shot["prompt"], "images": [ASSET] * len(chosen), "aspect_ratio": shot.get("aspect")}
    )
    width, height = wanted.size()
    shrink = side / max(width, height)
    size = round(width * shrink), round(height * shrink)
    figures = FiguresWithReferences(illustrator.library, chosen)
    composition = arrange(read(wanted, chosen, illustrator.library), chosen, figures, size, int(shot["id"][1:]))
    return PainterWithReferences(figures, chosen).picture(composition)


def measured(matting: Matting, illustrator: Illustrator) -> tuple[float, float]:
    """Return seconds for a picture of 1024 pixels from a reference as large, and the process's peak memory in MB."""
    with Image.open(BAR.parent / "photos" / "astronaut.jpg") as opened:
        large = opened.resize((1024, 1024))
    file = FOLDER / "reference.tmp.png"
    large.save(file)
    started = time.monotonic()
    subject = cut_out(open_picture(file), matting, nobody_waits)
    paint({"id": "e1", "prompt": "the astronaut in space", "images": ["it"]}, {"it": subject}, illustrator, 1024)
    file.unlink()
    return time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
