"""Compose a reading into a picture that can be looked at part by part before it is painted."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

from calotype.engines.drawing import traits
from calotype.engines.drawing.art import Drawing
from calotype.engines.drawing.blocks import Block, Builder, Part
from calotype.engines.drawing.colour import MIXED
from calotype.engines.drawing.figures import Figures, Outfit
from calotype.engines.drawing.floats import Region, float_blocks
from calotype.engines.drawing.reading import Mention, Reading
from calotype.engines.drawing.rows import Band, Standing, place_rows
from calotype.engines.drawing.scenery.set_stage import Setting, set_stage
from calotype.engines.drawing.scenery.stage import Stage
from calotype.engines.drawing.traits import Place

DEFAULT_STYLE = "3d"
_KINDS = ("underwater", "space", "room", "city", "forest", "sea", "desert", "savanna", "snow", "meadow", "sky")
_FLOATING_KINDS = {"space", "sky"}
_ORBS = {
    "sun",
    "full-moon",
    "crescent-moon",
    "full-moon-face",
    "sun-with-face",
    "first-quarter-moon",
    "last-quarter-moon",
}
_TREES = {"evergreen-tree", "deciduous-tree", "palm-tree"}
_CLOUDS = {"cloud", "rainbow"}
_IN_A_ROW = {"left_of", "right_of", "next_to", "chases"}
_CLOSEST = {"plain": 1100.0, "studio": 1000.0, "room": 620.0, "city": 560.0}
"""How large the unit of size may become: a flower may fill a plain background, but not a street."""
_LEAST_SEEN = 74.0
"""The least length of the longer side of what flies."""
_Share = tuple[float, float, float, float]
_HALVES: dict[str, tuple[_Share, _Share]] = {
    "above": ((0, 0, 1, 0.5), (0, 0.54, 1, 1)), "under": ((0, 0.5, 1, 1), (0, 0, 1, 0.46)),
    "left_of": ((0, 0, 0.48, 1), (0.52, 0, 1, 1)), "right_of": ((0.52, 0, 1, 1), (0, 0, 0.48, 1)),
    "chases": ((0.5, 0.15, 1, 0.9), (0, 0.1, 0.5, 0.85)), "next_to": ((0, 0.2, 0.5, 0.8), (0.5, 0.2, 1, 0.8)),
}  # fmt: skip
"""For what floats: where the subject and the object of a relation go, as shares of the air (left, top, right, bottom)."""
_TURNED = ("animal", "transport-ground", "person-sport", "transport-water")
_NEVER_TURNED = {"bus", "clock", "school", "ambulance", "articulated-lorry"}


@dataclass(frozen=True, slots=True)
class Placed:
    """One drawing in the picture: what it stands for, and where. Boxes are (left, top, right, bottom) in the stage's unit."""

    mention: int
    drawing: Drawing
    art_set: str
    colour: str | None
    shade: str | None
    box: tuple[float, float, float, float]
    depth: float
    flip: bool
    stands: bool
    """Whether it throws a shadow where its box ends."""
    afloat: bool
    """Whether it lies in water, which hides its lowest edge and mirrors it."""
    outfit: Outfit = ()
    """The clothes it wears, where they are drawn with it."""
    block: int = 0
    """Which drawings belong together: those of one number move as one."""
    is_root: bool = True
    """Whether it is what carries the others of its block."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A picture that is all laid out: the stage, and the drawings in the order they are painted."""

    reading: Reading
    stage: Stage
    setting: Setting
    style: str
    placed: tuple[Placed, ...]
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Pixels in one of the stage's units."""
        return self.width / self.stage.width


def compose(reading: Reading, figures: Figures, width: int, height: int, seed: int) -> Composition:
    """Return a reading laid out as a picture of this size; the same seed gives the same picture."""
    rng = random.Random(f"layout {seed}")  # noqa: S311 - for looks, not for secrets
    style = reading.style or DEFAULT_STYLE
    reading = replace(reading, mentions=[_varied(mention, rng) for mention in reading.mentions])
    setting = _setting(reading)
    stage = set_stage(setting, width, height, seed)
    builder = Builder(reading, lambda drawing: figures.of(drawing, drawing.set_for(style)))
    arranged = _arrange(builder.blocks(), reading, stage, rng)
    placed = [one for number, item in enumerate(arranged) for one in _parts(item, number, reading, style)]
    return Composition(reading, stage, setting, style, tuple(placed), width, height)


