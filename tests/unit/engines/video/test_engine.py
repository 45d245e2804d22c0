"""Clips: exactly as long, as large and as fast as asked; alive, without jumps; the picture given is the first frame."""

# ruff: noqa: ARG002, ARG005 - the seam names the arguments
from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from calotype.engines.base import Order
from calotype.engines.video.engine import VideoEngine
from calotype.jobs.kinds import Kind

ASSET = {"asset_id": "00000000-0000-7000-8000-000000000000"}
SMALL = {"duration": 2, "fps": 12, "resolution": "480p", "aspect_ratio": "1:1"}
Frames = np.ndarray[Any, np.dtype[np.uint8]]


class Desk:
    """A context that keeps what it is handed."""

    def __init__(self, scratch: Path, picture: Path | None = None, last: Path | None = None) -> None:
        self.scratch = scratch
        self.last = last
        self.picture = picture
        self.told: list[tuple[int, int]] = []
        self.path = Path()
        self.facts: dict[str, Any] = {}

    def input_file(self, name: str, index: int = 0) -> Path:
        found = {"image": self.picture, "last_image": self.last}[name]
        assert (index, found is not None) == (0, True)
        return found  # type: ignore[return-value] # looked at above

    def progress(self, done: int, total: int, phase: str, preview: bytes | None = None) -> None:
        self.told.append((done, total))

    def check(self) -> None:
        """Nobody cancels."""

    def write(self, data: bytes | Path, media_type: str, *, width: int | None = None, height: int | None = None,
              duration: float | None = None, provenance: Mapping[str, Any], poster: bytes | None = None) -> None:  # fmt: skip
        assert isinstance(data, Path)
        self.path = data
        self.facts = {"media_type": media_type, "width": width, "height": height, "duration": duration,
                      "provenance": dict(provenance), "poster": poster}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> VideoEngine:
    loaded = VideoEngine()
    loaded.load("cpu", lambda done: None)
    return loaded


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "picture.png"
    image = Image.radial_gradient("L").resize((640, 640)).convert("RGB")
    image.paste((200, 60, 30), (240, 200, 420, 520))
    image.save(path)
    return path


def film(engine: VideoEngine, folder: Path, picture: Path | None = None, seed: int = 5, **given: Any) -> Desk:
    desk = Desk(folder, picture)
    image = {"image": ASSET} if picture else {}
    engine.run([Order(Kind.VIDEO, {**SMALL, **image, **given}, seed)], desk)
    return desk


def frames_of(path: Path) -> Frames:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


def changes(frames: Frames) -> list[float]:
    """Return how much each frame differs from the one before, on average."""
    return [float(np.abs(one.astype(float) - other.astype(float)).mean()) for one, other in pairwise(frames)]


@pytest.mark.parametrize(("form", "mark"), [("mp4", b"ftyp"), ("webm", b"webm")])
def test_a_clip_is_as_long_as_large_and_as_fast_as_asked(
    engine: VideoEngine, tmp_path: Path, form: str, mark: bytes
) -> None:
    desk = film(engine, tmp_path, prompt="a boat on the sea", format=form, duration=2.5, fps=30, aspect_ratio="16:9")

    with av.open(str(desk.path)) as file:
        [stream] = file.streams.video
        assert len(file.streams) == 1
        assert (stream.width, stream.height) == (854, 480)
        assert stream.average_rate is not None
        assert int(stream.average_rate) == 30
        assert stream.codec_context.name in {"vp9", "libvpx-vp9"}
    frames = frames_of(desk.path)
    assert len(frames) == 75
    assert mark in desk.path.read_bytes()[:64]
    facts = {name: desk.facts[name] for name in ("media_type", "width", "height", "duration")}
    assert facts == {"media_type": f"video/{form}", "width": 854, "height": 480, "duration": 2.5}


@pytest.mark.parametrize(
    "prompt", ["a red sailboat on the sea", "a chair", "zxcvb", "a cake on a plain blue background"]
)
def test_a_clip_is_alive_and_never_jumps(engine: VideoEngine, tmp_path: Path, prompt: str) -> None:
    moved = changes(frames_of(film(engine, tmp_path, prompt=prompt).path))

    for second in range(0, len(moved), 12):
        assert sum(moved[second : second + 12]) > 0.1
    assert max(moved) < 12 * max(0.3, float(np.median(moved)))


def test_the_picture_given_is_the_first_frame_and_the_camera_moves(
    engine: VideoEngine, tmp_path: Path, picture: Path
) -> None:
    frames = frames_of(film(engine, tmp_path, picture).path)

    with Image.open(picture) as opened:
        whole = np.asarray(opened.convert("RGB").resize((480, 480), Image.Resampling.LANCZOS), float)
    assert np.abs(frames[0].astype(float) - whole).mean() < 4
    assert np.abs(frames[-1].astype(float) - whole).mean() > 2
    assert max(changes(frames)) < 8


