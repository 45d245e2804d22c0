"""What a job costs: a price per unit for each model and kind, and how many units a job asks for. Pure; whole credits come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any

from calotype.jobs.inputs.upscale import TARGET_SIDES
from calotype.jobs.kinds import INPUTS, Kind

MOST_CREDITS = 10**15
"""The most that one job, grant or cap can be: sums of them stay within 64 bits."""
_MEGAPIXEL = 1_000_000


class Unit(StrEnum):
    """What a price is for: the whole job, each output, each megapixel or each second of each output."""

    JOB = "job"
    OUTPUT = "output"
    MEGAPIXEL = "megapixel"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class Price:
    """Credits for one unit; a part of a credit is possible, since only the sum is rounded (up). `least` is asked at the least."""

    credits: Decimal
    unit: Unit = Unit.OUTPUT
    least: int = 0


@dataclass(frozen=True, slots=True)
class File:
    """What is known of a file given as input: pixels and seconds, None where it has none."""

    width: int | None = None
    height: int | None = None
    duration: float | None = None


FLAT = Price(Decimal(1), Unit.JOB)
"""What a kind costs that nobody has priced."""

DEFAULTS: Mapping[str, Price] = {
    "image": Price(Decimal(1)),
    "edit": Price(Decimal(1)),
    "variation": Price(Decimal(1)),
    "upscale": Price(Decimal(1)),
    "inpaint": Price(Decimal(1)),
    "outpaint": Price(Decimal(1)),
    "remove_background": Price(Decimal(1)),
    "split_layers": Price(Decimal(2), Unit.JOB),
    "video": Price(Decimal(1), Unit.SECOND),
    "video_upscale": Price(Decimal(1), Unit.SECOND),
    "video_edit": Price(Decimal(1), Unit.SECOND),
    "music": Price(Decimal("0.1"), Unit.SECOND),
    "music_extend": Price(Decimal("0.1"), Unit.SECOND),
    "music_cover": Price(Decimal("0.1"), Unit.SECOND),
    "music_vocals": Price(Decimal("0.1"), Unit.SECOND),
    "music_stems": Price(Decimal("0.1"), Unit.SECOND),
    "sprite": Price(Decimal(2), Unit.JOB),
    "training": Price(Decimal(20), Unit.JOB),
}
"""By the kind's name; a kind that is not here yet costs `FLAT`."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """An installation's prices. `models` is by a model's name, or by name and kind as "NAME/KIND"; `kinds` is by kind.

    The first that fits holds: the name the caller used for the model, the model itself, the kind, the built-in price, `flat`.
    """

    models: Mapping[str, Price] = field(default_factory=dict)
    kinds: Mapping[str, Price] = field(default_factory=dict)
    flat: Price = FLAT

    def of(self, kind: Kind, model: str, requested: str | None = None) -> Price:
        """Return the price per unit of a kind made by a model, which the caller may have asked for by another name."""
        for name in (requested, model):
            if name is not None:
                for key in (f"{name}/{kind}", name):
                    if key in self.models:
                        return self.models[key]
        return self.kinds.get(kind) or DEFAULTS.get(kind) or self.flat


def cost_of(price: Price, kind: Kind, given: Mapping[str, Any], files: Sequence[File] = ()) -> int:
    """Return what a job costs in whole credits: units times price, rounded up; `given` is the kind's validated input."""
    total = price.credits * _units(price.unit, kind, given, files)
    return min(MOST_CREDITS, max(price.least, int(total.to_integral_value(ROUND_CEILING))))


def needs_files(price: Price) -> bool:
    """Return whether what the input files measure may change the price."""
    return price.unit in (Unit.MEGAPIXEL, Unit.SECOND)


def _units(unit: Unit, kind: Kind, given: Mapping[str, Any], files: Sequence[File]) -> Decimal:
    if unit is Unit.JOB:
        return Decimal(1)
    outputs = Decimal(int(given.get("count") or 1))
    if unit is Unit.OUTPUT:
        return outputs
    if unit is Unit.SECOND:
        return outputs * _seconds(given, files)
    width, height = _size(kind, given, files)
    return outputs * Decimal(width * height) / _MEGAPIXEL


def _seconds(given: Mapping[str, Any], files: Sequence[File]) -> Decimal:
    """Return how long an output will be: as asked, else as long as the longest file it is made from, else one second."""
    asked = given.get("duration")
    longest = max((file.duration for file in files if file.duration), default=1.0)
    return Decimal(str(asked if isinstance(asked, int | float) and asked > 0 else longest))


def _size(kind: Kind, given: Mapping[str, Any], files: Sequence[File]) -> tuple[int, int]:
    """Return how large an output will be: as asked, else as the first picture given, else one megapixel."""
    sizes = [(file.width, file.height) for file in files if file.width and file.height]
    if "target" in given or "scale" in given:
        width, height = sizes[0] if sizes else (1000, 1000)
        return _enlarged(width, height, given)
    size = getattr(INPUTS[kind], "size", None)
    if size is not None:
        width, height = size(INPUTS[kind].model_validate(dict(given)))
        return int(width), int(height)
    return sizes[0] if sizes else (1000, 1000)


def _enlarged(width: int, height: int, given: Mapping[str, Any]) -> tuple[int, int]:
    side = TARGET_SIDES.get(str(given.get("target")))
    if side is not None:
        return max(1, width * side // max(width, height)), max(1, height * side // max(width, height))
    scale = given.get("scale")
    factor = scale if isinstance(scale, int | float) else 1
    return round(width * factor), round(height * factor)
