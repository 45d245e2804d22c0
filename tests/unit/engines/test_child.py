"""An engine's process that is treated well."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import engines_for_tests as engines
from calotype.engines.base import Card, Order
from calotype.engines.process import EngineProcess, StoppedError
from calotype.engines.protocol import Frame, Word
from calotype.errors import CalotypeError, ChildDiedError, EngineError, OutOfMemoryError, TransientEngineError
from calotype.jobs.kinds import Kind

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def printed() -> list[str]:
    return []


@pytest.fixture
async def process(printed: list[str]) -> AsyncIterator[EngineProcess]:
    process = await EngineProcess.start(memory_limit=0, printed=printed.append)
    yield process
    await process.close()


def nobody(_: float) -> None:
    pass


def order(process: EngineProcess, scratch: Path, *, seed: int = 7, seconds: float = 60, **given: Any) -> None:
    given.setdefault("prompt", "x")
    process.order(Order(Kind.IMAGE, given, seed), scratch=scratch, inputs={}, seconds=seconds)


async def said(process: EngineProcess) -> list[Frame]:
    """Return everything said up to the end of the order."""
    frames = [await process.receive()]
    while frames[-1].word is not Word.DONE:
        frames.append(await process.receive())
    return frames


async def outputs(process: EngineProcess) -> list[dict[str, Any]]:
    return [dict(frame.facts) for frame in await said(process) if frame.word is Word.OUTPUT]


def content(output: dict[str, Any]) -> bytes:
    return Path(output["path"]).read_bytes()


async def failure(process: EngineProcess, card: Card, scratch: Path, **given: Any) -> Exception:
    await process.load(card, "cpu", nobody)
    order(process, scratch, **given)
    with pytest.raises((CalotypeError, StoppedError)) as caught:
        await said(process)
    return caught.value


async def test_orders_in_a_row_are_served_by_one_warm_process(process: EngineProcess, tmp_path: Path) -> None:
    await process.load(engines.INSTANT, "cpu", nobody)

    pids = set()
    for _ in range(3):
        order(process, tmp_path)
        pids |= {output["provenance"]["pid"] for output in await outputs(process)}

    assert pids == {process.pid}


async def test_another_model_is_loaded_in_the_same_process(process: EngineProcess, tmp_path: Path) -> None:
    made = []
    for card in (engines.INSTANT, engines.OTHER, engines.INSTANT):
        await process.load(card, "cpu", nobody)
        order(process, tmp_path)
        made += await outputs(process)

    assert [output["provenance"]["engine"] for output in made] == ["test-instant", "test-other", "test-instant"]
    assert {output["provenance"]["pid"] for output in made} == {process.pid}


async def test_the_same_seed_makes_the_same_bytes(process: EngineProcess, tmp_path: Path) -> None:
    await process.load(engines.INSTANT, "cpu", nobody)

    made = []
    for seed in (7, 7, 8):
        order(process, tmp_path, seed=seed)
        made += [content(output) for output in await outputs(process)]

    assert made[0] == made[1] != made[2]


async def test_every_output_says_what_made_it(process: EngineProcess, tmp_path: Path) -> None:
    await process.load(engines.INSTANT, "cpu", nobody)
    order(process, tmp_path, seed=7, count=2)

    first, second = await outputs(process)

    assert first["provenance"] == {
        "made_by": "calotype",
        "engine": "test-instant",
        "engine_version": "1",
        "licences": ["CC0-1.0"],
        "kind": "image",
        "seed": 7,
        "pid": process.pid,
    }
    assert second["provenance"]["seed"] == 8
    assert (first["width"], first["height"], first["media_type"]) == (8, 8, "image/png")


async def test_progress_is_passed_on_with_previews_and_never_falls(process: EngineProcess, tmp_path: Path) -> None:
    await process.load(engines.BRIEF, "cpu", nobody)
    order(process, tmp_path)

    told = [frame for frame in await said(process) if frame.word is Word.PROGRESS]

    steps = [frame.facts["done"] for frame in told]
    assert steps == sorted(steps)
    assert {frame.facts["total"] for frame in told} == {20}
    previews = [frame.body for frame in told if frame.body]
    assert 1 <= len(previews) <= 4
    assert set(previews) == {b"\xff\xd8preview\xff\xd9"}


async def test_an_order_is_cancelled_between_two_steps_and_the_process_stays(
    process: EngineProcess, tmp_path: Path
) -> None:
    await process.load(engines.SLOW, "cpu", nobody)
    order(process, tmp_path)
    await process.receive()

    process.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(StoppedError):
            await said(process)

    await process.load(engines.INSTANT, "cpu", nobody)
    order(process, tmp_path)
    assert (await outputs(process))[0]["provenance"]["pid"] == process.pid


async def test_a_cancel_that_comes_too_late_does_not_touch_the_next_order(
    process: EngineProcess, tmp_path: Path
) -> None:
    await process.load(engines.INSTANT, "cpu", nobody)
    order(process, tmp_path)
    await said(process)

    process.cancel()
    order(process, tmp_path)

    assert len(await outputs(process)) == 1


async def test_loading_is_reported_and_can_be_cancelled(process: EngineProcess) -> None:
    fractions = []

    def report(fraction: float) -> None:
        fractions.append(fraction)
        if len(fractions) == 3:
            process.cancel()

    async with asyncio.timeout(5):
        with pytest.raises(StoppedError):
            await process.load(engines.SLOW_TO_LOAD, "cpu", report)

    assert fractions[:3] == [0, 1 / 400, 2 / 400]


async def test_an_order_stops_at_its_deadline(process: EngineProcess, tmp_path: Path) -> None:
    async with asyncio.timeout(5):
        assert isinstance(await failure(process, engines.SLOW, tmp_path, seconds=0.3), StoppedError)


@pytest.mark.parametrize(
    ("prompt", "error", "sentence"),
    [
        ("engine", EngineError, "it cannot be drawn"),
        ("transient", TransientEngineError, "not now"),
        ("memory", OutOfMemoryError, "the engine ran out of memory"),
        ("bug", EngineError, "the engine failed unexpectedly (KeyError)"),
        ("disk", TransientEngineError, "the engine could not use its files: No space left on device"),
        ("exit", ChildDiedError, "The engine's process ended: exit code 4."),
    ],
)
async def test_a_failure_arrives_as_what_it_is(
    process: EngineProcess, tmp_path: Path, prompt: str, error: type[Exception], sentence: str
) -> None:
    failed = await failure(process, engines.FAILING, tmp_path, prompt=prompt)

    assert type(failed) is error
    assert str(failed) == sentence


async def test_what_nobody_foresaw_is_printed_as_a_place_without_its_words(
    process: EngineProcess, tmp_path: Path, printed: list[str]
) -> None:
    await failure(process, engines.FAILING, tmp_path, prompt="bug")
    await process.close()

    assert "KeyError at" in " ".join(printed)
    assert "engines_for_tests.py" in " ".join(printed)
    assert "secret" not in " ".join(printed)


async def test_an_engine_that_made_nothing_has_failed(process: EngineProcess, tmp_path: Path) -> None:
    assert str(await failure(process, engines.EMPTY, tmp_path)) == "the engine made nothing"


async def test_an_engine_cannot_hand_in_a_file_that_is_not_its_own(process: EngineProcess, tmp_path: Path) -> None:
    failed = await failure(process, engines.ESCAPING, tmp_path)

    assert str(failed) == "the engine handed in a file outside its folder"


async def test_what_an_engine_prints_does_not_disturb_the_conversation(
    process: EngineProcess, tmp_path: Path, printed: list[str]
) -> None:
    await process.load(engines.CHATTY, "cpu", nobody)
    order(process, tmp_path, prompt="a fox")

    assert len(await outputs(process)) == 1
    await process.close()
    assert sorted(printed) == ["a warning", "drawing a fox", "raw output"]


@pytest.fixture
async def nosy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: list[str]) -> dict[str, Any]:
    """What an engine sees of a worker that holds secrets of many kinds."""
    for name in ("CALOTYPE_DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "GITHUB_TOKEN", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "secret")
    for name in ("CUDA_VISIBLE_DEVICES", "LC_TIME", "OMP_NUM_THREADS", "TZ"):
        monkeypatch.setenv(name, "wanted")
    process = await EngineProcess.start(memory_limit=0, printed=printed.append)
    try:
        await process.load(engines.NOSY, "cpu", nobody)
        order(process, tmp_path)
        seen: dict[str, Any] = (await outputs(process))[0]["provenance"]
        return seen
    finally:
        await process.close()


async def test_an_engine_sees_no_secret_and_no_module_of_the_folder_we_stand_in(nosy: dict[str, Any]) -> None:
    assert "secret" not in nosy["seen"].values()
    assert nosy["folder_on_path"] is False


async def test_an_engine_sees_what_it_needs_of_the_machine(nosy: dict[str, Any]) -> None:
    wanted = {name for name, value in nosy["seen"].items() if value == "wanted"}

    assert wanted == {"CUDA_VISIBLE_DEVICES", "LC_TIME", "OMP_NUM_THREADS", "TZ"}
    assert {"PATH", "HOME", "PYTHONPATH"} <= set(nosy["seen"])


async def test_no_engine_reports_to_its_runtimes_makers(nosy: dict[str, Any]) -> None:
    assert nosy["seen"]["ORT_DISABLE_TELEMETRY"] == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="a promise that Linux keeps")
async def test_nothing_an_engine_starts_gains_privileges(nosy: dict[str, Any]) -> None:
    assert nosy["no_new_privileges"] is True


@pytest.mark.parametrize(
    ("card", "reason"),
    [(engines.INSTANT, ""), (engines.MISSING, "its weights are not on disk")],
    ids=["here", "missing"],
)
async def test_a_probe_says_whether_an_engine_can_run_here(process: EngineProcess, card: Card, reason: str) -> None:
    probe = await process.probe(card)

    assert (probe.ok, probe.reason) == (not reason, reason)


async def test_closing_leaves_no_process(printed: list[str]) -> None:
    process = await EngineProcess.start(memory_limit=0, printed=printed.append)

    await process.close()

    assert not process.is_alive
    assert process.memory() == 0
