"""What an engine is handed for one order inside its process: the `Context` of the seam, spoken over the pipe."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from calotype.engines.base import Cancelled, Card, Order, Phase
from calotype.engines.protocol import Word
from calotype.errors import EngineError

_PAUSE = 0.05
"""Progress is told at most this often in seconds, so that an engine may report every step."""
_PREVIEW_PAUSE = 0.5
_LARGEST_PREVIEW = 1_000_000

MADE_BY = "calotype"


class Desk:
    """One order's desk. `say(word, body, facts)` sends a frame; `seconds` is the time left until the deadline."""

    def __init__(
        self,
        *,
        order: Order,
        card: Card,
        scratch: Path,
        inputs: Mapping[str, Sequence[Path]],
        seconds: float,
        is_cancelled: Callable[[], bool],
        say: Callable[[Word, bytes, dict[str, Any]], None],
    ) -> None:
        self.scratch = scratch
        self.outputs = 0
        self._order = order
        self._card = card
        self._inputs = inputs
        self._ends_at = time.monotonic() + seconds
        self._is_cancelled = is_cancelled
        self._say = say
        self._told: tuple[float, Phase | None] = (0.0, None)
        self._previewed_at = 0.0
        self._digests: dict[str, list[str]] | None = None

    def input_file(self, name: str, index: int = 0) -> Path:
        """Return the local file of an image input."""
        try:
            return self._inputs[name][index]
        except (KeyError, IndexError):
            raise EngineError(f"the input {name!r} is missing") from None

    def progress(self, done: int, total: int, phase: Phase, preview: bytes | None = None) -> None:
        """Say how far the order is; raise `Cancelled` when it was cancelled."""
        self.check()
        now = time.monotonic()
        at, told = self._told
        shown = (
            preview
            if preview and len(preview) <= _LARGEST_PREVIEW and now - self._previewed_at >= _PREVIEW_PAUSE
            else b""
        )
        if phase is told and now - at < _PAUSE and done < total and not shown:
            return
        self._told = (now, phase)
        if shown:
            self._previewed_at = now
        self._say(Word.PROGRESS, shown, {"done": int(done), "total": int(total), "phase": phase})

    def check(self) -> None:
        """Raise `Cancelled` when the order was cancelled or its deadline has passed."""
        if self._is_cancelled() or time.monotonic() > self._ends_at:
            raise Cancelled

    def write(
        self,
        data: bytes | Path,
        media_type: str,
        *,
        width: int | None = None,
        height: int | None = None,
        duration: float | None = None,
        provenance: Mapping[str, Any],
        poster: bytes | None = None,
    ) -> None:
        """Hand in one output: bytes become a file of the scratch folder, which the worker stores."""
        path = self._inside(data) if isinstance(data, Path) else self._kept(data)
        facts = {
            "path": str(path),
            "media_type": media_type,
            "width": width,
            "height": height,
            "duration": duration,
            "provenance": self._signed(provenance),
            "poster": None if poster is None else str(self._poster(poster)),
        }
        self._say(Word.OUTPUT, b"", facts)
        self.outputs += 1

    def _kept(self, data: bytes) -> Path:
        path = self.scratch / f"output-{self.outputs}"
        path.write_bytes(data)
        return path

    def _poster(self, data: bytes) -> Path:
        path = self.scratch / f"poster-{self.outputs}"
        path.write_bytes(data)
        return path

    def _inside(self, path: Path) -> Path:
        real = path.resolve(strict=True)
        if not real.is_relative_to(self.scratch.resolve()):
            raise EngineError("the engine handed in a file outside its folder")
        return real

    def _signed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the engine says with what is true of everything it makes; a seed of the output's own is kept."""
        plain: dict[str, Any] = json.loads(json.dumps(dict(given), allow_nan=False))
        return {
            "seed": self._order.seed,
            **plain,
            "made_by": MADE_BY,
            "engine": self._card.id,
            "engine_version": self._card.version,
            "licences": list(self._card.licences),
            "kind": self._order.kind,
            **({"inputs": self._inputs_digests()} if self._inputs else {}),
        }

    def _inputs_digests(self) -> dict[str, list[str]]:
        """Return the SHA-256 of each file the order was made from, by the input's name; read once."""
        if self._digests is None:
            self._digests = {
                name: [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
                for name, paths in self._inputs.items()
            }
        return self._digests
