"""What every built-in engine promises, run on each: its card is true, it reports, it stops when told, it repeats itself."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from calotype.engines.base import Cancelled, Card, Engine, Grain, Order, Phase
from calotype.engines.desk import Desk
from calotype.engines.protocol import Word
from calotype.engines.registry import card_of, cards, default_model, engine_at, facts_of
from calotype.jobs.kinds import Kind, read_input

LARGEST_PREVIEW_SIDE = 512


def picture(width: int, height: int) -> bytes:
    """Return a PNG with something to see in it."""
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    image.paste((200, 30, 30), (width // 4, height // 4, width // 2, height // 2))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class Sample:
    """An order to try a kind with, and what must come of it: the first picture's size, every output's media type, seconds of sound.

    A kind of several operations has a sample for each, `name`d after it.
    """

    kind: Kind
    given: dict[str, Any]
    size: tuple[int, int]
    files: dict[str, bytes] = field(default_factory=dict)
    media_types: tuple[str, ...] = ("image/png",)
    name: str = ""
    seconds: float | None = None


ASSET = {"asset_id": "00000000-0000-7000-8000-000000000000"}
SONG = ("audio/mpeg", "audio/wav", "image/png", "image/png")
SAMPLES = (
    Sample(Kind.IMAGE, {"prompt": "a red fox under two trees at night", "width": 256, "height": 192}, (256, 192)),
    Sample(Kind.UPSCALE, {"image": ASSET, "scale": 2}, (500, 400), {"image": picture(250, 200)}),
    Sample(
        Kind.VIDEO,
        {"prompt": "a red fox under two trees", "duration": 2, "fps": 12, "resolution": "480p", "aspect_ratio": "1:1"},
        (480, 480),
        media_types=("video/mp4",),
        name="video-of-words",
    ),
    Sample(
        Kind.VIDEO,
        {"image": ASSET, "duration": 2, "fps": 12, "resolution": "480p", "format": "webm"},
        (600, 480),
        {"image": picture(250, 200)},
        media_types=("video/webm",),
        name="video-of-a-picture",
    ),
    Sample(
        Kind.EDIT,
        {"prompt": "the ball on a table", "images": [ASSET], "width": 256, "height": 192},
        (256, 192),
        {"images": picture(250, 200)},
    ),
    Sample(Kind.REMOVE_BACKGROUND, {"image": ASSET}, (250, 200), {"image": picture(250, 200)}),
    Sample(Kind.SPRITE, {"operation": "effect", "prompt": "blue fire", "resolution": "512"}, (512, 512), name="effect"),
    Sample(
        Kind.SPRITE,
        {"operation": "effect_sheet", "prompt": "an explosion", "frames": 9, "resolution": "512", "image": ASSET},
        (510, 510),
        {"image": picture(64, 64)},
        name="effect_sheet",
    ),
    Sample(
        Kind.SPRITE,
        {"operation": "animate", "prompt": "jumps", "frames": 25, "pixel": True, "image": ASSET},
        (320, 320),
        {"image": picture(64, 64)},
        ("image/gif", *["image/png"] * 26),
        name="animate",
    ),
    Sample(Kind.MUSIC, {"prompt": "a short waltz", "duration": 5}, (1024, 1024), media_types=SONG, seconds=5),
    Sample(
        Kind.SPRITE,
        {"operation": "reskin", "prompt": "a golden cartoon", "resolution": "512", "image": ASSET},
        (512, 512),
        {"image": picture(64, 64)},
        name="reskin",
    ),
)
ONES = [(card, sample) for card in cards() for sample in SAMPLES if sample.kind in card.kinds]
EACH = pytest.mark.parametrize(
    ("card", "sample"), ONES, ids=[f"{card.id}-{sample.name or sample.kind}" for card, sample in ONES]
)


class Recorder(Desk):
    """The desk an engine has in its process, with every word said to it kept, and a cancel at a chosen moment."""

    def __init__(
        self, card: Card, sample: Sample, folder: Path, *, seed: int = 7, cancel_at: int | None = None
    ) -> None:
        self.told: list[tuple[int, int, Phase]] = []
        self.previews: list[bytes] = []
        self.handed_in: list[dict[str, Any]] = []
        self.checks = 0
        self.cancel_at = cancel_at
        self.order = Order(sample.kind, dict(sample.given), seed)
        super().__init__(
            order=self.order,
            card=card,
            scratch=folder,
            inputs=_written(sample.files, folder),
            seconds=300,
            is_cancelled=lambda: self.cancel_at is not None and self.checks > self.cancel_at,
            say=self._keep,
        )

    def progress(self, done: int, total: int, phase: Phase, preview: bytes | None = None) -> None:
        self.told.append((done, total, phase))
        if preview:
            self.previews.append(preview)
        super().progress(done, total, phase, preview)

    def check(self) -> None:
        self.checks += 1
        super().check()

    def contents(self) -> list[bytes]:
        return [Path(facts["path"]).read_bytes() for facts in self.handed_in]

    def _keep(self, word: Word, body: bytes, facts: dict[str, Any]) -> None:
        del body
        if word is Word.OUTPUT:
            self.handed_in.append(facts)


def _written(files: dict[str, bytes], folder: Path) -> dict[str, list[Path]]:
    paths = {name: folder / f"input-{name}.png" for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name])
    return {name: [path] for name, path in paths.items()}


def as_size(made: dict[str, Any]) -> tuple[int, int]:
    return made["width"], made["height"]


def look_at_picture(made: dict[str, Any], sample: Sample) -> None:
    """See that the file is the picture it is said to be, with something in it."""
    del sample
    with Image.open(made["path"]) as image:
        assert image.size == as_size(made)
        assert Image.MIME[image.format or ""] == made["media_type"]
        shown = image.convert("RGBA" if image.has_transparency_data else "RGB")
        assert max(high - low for low, high in shown.getextrema()) > 30  # type: ignore[misc] # something is in it


def listen_to_sound(made: dict[str, Any], sample: Sample) -> None:
    """Hear that the file is the sound it is said to be, as long as asked, and not silent."""
    with av.open(made["path"], "r") as container:
        assert {"audio/mpeg": "mp3", "audio/wav": "wav"}[made["media_type"]] == container.format.name
        heard = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
        seconds = heard.size / 2 / container.streams.audio[0].rate
    assert made["duration"] == sample.seconds
    assert seconds == pytest.approx(sample.seconds, abs=0.1)
    assert np.abs(heard.astype(np.float64)).max() > 0.05 * (32767 if heard.dtype == np.int16 else 1)


def watch_clip(made: dict[str, Any], sample: Sample) -> None:
    """See that the file is a clip of its size."""
    del sample
    with av.open(made["path"], "r") as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == as_size(made)


LOOKS = {"image": look_at_picture, "audio": listen_to_sound, "video": watch_clip}


@pytest.fixture(scope="module", name="loaded")
def _loaded() -> Iterator[dict[str, Engine]]:
    """Every engine, loaded and warm."""
    engines = {}
    for card in cards():
        engine = engine_at(card.loader)
        fractions: list[float] = []
        engine.load("cpu", fractions.append)
        engine.warm()
        assert fractions == sorted(fractions)
        assert all(0 <= fraction <= 1 for fraction in fractions)
        engines[card.id] = engine
    yield engines
    for engine in engines.values():
        engine.unload()


@EACH
def test_the_card_is_what_the_engine_says_of_itself(card: Card, sample: Sample) -> None:
    engine = engine_at(card.loader)

    assert engine.card == card
    assert sample.kind in engine.card.kinds
    assert card.licences
    assert card.deadline > 0
    assert card_of(card.id) is card
    assert json.loads(json.dumps(facts_of(card)))["id"] == card.id


@EACH
def test_it_can_run_here(card: Card, sample: Sample) -> None:
    del sample
    probe = engine_at(card.loader).probe()

    assert probe.ok, probe.reason


def test_every_kind_is_tried_here() -> None:
    assert {sample.kind for _, sample in ONES} == set(Kind)
    assert all(default_model(kind) for kind in Kind)


@EACH
def test_the_sample_is_an_input_that_the_kind_takes(card: Card, sample: Sample) -> None:
    del card
    assert read_input(sample.kind, sample.given)


@EACH
def test_it_makes_what_was_ordered(card: Card, sample: Sample, loaded: dict[str, Engine], tmp_path: Path) -> None:
    desk = Recorder(card, sample, tmp_path)

    loaded[card.id].run([desk.order], desk)

    assert tuple(facts["media_type"] for facts in desk.handed_in) == sample.media_types
    assert next(as_size(made) for made in desk.handed_in if made["width"]) == sample.size
    for made in desk.handed_in:
        LOOKS[made["media_type"].partition("/")[0]](made, sample)
        assert made["provenance"]["engine"] == card.id
        assert made["provenance"]["engine_version"] == card.version
        assert made["provenance"]["licences"] == list(card.licences)
        assert made["provenance"]["seed"] == 7
        assert dict.fromkeys(sample.files, 1) == {
            name: len(digests) for name, digests in made["provenance"].get("inputs", {}).items()
        }


@EACH
def test_its_progress_counts_over_the_whole_order_and_never_falls(
    card: Card, sample: Sample, loaded: dict[str, Engine], tmp_path: Path
) -> None:
    desk = Recorder(card, sample, tmp_path)

    loaded[card.id].run([desk.order], desk)

    if card.progress is Grain.NONE:
        return
    fractions = [done / total for done, total, _ in desk.told]
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.1
    assert fractions[-1] == 1
    assert len({total for _, total, _ in desk.told}) == 1


@EACH
def test_its_previews_are_small_pictures(card: Card, sample: Sample, loaded: dict[str, Engine], tmp_path: Path) -> None:
    desk = Recorder(card, sample, tmp_path)

    loaded[card.id].run([desk.order], desk)

    for preview in desk.previews:
        with Image.open(io.BytesIO(preview)) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= LARGEST_PREVIEW_SIDE


@EACH
def test_it_stops_at_every_moment_at_which_it_looks(
    card: Card, sample: Sample, loaded: dict[str, Engine], tmp_path: Path
) -> None:
    if card.cancel is Grain.PROCESS:
        return
    whole = Recorder(card, sample, tmp_path)
    loaded[card.id].run([whole.order], whole)
    assert whole.checks >= 3, "it looks too seldom to be cancelled between its steps"

    for moment in sorted({0, 1, whole.checks // 2, whole.checks - 1}):
        desk = Recorder(card, sample, tmp_path, cancel_at=moment)
        with pytest.raises(Cancelled):
            loaded[card.id].run([desk.order], desk)
        assert desk.checks == moment + 1


@EACH
def test_it_serves_the_next_order_after_a_cancelled_one(
    card: Card, sample: Sample, loaded: dict[str, Engine], tmp_path: Path
) -> None:
    if card.cancel is not Grain.PROCESS:
        cancelled = Recorder(card, sample, tmp_path, cancel_at=1)
        with pytest.raises(Cancelled):
            loaded[card.id].run([cancelled.order], cancelled)

    desk = Recorder(card, sample, tmp_path)
    loaded[card.id].run([desk.order], desk)

    assert len(desk.handed_in) == len(sample.media_types)


@EACH
def test_the_same_seed_makes_the_same_bytes(
    card: Card, sample: Sample, loaded: dict[str, Engine], tmp_path: Path
) -> None:
    made = []
    for number in range(2):
        (folder := tmp_path / str(number)).mkdir()
        desk = Recorder(card, sample, folder, seed=11)
        loaded[card.id].run([desk.order], desk)
        made.append(desk.contents())

    assert made[0] == made[1]


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.MUSIC])
def test_another_seed_makes_something_else(kind: Kind, loaded: dict[str, Engine], tmp_path: Path) -> None:
    card, sample = next((card, sample) for card, sample in ONES if sample.kind is kind)
    made = []
    for seed in (1, 2):
        (folder := tmp_path / str(seed)).mkdir()
        desk = Recorder(card, sample, folder, seed=seed)
        loaded[card.id].run([desk.order], desk)
        made.append(desk.contents())

    assert made[0] != made[1]


@EACH
def test_its_estimate_is_sensible(card: Card, sample: Sample, loaded: dict[str, Engine], tmp_path: Path) -> None:
    desk = Recorder(card, sample, tmp_path)

    estimate = loaded[card.id].estimate(desk.order)

    assert 0 < estimate.warm <= estimate.cold < 600
    assert 0 < estimate.memory <= 4_000_000_000
    assert estimate.output > 0


@EACH
def test_it_loads_again_after_it_was_unloaded(card: Card, sample: Sample, tmp_path: Path) -> None:
    engine = engine_at(card.loader)
    for number in range(2):
        (folder := tmp_path / str(number)).mkdir()
        engine.load("cpu", lambda _: None)
        desk = Recorder(card, sample, folder)
        engine.run([desk.order], desk)
        engine.unload()

        assert len(desk.handed_in) == len(sample.media_types)
