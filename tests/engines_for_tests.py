# ruff: noqa: ARG002 - a seam's arguments that an engine has no use for; printing is what one of them does
"""Engines that do nothing, or do it badly, in a process of their own. Settings name them as "engines_for_tests:INSTANT"."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import struct
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from calotype.engines.base import Card, Context, Estimate, Grain, Needs, Order, Phase, Probe
from calotype.errors import EngineError, OutOfMemoryError, TransientEngineError
from calotype.jobs.kinds import Kind


def _card(name: str, *, cancel: Grain = Grain.STEP, progress: Grain = Grain.STEP) -> Card:
    return Card(
        id=f"test-{name.lower()}",
        version="1",
        title=name,
        kinds=frozenset({Kind.IMAGE}),
        loader=f"engines_for_tests:{name}",
        licences=("CC0-1.0",),
        needs=Needs(memory=0),
        cancel=cancel,
        progress=progress,
    )


def png(shade: int = 0) -> bytes:
    """Return a PNG of 8 by 8 pixels of one grey."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))

    rows = (b"\0" + bytes([shade & 255]) * 8) * 8
    header = struct.pack("!IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class _Engine:
    card: ClassVar[Card]

    def probe(self) -> Probe:
        return Probe(ok=True)

    def estimate(self, order: Order) -> Estimate:
        return Estimate(cold=0.1, warm=0.01, memory=0, output=100)

    def batch_key(self, order: Order) -> str | None:
        return None

    def load(self, device: str, report: Callable[[float], None]) -> None:
        report(1.0)

    def warm(self) -> None:
        pass

    def unload(self) -> None:
        pass

    def run(self, orders: Sequence[Order], context: Context) -> None:
        for order in orders:
            self.make(order, context)
            context.write(png(order.seed), "image/png", width=8, height=8, provenance={"pid": os.getpid()})

    def make(self, order: Order, context: Context) -> None:
        pass


class Instant(_Engine):
    """Makes one tiny picture of its seed at once."""

    card = _card("Instant")

    def run(self, orders: Sequence[Order], context: Context) -> None:
        for order in orders:
            for number in range(order.input.get("count", 1)):
                shade = random.Random(order.seed + number).randrange(256)
                context.progress(number, order.input.get("count", 1), Phase.COMPOSING)
                given = {"pid": os.getpid(), "seed": order.seed + number}
                context.write(png(shade), "image/png", width=8, height=8, provenance=given)


class Other(Instant):
    """The same under another name, for switching."""

    card = _card("Other")


class Slow(_Engine):
    """Takes 100 steps of 50 ms and can be cancelled between them."""

    card = _card("Slow")
    steps = 100

    def make(self, order: Order, context: Context) -> None:
        for step in range(self.steps):
            context.progress(step, self.steps, Phase.DENOISING, preview=b"\xff\xd8preview\xff\xd9")
            time.sleep(0.05)


class Brief(Slow):
    """Takes a second."""

    card = _card("Brief")
    steps = 20


class Stubborn(_Engine):
    """Sleeps in Python and never looks whether it was cancelled."""

    card = _card("Stubborn")

    def make(self, order: Order, context: Context) -> None:
        time.sleep(600)


class Spinning(_Engine):
    """Loops in Python for ever."""

    card = _card("Spinning")

    def make(self, order: Order, context: Context) -> None:
        while True:
            sum(range(1000))


class Native(_Engine):
    """Sits in native code that holds Python's lock: no thread of the process runs."""

    card = _card("Native")

    def make(self, order: Order, context: Context) -> None:
        context.progress(0, 1, Phase.COMPOSING)
        ctypes.PyDLL(None).sleep(600)


class Killable(Stubborn):
    """Can only be cancelled by ending its process, and says so."""

    card = _card("Killable", cancel=Grain.PROCESS)


class SlowToLoad(_Engine):
    """Takes 20 seconds to load."""

    card = _card("SlowToLoad")

    def load(self, device: str, report: Callable[[float], None]) -> None:
        for step in range(400):
            report(step / 400)
            time.sleep(0.05)


class Exiting(_Engine):
    """Ends its process without a word."""

    card = _card("Exiting")

    def make(self, order: Order, context: Context) -> None:
        os._exit(3)


class Crashing(_Engine):
    """Reads memory that is not there."""

    card = _card("Crashing")

    def make(self, order: Order, context: Context) -> None:
        ctypes.string_at(0)


class CrashingOnce(_Engine):
    """Kills its process at the first attempt, which it notes in the file named by the prompt, and works at the next."""

    card = _card("CrashingOnce")

    def make(self, order: Order, context: Context) -> None:
        mark = Path(order.input["prompt"])
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Eater(_Engine):
    """Takes and fills memory, 400 MB a second, until it is refused."""

    card = _card("Eater")

    def make(self, order: Order, context: Context) -> None:
        eaten = []
        while True:
            eaten.append(b"x" * 20_000_000)
            time.sleep(0.05)


class Failing(_Engine):
    """Fails in the way its prompt names."""

    card = _card("Failing")

    def make(self, order: Order, context: Context) -> None:
        errors: dict[str, BaseException] = {
            "engine": EngineError("it cannot be drawn"),
            "transient": TransientEngineError("not now"),
            "memory": OutOfMemoryError(),
            "bug": KeyError("the prompt is a secret"),
            "disk": OSError(28, "No space left on device"),
            "exit": SystemExit(4),
        }
        if order.input["prompt"] in errors:
            raise errors[order.input["prompt"]]


class Empty(_Engine):
    """Makes nothing."""

    card = _card("Empty")

    def run(self, orders: Sequence[Order], context: Context) -> None:
        pass


class Escaping(_Engine):
    """Hands in a file that is not its own."""

    card = _card("Escaping")

    def run(self, orders: Sequence[Order], context: Context) -> None:
        context.write(Path("/etc/hostname"), "text/plain", provenance={})


class Chatty(_Engine):
    """Prints, also the prompt, and also to what is the process's pipe by nature."""

    card = _card("Chatty")

    def make(self, order: Order, context: Context) -> None:
        print("drawing", order.input["prompt"])
        print("a warning", file=sys.stderr)
        os.write(1, b"raw output\n")
        sys.stdout.flush()


class Nosy(_Engine):
    """Tells what it can see of the worker's environment, and whether it could gain privileges."""

    card = _card("Nosy")

    def run(self, orders: Sequence[Order], context: Context) -> None:
        status = Path("/proc/self/status")
        facts = {
            "seen": dict(os.environ),
            "folder_on_path": "" in sys.path,
            "no_new_privileges": "NoNewPrivs:\t1" in status.read_text() if status.exists() else None,
        }
        context.write(png(), "image/png", provenance=facts)


class Missing(_Engine):
    """Cannot run here."""

    card = _card("Missing")

    def probe(self) -> Probe:
        return Probe(ok=False, reason="its weights are not on disk")


class Poster(_Engine):
    """Makes a picture large enough for a thumbnail."""

    card = _card("Poster")

    def run(self, orders: Sequence[Order], context: Context) -> None:
        from PIL import Image

        path = context.scratch / "poster.png"
        Image.new("RGB", (640, 400), "teal").save(path)
        context.write(path, "image/png", width=640, height=400, provenance={})


class Copying(_Engine):
    """Hands its input image back."""

    card = _card("Copying")

    def run(self, orders: Sequence[Order], context: Context) -> None:
        context.write(context.input_file("image").read_bytes(), "image/png", provenance={})


INSTANT, OTHER, SLOW, BRIEF, STUBBORN = Instant.card, Other.card, Slow.card, Brief.card, Stubborn.card
SPINNING, NATIVE, KILLABLE, SLOW_TO_LOAD = Spinning.card, Native.card, Killable.card, SlowToLoad.card
EXITING, CRASHING, CRASHING_ONCE, EATER = Exiting.card, Crashing.card, CrashingOnce.card, Eater.card
FAILING, EMPTY, ESCAPING, CHATTY, MISSING = Failing.card, Empty.card, Escaping.card, Chatty.card, Missing.card
COPYING, NOSY, POSTER = Copying.card, Nosy.card, Poster.card
