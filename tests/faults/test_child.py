"""An engine's process that dies, hangs, eats memory or loses its worker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

import engines_for_tests as engines
from calotype.engines.base import Card, Order
from calotype.engines.process import EngineProcess
from calotype.engines.protocol import Word
from calotype.errors import ChildDiedError, EngineError, OutOfMemoryError
from calotype.jobs.kinds import Kind

pytestmark = pytest.mark.anyio

STUCK = pytest.mark.parametrize(
    "card",
    [engines.SPINNING, engines.STUBBORN, engines.NATIVE],
    ids=["python loop", "time.sleep", "native with the lock"],
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def process() -> AsyncIterator[EngineProcess]:
    process = await EngineProcess.start(memory_limit=0, printed=lambda _: None)
    yield process
    await process.close()


async def begin(process: EngineProcess, card: Card, scratch: Path) -> None:
    await process.load(card, "cpu", lambda _: None)
    process.order(Order(Kind.IMAGE, {"prompt": "x"}, 7), scratch=scratch, inputs={}, seconds=600)


async def end_of(process: EngineProcess) -> None:
    while (await process.receive()).word is not Word.DONE:
        pass


def ended_within(pid: int, seconds: float) -> bool:
    """Wait for a process that is not our child, or that nobody has reaped yet, to end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


@STUCK
async def test_the_process_ends_within_a_second_of_its_lifeline_whatever_its_engine_does(
    process: EngineProcess, tmp_path: Path, card: Card
) -> None:
    await begin(process, card, tmp_path)
    await asyncio.sleep(0.3)

    process._pipes._lifeline.close()

    assert await asyncio.to_thread(ended_within, process.pid, 1.0)


WORKER = """
import asyncio, sys
from pathlib import Path
import engines_for_tests as engines
from calotype.engines.base import Order
from calotype.engines.process import EngineProcess

async def work():
    process = await EngineProcess.start(memory_limit=0, printed=lambda _: None)
    await process.load(getattr(engines, sys.argv[1]), "cpu", lambda _: None)
    process.order(Order("image", {"prompt": "x"}, 7), scratch=Path(sys.argv[2]), inputs={}, seconds=600)
    await asyncio.sleep(0.3)
    print(process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(work())
"""


@STUCK
def test_the_process_ends_within_a_second_of_its_workers_kill(tmp_path: Path, card: Card) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", WORKER, card.title.upper(), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        assert psutil.pid_exists(pid)

        worker.kill()

        assert ended_within(pid, 1.0)


@STUCK
async def test_a_hung_process_can_be_killed(process: EngineProcess, tmp_path: Path, card: Card) -> None:
    await begin(process, card, tmp_path)
    await asyncio.sleep(0.2)

    process.kill()

    async with asyncio.timeout(2):
        with pytest.raises(ChildDiedError, match="SIGKILL"):
            await end_of(process)


async def test_a_process_killed_in_the_middle_of_an_order_has_died(process: EngineProcess, tmp_path: Path) -> None:
    await begin(process, engines.SLOW, tmp_path)
    await process.receive()

    os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(ChildDiedError, match="SIGKILL"):
        await end_of(process)
    assert not process.is_alive


@pytest.mark.parametrize(
    ("card", "how"), [(engines.EXITING, "exit code 3"), (engines.CRASHING, "SIGSEGV")], ids=["exit", "segfault"]
)
async def test_an_engine_that_takes_its_process_down_is_told_apart(
    process: EngineProcess, tmp_path: Path, card: Card, how: str
) -> None:
    await begin(process, card, tmp_path)

    with pytest.raises(ChildDiedError, match=how):
        await end_of(process)


async def test_a_dead_process_answers_every_call_with_its_death(process: EngineProcess, tmp_path: Path) -> None:
    os.kill(process.pid, signal.SIGKILL)

    for _ in range(2):
        process.ping()
        process.cancel()
        with pytest.raises(ChildDiedError):
            await process.load(engines.INSTANT, "cpu", lambda _: None)
    assert not (await process.probe(engines.INSTANT)).ok


async def test_signals_meant_for_the_worker_do_not_end_the_engine(process: EngineProcess, tmp_path: Path) -> None:
    await begin(process, engines.BRIEF, tmp_path)
    await process.receive()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process.pid, number)

    await end_of(process)


async def test_memory_above_the_limit_is_refused_and_told(tmp_path: Path) -> None:
    process = await EngineProcess.start(memory_limit=400_000_000, printed=lambda _: None)
    try:
        await begin(process, engines.EATER, tmp_path)
        with pytest.raises(OutOfMemoryError):
            await end_of(process)
    finally:
        await process.close()


async def test_a_silent_process_is_seen_to_be_silent(process: EngineProcess, tmp_path: Path) -> None:
    await begin(process, engines.NATIVE, tmp_path)
    hearing = asyncio.create_task(end_of(process))

    for _ in range(6):
        process.ping()
        await asyncio.sleep(0.1)

    assert process.silence > 0.4
    hearing.cancel()


async def test_a_process_that_answers_pings_is_not_silent(process: EngineProcess, tmp_path: Path) -> None:
    await begin(process, engines.SPINNING, tmp_path)
    hearing = asyncio.create_task(end_of(process))

    for _ in range(6):
        process.ping()
        await asyncio.sleep(0.1)

    assert process.silence < 0.4
    hearing.cancel()


async def test_a_process_that_talks_rubbish_is_ended(process: EngineProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    process._pipes.said.feed_data(b"\xff" * 64)

    with pytest.raises(ChildDiedError, match="longer than any"):
        await process.receive()
    await process.close()
    assert not process.is_alive


async def test_an_engine_that_fails_to_load_leaves_the_process_usable(process: EngineProcess, tmp_path: Path) -> None:
    gone = Card(**{name: getattr(engines.INSTANT, name) for name in Card.__slots__} | {"loader": "nowhere:Nothing"})
    with pytest.raises(EngineError, match="ModuleNotFoundError"):
        await process.load(gone, "cpu", lambda _: None)

    await begin(process, engines.INSTANT, tmp_path)
    await end_of(process)
