"""The worker's end of an engine's process: start it, speak to it, read what its engine prints, end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter, streams
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil

from calotype.engines.base import Card, Order, Probe
from calotype.engines.protocol import Fault, Frame, GarbledError, Word, receive_frame
from calotype.errors import ChildDiedError, EngineError, OutOfMemoryError, TransientEngineError

_SEEN = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT", "TEMP"}
_SEEN_PREFIXES = (
    *("LC_", "PYTHON", "COVERAGE_", "HF_", "ORT_"),
    *("CUDA_", "NVIDIA_", "HIP_", "ROCR_", "OMP_", "OPENBLAS_", "MKL_"),
)
"""What an engine sees of the worker's environment, by name: any other variable may hold a secret."""
_LONGEST_LINE = 500
_LAST_WORDS = 0.5
"""How long to read what was printed at the end: something the engine started may hold that pipe open for ever."""
_ERRORS: dict[Fault, type[EngineError]] = {
    Fault.ENGINE: EngineError,
    Fault.TRANSIENT: TransientEngineError,
    Fault.MEMORY: OutOfMemoryError,
}


class StoppedError(Exception):
    """The engine stopped in the middle: it was asked to, or its deadline passed."""


class EngineProcess:
    """One engine's process, made by `start`; whoever starts it must `close` it.

    Start it from a thread that lives as long as it should: on Linux it ends with that thread.
    """

    def __init__(self, process: subprocess.Popen[bytes], pipes: _Pipes, printed: Callable[[str], None]) -> None:
        self._process = process
        self._pipes = pipes
        self._printing = asyncio.create_task(_pass_on(pipes.printed, printed))
        self._number = 0
        self._heard_at = _now()

    @classmethod
    async def start(cls, *, memory_limit: int, printed: Callable[[str], None]) -> EngineProcess:
        """Spawn the process. `printed` is called with each line its engine prints; a memory limit of 0 is none."""
        theirs, lifeline = os.pipe()
        try:
            process = _spawn(theirs, memory_limit)
        except BaseException:
            os.close(lifeline)
            raise
        finally:
            os.close(theirs)
        return cls(process, await _Pipes.of(process, lifeline), printed)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def silence(self) -> float:
        """For how many seconds it has said nothing, not even answered a ping."""
        return _now() - self._heard_at

    def memory(self) -> int:
        """Return how many bytes of memory it holds; 0 when it has ended."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    async def probe(self, card: Card) -> Probe:
        """Return whether the card's engine can run here."""
        try:
            self._ask(Word.PROBE, loader=card.loader)
            facts = (await self.receive()).facts
        except ChildDiedError as error:
            return Probe(ok=False, reason=str(error))
        except EngineError as error:
            return Probe(ok=False, reason=f"its engine cannot be loaded: {error}")
        return Probe(ok=facts["ok"], reason=facts["reason"])

    async def load(self, card: Card, device: str, report: Callable[[float], None]) -> int:
        """Make the card's engine the one that is loaded; return the milliseconds it took."""
        self._ask(Word.LOAD, loader=card.loader, device=device)
        while (frame := await self.receive()).word is Word.LOADING:
            report(frame.facts["fraction"])
        return int(frame.facts["load_ms"])

    def order(self, order: Order, *, scratch: Path, inputs: Mapping[str, Sequence[Path]], seconds: float) -> None:
        """Order one thing of the loaded engine, to be made within so many seconds; `receive` then tells how it goes."""
        files = {name: [str(path) for path in paths] for name, paths in inputs.items()}
        given = {"kind": order.kind, "input": dict(order.input), "seed": order.seed}
        self._ask(Word.RUN, **given, scratch=str(scratch), inputs=files, seconds=seconds)

    async def receive(self) -> Frame:
        """Return the next thing it says.

        Raises how the order failed, `StoppedError` when it was stopped, `ChildDiedError` when the process has ended.
        """
        while (frame := await self._next_frame()).word is Word.PONG:
            continue
        if frame.word is Word.FAILED:
            raise _ERRORS[Fault(frame.facts["fault"])](frame.facts["reason"])
        if frame.word is Word.CANCELLED:
            raise StoppedError
        return frame

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._post(Frame(Word.PING))

    def cancel(self) -> None:
        """Ask it to stop what it was asked last: `receive` then raises `StoppedError`, unless it had just ended."""
        self._post(Frame(Word.CANCEL, {"id": self._number}))

    def kill(self) -> None:
        """End it now, with whatever it has started."""
        if not self.is_alive:
            return
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End it, and return when it is gone."""
        self.kill()
        await asyncio.to_thread(self._process.wait)
        await asyncio.wait([self._printing], timeout=_LAST_WORDS)
        self._pipes.close()
        await asyncio.wait([self._printing])

    def _ask(self, word: Word, **facts: Any) -> None:
        self._number += 1
        self._heard_at = _now()
        self._post(Frame(word, {"id": self._number, **facts}))

    def _post(self, frame: Frame) -> None:
        if not self._pipes.spoken.is_closing():  # else it has ended, which `receive` says
            self._pipes.spoken.write(frame.packed())

    async def _next_frame(self) -> Frame:
        try:
            frame = await receive_frame(self._pipes.said)
        except GarbledError as error:
            self.kill()
            raise ChildDiedError(f"{error}.") from error
        if frame is None:
            raise ChildDiedError(await self._how_it_ended())
        self._heard_at = _now()
        return frame

    async def _how_it_ended(self) -> str:
        try:
            code = await asyncio.to_thread(self._process.wait, 1.0)
        except subprocess.TimeoutExpired:
            self.kill()
            return "it stopped talking."
        with contextlib.suppress(ValueError):
            return f"{signal.Signals(-code).name}." if code < 0 else f"exit code {code}."
        return f"signal {-code}."


class _Pipes:
    """The four pipes to a process: what we say, what it says, what its engine prints, and its lifeline."""

    def __init__(self, spoken: StreamWriter, said: StreamReader, printed: StreamReader, lifeline: int) -> None:
        self.spoken = spoken
        self.said = said
        self.printed = printed
        self._lifeline = os.fdopen(lifeline, "wb", buffering=0)
        self._transports: list[asyncio.BaseTransport] = []

    @classmethod
    async def of(cls, process: subprocess.Popen[bytes], lifeline: int) -> _Pipes:
        assert process.stdin is not None, "it was asked for"
        said, hears_said = await _reading(process.stdout)
        printed, hears_printed = await _reading(process.stderr)
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(streams.FlowControlMixin, process.stdin)
        pipes = cls(StreamWriter(transport, protocol, None, loop), said, printed, lifeline)
        pipes._transports += [transport, hears_said, hears_printed]
        return pipes

    def close(self) -> None:
        self._lifeline.close()
        self.printed.feed_eof()
        for transport in self._transports:
            transport.close()


async def _reading(pipe: IO[bytes] | None) -> tuple[StreamReader, asyncio.BaseTransport]:
    assert pipe is not None, "it was asked for"
    reader = StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: StreamReaderProtocol(reader), pipe)
    return reader, transport


async def _pass_on(printed: StreamReader, heard: Callable[[str], None]) -> None:
    """Hand on each line; a line without an end, such as a progress bar's, comes in pieces."""
    while True:
        try:
            line = await printed.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
            if not line:
                return
        except asyncio.LimitOverrunError:
            line = await printed.read(_LONGEST_LINE)
        if text := line.decode(errors="replace").strip():
            heard(text[-_LONGEST_LINE:])


def _spawn(lifeline: int, memory_limit: int) -> subprocess.Popen[bytes]:
    """Start the process without our secrets, with our import path, and without the folder we stand in on it."""
    environment = {
        name: value for name, value in os.environ.items() if name in _SEEN or name.startswith(_SEEN_PREFIXES)
    }
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    environment["ORT_DISABLE_TELEMETRY"] = "1"
    is_windows = sys.platform == "win32"
    return subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "calotype.engines.child",
            "-1" if is_windows else str(lifeline),
            str(memory_limit),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        pass_fds=() if is_windows else (lifeline,),
        process_group=None if is_windows else 0,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
