"""What kind of thing a drawing shows: where it belongs, how large it is beside others, and whether it lacks a body."""

# ruff: noqa: E501 - a table reads best in rows
from __future__ import annotations

from enum import StrEnum

from calotype.engines.drawing.art import Drawing


class Place(StrEnum):
    """Where a thing belongs in a scene."""

    GROUND = "ground"
    AIR = "air"
    SKY = "sky"
    WATER = "water"
    DEEP = "deep"
    """In the water: afloat when the scene is under it, at the surface when it is not."""


def _table(**rows: str) -> dict[str, str]:
    return {name: key for key, names in rows.items() for name in names.split()}


_PLACES = _table(
    air="honeybee butterfly bat seagull eagle dove fly mosquito parrot airplane small-airplane helicopter rocket flying-saucer "
    "satellite hot-air-balloon balloon kite bubble bubbles parachute fairy comet phoenix airplane-departure superhero snowflake "
    "leaf-fluttering-in-wind branch cloud musical-note musical-notes heart red-heart sparkles baby-angel ghost",
    sky="sun full-moon crescent-moon full-moon-face sun-with-face new-moon-face rainbow star glowing-star shooting-star "
    "ringed-planet globe-showing-americas globe-showing-europe-africa globe-showing-asia-australia cloud-with-rain cyclone "
    "cloud-with-lightning cloud-with-snow sun-behind-cloud tornado cloud-with-lightning-and-rain high-voltage "
    "sun-behind-small-cloud sun-behind-large-cloud sun-behind-rain-cloud first-quarter-moon last-quarter-moon new-moon "
    "waxing-gibbous-moon waning-gibbous-moon waxing-crescent-moon waning-crescent-moon",
    water="sailing-boat sailboat pirate-ship ship ferry passenger-ship motor-boat speedboat canoe rowing-boat wooden-boat lily-pad yellow-duck surfing swimming "
    "playing-water-polo duck swan ring-buoy",
    deep="whale spouting-whale dolphin orca shark fish tropical-fish blowfish octopus squid jellyfish seal shrimp diver submarine "
    "mermaid merman merperson turtle",
)  # fmt: skip

_BEDDED = {"crab", "starfish", "lobster", "oyster", "coral", "spiral-shell", "treasure-chest", "anchor", "rock"}

_SIZES: dict[str, float] = {}
for _size, _names in (
    (0.30, "snowball bubble acorn honeybee lady-beetle fly mosquito ant ring egg strawberry cherries candy chestnut"),
    (0.36, "spider bug beetle cricket mushroom blossom rose tulip candle star butterfly snail hot-beverage coin key cookie scorpion"),
    (0.44, ("mouse carrot soccer-ball tennis baseball basketball volleyball starfish crab lizard baby-chick red-apple pear banana "
           "hamster closed-book cupcake hamburger snowflake top-hat crown rat hatching-chick tangerine sunflower shrimp worm")),
    (0.56, ("bird black-bird seagull dove frog chipmunk teapot vase hedgehog snake tropical-fish fish jellyfish telephone scarf "
           "pizza french-fries cup-with-straw mantelpiece-clock potted-plant bat empty-nest grapes pineapple duck pumpkin wrapped-gift nest")),
    (0.66, ("rabbit cat black-cat parrot owl chicken rooster turtle eagle squid trophy teddy-bear rock television goose balloon "
           "birthday-cake violin trumpet tennis-racket kite campfire umbrella treasure-chest laptop hammer screwdriver lobster")),
    (0.80, "dog poodle fox penguin raccoon goat koala monkey swan octopus peacock lamp guitar seal flamingo otter badger baby sled"),
    (0.95, "ewe ram pig child boy girl wolf leopard chair armchair snowman-without-snow snowman robot alien fence kangaroo dodo"),
    (1.10, "bicycle panda bear polar-bear lion tiger deer llama sauna diver vertical-traffic-light cloud motor-scooter kick-scooter"),
    (1.25, ("horse cow ox unicorn donkey zebra gorilla bison camel two-hump-camel moose motorcycle cactus bench dolphin palm table "
           "desk ghost water-buffalo racing-car crocodile hammock surfing mermaid bookshelf sun full-moon fountain moai satellite")),
    (1.40, ("automobile taxi police-car couch-and-lamp bed grand-piano shark tractor tent sport-utility-vehicle oncoming-automobile "
           "canoe hippopotamus rhinoceros rowing-boat pickup-truck hut igloo flying-saucer giraffe ringed-planet crescent-moon")),
    (1.60, ("bus fire-engine delivery-truck ambulance helicopter elephant mammoth t-rex dragon orca rocket submarine minibus speedboat "
           "articulated-lorry tram trolleybus deciduous-tree hot-air-balloon evergreen-tree palm-tree sailing-boat small-airplane "
           "globe-showing-americas globe-showing-europe-africa globe-showing-asia-australia christmas-tree motor-boat leafless-tree")),
    (1.80, "whale spouting-whale sauropod locomotive train airplane house house-with-garden hospital bank carousel-horse windmill"),
    (2.10, ("barn school church pirate-ship ship ferry lighthouse castle mosque ferris-wheel hotel office-building passenger-ship "
           "circus-tent roller-coaster factory department-store skyscraper statue-of-liberty tokyo-tower japanese-castle rainbow")),
    (0.40, "mug teacup bow-tie toaster"), (0.62, "plate bowl yellow-duck pillow tree-stump flowerpot barrel box crate sandcastle"),
    (0.9, "lily-pad mailbox log haystack doghouse birdhouse wheelbarrow signpost"), (1.1, "wagon knight scarecrow pirate"),
    (1.3, "branch swing water-well fireplace fridge wardrobe picnic-blanket curtain"), (1.4, "wooden-boat"), (1.7, "brick-wall"),
    (1.8, "double-decker-bus stone-bridge"), (2.4, "cliff waterfall pyramid hill"), (2.90, "snow-capped-mountain"),
    (2.40, "bridge mountain mount-fuji volcano desert-island"),
):  # fmt: skip
    _SIZES.update(dict.fromkeys(_names.split(), _size))