def _varied(mention: Mention, rng: random.Random) -> Mention:
    """Return a mention with the count an open plural ("flowers") has in this picture."""
    if not mention.at_least:
        return mention
    return replace(mention, count=max(2, min(mention.count + rng.choice((0, 0, 1)), 8)))


# ---------------------------------------------------------------------------------------------------------- the scene


def _setting(reading: Reading) -> Setting:
    """Choose the scene: what was asked for, else where the things named are at home."""
    ids = {mention.drawing.id for mention in reading.mentions}
    scenes = list(reading.scenes)
    kind = next((name for name in _KINDS if name in scenes and (name != "sky" or len(scenes) == 1)), None)
    if kind in {None, "sea"} and _dives(reading):
        kind = "waterline"
    if reading.background:
        kind = "plain"
    kind = kind or _home(reading)
    if kind != "space" and any("moon" in name for name in ids) and not {"sunset", "night"} & set(scenes):
        scenes.append("night")
    shore = "shore" in scenes or any(_stands(mention) for mention in reading.mentions)
    return Setting(
        kind,
        scenes,
        reading.background,
        shore,
        bool(ids & _ORBS),
        bool(ids & _TREES),
        "ringed-planet" in ids,
        bool(ids & _CLOUDS),
    )


def _dives(reading: Reading) -> bool:
    """Whether something is asked for below what floats on the water."""
    for relation in reading.relations:
        one, other = (traits.place_of(reading.mentions[n].drawing) for n in (relation.subject, relation.object))
        if (relation.kind, one, other) == ("under", Place.DEEP, Place.WATER):
            return True
        if (relation.kind, one, other) == ("above", Place.WATER, Place.DEEP):
            return True
    return False


def _floats(drawing: Drawing) -> bool:
    return traits.place_of(drawing) is Place.WATER


def _stands(mention: Mention) -> bool:
    return traits.place_of(mention.drawing) is Place.GROUND


def _home(reading: Reading) -> str:
    """Return the scene most of the things belong in, the larger counting more."""
    if not reading.mentions:
        return "meadow" if reading.scenes else "mood"
    votes: Counter[str] = Counter()
    for mention in reading.mentions:
        votes[traits.home_of(mention.drawing)] += round(traits.size_of(mention.drawing) * 100)
    if any(one.kind == "under" and _floats(reading.mentions[one.subject].drawing) for one in reading.relations):
        reading.add_scenes(("banks",))
        return "sea"
    carriers = {
        traits.home_of(reading.mentions[one.object].drawing) for one in reading.relations if one.kind in {"on", "under"}
    }
    home = "room" if "room" in carriers else votes.most_common(1)[0][0]
    outdoors = {"sunset", "night", "rain", "autumn", "fog"} & set(reading.scenes)
    return "meadow" if home == "studio" and outdoors else home


# --------------------------------------------------------------------------------------------------------- the layout


@dataclass(frozen=True, slots=True)
class _Item:
    """A placed block and how it is there."""

    block: Block
    depth: float
    stands: bool
    afloat: bool
    flip: bool = False


def _arrange(blocks: list[Block], reading: Reading, stage: Stage, rng: random.Random) -> list[_Item]:
    """Give each block its place and return them in the order they are painted: the far first."""
    flying = [block for block in blocks if _flies(block, reading, stage)]
    standing = _in_order([block for block in blocks if block not in flying], reading)
    top = _ground_top(stage, bool(flying))
    bands = [_band(block, reading, stage, top) for block in standing]
    single = any(relation.kind in _IN_A_ROW for relation in reading.relations)
    largest = max(
        (max(block.width, block.height) for block in blocks if not _is_celestial(block, reading)), default=1.0
    )
    most = min(_CLOSEST.get(stage.kind, 900.0), 560 / largest)
    rows = place_rows(standing, bands, rng, single=single, most=most)
    unit = max(
        (row.block.root.height / block.root.height for row, block in zip(rows, standing, strict=True)), default=most
    )
    floating = _float(flying, [row.block for row in rows], reading, stage, rng, unit)
    items = [*floating, *(_item_of(one, reading, stage) for one in rows)]
    if not any(relation.kind == "chases" for relation in reading.relations):
        items = [_turned(item, reading, stage) for item in items]
    return sorted(items, key=lambda item: (item.stands or item.afloat, item.depth))


