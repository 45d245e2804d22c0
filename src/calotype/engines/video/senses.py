"""Which way of moving suits what a drawing shows: boats rock, birds fly across, cars drive, trees sway."""

from __future__ import annotations

from calotype.engines.drawing.art import Drawing
from calotype.engines.drawing.compose import Placed
from calotype.engines.drawing.traits import Place, is_bedded, place_of

_VEHICLES = {
    "automobile", "taxi", "police-car", "fire-engine", "delivery-truck", "minibus", "articulated-lorry", "tram", "trolleybus",
    "locomotive", "train", "tractor", "racing-car", "motorcycle", "motor-scooter", "kick-scooter", "bicycle", "skateboard", "sled",
    "sport-utility-vehicle", "pickup-truck", "double-decker-bus", "wagon", "ambulance", "manual-wheelchair", "high-speed-train",
    "motorized-wheelchair", "auto-rickshaw", "bullet-train", "light-rail",
}  # fmt: skip
_FRONTAL = {"bus", "oncoming-automobile", "oncoming-bus", "oncoming-taxi", "oncoming-police-car", "metro", "station"}
_BY_ID: dict[str, str] = {}
for _move, _names in (
    ("flutter", "butterfly honeybee fly mosquito lady-beetle fairy"),
    ("rise", "hot-air-balloon balloon bubble bubbles rocket"),
    ("hover", "helicopter flying-saucer kite parachute ghost baby-angel satellite musical-note musical-notes heart red-heart"),
    ("sink", "snowflake leaf-fluttering-in-wind fallen-leaf maple-leaf"),
    ("twinkle", "star glowing-star shooting-star sparkles high-voltage"),
    ("wheel", "ringed-planet globe-showing-americas globe-showing-europe-africa globe-showing-asia-australia"),
    ("shimmer", "rainbow"), ("pulse", "jellyfish octopus squid"),
    ("flicker", "campfire candle fireplace fire"), ("fly", "airplane small-airplane airplane-departure superhero comet phoenix"),
    ("spin", "ferris-wheel pinwheel"), ("still", "branch cloud-with-rain nest empty-nest fence log tree-stump rock"),
):  # fmt: skip
    _BY_ID.update(dict.fromkeys(_names.split(), _move))
_CREATURES = ("animal", "person", "monkey-face", "cat-face")
_SPRINTERS = ("animal-mammal", "person")
_RESTING = {"rest": "sleep"}


def move_of(placed: Placed, scene: str, liveliness: str | None) -> str:
    """Return the name of the move that suits a drawing in a scene of this kind; `liveliness`: what the prompt's verbs ask for."""
    drawing = placed.drawing
    if placed.afloat:
        return "rock" if drawing.group.startswith("transport-water") else "glide"
    if liveliness == "spin" and not drawing.group.startswith("place"):
        return "spin" if not placed.stands else "breathe"
    if drawing.id in _BY_ID:
        return _BY_ID[drawing.id]
    return _by_place(drawing, scene, liveliness)


def _by_place(drawing: Drawing, scene: str, liveliness: str | None) -> str:
    place = place_of(drawing)
    if place is Place.SKY:
        return "drift" if "cloud" in drawing.id else "shine"
    if scene == "space":
        return "fly" if drawing.group.startswith("transport-air") else "hover"
    if scene in {"underwater", "waterline"} and place is not Place.GROUND:
        return "still" if is_bedded(drawing) else "swim"
    if place is Place.AIR:
        return "flap" if drawing.group.startswith("animal") else "hover"
    return _on_the_ground(drawing, scene, liveliness)


def _on_the_ground(drawing: Drawing, scene: str, liveliness: str | None) -> str:
    if drawing.id in _VEHICLES:
        return "rattle" if liveliness == "rest" else "drive"
    if drawing.id in _FRONTAL:
        return "rattle"
    if drawing.group.startswith(_CREATURES):
        return _of_a_creature(drawing, scene, liveliness)
    if drawing.group.startswith("plant"):
        return "sway"
    if scene == "sky":
        return "hover"
    solid = drawing.group.startswith(("place", "furniture", "household", "hotel"))
    return "still" if solid else "breathe"


def _of_a_creature(drawing: Drawing, scene: str, liveliness: str | None) -> str:
    if liveliness == "rest":
        return "sleep"
    if liveliness == "hop":
        return "hop"
    if liveliness == "run" and drawing.group.startswith(_SPRINTERS):
        return "run"
    if scene in {"plain", "studio", "room", "sky"} or drawing.group.startswith("person"):
        return "breathe"
    return "walk"
