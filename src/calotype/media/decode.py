"""An untrusted picture is decoded in a limited process of its own and written anew; its own bytes are never served."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4
from weakref import WeakValueDictionary

from calotype.errors import DiskFullError, InvalidImageError
from calotype.media.probe import Format, ImageFacts, inspect

Result = TypeVar("Result")
_PATIENCE = 30.0
_CHILD = (sys.executable, "-P", "-s", "-m")
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}

# each child may take 1.5 GB and a core for 20 s: the pool, not the callers, says how many there are
_CHILDREN = ThreadPoolExecutor(max_workers=2, thread_name_prefix="decode")

# an owner queues for a child with one picture at a time, so whoever sends many waits behind those who send few
_TURNS: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

# nothing of ours is inherited: no secrets, no settings that change how Python or glibc behave
_ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2]), "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Normalised:
    """A picture we wrote ourselves: upright, in sRGB, without metadata, as PNG or JPEG."""

    path: Path
    facts: ImageFacts


async def normalise(source: Path, target_folder: Path, *, owner: object = None) -> Normalised:
    """Write the picture anew into the folder, or raise `InvalidImageError` with a plain reason.

    The pictures of one owner are decoded one after another; those of nobody in particular (None) as they come.
    """
    found = await asyncio.to_thread(inspect, source)
    return await in_turn(owner, lambda: _decode(source, found, target_folder))


async def in_turn(owner: object, work: Callable[[], Result]) -> Result:
    """Return what work with a child returns, once a child is free and the owner has none at work."""
    turn = asyncio.Lock() if owner is None else _TURNS.setdefault(owner, asyncio.Lock())
    await turn.acquire()
    decoding = asyncio.get_running_loop().run_in_executor(_CHILDREN, work)
    decoding.add_done_callback(lambda _: turn.release())
    return await asyncio.shield(decoding)  # a caller who leaves does not end the child, nor the turn that it takes


def _decode(source: Path, found: Format, target_folder: Path) -> Normalised:
    target = target_folder / uuid4().hex
    try:
        facts = ImageFacts(**ask_child("child", InvalidImageError, source, found.value, target))
        return Normalised(target.rename(target.with_suffix(_SUFFIXES[facts.media_type])), facts)
    finally:
        target.unlink(missing_ok=True)


def ask_child(module: str, refusal: type[InvalidImageError], source: Path, found: str, target: Path) -> dict[str, Any]:
    """Return the facts that a child of `calotype.media` answers; raise the refusal with its reason."""
    try:
        ended = subprocess.run(
            [*_CHILD, f"calotype.media.{module}", str(source), found, str(target)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise refusal("decoding it takes too long") from error
    if ended.returncode < 0:
        raise refusal(_how_it_died(-ended.returncode))
    if ended.returncode > 0:
        raise RuntimeError(f"the decoding process failed with exit code {ended.returncode}")
    return _facts(json.loads(ended.stdout), refusal)


def _how_it_died(number: int) -> str:
    if number == signal.SIGXCPU:
        return "decoding it takes too long"
    if number == signal.SIGKILL:  # the kernel's choice when memory runs out
        return "decoding it takes too much memory"
    return "it is damaged"


def _facts(answer: dict[str, Any], refusal: type[InvalidImageError]) -> dict[str, Any]:
    if "refused" in answer:
        raise refusal(answer["refused"])
    if "fault" in answer:
        raise DiskFullError
    return answer
