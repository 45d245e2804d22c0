"""Which engines there are, said by their cards: nothing heavy is imported to know it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from calotype.engines.base import Card, Engine
from calotype.errors import ConfigError, UnknownModelError
from calotype.jobs.kinds import Kind

BUILT_IN = (
    "calotype.engines.illustrator.card:CARD",
    "calotype.engines.upscale.card:CARD",
    "calotype.engines.sprite.card:CARD",
    "calotype.engines.cutout.card:CARD",
    "calotype.engines.video.card:CARD",
    "calotype.engines.product.card:CARD",
    "calotype.engines.music.card:CARD",
)
"""The first engine of a kind is the kind's default."""


@cache
def cards(extra: tuple[str, ...] = ()) -> tuple[Card, ...]:
    """Return the cards of the built-in engines and of the extra ones, each given as "package.module:NAME"."""
    found = tuple(_card_at(path) for path in (*BUILT_IN, *extra))
    ids = [card.id for card in found]
    if len(set(ids)) < len(ids):
        raise ConfigError(f"Two engines share an id: {', '.join(sorted(ids))}.")
    return found


def card_of(model: str, known: Sequence[Card] | None = None) -> Card:
    """Return the model's card; `UnknownModelError` when there is none."""
    for card in cards() if known is None else known:
        if card.id == model:
            return card
    raise UnknownModelError(model, "any")


def default_model(kind: Kind, known: Sequence[Card] | None = None) -> str:
    """Return the model that makes this kind when the caller names none."""
    for card in cards() if known is None else known:
        if kind in card.kinds:
            return card.id
    raise UnknownModelError("default", kind)


def facts_of(card: Card) -> dict[str, Any]:
    """Return what the database and the API say of a card, in plain JSON values."""
    return {
        "id": card.id,
        "title": card.title,
        "version": card.version,
        "kinds": sorted(card.kinds),
        "licences": list(card.licences),
        "limits": dict(card.limits),
    }


def engine_at(loader: str) -> Engine:
    """Return the engine at "package.module:Class", its code imported and nothing loaded. Raises what its import raises."""
    module, _, name = loader.partition(":")
    engine: Engine = getattr(import_module(module), name)()
    return engine


def _card_at(path: str) -> Card:
    module, _, name = path.partition(":")
    try:
        card = getattr(import_module(module), name or "CARD")
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"There is no engine card at {path}: {error}.") from error
    if not isinstance(card, Card):
        raise ConfigError(f"{path} is not an engine's card.")
    return card
