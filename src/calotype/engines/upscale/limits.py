"""How large an enlarged picture becomes, and how large it may become: pure, so a submission can be refused at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calotype.errors import InvalidInputError
from calotype.jobs.inputs.upscale import TARGET_SIDES

Size = tuple[int, int]

LIMITS: dict[str, int] = {"max_side": 8192, "max_output_pixels": 50_000_000}


def output_size(width: int, height: int, *, scale: int | None = None, target: str | None = None) -> Size:
    """Return the size that a picture of this size is enlarged to: exactly one of `scale` and `target` is given."""
    if scale is not None:
        return width * scale, height * scale
    assert target is not None, "the input model has seen to it"
    return size_within(width, height, TARGET_SIDES[target])


def size_within(width: int, height: int, longer: int) -> Size:
    """Return the size in the same aspect whose longer side is exactly this long."""
    long_side = max(width, height)
    return max(1, round(width * longer / long_side)), max(1, round(height * longer / long_side))


def check_size(width: int, height: int, wish: Mapping[str, Any], *, pointer: str = "/input") -> Size:
    """Return the output's size for the input's `scale` or `target`; raise `InvalidInputError` when it is too large."""
    scale, target = wish.get("scale"), wish.get("target")
    size = output_size(width, height, scale=scale, target=target)
    reason = _too_large(size)
    if reason:
        field = "scale" if scale is not None else "target"
        found = f"{width}x{height} would become {size[0]}x{size[1]}, which is more than {reason}"
        raise InvalidInputError.at(f"{pointer}/{field}", "too_large", found)
    return size


def _too_large(size: Size) -> str:
    side, pixels = LIMITS["max_side"], LIMITS["max_output_pixels"]
    if max(size) > side:
        return f"{side:,} pixels on a side"
    return f"{pixels / 1_000_000:g} million pixels" if size[0] * size[1] > pixels else ""
