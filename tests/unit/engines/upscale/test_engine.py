from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

import calotype_data
from calotype.engines.base import Cancelled, Order, Phase
from calotype.engines.upscale import tiles
from calotype.engines.upscale.engine import UpscaleEngine
from calotype.errors import EngineError
from calotype.jobs.kinds import Kind


@dataclass
class Desk:
    """A context for one picture that remembers what it is told, and cancels after so many tiles when asked to."""

    source: Path
    scratch: Path
    cancel_after: int | None = None
    said: list[tuple[int, int, Phase]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)
    outputs: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)

    def input_file(self, name: str, index: int = 0) -> Path:
        assert (name, index) == ("image", 0)
        return self.source

    def progress(self, done: int, total: int, phase: Phase, preview: bytes | None = None) -> None:
        self.said.append((done, total, phase))
        if preview is not None:
            self.previews.append(preview)

    def check(self) -> None:
        if self.cancel_after is not None and self.said[-1][0] >= self.cancel_after:
            raise Cancelled

    def write(
        self,
        data: bytes | Path,
        media_type: str,
        *,
        width: int | None = None,
        height: int | None = None,
        duration: float | None = None,  # noqa: ARG002 - the seam has it
        provenance: Mapping[str, Any],
        poster: bytes | None = None,  # noqa: ARG002 - the seam has it
    ) -> None:
        assert isinstance(data, Path)
        assert data.is_relative_to(self.scratch)
        facts = {"media_type": media_type, "width": width, "height": height, "provenance": dict(provenance)}
        self.outputs.append((data.read_bytes(), facts))

    @property
    def image(self) -> Image.Image:
        (data, facts), path = self.outputs[-1], self.scratch / "seen.png"
        path.write_bytes(data)
        with Image.open(path) as opened:
            opened.load()
        assert opened.size == (facts["width"], facts["height"])
        return opened

    @property
    def provenance(self) -> dict[str, Any]:
        found: dict[str, Any] = self.outputs[-1][1]["provenance"]
        return found


Desks = Callable[..., Desk]


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Desk]:
    """Return a maker of desks: give it the picture, and an `extension` when it cannot be a PNG."""

    def make(image: Image.Image, *, extension: str = "png", **options: Any) -> Desk:
        source, scratch = tmp_path / f"source.{extension}", tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        image.save(source)
        return Desk(source, scratch, **options)

    return make


def order(**wish: Any) -> Order:
    return Order(Kind.UPSCALE, wish, seed=1)


