"""What the API is built from, handed in by the runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calotype.accounts import Accounts
from calotype.assets.base import Assets
from calotype.clock import Clock
from calotype.config import Settings
from calotype.dialects.base import Dialect
from calotype.engines.base import Card
from calotype.lifecycle import Lifecycle
from calotype.signing import LinkSigner
from calotype.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """What the API stands on. `cards` are the models known from the start; those that workers register later are found."""

    database: Database
    lifecycle: Lifecycle
    accounts: Accounts
    assets: Assets
    signer: LinkSigner
    settings: Settings
    clock: Clock
    dialects: Sequence[Dialect]
    cards: Sequence[Card] = ()
