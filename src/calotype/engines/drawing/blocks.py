"""Blocks: things that belong together (a cat on a sofa, tulips in a vase on a table) as one arrangement to be placed.

Inside a block lengths are in the size unit of `traits`; x is measured from the block's middle, y from what it stands on,
downward. Parts are kept in the order they are painted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from calotype.engines.drawing import traits
from calotype.engines.drawing.art import Drawing
from calotype.engines.drawing.figures import Figure
from calotype.engines.drawing.reading import Reading, Relation
from calotype.engines.drawing.traits import Place

MOST_COVERED = 0.34
"""The most of a thing that what sits on it may cover."""


@dataclass(frozen=True, slots=True)
class Part:
    """One drawing in a block: which mention and which of its instances, and where: left, top, width and height."""

    mention: int
    instance: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Block:
    """Parts that are placed together."""

    parts: tuple[Part, ...]
    root: Part

    @property
    def left(self) -> float:
        """The leftmost edge."""
        return min(part.x for part in self.parts)

    @property
    def width(self) -> float:
        """From the leftmost to the rightmost edge."""
        return max(part.x + part.width for part in self.parts) - self.left

    @property
    def top(self) -> float:
        """The highest edge."""
        return min(part.y for part in self.parts)

    @property
    def height(self) -> float:
        """From the highest to the lowest edge."""
        return max(part.y + part.height for part in self.parts) - self.top

    def scaled(self, factor: float) -> Block:
        """Return the block made larger or smaller."""
        return self._mapped(
            lambda part: replace(
                part, x=part.x * factor, y=part.y * factor, width=part.width * factor, height=part.height * factor
            )
        )

    def moved(self, x: float, y: float) -> Block:
        """Return the block moved."""
        return self._mapped(lambda part: replace(part, x=part.x + x, y=part.y + y))

    def _mapped(self, change: Callable[[Part], Part]) -> Block:
        changed = {id(part): change(part) for part in self.parts}
        return Block(tuple(changed.values()), changed[id(self.root)])


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries others: its drawing, its figure, and the reading it comes from."""

    drawing: Drawing
    figure: Figure
    reading: Reading

    @property
    def seat(self) -> float:
        """How far down its height another thing stands on it: as told, else where its middle begins."""
        told = traits.seat_of(self.drawing)
        return min(0.7, max(self.figure.tops()[9:15]) + 0.04) if told is None else told


@dataclass(slots=True)
class Builder:
    """Builds a reading's blocks, given the figure of each drawing."""

    reading: Reading
    figure_of: Callable[[Drawing], Figure]
    _children: dict[int, list[Relation]] = field(default_factory=dict)
    _building: set[int] = field(default_factory=set)

    def blocks(self) -> list[Block]:
        """Return all blocks, in the order their roots were mentioned."""
        attached = self._attach()
        found: list[Block] = []
        for number, mention in enumerate(self.reading.mentions):
            if number not in attached:
                found += [self._block(number, instance) for instance in range(mention.count)]
        return found

    def _attach(self) -> set[int]:
        """Choose for each mention at most one other that carries it; return those that are carried."""
        parents: dict[int, int] = {}
        for relation in _with_neighbours(self.reading):
            if relation.kind == "under" and self._dives(relation):
                continue
            sky = traits.place_of(self.reading.mentions[relation.object].drawing) is Place.SKY
            lofty = relation.kind in {"in_front_of", "behind"} and (
                traits.place_of(self.reading.mentions[relation.subject].drawing) in {Place.SKY, Place.AIR}
            )
            if relation.kind in _ATTACHERS and not lofty and not (sky and relation.kind != "on"):
                turned = relation.kind in {"wears", "holds"}
                child, parent = (relation.object, relation.subject) if turned else (relation.subject, relation.object)
                if child not in parents and not _leads_to(parents, parent, child):
                    parents[child] = parent
                    self._children.setdefault(parent, []).append(Relation(child, relation.kind, parent))
        return set(parents)

    def _dives(self, relation: Relation) -> bool:
        """Whether a relation puts a thing of the deep below what floats: nothing carries it there."""
        ends = (traits.place_of(self.reading.mentions[one].drawing) for one in (relation.subject, relation.object))
        return tuple(ends) == (Place.DEEP, Place.WATER)

    def _block(self, number: int, instance: int) -> Block:
        mention = self.reading.mentions[number]
        size = traits.size_of(mention.drawing) * mention.scale
        aspect = self.figure_of(mention.drawing).aspect
        width, height = (size, size / aspect) if aspect > 1 else (size * aspect, size)
        root = Part(number, instance, -width / 2, -height, width, height)
        block = Block((root,), root)
        if instance == 0:
            block = self._with_children(block, number)
        return block

    def _with_children(self, block: Block, number: int) -> Block:
        by_kind: dict[str, list[Block]] = {}
        for relation in self._children.get(number, []):
            count = self.reading.mentions[relation.subject].count
            by_kind.setdefault(relation.kind, []).extend(self._block(relation.subject, one) for one in range(count))
        drawing = self.reading.mentions[number].drawing
        carrier = Carrier(drawing, self.figure_of(drawing), self.reading)
        for kind, children in by_kind.items():
            block = _ATTACHERS[_manner(kind, drawing)](block, children, carrier)
        return block


