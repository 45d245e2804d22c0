"""The words of a prompt that are about moving: what the camera does, and how lively everything is."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOW = r"(?:slow(?:ly)?|smooth(?:ly)?|gentle|gently|steady|steadily|fast|quick(?:ly)?)"
_FILLERS = rf"(?:(?:the\s+)?camera\s+)?(?:{_HOW}\s+)?(?:(?:the\s+)?camera\s+)?(?:{_HOW}\s+)?"
_CAMERA = (
    (r"dolly\s+zoom", "dolly_zoom"),
    (r"zoom(?:s|ing)?\s+(?:out|back)", "zoom_out"), (r"zoom(?:s|ing)?\s+in", "zoom_in"),
    (r"(?:push|dolly|mov)(?:e?s|ing|es)?\s+in", "push_in"), (r"(?:pull|dolly)(?:s|ing)?\s+(?:out|back|away)", "pull_out"),
    (r"pan(?:s|ning)?\s+(?:to\s+the\s+)?left", "pan_left"), (r"pan(?:s|ning)?\s+(?:to\s+the\s+)?right", "pan_right"),
    (r"truck(?:s|ing)?\s+(?:to\s+the\s+)?left", "truck_left"), (r"truck(?:s|ing)?\s+(?:to\s+the\s+)?right", "truck_right"),
    (r"tilt(?:s|ing)?\s+up", "tilt_up"), (r"tilt(?:s|ing)?\s+down", "tilt_down"),
    (r"crane(?:s)?\s+up", "crane_up"), (r"crane(?:s)?\s+down", "crane_down"),
    (r"orbit(?:s|ing)?(?:\s+shot)?\s+(?:to\s+the\s+)?left", "orbit_left"),
    (r"orbit(?:s|ing)?(?:\s+shot)?(?:\s+(?:to\s+the\s+)?right)?(?:\s+around\s+(?:it|them|him|her))?", "orbit_right"),
    (r"roll(?:s|ing)?\s+left", "roll_left"), (r"roll(?:s|ing)?\s+right", "roll_right"),
    (r"hand-?held(?:\s+(?:camera|shot))?", "handheld"), (r"static\s+(?:camera|shot)|fixed\s+camera", "static"),
)  # fmt: skip
_TEMPO = (
    (r"(?:in\s+)?slow[\s-]motion", 0.5),
    (r"time-?lapse|(?:in\s+)?fast[\s-]motion", 2.2),
)
_LIVELINESS = (
    (r"running|runs|run|galloping|racing|chasing|chases", "run"),
    (r"jumping|jumps|hopping|hops|bouncing|bounces|dancing|dances|playing", "hop"),
    (r"sleeping|asleep|sleeps|resting|lying|sitting|sits|standing|stands|parked|waiting", "rest"),
    (r"spinning|spins|rotating|rotates|turning", "spin"),
)
_IN_FLIGHT = re.compile(r"\b(?:fly|flies|flying|soar|soars|soaring|gliding)\b", re.IGNORECASE)
_ANY_BIRD = re.compile(r"\bbird(s?)\b", re.IGNORECASE)
MOST_MOTIONS = 3


@dataclass(frozen=True, slots=True)
class Direction:
    """What a prompt says of the moving, and what of it is left to be drawn."""

    text: str
    motions: tuple[str, ...]
    tempo: float
    liveliness: str | None


def read_direction(prompt: str) -> Direction:
    """Return a prompt's words about the camera and the tempo, and the rest of it."""
    rest, motions, tempo = prompt, [], 1.0
    for pattern, name in _CAMERA:
        rest, found = re.subn(rf"\b{_FILLERS}(?:{pattern})\b", " ", rest, flags=re.IGNORECASE)
        if found and name not in motions:
            motions.append(name)
    for pattern, factor in _TEMPO:
        rest, found = re.subn(rf"\b(?:{pattern})\b", " ", rest, flags=re.IGNORECASE)
        tempo = factor if found else tempo
    if _IN_FLIGHT.search(rest):
        rest = _ANY_BIRD.sub(r"seagull\1", rest)  # the one drawn with open wings
    lively = next(
        (name for pattern, name in _LIVELINESS if re.search(rf"\b(?:{pattern})\b", rest, re.IGNORECASE)), None
    )
    rest = re.sub(r"\s+", " ", re.sub(r"\s*,(?:\s*,)+", ",", rest)).strip(" ,.;")
    return Direction(rest, tuple(motions[:MOST_MOTIONS]), tempo, lively)
