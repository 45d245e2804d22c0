"""How each API words things: a folder an API, tables and pure functions."""

from __future__ import annotations

from typing import Protocol

from calotype.dialects.aetherai import AetherAI
from calotype.dialects.base import Dialect
from calotype.dialects.native import Native


class AetherAISwitches(Protocol):
    """What an operator may set about the AetherAI face."""

    @property
    def strict(self) -> bool:
        """Whether JSON bodies are refused."""
        ...

    @property
    def error_message(self) -> bool:
        """Whether a failed job says why."""
        ...


class FaceSwitches(Protocol):
    """What an operator may set about the faces."""

    @property
    def aetherai(self) -> AetherAISwitches:
        """Return the switches of the AetherAI face."""
        ...


class Switches(Protocol):
    """The settings, as far as a dialect needs them."""

    @property
    def faces(self) -> FaceSwitches:
        """Return the switches of the faces."""
        ...


def dialects(settings: Switches) -> tuple[Dialect, ...]:
    """Return every API this server speaks."""
    aetherai = settings.faces.aetherai
    return (Native(), AetherAI(is_strict=aetherai.strict, has_error_message=aetherai.error_message))