def _with_neighbours(reading: Reading) -> list[Relation]:
    """Return the relations; what is next to a thing that stands on something stands on it too, if it is small enough."""
    relations = list(reading.relations)
    carriers = {relation.subject: relation.object for relation in relations if relation.kind == "on"}
    for relation in reading.relations:
        carrier = carriers.get(relation.subject)
        if relation.kind == "next_to" and carrier is not None and relation.object != carrier:
            sizes = [traits.size_of(reading.mentions[one].drawing) for one in (relation.object, carrier)]
            if sizes[0] < sizes[1] * 0.7:
                relations.append(Relation(relation.object, "on", carrier))
    return relations


def _leads_to(parents: dict[int, int], start: int, goal: int) -> bool:
    """Whether following parents from `start` arrives at `goal`."""
    while start in parents:
        start = parents[start]
        if start == goal:
            return True
    return start == goal


def _manner(kind: str, carrier: Drawing) -> str:
    """Return how the children really stand: "in" a thing that holds nothing means on it; "in" a hat is wearing it."""
    if kind in {"in", "on"} and carrier.id in traits.CONTAINERS:
        return "in"
    if kind == "in":
        return "on"
    return (
        "canopy"
        if kind == "under" and carrier.id in {"umbrella", "umbrella-on-ground", "umbrella-with-rain-drops"}
        else kind
    )


def _row(children: Sequence[Block], gap: float) -> tuple[list[float], float]:
    """Return where each child's middle comes in a row around 0, and the row's width."""
    total = sum(child.width for child in children) + gap * (len(children) - 1)
    at, middles = -total / 2, []
    for child in children:
        middles.append(at - child.left)
        at += child.width + gap
    return middles, total


def _on(block: Block, children: Sequence[Block], carrier: Carrier) -> Block:
    """Stand the children side by side on the block's root, none of it covered too much."""
    root, seat = block.root, carrier.seat
    _, total = _row(children, 0.02)
    tallest = max(child.height for child in children)
    wide, tall = root.width, root.height
    covered = sum(child.width * min(child.height, seat * tall) for child in children) * 0.72
    shrink = min(1.0, 0.86 * wide / total, (MOST_COVERED * wide * tall / covered) ** 0.5 if covered > 0 else 1.0)
    grow = 1.0
    if shrink < 0.62:
        grow, shrink = min(2.2, 0.62 / shrink), 0.62 if 0.62 / shrink <= 2.2 else shrink * 2.2
    if traits.place_of(carrier.drawing) is Place.SKY:
        grow, shrink = max(1.0, 1.5 * tallest / tall), 1.0
    block, small = block.scaled(grow), [child.scaled(shrink) for child in children]
    middles, _ = _row(small, 0.02)
    y = -root.height * grow * (1 - seat)
    placed = [part for child, x in zip(small, middles, strict=True) for part in child.moved(x, y).parts]
    return Block((*block.parts, *placed), block.root)


def _in(block: Block, children: Sequence[Block], carrier: Carrier) -> Block:
    """Stand the children in the block's root: painted before it, their feet below its rim."""
    root, seat = block.root, carrier.seat
    gap = 0.0
    _, total = _row(children, gap)
    flower = carrier.drawing.id in {"vase", "amphora"}
    room = root.width * (1.2 if flower else 0.86)
    shrink = max(min(1.0, room / total), 0.2)
    if shrink < 0.7:
        block = block.scaled(min(2.0, 0.7 / shrink))
        root = block.root
        shrink = min(1.0, root.width * (1.2 if flower else 0.86) / total)
    small = [child.scaled(shrink) for child in children]
    middles, _ = _row(small, gap * shrink)
    parts: list[Part] = []
    for number, (child, x) in enumerate(zip(small, middles, strict=True)):
        sunk = child.height * (0.22 if flower else 0.16 - 0.08 * (number % 2))
        parts += child.moved(x, -root.height * (1 - seat) + sunk).parts
    return Block((*parts, *block.parts), root)


def _under(block: Block, children: Sequence[Block], __: Carrier) -> Block:
    """Stand the children in front of the block's root, low enough that it rises above them."""
    root = block.root
    _, total = _row(children, 0.02)
    tallest = max(child.height for child in children)
    shrink = min(1.0, 0.62 * root.width / total, 0.52 * root.height / tallest)
    grow = 1.0
    if shrink < 0.7:
        grow, shrink = min(1.7, 0.7 / shrink), shrink * min(1.7, 0.7 / shrink)
    block, small = block.scaled(grow), [child.scaled(shrink) for child in children]
    middles, _ = _row(small, 0.02)
    placed = [part for child, x in zip(small, middles, strict=True) for part in child.moved(x, 0.02).parts]
    return Block((*block.parts, *placed), block.root)