def drawing(side: int) -> Image.Image:
    """Draw crisp shapes, lines and words."""
    image = Image.new("RGB", (side, side), (247, 240, 220))
    draw = ImageDraw.Draw(image)
    draw.ellipse([side * part for part in (0.1, 0.1, 0.5, 0.5)], (220, 60, 50), (40, 20, 20), side // 100)
    draw.polygon([(side * 0.55, side * 0.15), (side * 0.92, side * 0.3), (side * 0.6, side * 0.5)], (50, 110, 200))
    for row in range(6):
        draw.line((side * 0.05, side * (0.6 + row * 0.04), side * 0.95, side * (0.62 + row * 0.05)), (30, 90, 60), 4)
    draw.text((side * 0.15, side * 0.25), "Calotype", (255, 255, 255), font_size=side / 12)
    return image


def worst_error(found: Image.Image, wanted: Image.Image) -> int:
    return int(np.abs(np.asarray(found, int) - np.asarray(wanted, int)).max())


def decibels(found: Image.Image, wanted: Image.Image) -> float:
    """Return the peak signal-to-noise ratio: higher is nearer."""
    errors = np.asarray(found, float) - np.asarray(wanted, float)
    return float(10 * np.log10(255**2 / (errors**2).mean()))


def test_a_drawing_comes_back_nearer_to_the_truth_than_by_bicubic(engine: UpscaleEngine, desk: Desks) -> None:
    truth = drawing(1024)
    small = truth.resize((256, 256), Image.Resampling.BOX)
    bicubic = small.resize(truth.size, Image.Resampling.BICUBIC)
    at = desk(small)

    engine.run([order(scale=4)], at)

    assert decibels(at.image, truth) > decibels(bicubic, truth) + 2


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_flat_colours_stay_what_they_are(scale: int, engine: UpscaleEngine, desk: Desks) -> None:
    for colour in ((0, 204, 153), (51, 204, 102), (128, 128, 128), (255, 255, 255), (0, 0, 0), (220, 60, 50)):
        at = desk(Image.new("RGB", (64, 64), colour))

        engine.run([order(scale=scale)], at)

        middle = at.image.crop((24 * scale, 24 * scale, 40 * scale, 40 * scale))
        assert worst_error(middle, Image.new("RGB", middle.size, colour)) <= 1


@pytest.mark.parametrize(
    ("source", "wish", "wanted", "passes"),
    [
        ((30, 20), {"scale": 1}, (30, 20), []),
        ((30, 20), {"scale": 3}, (90, 60), [3]),
        ((30, 20), {"scale": 6}, (180, 120), [2, 3]),
        ((30, 20), {"scale": 8}, (240, 160), [2, 4]),
        ((30, 20), {"scale": 3, "target": None}, (90, 60), [3]),
        ((300, 40), {"target": "1K"}, (1024, 137), [4]),
        ((20, 60), {"target": "1K"}, (341, 1024), [4, 4]),
        ((1000, 30), {"target": "1K"}, (1024, 31), []),
        ((1024, 30), {"target": "1K"}, (1024, 30), []),
        ((3000, 30), {"target": "1K"}, (1024, 10), []),
    ],
)
def test_the_output_has_the_size_asked(
    source: tuple[int, int],
    wish: dict[str, object],
    wanted: tuple[int, int],
    passes: list[int],
    engine: UpscaleEngine,
    desk: Desks,
) -> None:
    at = desk(drawing(max(source)).crop((0, 0, *source)))

    engine.run([order(**wish)], at)

    assert at.image.size == wanted
    assert at.provenance["passes"] == passes
    assert at.provenance["source"] == {"width": source[0], "height": source[1]}


def test_the_provenance_names_the_weights_only_when_they_were_used(engine: UpscaleEngine, desk: Desks) -> None:
    enlarged = desk(Image.new("RGB", (30, 30)))
    engine.run([order(scale=2)], enlarged)
    reduced = desk(Image.new("RGB", (3000, 30)))
    engine.run([order(target="1K")], reduced)

    assert enlarged.provenance["weights"] == "realesr-animevideov3 (Real-ESRGAN)"
    assert enlarged.provenance["weights_licence"] == "BSD-3-Clause"
    assert reduced.provenance["weights"] is None
    assert "made smaller" in reduced.provenance["note"]
    assert reduced.provenance["resize"] == {"from": [3000, 30], "to": [1024, 10], "filter": "lanczos"}


def test_a_picture_of_the_target_s_size_is_unchanged(engine: UpscaleEngine, desk: Desks) -> None:
    source = drawing(1024).crop((0, 0, 1024, 100))
    at = desk(source)

    engine.run([order(target="1K")], at)

    assert worst_error(at.image, source) == 0
    assert "unchanged" in at.provenance["note"]


@pytest.mark.parametrize(
    ("mode", "extension", "wanted"),
    [
        ("1", "png", "L"),
        ("L", "png", "L"),
        ("LA", "png", "LA"),
        ("I;16", "png", "L"),
        ("F", "tiff", "L"),
        ("P", "png", "RGB"),
        ("RGB", "jpg", "RGB"),
        ("RGBA", "png", "RGBA"),
        ("CMYK", "jpg", "RGB"),
    ],
)
def test_every_mode_is_taken(mode: str, extension: str, wanted: str, engine: UpscaleEngine, desk: Desks) -> None:
    grey = np.linspace(40, 200, 48)[None].repeat(32, 0)
    if mode == "I;16":
        source = Image.fromarray((grey * 257).astype(np.uint16))
    else:
        source = Image.fromarray(grey.astype(np.uint8)).convert("L" if mode in "1LF" else "RGB").convert(mode)
    if mode in ("LA", "RGBA"):
        source.putalpha(Image.linear_gradient("L").resize(source.size))
    at = desk(source, extension=extension)

    engine.run([order(scale=2)], at)

    assert (at.image.mode, at.image.size) == (wanted, (96, 64))
    if mode != "1":
        seen = np.asarray(at.image.convert("RGB").convert("L"), float)[32]
        assert abs(seen[10:86].mean() - 120) < 8


def test_a_see_through_palette_keeps_its_hole(engine: UpscaleEngine, desk: Desks) -> None:
    source = Image.new("P", (40, 40), 0)
    source.putpalette([255, 0, 0, 0, 0, 0])
    source.paste(1, (0, 0, 20, 40))
    source.info["transparency"] = 1
    at = desk(source)

    engine.run([order(scale=2)], at)

    alpha = at.image.getchannel("A")
    assert (alpha.getpixel((10, 40)), alpha.getpixel((70, 40))) == (0, 255)


def test_what_lies_hidden_under_transparency_draws_no_fringe(engine: UpscaleEngine, desk: Desks) -> None:
    source = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(source).ellipse((12, 12, 52, 52), (250, 210, 40, 255))
    at = desk(source)

    engine.run([order(scale=4)], at)

    pixels = np.asarray(at.image, int)
    visible = pixels[pixels[..., 3] > 128][:, :3]
    assert np.abs(visible - (250, 210, 40)).max() < 30


def test_an_alpha_that_hides_nothing_is_dropped(engine: UpscaleEngine, desk: Desks) -> None:
    at = desk(Image.new("RGBA", (20, 20), (9, 99, 199, 255)))

    engine.run([order(scale=2)], at)

    assert at.image.mode == "RGB"
    assert at.provenance["alpha"] is None


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (60, 1), (2, 2)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_smallest_pictures_are_enlarged(
    size: tuple[int, int], mode: str, engine: UpscaleEngine, desk: Desks
) -> None:
    at = desk(Image.new(mode, size))

    engine.run([order(scale=4)], at)

    assert at.image.size == (size[0] * 4, size[1] * 4)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "TILE_PIXELS", 80 * 80)