def test_a_clip_leads_from_the_first_picture_to_the_last(engine: VideoEngine, tmp_path: Path, picture: Path) -> None:
    last = tmp_path / "last.png"
    Image.linear_gradient("L").resize((640, 640)).convert("RGB").save(last)
    desk = Desk(tmp_path, picture, last)

    engine.run([Order(Kind.VIDEO, {**SMALL, "image": ASSET, "last_image": ASSET, "motions": ["pan_left"]}, 1)], desk)

    frames = frames_of(desk.path).astype(float)
    for frame, path in ((frames[0], picture), (frames[-1], last)):
        with Image.open(path) as opened:
            whole = np.asarray(opened.convert("RGB").resize((480, 480), Image.Resampling.LANCZOS), float)
        assert np.abs(frame - whole).mean() < 4
    assert max(changes(frames_of(desk.path))) < 14


def test_nothing_tears_open_at_the_edges(engine: VideoEngine, tmp_path: Path) -> None:
    white = tmp_path / "white.png"
    Image.new("RGB", (640, 640), "#ffffff").save(white)

    frames = frames_of(film(engine, tmp_path, white, motions=["orbit_left", "tilt_up"]).path)

    assert frames.min() > 245


def test_a_loop_goes_on_where_it_ends(engine: VideoEngine, tmp_path: Path) -> None:
    frames = frames_of(film(engine, tmp_path, prompt="a duck on a lake", loop=True, duration=4).path)

    seam = float(np.abs(frames[-1].astype(float) - frames[0].astype(float)).mean())
    assert seam < 2.5 * max(changes(frames))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(engine: VideoEngine, tmp_path: Path) -> None:
    made = [film(engine, tmp_path, prompt="two ducks", seed=seed).path.read_bytes() for seed in (1, 1, 2)]

    assert made[0] == made[1]
    assert made[0] != made[2]


def test_its_poster_is_a_jpeg_of_a_frame(engine: VideoEngine, tmp_path: Path) -> None:
    desk = film(engine, tmp_path, prompt="a fox")

    with Image.open(io.BytesIO(desk.facts["poster"])) as poster:
        assert (poster.format, poster.size) == ("JPEG", (480, 480))


def test_its_provenance_says_what_moved_and_that_no_model_made_it(engine: VideoEngine, tmp_path: Path) -> None:
    said = film(engine, tmp_path, prompt="a red car in the city and a blorptang, pan left").facts["provenance"]

    assert said["moves"] == {"automobile": "drive"}
    assert said["camera"] == ["pan_left"]
    assert said["not_understood"] == ["blorptang"]
    assert (said["fps"], said["frames"], said["codec"]) == (12, 24, "VP9")
    assert "not made by a generative model" in said["note"]


def test_words_that_a_picture_cannot_follow_are_said(engine: VideoEngine, tmp_path: Path, picture: Path) -> None:
    said = film(engine, tmp_path, picture, prompt="the cup falls over, zoom in").facts["provenance"]

    assert said["camera"] == ["zoom_in"]
    assert said["not_understood"] == ["the cup falls over"]


def test_progress_is_told_for_each_frame(engine: VideoEngine, tmp_path: Path) -> None:
    desk = film(engine, tmp_path, prompt="a fox")

    assert [done for done, _ in desk.told] == [*range(26), 26][: len(desk.told)]
    assert {total for _, total in desk.told} == {26}


@pytest.mark.parametrize(
    ("prompt", "moves"),
    [
        ("a boat on the sea", {"rock"}),
        ("a duck on a lake", {"glide"}),
        ("a butterfly in a meadow", {"flutter"}),
        ("a car in the city", {"drive"}),
        ("a house in the snow", {"still"}),
        ("a rose in a meadow", {"sway"}),
        ("fish under water", {"swim"}),
        ("a horse in a meadow", {"walk"}),
        ("a horse running in a meadow", {"run"}),
        ("a sleeping dog in the grass", {"sleep"}),
        ("a hot air balloon over the desert", {"rise"}),
        ("an astronaut in space", {"hover"}),
        ("birds flying over the sea", {"flap"}),
    ],
)
def test_things_move_as_their_kind_does(engine: VideoEngine, tmp_path: Path, prompt: str, moves: set[str]) -> None:
    said = film(engine, tmp_path, prompt=prompt).facts["provenance"]["moves"]

    assert set(said.values()) == moves