_GROUP_SIZES = (
    ("animal-bug", 0.38), ("animal-bird", 0.62), ("animal-marine", 0.7), ("animal", 0.9), ("person", 1.12), ("food", 0.46),
    ("drink", 0.46), ("dishware", 0.45), ("plant-flower", 0.42), ("plant", 0.5), ("place", 2.0), ("transport-water", 1.7),
    ("transport", 1.4), ("furniture", 1.2), ("musical", 0.75), ("sport", 0.46), ("clothing", 0.5), ("sky-weather", 1.0),
    ("household", 0.7), ("hotel", 0.7), ("light-video", 0.5), ("computer", 0.6),
)  # fmt: skip

HEADS = {
    "bear", "panda", "polar-bear", "koala", "fox", "wolf", "lion", "raccoon", "frog", "hamster", "cat-face", "dog-face",
    "tiger-face", "monkey-face", "mouse-face", "rabbit-face", "pig-face", "cow-face", "chicken",
}  # fmt: skip
"""Animals drawn as a head from the front."""
PROFILES = {"unicorn", "moose", "horse-face"}
"""Animals drawn as a head from the side."""
MACHINES = {"robot", "alien"}
FACES = {
    "baby", "child", "boy", "girl", "person", "man", "woman", "old-man", "old-woman", "older-person", "santa-claus", "mrs-claus",
    "mx-claus", "person-beard", "person-blond-hair", "person-red-hair", "person-curly-hair", "person-white-hair", "person-bald",
    "wearing-turban",
}  # fmt: skip
"""People drawn as a face."""
BUSTS = {
    "artist", "astronaut", "construction-worker", "cook", "detective", "elf", "factory-worker", "farmer", "firefighter", "guard",
    "health-worker", "woman-health-worker", "in-tuxedo", "judge", "mage", "mechanic", "ninja", "office-worker", "pilot", "police-officer", "prince",
    "princess", "with-crown", "scientist", "singer", "student", "superhero", "supervillain", "vampire", "with-veil",
    "with-skullcap", "woman-with-headscarf",
}  # fmt: skip
"""People drawn down to the chest."""

CARRIED = {
    "balloon", "umbrella", "bouquet", "rose", "tulip", "sunflower", "blossom", "kite", "lollipop", "soft-ice-cream", "ice-cream", "guitar",
    "violin", "trumpet", "magic-wand", "crossed-swords", "fishing-pole", "camera", "handbag", "purse", "luggage", "basket", "broom", "shovel",
    "tennis-racket", "teddy-bear", "closed-book", "open-book", "wrapped-gift", "lamp", "flashlight", "microphone", "shield",
}  # fmt: skip
"""What someone is "with" when he has it in his hand."""
GARMENTS = {
    "dress": "dress", "kimono": "dress", "sari": "dress", "one-piece-swimsuit": "dress", "t-shirt": "top", "running-shirt": "top", "coat": "coat",
    "lab-coat": "coat", "safety-vest": "top", "woman-s-clothes": "top", "martial-arts-uniform": "top", "jeans": "bottom", "shorts": "bottom",
}  # fmt: skip
"""What covers the body, and how it is cut."""
TREES = {"deciduous-tree", "evergreen-tree", "leafless-tree", "palm-tree"}
PAINTABLE = {"duck": "yellow-duck"}
"""Drawings of several colours, and the one of a single colour that is shown instead when a colour is asked for."""