@pytest.mark.usefixtures("small_tiles")
def test_progress_counts_every_tile_and_shows_four_previews(engine: UpscaleEngine, desk: Desks) -> None:
    at = desk(drawing(150))

    engine.run([order(scale=2)], at)

    total = at.said[0][1]
    assert total > 8
    assert at.said == [(done, total, Phase.TILES) for done in range(total + 1)] + [(total, total, Phase.SAVING)]
    assert len(at.previews) == 4
    with Image.open(io.BytesIO(at.previews[-1])) as preview:
        assert preview.format == "JPEG"
        assert max(preview.size) <= 320
        assert decibels(preview, drawing(150).resize(preview.size)) > 25


@pytest.mark.usefixtures("small_tiles")
def test_a_cancelled_order_stops_at_the_next_tile(engine: UpscaleEngine, desk: Desks) -> None:
    at = desk(drawing(150), cancel_after=2)

    with pytest.raises(Cancelled):
        engine.run([order(scale=4)], at)

    assert at.said[-1][0] == 2
    assert at.outputs == []


@pytest.mark.usefixtures("small_tiles")
def test_the_same_order_makes_the_same_bytes(engine: UpscaleEngine, desk: Desks) -> None:
    first, second = desk(drawing(120)), desk(drawing(120))

    engine.run([order(scale=3)], first)
    engine.run([order(scale=3)], second)

    assert first.outputs == second.outputs


def test_a_picture_too_large_is_refused_in_plain_words(engine: UpscaleEngine, desk: Desks) -> None:
    with pytest.raises(EngineError, match="2049x16 would become 8196x64"):
        engine.run([order(scale=4)], desk(Image.new("L", (2049, 16))))


def test_a_broken_file_is_refused_in_plain_words(engine: UpscaleEngine, desk: Desks) -> None:
    at = desk(drawing(64))
    at.source.write_bytes(at.source.read_bytes()[:300])

    with pytest.raises(EngineError, match="cannot be read"):
        engine.run([order(scale=2)], at)


def test_the_colour_profile_goes_with_the_picture(engine: UpscaleEngine, desk: Desks) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    at = desk(drawing(32))
    drawing(32).save(at.source, icc_profile=profile)

    engine.run([order(scale=2)], at)

    assert at.image.info["icc_profile"] == profile


def test_the_probe_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert UpscaleEngine().probe().ok

    def missing(name: str) -> Path:
        raise FileNotFoundError(name)

    monkeypatch.setattr(calotype_data, "path", missing)
    assert "calotype-data lacks the weights" in UpscaleEngine().probe().reason

    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "onnxruntime is not installed" in UpscaleEngine().probe().reason


def test_a_device_that_is_not_there_is_named(engine: UpscaleEngine) -> None:
    with pytest.raises(EngineError, match="cuda:0"):
        UpscaleEngine().load("cuda:0", lambda _: None)


def test_an_unloaded_engine_can_be_loaded_and_warmed_again(desk: Desks) -> None:
    engine = UpscaleEngine()
    fractions: list[float] = []
    engine.load("cpu", fractions.append)
    engine.unload()
    engine.load("cpu", fractions.append)
    engine.warm()
    at = desk(drawing(32))

    engine.run([order(scale=2)], at)

    assert fractions == [0.0, 1.0, 0.0, 1.0]
    assert at.image.size == (64, 64)


def test_an_estimate_grows_with_what_is_asked(engine: UpscaleEngine) -> None:
    double, fourfold = engine.estimate(order(scale=2)), engine.estimate(order(scale=4))
    largest = engine.estimate(order(target="4K"))

    assert double.cold > double.warm > 0
    assert double.output < fourfold.output < largest.output
    assert double.memory < fourfold.memory


def test_an_upscale_leaves_nothing_in_the_home_of_whoever_runs_it(tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    picture = scratch / "in.png"
    drawing(32).save(picture)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}

    subprocess.run(
        [sys.executable, "-c", UPSCALE, str(picture), str(scratch)], env=clean | {"HOME": str(home)}, check=True
    )

    assert list(home.rglob("*")) == []


UPSCALE = """
import asyncio, sys
from pathlib import Path
from calotype.engines.base import Order
from calotype.engines.process import EngineProcess
from calotype.engines.protocol import Word
from calotype.engines.upscale.card import CARD
from calotype.engines.upscale.network import OnnxNetwork

async def work(picture, scratch):
    process = await EngineProcess.start(memory_limit=0, printed=print)
    await process.load(CARD, "cpu", lambda _: None)
    order = Order("upscale", {"scale": 2}, 7)
    process.order(order, scratch=scratch, inputs={"image": [picture]}, seconds=60)
    while (await process.receive()).word is not Word.DONE:
        pass
    await process.close()

asyncio.run(work(Path(sys.argv[1]), Path(sys.argv[2])))
"""
