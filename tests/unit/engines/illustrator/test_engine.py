"""The illustrator behind the seam."""

# ruff: noqa: ARG002, ARG005 - the seam names the arguments
from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from calotype.engines.base import Cancelled, Order, Phase
from calotype.engines.illustrator.engine import IllustratorEngine
from calotype.jobs.kinds import Kind


class Desk:
    """A context that keeps what it is handed, and cancels after so many checks."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.scratch = Path()
        self.outputs: list[tuple[bytes, str, Mapping[str, Any]]] = []
        self.previews: list[bytes] = []
        self.phases: list[Phase] = []
        self.fractions: list[float] = []
        self._left = cancel_after

    def input_file(self, name: str, index: int = 0) -> Path:
        raise AssertionError("the illustrator reads no files")

    def progress(self, done: int, total: int, phase: Phase, preview: bytes | None = None) -> None:
        self.phases.append(phase)
        self.fractions.append(done / total)
        if preview:
            self.previews.append(preview)

    def check(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
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
        assert isinstance(data, bytes)
        self.outputs.append((data, media_type, provenance))


@pytest.fixture(scope="module")
def engine() -> IllustratorEngine:
    loaded = IllustratorEngine()
    loaded.load("cpu", lambda done: None)
    return loaded


def draw(engine: IllustratorEngine, seed: int = 5, **given: Any) -> Desk:
    desk = Desk()
    engine.run([Order(Kind.IMAGE, {"width": 128, "height": 96, **given}, seed)], desk)
    return desk


def test_the_same_seed_gives_the_same_bytes(engine: IllustratorEngine) -> None:
    first, second = (draw(engine, prompt="a red fox in the snow").outputs[0][0] for _ in range(2))

    assert first == second


def test_another_seed_gives_another_picture(engine: IllustratorEngine) -> None:
    assert draw(engine, 5, prompt="a fox").outputs[0][0] != draw(engine, 6, prompt="a fox").outputs[0][0]


def test_a_count_gives_as_many_pictures_with_the_seeds_that_follow(engine: IllustratorEngine) -> None:
    several, later = draw(engine, 5, prompt="a fox", count=3), draw(engine, 7, prompt="a fox")

    assert len(several.outputs) == 3
    assert several.outputs[2][0] == later.outputs[0][0]
    assert [provenance["seed"] for _, _, provenance in several.outputs] == [5, 6, 7]


@pytest.mark.parametrize("size", [(64, 64), (64, 512), (1000, 640), (4096, 512)])
def test_the_picture_has_exactly_the_size_asked_for(engine: IllustratorEngine, size: tuple[int, int]) -> None:
    desk = draw(engine, prompt="a lighthouse by the sea", width=size[0], height=size[1])

    picture = Image.open(io.BytesIO(desk.outputs[0][0]))
    assert (picture.size, picture.format) == (size, "PNG")


def test_the_largest_picture_is_painted(engine: IllustratorEngine) -> None:
    desk = draw(engine, prompt="a red key on a white background", width=4096, height=4096)

    assert Image.open(io.BytesIO(desk.outputs[0][0])).size == (4096, 4096)


def test_it_says_what_it_understood_and_what_it_did_not(engine: IllustratorEngine) -> None:
    provenance = draw(engine, prompt="two blue birds and a zzyzx on a pink background, flat style").outputs[0][2]

    assert provenance["understood"] == [
        {"object": "birds", "art": "bird", "art_set": "flat", "count": 2, "colour": "blue"}
    ]
    assert provenance["not_understood"] == ["zzyzx"]
    assert (provenance["background"], provenance["style"], provenance["seed"]) == ("pink", "flat", 5)
    assert "not made by a generative model" in provenance["note"]
    json.dumps(provenance)


def test_a_prompt_that_names_nothing_gets_a_picture_and_is_told(engine: IllustratorEngine) -> None:
    desk = draw(engine, prompt="the shape of what was never said")

    picture = Image.open(io.BytesIO(desk.outputs[0][0]))
    assert len(picture.getcolors(100_000) or []) > 200
    assert desk.outputs[0][2]["understood"] == []
    assert desk.outputs[0][2]["note"].startswith("Nothing the prompt names could be drawn")


@pytest.mark.parametrize("prompt", ["🐶" * 40, "?!", "كلب", "\u202ea", "a dog " * 1_600, "12 " * 500 + "cats"])
def test_any_prompt_gives_a_picture(engine: IllustratorEngine, prompt: str) -> None:
    assert draw(engine, prompt=prompt).outputs


def test_progress_only_rises_and_one_preview_comes_with_each_picture(engine: IllustratorEngine) -> None:
    desk = draw(engine, prompt="a fox", count=2)

    assert desk.fractions == sorted(desk.fractions)
    assert desk.fractions[-1] == 1.0
    assert [Image.open(io.BytesIO(preview)).format for preview in desk.previews] == ["JPEG", "JPEG"]
    assert {Phase.COMPOSING, Phase.DECODING, Phase.SAVING} == set(desk.phases)


def test_a_cancelled_order_stops_between_two_drawings(engine: IllustratorEngine) -> None:
    desk = Desk(cancel_after=1)

    with pytest.raises(Cancelled):
        engine.run([Order(Kind.IMAGE, {"prompt": "nine cats", "width": 64, "height": 64}, 1)], desk)

    assert desk.outputs == []


def test_it_can_run_here_and_says_so(engine: IllustratorEngine) -> None:
    assert engine.probe().ok


def test_the_estimate_grows_with_the_picture(engine: IllustratorEngine) -> None:
    small, large = (
        engine.estimate(Order(Kind.IMAGE, {"prompt": "a fox", "width": side, "height": side}, 1))
        for side in (256, 2048)
    )

    assert small.warm < large.warm
    assert small.memory < large.memory
