"""An engine's process: loads one engine at a time by the dotted path in its card, keeps it warm, and runs one order after another.

Spawned by a worker, never forked from it. It is spoken to over its standard input and answers over its standard output; what
an engine prints goes to standard error, which the worker reads. It holds no database handle and no key, and may be killed at
any moment: whatever it wrote lies in the order's scratch folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from calotype.engines import lifeline
from calotype.engines.base import Cancelled, Engine, Order
from calotype.engines.desk import Desk
from calotype.engines.protocol import Fault, Frame, GarbledError, Word, read_frame
from calotype.engines.registry import engine_at
from calotype.errors import CallerError, EngineError, OutOfMemoryError, TransientEngineError
from calotype.jobs.kinds import Kind

if sys.platform != "win32":
    import resource

_OUT_OF_MEMORY_WORDS = (
    "bad_alloc",
    "out of memory",
    "failed to allocate",
    "cannot allocate memory",
    "not enough memory",
)


_PR_SET_NO_NEW_PRIVS = 38


class Child:
    """The process's two halves: a thread that listens and the main thread that works."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source = source
        self._target = target
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._engine: Engine | None = None

    def serve(self) -> NoReturn:
        """Work until the worker closes the pipe."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        doings = {Word.PROBE: self._probe, Word.LOAD: self._load, Word.RUN: self._run}
        while True:
            frame = self._work.get()
            try:
                doings[frame.word](frame)
            except Cancelled:
                self._say(Word.CANCELLED, id=frame.facts["id"])
            except Exception as error:  # noqa: BLE001 - whatever an engine does wrong costs one attempt, not the process
                fault, reason = _fault_of(error)
                self._say(Word.FAILED, id=frame.facts["id"], fault=fault, reason=reason)
            self._cancelled.discard(frame.facts["id"])

    def _listen(self) -> None:
        """Answer pings and note cancels at once, whatever the main thread does; end with the worker."""
        while True:
            frame = _next_frame(self._source)
            if frame is None:
                os._exit(0)  # the work in hand is nobody's any more
            if frame.word is Word.PING:
                self._say(Word.PONG)
            elif frame.word is Word.CANCEL:
                self._cancelled.add(frame.facts["id"])
            else:
                self._work.put(frame)

    def _probe(self, frame: Frame) -> None:
        probe = engine_at(frame.facts["loader"]).probe()
        self._say(Word.PROBED, id=frame.facts["id"], ok=probe.ok, reason=probe.reason)

    def _load(self, frame: Frame) -> None:
        started, number = time.monotonic(), frame.facts["id"]
        if self._engine is not None:
            engine, self._engine = self._engine, None
            engine.unload()
        engine = engine_at(frame.facts["loader"])
        engine.load(frame.facts["device"], self._reporter(number))
        engine.warm()
        self._engine = engine
        self._say(Word.LOADED, id=number, load_ms=round(1000 * (time.monotonic() - started)))

    def _reporter(self, number: int) -> Callable[[float], None]:
        def report(fraction: float) -> None:
            if number in self._cancelled:
                raise Cancelled
            self._say(Word.LOADING, id=number, fraction=min(max(float(fraction), 0.0), 1.0))

        return report

    def _run(self, frame: Frame) -> None:
        facts = frame.facts
        assert self._engine is not None, "an order comes after its engine is loaded"
        order = Order(Kind(facts["kind"]), facts["input"], facts["seed"])
        desk = Desk(
            order=order,
            card=self._engine.card,
            scratch=Path(facts["scratch"]),
            inputs={name: [Path(path) for path in paths] for name, paths in facts["inputs"].items()},
            seconds=facts["seconds"],
            is_cancelled=lambda: facts["id"] in self._cancelled,
            say=lambda word, body, more: self._say(word, body, id=facts["id"], **more),
        )
        self._engine.run([order], desk)
        if not desk.outputs:
            raise EngineError("the engine made nothing")
        self._say(Word.DONE, id=facts["id"])

    def _say(self, word: Word, body: bytes = b"", **facts: Any) -> None:
        data = Frame(word, facts, body).packed()
        with self._lock:
            self._target.write(data)
            self._target.flush()


def _next_frame(source: BinaryIO) -> Frame | None:
    try:
        return read_frame(source)
    except (OSError, GarbledError):
        return None


def _fault_of(error: Exception) -> tuple[Fault, str]:
    """Return what went wrong in words that a caller may read; what nobody foresaw goes to the log, without its values."""
    if isinstance(error, MemoryError | OutOfMemoryError):
        return Fault.MEMORY, "the engine ran out of memory"
    if isinstance(error, TransientEngineError):
        return Fault.TRANSIENT, str(error)
    if isinstance(error, EngineError | CallerError):
        return Fault.ENGINE, str(error)
    if any(word in str(error).lower() for word in _OUT_OF_MEMORY_WORDS):
        return Fault.MEMORY, "the engine ran out of memory"
    _print_trace(error)
    if isinstance(error, OSError):
        return Fault.TRANSIENT, f"the engine could not use its files: {error.strerror or type(error).__name__}"
    return Fault.ENGINE, f"the engine failed unexpectedly ({type(error).__name__})"


def _print_trace(error: Exception) -> None:
    """Print where it happened and what type it was: an exception's own words may hold the prompt."""
    places = [
        f"{Path(place.filename).name}:{place.lineno} {place.name}"
        for place in traceback.extract_tb(error.__traceback__)
    ]
    print(type(error).__name__, "at", " > ".join(places), file=sys.stderr, flush=True)  # noqa: T201 - the worker logs it


def _limit_memory(most: int) -> None:
    """Let the process's private memory grow to `most` bytes: above it an allocation fails instead of the machine.

    Not the address space, of which runtimes reserve far more than they use.
    """
    if sys.platform != "win32":
        with contextlib.suppress(ValueError, OSError):  # an outer limit may be lower
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _forgo_privileges() -> None:
    """See to it that nothing this process starts, such as a setuid program, may do more than it may itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output away from whatever an engine prints or reads."""
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(source, "rb"), os.fdopen(target, "wb")


def main(arguments: list[str]) -> None:
    """Run the process: `arguments` are the lifeline's descriptor (-1: none) and the memory limit in bytes (0: none)."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # meant for the worker, which decides what becomes of the order
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    descriptor, most = int(arguments[0]), int(arguments[1])
    if descriptor >= 0:
        lifeline.hold(descriptor)
    _forgo_privileges()
    if most:
        _limit_memory(most)
    source, target = _take_pipes()
    faulthandler.enable()
    Child(source, target).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
