"""What a worker is handed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from calotype.assets.base import Assets
from calotype.clock import Clock
from calotype.config import WorkerSettings
from calotype.engines.base import Card
from calotype.lifecycle import Lifecycle
from calotype.store.database import Database


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker stands on.

    `scratch` is a folder of this machine; `device` is "cpu" or "cuda:0"; `cards` are the engines it is to offer, None for all
    that there are.
    """

    database: Database
    lifecycle: Lifecycle
    assets: Assets
    settings: WorkerSettings
    clock: Clock
    scratch: Path
    device: str = "cpu"
    cards: tuple[Card, ...] | None = None