def is_clothing(drawing: Drawing) -> bool:
    """Whether a thing is worn."""
    return drawing.id in GARMENTS or (drawing.group == "clothing" and drawing.id not in CARRIED | {"ring", "gem-stone"})


CONTAINERS = {
    "bowl",
    "wagon",
    "wheelbarrow",
    "barrel",
    "crate",
    "box",
    "flowerpot",
    "pot-of-food",
    "water-well",
    "nest",
    "empty-nest",
    "nest-with-eggs",
    "vase",
    "amphora",
    "basket",
    "bucket",
    "bathtub",
    "shopping-cart",
    "canoe",
}
SPANS = {"bridge", "stone-bridge"}
"""What stands in the water where there is any."""
AMPHIBIOUS = {"turtle", "seal", "duck", "swan", "crocodile", "yellow-duck"}
"""Animals of the water that come ashore where there is a beach."""

# How far down a thing another one stands on it, as a share of its height, where its outline does not tell.
_SEATS = {
    "bridge": 0.62, "plate": 0.42, "bowl": 0.10, "lily-pad": 0.62, "branch": 0.46, "cliff": 0.09, "picnic-blanket": 0.5, "pillow": 0.3,
    "swing": 0.78, "log": 0.42, "tree-stump": 0.2, "wooden-boat": 0.3, "wagon": 0.1, "wheelbarrow": 0.12, "barrel": 0.04, "crate": 0.06,
    "box": 0.1, "flowerpot": 0.06, "stone-bridge": 0.12, "brick-wall": 0.03, "haystack": 0.12, "hill": 0.1, "scarecrow": 0.42, "water-well": 0.6,
    "table": 0.26, "desk": 0.26, "bench": 0.60, "couch-and-lamp": 0.72, "bed": 0.62, "chair": 0.58, "armchair": 0.74,
    "birthday-cake": 0.16, "hammock": 0.66, "empty-nest": 0.42, "nest": 0.04, "vase": 0.06, "full-moon": 0.10,
    "automobile": 0.06, "bicycle": 0.30, "unicorn": 0.5, "sled": 0.55, "sailing-boat": 0.78, "canoe": 0.5, "basket":
    0.35, "dragon": 0.4, "whale": 0.35, "house": 0.12, "bathtub": 0.5, "armchair-front": 0.7, "fence": 0.06,
    "dolphin": 0.3, "kick-scooter": 0.8, "skateboard": 0.3, "amphora": 0.05, "potted-plant": 0.5, "bucket": 0.2,
    "closed-book": 0.1, "globe-showing-americas": 0.06,
}  # fmt: skip


def place_of(drawing: Drawing) -> Place:
    """Return where a drawing belongs."""
    return Place(_PLACES.get(drawing.id, "ground"))


def is_bedded(drawing: Drawing) -> bool:
    """Whether a thing lies on the sea's floor when the scene is under water."""
    return drawing.id in _BEDDED


def size_of(drawing: Drawing) -> float:
    """Return a thing's longer side, where a grown person is 1.1: compressed, so that a mouse beside a house can be seen."""
    if drawing.id in _SIZES:
        return _SIZES[drawing.id]
    return next((size for group, size in _GROUP_SIZES if drawing.group.startswith(group)), 0.55)


def seat_of(drawing: Drawing) -> float | None:
    """Return how far down a thing's height another one stands on it, 0 to 1; None when its outline tells."""
    return _SEATS.get(drawing.id)


def home_of(drawing: Drawing) -> str:
    """Return the scene a thing belongs in when the prompt names none."""
    if drawing.id in _AT_HOME:
        return _AT_HOME[drawing.id]
    if drawing.group in {"furniture", "light-video", "household"} or drawing.id in {
        "couch-and-lamp",
        "bed",
        "chair",
        "grand-piano",
    }:
        return "room"
    place = place_of(drawing)
    if place in {Place.WATER, Place.DEEP} and drawing.id not in {"duck", "swan", "turtle", "yellow-duck"}:
        return "underwater" if place is Place.DEEP and drawing.group == "animal-marine" else "sea"
    return next((home for groups, home in _HOMES if drawing.group.startswith(groups)), "studio")


_AT_HOME = _table(
    space="satellite ringed-planet rocket astronaut flying-saucer comet",
    savanna="lion elephant giraffe zebra leopard rhinoceros hippopotamus",
    snow="penguin polar-bear snowman snowman-without-snow sled igloo seal",
    room="curtain pillow fireplace fridge wardrobe toaster", desert="camel two-hump-camel cactus scorpion", sky="balloon", meadow="bench hammock fence swing wagon scarecrow picnic-blanket water-well haystack log tree-stump mailbox branch brick-wall doghouse birdhouse wheelbarrow signpost",
)  # fmt: skip
_HOMES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("transport-air",), "sky"),
    (("animal", "plant", "person", "transport", "place"), "meadow"),
    (("sky-weather",), "meadow"),
)
