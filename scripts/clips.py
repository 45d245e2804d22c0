"""Film the clips of tests/gallery/clips.toml and lay their frames out as strips: docs/gallery/. Run by `make gallery`.

Clips of photographs need scikit-image, whose samples they are; without it they are left out, and it is said.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageFont

from calotype.engines.base import Order
from calotype.engines.video.engine import VideoEngine
from calotype.jobs.kinds import Kind

ROOT = Path(__file__).parents[1]
CLIPS = ROOT / "tests" / "gallery" / "clips.toml"
FOLDER = ROOT / "docs" / "gallery"
SHOWN, TALL, CAPTION, GAP = 5, 170, 22, 8
SECONDS = 4
INTRODUCTION = """# Clips

What `tests/gallery/clips.toml` asks of the **video** engine, as five frames from beginning to end; the requests and what they
must show were written before the engine. {seconds} seconds each where nothing else is said, 720p, 24 frames a second, VP9 in MP4.
Made by `make gallery`; peak memory of the whole run {peak} MB. The seconds are of two cores that did other things too.

No generative model made these: drawings are found for what a prompt names and moved by rules, and photographs (samples of
scikit-image) are filmed by a camera that moves through their guessed depth.

![strips](clips.jpg)

| Clip | Asked | Seconds | KB |
|---|---|---|---|
"""
STANDS_FOR = {"asset_id": "00000000-0000-7000-8000-000000000000"}


class Desk:
    """What the engine is handed: nobody cancels, and what it makes is kept."""

    def __init__(self, scratch: Path, picture: Path | None) -> None:
        self.scratch, self.picture = scratch, picture
        self.path = Path()

    def input_file(self, name: str, index: int = 0) -> Path:
        """Return the sample photograph."""
        assert self.picture is not None, f"{name} {index} was not given"
        return self.picture

    def progress(self, *_: Any) -> None:
        """Nobody watches."""

    def check(self) -> None:
        """Nobody cancels."""

    def write(self, data: Path, media_type: str, **_: Any) -> None:
        """Keep where the clip is."""
        del media_type
        self.path = data


def main() -> None:
    """Write the strips and their page."""
    engine = VideoEngine()
    engine.load("cpu", lambda _: None)
    FOLDER.mkdir(parents=True, exist_ok=True)
    strips, rows = [], []
    for clip in tomllib.loads(CLIPS.read_text("utf-8"))["clip"]:
        picture = photograph(clip.get("picture"))
        if clip.get("picture") and picture is None:
            sys.stdout.write(f"{clip['id']} left out: scikit-image is not installed\n")
            continue
        with tempfile.TemporaryDirectory() as folder:
            path, seconds = film(engine, clip, Path(folder), picture)
            says = f"{clip['id']}: {' · '.join(filter(None, (clip.get('picture'), clip['text'])))}"
            strips.append(strip(path, says))
            rows.append(
                f"| {clip['id']} | {clip['text'] or '(nothing)'} | {seconds:.1f} | {path.stat().st_size // 1000} |"
            )
        sys.stdout.write(f"{rows[-1]}\n")
    stacked(strips).save(FOLDER / "clips.jpg", quality=82, optimize=True)
    (FOLDER / "clips.md").write_text(page(rows), "utf-8")


def photograph(name: str | None) -> Path | None:
    """Return the file of one of scikit-image's samples; None without it."""
    found = importlib.util.find_spec("skimage")
    if name is None or found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "data" / f"{name}.png"


def film(engine: VideoEngine, clip: Mapping[str, Any], folder: Path, picture: Path | None) -> tuple[Path, float]:
    """Return a clip's file, and how many seconds it took."""
    given = {name: clip[name] for name in ("aspect_ratio", "duration") if name in clip}
    given = {"duration": SECONDS} | given | ({"prompt": clip["text"]} if clip["text"] else {})
    desk = Desk(folder, picture)
    started = time.perf_counter()
    engine.run([Order(Kind.VIDEO, given | ({"image": STANDS_FOR} if picture else {}), clip["seed"])], desk)  # type: ignore[arg-type]
    return desk.path, time.perf_counter() - started


def strip(path: Path, says: str) -> Image.Image:
    """Return frames from the clip's beginning to its end side by side, with what was asked above."""
    with av.open(str(path)) as file:
        frames = [frame.to_image() for frame in file.decode(video=0)]
    chosen = [frames[round(number * (len(frames) - 1) / (SHOWN - 1))] for number in range(SHOWN)]
    wide = round(TALL * chosen[0].width / chosen[0].height)
    row = Image.new("RGB", (SHOWN * (wide + GAP), TALL + CAPTION + GAP), "#f6f4ef")
    ImageDraw.Draw(row).text((2, 4), says, fill="#3a3733", font=ImageFont.load_default(13))
    for number, frame in enumerate(chosen):
        row.paste(frame.resize((wide, TALL), Image.Resampling.LANCZOS), (number * (wide + GAP), CAPTION))
    return row


def stacked(strips: list[Image.Image]) -> Image.Image:
    """Return the strips one below the other."""
    sheet = Image.new("RGB", (max(one.width for one in strips), sum(one.height for one in strips)), "#f6f4ef")
    top = 0
    for one in strips:
        sheet.paste(one, (0, top))
        top += one.height
    return sheet


def page(rows: list[str]) -> str:
    """Return the page's text."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    return INTRODUCTION.format(seconds=SECONDS, peak=peak) + "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