def _is_celestial(block: Block, reading: Reading) -> bool:
    return traits.place_of(reading.mentions[block.root.mention].drawing) is Place.SKY


def _flies(block: Block, reading: Reading, stage: Stage) -> bool:
    """Whether a block floats in this scene rather than stands."""
    drawing = reading.mentions[block.root.mention].drawing
    place = traits.place_of(drawing)
    if stage.kind in _FLOATING_KINDS:
        return True
    if stage.kind == "waterline":
        return place not in {Place.WATER, Place.GROUND}
    if stage.kind == "underwater":
        return place is not Place.GROUND and not traits.is_bedded(drawing)
    if stage.kind in {"plain", "studio"}:
        return place is Place.AIR
    return place in {Place.AIR, Place.SKY}


def _ground_top(stage: Stage, flying: bool) -> float:
    """Return how high standing things may reach."""
    if stage.kind in {"plain", "studio"}:
        return stage.height * (0.4 if flying else 0.10)
    return stage.height * (0.40 if flying else 0.12)


def _band(block: Block, reading: Reading, stage: Stage, top: float) -> Band:
    if stage.kind == "waterline":
        return Band(stage.width, stage.far, stage.far + 6, 20)
    if stage.kind != "sea":
        return Band(stage.width, stage.far, stage.near, top)
    if stage.shore is None:
        return Band(stage.width, stage.far, stage.near - 40, top)
    if _is_afloat(reading.mentions[block.root.mention].drawing, reading, stage):
        return Band(stage.width, stage.horizon + 50, stage.shore - 40, top)
    return Band(stage.width, stage.shore + 40, stage.near + 30, top)


def _is_afloat(drawing: Drawing, reading: Reading, stage: Stage) -> bool:
    """Whether a thing lies in the water of this scene."""
    ashore = drawing.id in traits.AMPHIBIOUS and "shore" in reading.scenes
    if stage.kind == "waterline":
        return traits.place_of(drawing) is Place.WATER
    if stage.kind == "sea" and drawing.id in traits.SPANS:
        return True
    return stage.kind == "sea" and traits.place_of(drawing) in {Place.WATER, Place.DEEP} and not ashore


def _in_order(blocks: list[Block], reading: Reading) -> list[Block]:
    """Return the blocks from left to right as the relations ask."""
    order = list(blocks)
    for relation in sorted(reading.relations, key=lambda one: one.kind != "next_to"):
        if relation.kind not in _IN_A_ROW:
            continue
        movers = [block for block in order if _holds_mention(block, relation.subject)]
        others = [block for block in order if _holds_mention(block, relation.object) and block not in movers]
        if movers and others:
            rest = [block for block in order if block not in movers]
            at = rest.index(others[0]) if relation.kind == "left_of" else rest.index(others[-1]) + 1
            order = rest[:at] + movers + rest[at:]
    return order


def _holds_mention(block: Block, mention: int) -> bool:
    return any(part.mention == mention for part in block.parts)


def _item_of(one: Standing, reading: Reading, stage: Stage) -> _Item:
    afloat = _is_afloat(reading.mentions[one.block.root.mention].drawing, reading, stage)
    return _Item(one.block, one.base / stage.height, not afloat, afloat)


def _float(
    flying: list[Block], below: list[Block], reading: Reading, stage: Stage, rng: random.Random, unit: float
) -> list[_Item]:
    """Strew what flies over the air, the water or space: sun, moon and planets first, then the rest beside them."""
    whole, shorter = _air(stage, below), min(stage.width, stage.height)
    in_sky = stage.kind != "space"
    celestial = [block for block in flying if in_sky and _is_celestial(block, reading)]
    others = [block for block in flying if block not in celestial]
    arched = any(reading.mentions[block.root.mention].drawing.id == "rainbow" for block in celestial)
    share = 0.62 if not below and not others else 0.5 if arched else 0.27
    regions = [_region_for(block, whole, reading, celestial) for block in celestial]
    placed = float_blocks(celestial, regions, rng, largest=share * shorter, most=560.0, taken=below)
    regions = [_region_for(block, whole, reading, others) for block in others]
    largest = (0.62 if not below else 0.36) * shorter
    most = (
        max(1.3 * unit, _LEAST_SEEN / min((max(block.width, block.height) for block in others), default=1.0))
        if below
        else 1200.0
    )
    placed += float_blocks(others, regions, rng, largest=largest, most=most, taken=[*below, *placed])
    return [_Item(block, 0.0, stands=False, afloat=False) for block in placed]


