"""Which kinds and models are on offer: the built-in cards, and those that workers wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calotype.clock import Clock
from calotype.dialects.base import Offer
from calotype.engines.base import Card
from calotype.errors import UnknownKindError, UnknownModelError
from calotype.jobs.kinds import INPUTS, Kind
from calotype.jobs.prices import Price, PriceList
from calotype.store import models
from calotype.store.database import Database

_FRESH = 5.0
Facts = dict[str, Any]


class Catalogue:
    """The models table, read anew every few seconds."""

    def __init__(self, database: Database, clock: Clock, cards: Sequence[Card], prices: PriceList) -> None:
        self._database = database
        self._clock = clock
        self._prices = prices
        self._built_in = {card.id: _facts_of(card) for card in cards}
        self._cards: dict[str, Facts] = dict(self._built_in)
        self._good_until = float("-inf")

    async def cards(self) -> list[Facts]:
        """Return the facts of every model, the built-in ones first."""
        if self._clock.monotonic() >= self._good_until:
            async with self._database.connection() as db:
                registered = await models.all_cards(db)
            self._cards = self._built_in | {card["id"]: _with_defaults(card) for card in registered}
            self._good_until = self._clock.monotonic() + _FRESH
        return [card | {"prices": self._prices_of(card)} for card in self._cards.values()]

    def _prices_of(self, card: Facts) -> dict[str, Price]:
        """Return the price of each kind that the model makes."""
        made = [kind for kind in Kind if kind in card["kinds"]]
        return {str(kind): self._prices.of(kind, card["id"]) for kind in made}

    async def choose(self, kind: str, model: str | None) -> tuple[Kind, str]:
        """Return the kind and the model that makes it: the one asked for, else the kind's first."""
        cards = await self.cards()
        makers = [card["id"] for card in cards if kind in card["kinds"]]
        if not makers or kind not in list(Kind):
            raise UnknownKindError(kind, sorted({str(made) for card in cards for made in card["kinds"]}))
        if model is not None and model not in makers:
            raise UnknownModelError(model, kind)
        return Kind(kind), model or makers[0]

    async def offers(self) -> list[Offer]:
        """Return every kind that some model makes."""
        cards = await self.cards()
        makers = {kind: [card["id"] for card in cards if kind in card["kinds"]] for kind in Kind}
        return [
            Offer(kind, INPUTS[kind].model_json_schema(), models, self._prices.of(kind, models[0]))
            for kind, models in makers.items()
            if models
        ]


def _facts_of(card: Card) -> Facts:
    return {
        "id": card.id,
        "title": card.title,
        "version": card.version,
        "kinds": sorted(card.kinds),
        "licences": list(card.licences),
        "limits": dict(card.limits),
    }


def _with_defaults(card: Facts) -> Facts:
    return {"title": card["id"], "version": "", "licences": [], "limits": {}} | dict(card)
