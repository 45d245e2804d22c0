"""Cutting a picture's subject out."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from calotype.jobs.fields import ImageSource, Input

TRANSPARENT, MAP, BLUR, OVERLAY = "transparent", "map", "blur", "overlay"
WAYS = (TRANSPARENT, MAP, BLUR, OVERLAY)
NAMED_COLOURS = {
    "white": "#ffffff", "black": "#000000", "grey": "#808080", "gray": "#808080", "red": "#d9362b", "orange": "#f08a24",
    "yellow": "#f7d038", "green": "#00b140", "blue": "#2f6fde", "purple": "#8e4ec6", "pink": "#f4a3c0", "brown": "#8b5a2b",
    "beige": "#efe3cc", "cyan": "#29bcd8", "navy": "#1c2f5c",
}  # fmt: skip
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")


def _background(text: str) -> str:
    plain = text.strip().lower()
    if plain not in WAYS and plain not in NAMED_COLOURS and not _HEX.fullmatch(plain):
        raise ValueError(f"must be {', '.join(WAYS)}, a colour such as #ffe0b0, or one of {', '.join(NAMED_COLOURS)}")
    return plain


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of a colour that the input model has let pass."""
    digits = NAMED_COLOURS.get(colour, colour).removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


class RemoveBackgroundInput(Input):
    """Cut the subject out, and say what is to be where the background was.

    `background`: "transparent", "map" (the matte itself, white where the subject is), "blur" (the background out of focus),
    "overlay" (the picture with its subject tinted), or a colour. `threshold` makes the edge hard: what is the subject's by at
    least this share is kept whole. `reverse` keeps the background and removes the subject.
    """

    image: ImageSource
    background: Annotated[str, Field(max_length=20), AfterValidator(_background)] = TRANSPARENT
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    reverse: bool = False