def _region_for(block: Block, whole: Region, reading: Reading, flying: list[Block]) -> Region:
    """Return the part of the air a block belongs in: above, below or beside what it relates to, when that flies too."""
    mentions = {other.root.mention for other in flying}
    for relation in reading.relations:
        if relation.kind in _HALVES and {relation.subject, relation.object} <= mentions:
            if block.root.mention == relation.subject:
                return whole.part(*_HALVES[relation.kind][0])
            if block.root.mention == relation.object:
                return whole.part(*_HALVES[relation.kind][1])
    return whole


def _air(stage: Stage, below: list[Block]) -> Region:
    """Return where things float: the whole picture in space, else above the ground."""
    edge = 0.05 * min(stage.width, stage.height)
    if stage.kind == "waterline":
        return Region(edge, stage.far + 40, stage.width - edge, stage.horizon - 10)
    if stage.kind == "underwater":
        bottom = stage.horizon - 10 if not below else stage.horizon - 40
    elif stage.kind in _FLOATING_KINDS:
        bottom = stage.height - edge
    else:
        highest = min((block.top for block in below), default=stage.height)
        bottom = max(stage.height * 0.40, min(stage.horizon - 30, highest - 10)) if below else stage.horizon - 20
    return Region(edge, edge, stage.width - edge, bottom)


def _turned(item: _Item, reading: Reading, stage: Stage) -> _Item:
    """Turn what is drawn from its left side to face the picture's middle."""
    drawing = reading.mentions[item.block.root.mention].drawing
    middle = item.block.left + item.block.width / 2
    turns = drawing.group.startswith(_TURNED) and drawing.id not in _NEVER_TURNED
    if not turns or middle >= stage.width * 0.5 - 1:
        return item
    axis = 2 * (item.block.root.x + item.block.root.width / 2)
    parts = {id(part): replace(part, x=axis - part.x - part.width) for part in item.block.parts}
    block = Block(tuple(parts.values()), parts[id(item.block.root)])
    return replace(item, block=block, flip=True)


def _parts(item: _Item, number: int, reading: Reading, style: str) -> list[Placed]:
    return [
        replace(_placed(part, item, reading, style), block=number, is_root=part is item.block.root)
        for part in item.block.parts
    ]


def _placed(part: Part, item: _Item, reading: Reading, style: str) -> Placed:
    mention = reading.mentions[part.mention]
    colour = MIXED[part.instance % len(MIXED)] if mention.mixed and mention.colour is None else mention.colour
    if colour is None and mention.drawing.id == "deciduous-tree" and "autumn" in reading.scenes:
        colour = ("orange", "gold", "red")[part.instance % 3]
    foot = item.block.root.y + item.block.root.height
    box = (part.x, part.y, part.x + part.width, part.y + part.height)
    grounded = item.stands and abs(box[3] - foot) < 0.12 * part.height + 8
    afloat = item.afloat and part is item.block.root
    return Placed(
        part.mention,
        mention.drawing,
        mention.drawing.set_for(style),
        colour,
        mention.shade,
        box,
        item.depth,
        item.flip,
        grounded,
        afloat,
        _outfit(part.mention, reading),
    )


def _outfit(number: int, reading: Reading) -> Outfit:
    """Return the clothes someone wears: how each is cut, and its colour."""
    worn = (reading.mentions[one.object] for one in reading.relations if one.kind == "wears" and one.subject == number)
    return tuple(
        (traits.GARMENTS[mention.drawing.id], mention.colour)
        for mention in worn
        if mention.drawing.id in traits.GARMENTS
    )
