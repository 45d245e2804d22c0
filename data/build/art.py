"""Gather the drawings: three openly licensed sets and the project's own props, named and tagged, with their outlines.

Each drawing keeps its SVG body as published. Beside it the index says what it shows, and how much of its square it fills
in each set, so that a scene can stand it on the ground without drawing it first.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
from PIL import Image
from sources import EMOJIBASE, FLUENT, FLUENT_FLAT, NOTO, PACK, Source

SETS = {"flat": 32, "3d": 32, "cartoon": 128, "prop": 64}
GROUPS = {1, 3, 4, 5, 6, 7}
SUBGROUPS_LEFT_OUT = {
    "hand-fingers-open", "hand-fingers-partial", "hand-single-finger", "hand-fingers-closed", "hands", "hand-prop",
    "person-gesture", "person-symbol", "family", "time", "arrow",
}  # fmt: skip
KEPT_FROM_OTHERS = {
    "robot", "ghost", "alien", "alien monster", "skull", "pile of poo", "red heart", "jack-o-lantern", "ogre", "goblin",
    "crossed flags", "pirate flag", "chequered flag", "red question mark", "cloud", "mantelpiece clock", "watch", "alarm clock",
    "hourglass done", "stopwatch",
}  # fmt: skip
SQUARE_SCENES = {
    "foggy", "night with stars", "cityscape", "sunrise over mountains", "sunrise", "cityscape at dusk", "sunset",
    "bridge at night", "milky way", "fireworks", "sparkler", "national park", "beach with umbrella", "moon viewing ceremony",
    "rainbow flag", "camping", "desert", "water wave", "vending machine",
    "framed picture", "cinema", "world map", "map of Japan", "stadium", "construction", "flower playing cards",
}  # fmt: skip
VARIANT = re.compile(r"^(man|woman|men|women)[ :](?!dancing|$)|: (man|woman)|facing right|couple|kiss")
VARIANTS_KEPT = {"woman health worker", "woman dancing", "man dancing", "woman with headscarf"}
PROPS = Path(__file__).parent / "props.toml"


def member(source: Source, name: str) -> Any:
    """Return one JSON file out of an npm package."""
    with tarfile.open(source.fetch()) as package:
        file = package.extractfile(f"package/{name}")
        assert file is not None, name
        return json.load(file)


def plain(hexcode: str) -> str:
    """Return a code point sequence without its presentation selectors, by which the sources agree."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def wanted(row: dict[str, Any], subgroups: dict[str, str]) -> bool:
    """Whether an emoji shows a thing that could stand in a picture."""
    label = row["label"]
    if label in KEPT_FROM_OTHERS:
        return True
    if row.get("group") not in GROUPS or label in SQUARE_SCENES:
        return False
    if subgroups[str(row["subgroup"])] in SUBGROUPS_LEFT_OUT:
        return False
    return label in VARIANTS_KEPT or not VARIANT.search(label)


def outline(body: str, side: int) -> dict[str, Any] | None:
    """Return which part of its square a drawing fills, and the width and colour of its lower edge; None if empty."""
    picture = Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg(body, side), skip_system_fonts=True)))
    pixels = np.asarray(picture.convert("RGBA"))
    rows, columns = np.nonzero(pixels[..., 3] > 127)
    if not len(rows):
        return None
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    hem = pixels[rows.max() - 2]
    across = np.nonzero(hem[:, 3] > 127)[0]
    if not len(across):
        across = np.array([box[0], box[2] - 1])
    middle = hem[across, :3]
    colour = [int(part) for part in np.median(middle, 0)]
    scale = 1 / len(pixels)
    return {
        "box": [round(float(edge) * scale, 3) for edge in box],
        "hem": [round(float(across.min()) * scale, 3), round(float(across.max() + 1) * scale, 3)],
        "cloth": "#{:02x}{:02x}{:02x}".format(*colour),
    }


def svg(body: str, side: int) -> str:
    """Return a drawing's body as a whole picture of 96 pixels."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {side} {side}" width="96" height="96">{body}</svg>'
    )


def drawings() -> dict[str, dict[str, str]]:
    """Return for each set its drawings by code point sequence."""
    flat, full, noto = (member(source, "icons.json") for source in (FLUENT_FLAT, FLUENT, NOTO))
    flat_names = {plain(code): name for code, name in member(FLUENT_FLAT, "chars.json").items()}
    noto_names = {plain(code): name for code, name in member(NOTO, "chars.json").items()}
    return {
        "flat": {code: flat["icons"][name]["body"] for code, name in flat_names.items() if name in flat["icons"]},
        "3d": {code: full["icons"][name]["body"] for code, name in flat_names.items() if name in full["icons"]},
        "cartoon": {code: noto["icons"][name]["body"] for code, name in noto_names.items() if name in noto["icons"]},
    }


def gather() -> tuple[list[dict[str, Any]], dict[str, dict[str, str]]]:
    """Return the index and, for each set, the bodies by drawing id."""
    subgroups = member(EMOJIBASE, "meta/groups.json")["subgroups"]
    sets = drawings()
    index: list[dict[str, Any]] = []
    bodies: dict[str, dict[str, str]] = {name: {} for name in SETS}
    for row in member(EMOJIBASE, "en/data.json"):
        code = plain(row["hexcode"])
        if not wanted(row, subgroups):
            continue
        label = row["label"].lower().replace("’", "'").removeprefix("person ")  # noqa: RUF001 - as published
        entry = {"id": re.sub(r"[^a-z0-9]+", "-", label), "label": label, "tags": row.get("tags", [])}
        entry["group"] = subgroups[str(row.get("subgroup", 0))]
        entry["sets"] = {}
        for name, drawn in sets.items():
            add(entry, bodies[name], name, drawn.get(code))
        if entry["sets"]:
            index.append(entry)
    add_props(index, bodies["prop"])
    return index, bodies


def add_props(index: list[dict[str, Any]], bodies: dict[str, str]) -> None:
    """Add the project's own drawings, or lay them beside the drawings of the same name."""
    known = {entry["id"]: entry for entry in index}
    for prop in tomllib.loads(PROPS.read_text("utf-8"))["prop"]:
        body = prop.pop("body")
        entry = known.get(prop["id"])
        if entry is None:
            entry = {**prop, "sets": {}}
            index.append(entry)
        entry["names"] = prop["tags"]
        add(entry, bodies, "prop", body)


def add(entry: dict[str, Any], bodies: dict[str, str], name: str, body: str | None) -> None:
    """Note a drawing of the entry in one set, if there is one."""
    if body and (found := outline(body, SETS[name])):
        bodies[entry["id"]] = body
        entry["sets"][name] = found


def main() -> None:
    """Write art/index.json.gz and one zip of bodies a set."""
    index, bodies = gather()
    folder = PACK / "art"
    folder.mkdir(exist_ok=True)
    (folder / "index.json.gz").write_bytes(gzip.compress(json.dumps(index).encode(), 9, mtime=0))
    for name, drawn in bodies.items():
        with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_LZMA) as pack:
            for key in sorted(drawn):
                pack.writestr(
                    zipfile.ZipInfo(key + ".svg"), drawn[key], compresslevel=9, compress_type=zipfile.ZIP_LZMA
                )
    sys.stdout.write(f"{len(index)} drawings\n")


if __name__ == "__main__":
    main()
