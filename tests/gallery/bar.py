"""The gallery's bar: is what a prompt names really in its picture?

The checks look at the picture and at its id buffer (the same geometry, each drawing in one flat colour), never at what the
engine says it understood, save for which drawing stands where. Which drawing may stand for a name is judged by the drawing's
own label and tags, or by the table here, which is written apart from the engine's synonyms.
"""

# ruff: noqa: E501 - a table reads best in rows
from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.engines.drawing.colour import distinct
from calotype.engines.drawing.compose import Composition, Placed
from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.drawing.provenance import NOTHING_KNOWN, provenance_of
from calotype.jobs.inputs.image import ImageInput

PROMPTS = Path(__file__).parent / "prompts.toml"
SIDE = 360
LEAST_VISIBLE = 0.60
LEAST_COLOURED = 0.20
LEAST_SIDE = 0.05
"""The least longer side of anything drawn, as a share of the picture's shorter side."""

STANDS_FOR = {
    "kitten": {"cat"}, "feline": {"cat"}, "puppy": {"dog"}, "doggy": {"dog"}, "bunny": {"rabbit"}, "pony": {"horse"},
    "sheep": {"ewe"}, "duckling": {"baby chick", "duck"}, "crow": {"black bird"}, "squirrel": {"chipmunk"}, "bee": {"honeybee"},
    "reindeer": {"deer"}, "dinosaur": {"t-rex", "sauropod"}, "spaceship": {"rocket", "flying saucer"}, "ufo": {"flying saucer"},
    "sofa": {"couch and lamp"}, "cottage": {"house"}, "home": {"house"}, "pine tree": {"evergreen tree"},
    "tree": {"deciduous tree", "evergreen tree", "palm tree"}, "automobile": {"automobile"}, "car": {"automobile"},
    "bike": {"bicycle"}, "plane": {"airplane", "small airplane"}, "motorbike": {"motorcycle"}, "truck": {"delivery truck", "pickup truck"},
    "school bus": {"bus"}, "train": {"locomotive", "train"}, "fire engine": {"fire engine"}, "sleigh": {"sled"},
    "sailing boat": {"sailboat"}, "surfer": {"surfing"}, "skier": {"skier"}, "diver": {"diver"}, "chef": {"cook"}, "kid": {"child"},
    "doctor": {"health worker"}, "nurse": {"woman health worker"}, "planet": {"ringed planet"}, "earth": {"globe showing europe-africa",
    "globe showing americas", "globe showing asia-australia"}, "moon": {"full moon", "crescent moon"}, "ball": {"soccer ball"},
    "cake": {"birthday cake", "shortcake"}, "blossom": {"blossom", "cherry blossom"}, "flower": {"blossom", "sunflower", "rose", "hibiscus"},
    "book": {"closed book", "open book"}, "coffee mug": {"hot beverage", "mug"}, "cup": {"hot beverage", "teacup", "teacup without handle"},
    "soda": {"cup with straw"}, "snowman": {"snowman without snow", "snowman"}, "hat": {"top hat", "woman's hat"}, "gift": {"wrapped gift"},
    "clock": {"mantelpiece clock", "alarm clock"}, "traffic light": {"vertical traffic light", "horizontal traffic light"},
    "nest": {"nest", "empty nest"}, "school": {"school"}, "snake": {"snake"}, "jellyfish": {"jellyfish"}, "kitchen table": {"table"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt's picture, and what the checks need beside it."""

    prompt: Mapping[str, Any]
    composition: Composition
    picture: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    areas: tuple[int, ...]
    """How many pixels each drawing has when nothing is in front of it."""
    size: tuple[int, int]
    """The size the caller would get."""


def prompts() -> list[dict[str, Any]]:
    """Return the acceptance set."""
    return list(tomllib.loads(PROMPTS.read_text("utf-8"))["prompt"])


def wanted(prompt: Mapping[str, Any]) -> ImageInput:
    """Return the input a caller would send."""
    return ImageInput(
        prompt=prompt["text"], width=prompt.get("width"), height=prompt.get("height"), aspect_ratio=prompt.get("aspect")
    )


def show(illustrator: Illustrator, prompt: Mapping[str, Any]) -> Shown:
    """Paint a prompt small."""
    order = wanted(prompt)
    width, height = order.size()
    shrink = SIDE / min(width, height)
    composition = illustrator.compose(order, prompt["seed"], (round(width * shrink), round(height * shrink)))
    painter = illustrator.painter
    areas = tuple(
        int(np.count_nonzero(np.asarray(painter.mask(placed, composition.scale)))) for placed in composition.placed
    )
    return Shown(
        prompt,
        composition,
        np.asarray(painter.picture(composition)),
        np.asarray(painter.ids(composition)),
        areas,
        (width, height),
    )


def failings(shown: Shown) -> list[str]:
    """Return one sentence for each thing that is not as the prompt asks."""
    checks = (_objects, _whole, _scene, _background, _style, _relations, _size, _nothing)
    return [fault for check in checks for fault in check(shown)]


# ---------------------------------------------------------------------------------------------------------- objects


def stands_for(placed: Placed, name: str) -> bool:
    """Whether a drawing may stand for a name."""
    label = placed.drawing.label
    if label == name or label in STANDS_FOR.get(name, ()):
        return True
    return name not in STANDS_FOR and (name in label.split() or name in placed.drawing.tags)


def instances(shown: Shown, name: str, colour: str | None = None) -> list[int]:
    """Return the numbers of the drawings that stand for a name, in its colour where one is asked for."""
    found = [n for n, placed in enumerate(shown.composition.placed) if stands_for(placed, name)]
    if colour is None:
        return found
    coloured = [n for n in found if is_coloured(shown, n, colour)]
    others = any(entry["name"] == name and entry.get("colour") != colour for entry in shown.prompt["objects"])
    return coloured if others else found


def _objects(shown: Shown) -> Iterator[str]:
    for entry in shown.prompt["objects"]:
        colour = entry.get("colour")
        found = instances(shown, entry["name"], colour)
        if "count" in entry and len(found) != _count(shown, entry):
            yield f"{len(found)} {entry['name']} instead of {entry['count']}"
        if len(found) < entry.get("min_count", 1):
            yield f"only {len(found)} {entry['name']}"
        if colour:
            pale = [n for n in found if not is_coloured(shown, n, colour)]
            if pale:
                yield f"{len(pale)} {entry['name']} not {colour}"


def _count(shown: Shown, entry: Mapping[str, Any]) -> int:
    """Return how many drawings are to stand for an entry: two names may share a drawing, as doctor and nurse do."""
    if entry.get("colour"):
        return int(entry["count"])
    sharing = [
        other for other in shown.prompt["objects"]
        if STANDS_FOR.get(other["name"], {other["name"]}) == STANDS_FOR.get(entry["name"], {entry["name"]})
    ]  # fmt: skip
    return sum(other.get("count", 0) for other in sharing)


def _whole(shown: Shown) -> Iterator[str]:
    """Everything drawn is inside the frame, large enough to see, and at most two fifths hidden."""
    for number, placed in enumerate(shown.composition.placed):
        left, top, right, bottom = placed.box
        stage = shown.composition.stage
        if left < 0 or top < 0 or right > stage.width + 0.5 or bottom > stage.height + 0.5:
            yield f"{placed.drawing.label} is cut off"
        if max(right - left, bottom - top) < LEAST_SIDE * min(stage.width, stage.height):
            yield f"{placed.drawing.label} is too small to see"
        seen = np.count_nonzero(_own(shown, number))
        if seen < LEAST_VISIBLE * shown.areas[number] or not seen:
            yield f"{placed.drawing.label} is {100 * seen // max(1, shown.areas[number])} % visible"


def _own(shown: Shown, number: int) -> NDArray[np.bool_]:
    owned: NDArray[np.bool_] = (shown.ids == np.array(distinct(number + 1), np.uint8)).all(-1)
    return owned


# ----------------------------------------------------------------------------------------------------------- colours

# hue from and to in degrees, least and greatest saturation and value in percent
_RANGES: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "red": ((340, 18), (45, 100), (35, 100)), "orange": ((14, 46), (45, 100), (55, 100)), "yellow": ((36, 68), (35, 100), (60, 100)),
    "gold": ((30, 62), (35, 100), (50, 100)), "green": ((80, 170), (22, 100), (22, 100)), "turquoise": ((160, 200), (25, 100), (35, 100)),
    "blue": ((195, 250), (30, 100), (30, 100)), "purple": ((250, 315), (20, 100), (25, 100)), "pink": ((305, 360), (12, 75), (60, 100)),
    "brown": ((0, 45), (25, 90), (15, 75)), "black": ((0, 360), (0, 100), (0, 38)), "white": ((0, 360), (0, 26), (70, 100)),
    "grey": ((0, 360), (0, 24), (25, 88)),
}  # fmt: skip


def share_coloured(pixels: NDArray[np.uint8], colour: str) -> float:
    """Return the share of the pixels that people would call by the colour's name."""
    hsv = np.asarray(Image.fromarray(pixels.reshape(1, -1, 3)).convert("HSV"), np.float64)[0]
    hue, saturation, value = hsv[:, 0] * 360 / 255, hsv[:, 1] / 2.55, hsv[:, 2] / 2.55
    (start, end), saturations, values = _RANGES[colour]
    inside = (hue >= start) & (hue <= end) if start <= end else (hue >= start) | (hue <= end)
    inside &= (saturation >= saturations[0]) & (saturation <= saturations[1])
    inside &= (value >= values[0]) & (value <= values[1])
    return float(inside.mean()) if len(inside) else 0.0


def is_coloured(shown: Shown, number: int, colour: str) -> bool:
    """Whether enough of a drawing's own pixels, as painted, have the colour."""
    return share_coloured(shown.picture[_own(shown, number)], colour) >= LEAST_COLOURED


# ------------------------------------------------------------------------------------------- scene, background, style


def _scene(shown: Shown) -> Iterator[str]:
    asked = list(shown.prompt.get("scenes", []))
    asked += [shown.prompt["scene"]] if "scene" in shown.prompt else []
    stage = shown.composition.stage
    for name in asked:
        if name not in {stage.kind, stage.palette.name}:
            yield f"the scene is {stage.kind} by {stage.palette.name}, not {name}"


def _background(shown: Shown) -> Iterator[str]:
    asked = shown.prompt.get("background")
    if asked is None:
        return
    corners = np.concatenate(
        [
            shown.picture[rows, columns].reshape(-1, 3)
            for rows in (slice(0, 12), slice(-12, None))
            for columns in (slice(0, 12), slice(-12, None))
        ]
    )
    if share_coloured(corners, asked) < 0.95:
        yield f"the background is not {asked}"
    if shown.composition.stage.kind != "plain":
        yield "the background is not plain"


def _style(shown: Shown) -> Iterator[str]:
    asked = shown.prompt.get("style")
    if asked is None:
        return
    for placed in shown.composition.placed:
        if placed.art_set not in {asked, "prop"}:
            yield f"{placed.drawing.label} is drawn in the {placed.art_set} style, not {asked}"


# ---------------------------------------------------------------------------------------------------- relations, size


def _relations(shown: Shown) -> Iterator[str]:
    for relation in shown.prompt.get("relations", []):
        ones, others = (_boxes(shown, instances(shown, relation[key])) for key in ("a", "b"))
        holds = _HOLDS[relation["rel"]]
        if not ones or not others or not all(any(holds(shown, one, other) for other in others) for one in ones):
            yield f"{relation['a']} is not {relation['rel'].replace('_', ' ')} {relation['b']}"


Box = tuple[float, float, float, float]


def _boxes(shown: Shown, numbers: Iterable[int]) -> list[Box]:
    return [shown.composition.placed[number].box for number in numbers]


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _overlap_across(one: Box, other: Box) -> bool:
    return other[0] <= _middle(one)[0] <= other[2]


def _is_on(_: Shown, one: Box, other: Box) -> bool:
    return _overlap_across(one, other) and other[1] - 4 <= one[3] <= other[3] and _middle(one)[1] < _middle(other)[1]


def _is_under(_: Shown, one: Box, other: Box) -> bool:
    return _overlap_across(one, other) and _middle(one)[1] > _middle(other)[1]


def _is_left(_: Shown, one: Box, other: Box) -> bool:
    return one[2] <= other[0] + 0.25 * (other[2] - other[0]) and _middle(one)[0] < _middle(other)[0]


def _is_right(shown: Shown, one: Box, other: Box) -> bool:
    return _is_left(shown, other, one)


def _is_next(shown: Shown, one: Box, other: Box) -> bool:
    """Beside it: the gap is no wider than a third of the picture, and they share a height."""
    gap = max(one[0], other[0]) - min(one[2], other[2])
    level = min(one[3], other[3]) > max(one[1], other[1]) - 0.05 * shown.composition.stage.height
    return -0.3 * min(one[2] - one[0], other[2] - other[0]) < gap < shown.composition.stage.width / 3 and level


_HOLDS = {"on": _is_on, "under": _is_under, "left_of": _is_left, "right_of": _is_right, "next_to": _is_next}


def _size(shown: Shown) -> Iterator[str]:
    prompt, (width, height) = shown.prompt, shown.size
    if "width" in prompt and (width, height) != (prompt["width"], prompt["height"]):
        yield f"the size is {width}x{height}"
    if "aspect" in prompt:
        across, down = map(int, prompt["aspect"].split(":"))
        if abs(width / height / (across / down) - 1) > 0.02:
            yield f"{width}x{height} is not {prompt['aspect']}"
    drawn = shown.picture.shape[1] / shown.picture.shape[0]
    if abs(drawn / (width / height) - 1) > 0.02:
        yield "the picture has another shape than was asked for"


def _nothing(shown: Shown) -> Iterator[str]:
    """A prompt that names nothing gets a picture without things in it, and is told so."""
    if not shown.prompt.get("knows_nothing"):
        return
    if shown.composition.placed:
        yield f"shows {', '.join(placed.drawing.label for placed in shown.composition.placed)} for nothing"
    if not provenance_of(shown.composition, 0)["note"].startswith(NOTHING_KNOWN):
        yield "does not say that it knew nothing"