def _canopy(block: Block, children: Sequence[Block], __: Carrier) -> Block:
    """Hold the block's root, an umbrella, over the children."""
    middles, total = _row(children, 0.03)
    root = block.root
    block = block.scaled(max(1.0, 1.3 * total / root.width))
    tallest = max(child.height for child in children)
    lift = -tallest * 0.86 + block.root.height * 0.42
    held = block.moved(0, min(0.0, lift))
    placed = [part for child, x in zip(children, middles, strict=True) for part in child.moved(x, 0).parts]
    return Block((*held.parts, *placed), placed[0])


_WORN = {
    "scarf": (0.30, 0.36),
    "glasses": (0.72, 0.4),
    "sunglasses": (0.72, 0.4),
    "necktie": (0.25, 0.2),
    "backpack": (0.2, 0.4),
    "bow-tie": (0.42, 0.3),
    "t-shirt": (0.16, 0.6),
    "coat": (0.08, 0.62),
    "dress": (0.04, 0.62),
}
"""How high the lower edge of a worn thing comes, and how broad it is, as shares of its wearer; the rest are hats."""


def _wears(block: Block, children: Sequence[Block], wearer: Carrier) -> Block:
    """Put what is worn on the block's root: hats on the head, a scarf round the neck."""
    root = block.root
    parts: list[Part] = []
    hat = 0.72 if wearer.drawing.id in traits.FACES else 0.40
    tops = wearer.figure.tops()
    first, last = (2, 9) if _is_sideways(wearer.drawing) else (9, 15)
    crown = sorted(tops[first:last])[2]
    for child in children:
        height, breadth = _WORN.get(
            wearer.reading.mentions[child.root.mention].drawing.id, (0.93 - crown - (0.035 if hat > 0.5 else 0.0), hat)
        )
        fitted = child.scaled(root.width * breadth / child.root.width)
        middle = (first + last) / 48 - 0.5
        if _is_garment(wearer, child):
            continue
        parts += fitted.moved(root.width * middle, -root.height * height).parts
    return Block((*block.parts, *parts), root)


def _is_garment(wearer: Carrier, child: Block) -> bool:
    """Whether what is worn is drawn as the wearer's own clothes."""
    dressed = wearer.drawing.id in traits.FACES or wearer.drawing.id in traits.BUSTS
    return dressed and wearer.reading.mentions[child.root.mention].drawing.id in traits.GARMENTS


def _is_sideways(drawing: Drawing) -> bool:
    return drawing.group.startswith("animal") and drawing.id not in traits.HEADS | {"penguin", "owl"}


def _holds(block: Block, children: Sequence[Block], holder: Carrier) -> Block:
    """Let the block's root hold the children at its side, in front of it: before its face when it is drawn sideways."""
    root = block.root
    parts: list[Part] = []
    first = -1 if _is_sideways(holder.drawing) else 1
    for number, child in enumerate(children):
        held = child.scaled(min(1.0, 0.46 * root.height / child.height))
        side = first if number % 2 == 0 else -first
        parts += held.moved(side * root.width * 0.48, -root.height * 0.12).parts
    return Block((*block.parts, *parts), root)


def _before(block: Block, children: Sequence[Block], __: Carrier) -> Block:
    """Stand the children before the block's root, a little nearer, most of it still to be seen."""
    parts: list[Part] = []
    for number, child in enumerate(children):
        parts += child.moved(*_aside(block.root, child, number, 0.05)).parts
    return Block((*block.parts, *parts), block.root)


def _after(block: Block, children: Sequence[Block], __: Carrier) -> Block:
    """Stand the children behind the block's root, a little further off, most of them still to be seen."""
    parts: list[Part] = []
    for number, child in enumerate(children):
        parts += child.moved(*_aside(block.root, child, number, -0.05)).parts
    return Block((*parts, *block.parts), block.root)


def _aside(root: Part, child: Block, number: int, nearer: float) -> tuple[float, float]:
    """Return how far to the side a child overlaps the root, neither hiding too much of the other, and how much nearer."""
    side = 1 if number % 2 == 0 else -1
    covers = child if nearer > 0 else root
    covered = root if nearer > 0 else child
    small = covers.width < 0.5 * covered.width and covers.height < 0.75 * covered.height
    middle = 0.24 * covered.width * side * (1 if nearer > 0 else -1)
    apart = (root.width + child.width) / 2 - 0.34 * min(root.width, child.width)
    steps = number // 2
    x = middle if small and not steps else side * (apart + steps * child.width)
    return x, nearer * min(root.height, child.height)


def _leaps(block: Block, children: Sequence[Block], __: Carrier) -> Block:
    """Hold the children in the air over the block's root."""
    middles, _ = _row(children, 0.05)
    lift = -block.root.height * 1.03
    parts = [part for child, x in zip(children, middles, strict=True) for part in child.moved(x, lift).parts]
    return Block((*block.parts, *parts), block.root)


_ATTACHERS: dict[str, Callable[[Block, Sequence[Block], Carrier], Block]] = {
    "on": _on, "in": _in, "under": _under, "canopy": _canopy, "wears": _wears, "holds": _holds,
    "in_front_of": _before, "behind": _after, "leaps": _leaps,
}  # fmt: skip
