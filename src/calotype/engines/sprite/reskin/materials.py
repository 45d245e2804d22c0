"""What a subject may be made of anew: a material's colours from shade to light, its grain, its shine; and the words for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from calotype.engines.drawing.colour import NAMED

Stops = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """A material: colours from dark to light, and how much grain, gloss, glow and of the old hues it shows."""

    name: str
    words: str
    stops: Stops
    grain: float = 0.0
    streaks: bool = False
    gloss: float = 0.0
    keep: float = 0.12
    opacity: float = 1.0


MATERIALS = (
    Material("gold", "gold golden gilded", ("3d1f04", "8a5208", "d89a18", "ffd95a", "fffbd8"), 0.03, gloss=0.55),
    Material(
        "silver",
        "silver steel metal metallic iron chrome platinum armored armoured mithril",
        ("14181f", "4a5563", "93a3b4", "d3dde6", "ffffff"),
        0.03,
        gloss=0.5,
    ),
    Material("bronze", "bronze copper brass", ("24100a", "6b3418", "b5672f", "e6a868", "ffe9c8"), 0.05, gloss=0.4),
    Material(
        "stone",
        "stone rock granite rocky golem statue concrete",
        ("1d1d20", "4c4b4d", "7f7d7b", "aeaba6", "d8d5cf"),
        0.30,
        keep=0.05,
    ),
    Material(
        "marble",
        "marble alabaster porcelain ivory bone skeleton",
        ("5c5658", "a8a1a0", "dcd7d2", "f4f0ea", "ffffff"),
        0.14,
        True,
        0.2,
        0.03,
    ),
    Material(
        "wood", "wood wooden oak bark tree", ("2a1408", "5f3415", "96602e", "c48f55", "e8c48e"), 0.26, True, keep=0.06
    ),
    Material(
        "ice",
        "ice icy frozen frost frosty glacier crystal crystalline glass diamond",
        ("0e2f66", "2f74b8", "74bfec", "c2ecff", "ffffff"),
        0.12,
        True,
        0.45,
        0.05,
        0.92,
    ),
    Material(
        "lava",
        "lava magma molten fire fiery burning flaming flame infernal",
        ("1a0604", "5c0d06", "d83208", "ff9a1e", "fff3a0"),
        0.34,
        gloss=0.1,
        keep=0.03,
    ),
    Material(
        "water",
        "water aqua ocean liquid watery",
        ("06255c", "0d4f9e", "2d93dc", "84d3fa", "eafcff"),
        0.2,
        True,
        0.4,
        0.04,
        0.88,
    ),
    Material(
        "emerald",
        "emerald jade gem gemstone",
        ("03241a", "07603f", "17a868", "72e8a8", "eafff2"),
        0.08,
        gloss=0.5,
        keep=0.03,
    ),
    Material("ruby", "ruby garnet", ("30020c", "7d0822", "cf1f45", "ff7a8c", "ffe6e6"), 0.08, gloss=0.5, keep=0.03),
    Material("amethyst", "amethyst", ("1e0638", "4e1d86", "8d4fcf", "cba0f8", "f8ecff"), 0.08, gloss=0.5, keep=0.03),
    Material(
        "shadow",
        "shadow shadowy dark darkness void evil demon demonic cursed corrupted",
        ("020104", "120a1e", "2c1a44", "5a3a86", "b48cf0"),
        0.16,
        gloss=0.1,
        keep=0.12,
    ),
    Material(
        "zombie",
        "zombie undead rotten toxic poison slime slimy mutant goblin orc",
        ("0c1606", "2d4a16", "63892c", "a0c455", "e2f0a0"),
        0.2,
        gloss=0.12,
        keep=0.2,
    ),
    Material(
        "ghost",
        "ghost ghostly spectral spirit ethereal phantom",
        ("2a4a66", "6a9cc0", "a8d4ec", "dcf4ff", "ffffff"),
        0.1,
        keep=0.04,
        opacity=0.7,
    ),
    Material(
        "neon",
        "neon cyber cyberpunk tron hologram holographic digital futuristic",
        ("08021c", "2a0a6e", "b01ce0", "2ce8f8", "f4ffff"),
        0.04,
        gloss=0.2,
        keep=0.1,
    ),
    Material(
        "candy",
        "candy sweet bubblegum cotton sugar pastel",
        ("a84a86", "e87cb4", "ffb0d4", "ffdcec", "ffffff"),
        0.04,
        gloss=0.4,
        keep=0.25,
    ),
    Material(
        "chocolate", "chocolate cocoa", ("1c0a04", "45200f", "743c1e", "a8683c", "dcae82"), 0.03, gloss=0.4, keep=0.04
    ),
    Material(
        "leaf",
        "leaf leaves leafy nature forest plant mossy moss grass druid",
        ("0c2409", "24551a", "4c8c30", "8cc85a", "dcf4a8"),
        0.3,
        keep=0.1,
    ),
    Material(
        "sand", "sand sandy desert clay mud mummy", ("3a2410", "7a5528", "b88c50", "e0bf88", "f8e8c4"), 0.24, keep=0.08
    ),
)
_BY_WORD = {word: material for material in reversed(MATERIALS) for word in material.words.split()}
_COLOURS = {
    "crimson": "red",
    "scarlet": "red",
    "cyan": "turquoise",
    "teal": "turquoise",
    "azure": "blue",
    "violet": "purple",
    "gray": "grey",
    "rose": "pink",
}
STYLES = {
    "pixel": "pixel",
    "pixelated": "pixel",
    "8bit": "pixel",
    "16bit": "pixel",
    "retro": "pixel",
    "cartoon": "cartoon",
    "comic": "cartoon",
    "toon": "cartoon",
    "anime": "cartoon",
    "chibi": "sd",
    "isometric": "quater_view",
}
_SAYS_NOTHING = """
a an the of with and then in on at to from by into made make makes turn turned into style look looking like as is are it its this
that his her their our my your wearing version skin reskin sprite sheet character hero art coloured colored color colour body whole
all everything new one very light bright armor armour suit clothes outfit covered please redraw repaint painted
"""
_SILENT = frozenset(_SAYS_NOTHING.split())


@dataclass(frozen=True, slots=True)
class Skin:
    """What a description asks for. `style` is one that the words name, if any."""

    material: Material | None
    colour: str | None
    style: str | None
    unknown: tuple[str, ...]


def read_skin(text: str) -> Skin:
    """Return what the words ask for: the first material, the first colour that is not the material itself."""
    words = re.findall(r"[^\W_]+", text.casefold())
    materials = [_BY_WORD[word] for word in words if word in _BY_WORD]
    colours = [
        word if word in NAMED else _COLOURS[word]
        for word in words
        if (word in NAMED or word in _COLOURS) and word not in _BY_WORD
    ]
    styles = [STYLES[word] for word in words if word in STYLES]
    known = [*_BY_WORD, *NAMED, *_COLOURS, *STYLES]
    unknown = tuple(
        dict.fromkeys(word for word in words if word not in known and word not in _SILENT and not word.isdigit())
    )
    return Skin(
        materials[0] if materials else None, colours[0] if colours else None, styles[0] if styles else None, unknown
    )
