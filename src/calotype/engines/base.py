"""The seam every engine stands behind.

An engine is described by a static `Card` (readable without importing anything heavy) and loaded in a child process by the
dotted path in its card. It makes media and knows nothing of jobs, credits or databases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from calotype.jobs.kinds import Kind


class Phase(StrEnum):
    """What an engine is busy with."""

    LOADING = "loading"
    ENCODING = "encoding"
    COMPOSING = "composing"
    PLAYING = "playing"
    DENOISING = "denoising"
    TILES = "tiles"
    FRAMES = "frames"
    DECODING = "decoding"
    SAVING = "saving"


class Grain(StrEnum):
    """How finely an engine can report progress or be cancelled."""

    STEP = "step"
    TILE = "tile"
    FRAME = "frame"
    PROCESS = "process"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Needs:
    """What an engine needs to run: bytes of memory and disk, and whether a GPU."""

    memory: int
    disk: int = 0
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """What an engine is, said without importing it. `loader` is "package.module:Class"."""

    id: str
    version: str
    title: str
    kinds: frozenset[Kind]
    loader: str
    licences: tuple[str, ...]
    needs: Needs
    limits: Mapping[str, int] = field(default_factory=dict)
    cancel: Grain = Grain.PROCESS
    progress: Grain = Grain.NONE
    deadline: float = 600.0
    """The default deadline of a job in seconds."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether an engine can run here, and if not why, in plain words."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will probably take: seconds cold and warm, bytes of peak memory and of output."""

    cold: float
    warm: float
    memory: int
    output: int


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to make: the kind, and the kind's validated input as plain JSON values.

    Image inputs are replaced by nothing here: the engine asks `Context.input_file(name)` for the local file. `seed` is always
    set (drawn at random when the caller gave none) so that every result can be made again.
    """

    kind: Kind
    input: Mapping[str, Any]
    seed: int


class Context(Protocol):
    """What an engine is handed for one order."""

    scratch: Path
    """A folder of the attempt's own, emptied afterwards."""

    def input_file(self, name: str, index: int = 0) -> Path:
        """Return the local file of an image input: already checked, upright, re-encoded as PNG or JPEG."""
        ...

    def progress(self, done: int, total: int, phase: Phase, preview: bytes | None = None) -> None:
        """Say how far the order is. `preview` is a small JPEG. Raises `Cancelled` when the job was cancelled."""
        ...

    def check(self) -> None:
        """Raise `Cancelled` when the job was cancelled or its deadline has passed; call between steps or tiles."""
        ...

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
        """Hand in one output, in order. A `Path` must lie in `scratch`. `poster`: a JPEG that stands for what is no picture.

        `provenance` is JSON-able: what this engine wants said about the output (for the illustrator: what of the prompt was
        understood and what was not). The engine's id and version, its licences and the seed are added by the child.
        """
        ...


class Cancelled(BaseException):
    """The job was cancelled: let it pass."""


class Engine(Protocol):
    """One engine, living in a child process. Errors: `EngineError`, `TransientEngineError`, `OutOfMemoryError`."""

    card: Card

    def probe(self) -> Probe:
        """Return whether it can run here: packages installed, data on disk."""
        ...

    def estimate(self, order: Order) -> Estimate:
        """Return what the order will probably take."""
        ...

    def batch_key(self, order: Order) -> str | None:
        """Return a key that orders must share to run together, or None to run alone."""
        ...

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Bring the model into memory on "cpu" or "cuda:0"; `report` takes the fraction done, 0 to 1."""
        ...

    def warm(self) -> None:
        """Do whatever makes the first order as fast as the second."""
        ...

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Make what is ordered, handing every output to `context.write`."""
        ...

    def unload(self) -> None:
        """Give the memory back."""
        ...
