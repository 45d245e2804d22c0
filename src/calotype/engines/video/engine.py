"""The engine: a scene or a picture, a camera, and frame after frame into a file."""

from __future__ import annotations

import gc
import importlib.util
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

import calotype_data
from calotype.engines.base import Context, Estimate, Order, Phase, Probe
from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.drawing.provenance import provenance_of
from calotype.engines.video.camera import Camera, mirrored
from calotype.engines.video.card import CARD
from calotype.engines.video.film import Film, kept_in_sight
from calotype.engines.video.layers import Lens
from calotype.engines.video.photo import Dissolve, Photo
from calotype.engines.video.scenery import Pace
from calotype.engines.video.words import MOST_MOTIONS, Direction, read_direction
from calotype.errors import EngineError
from calotype.jobs.inputs.image import ImageInput
from calotype.jobs.inputs.video import VideoInput

PREVIEW_SIDE = 320
_AHEAD = 6
"""How many frames are drawn before the encoder has taken the first of them."""
_DRAWERS = 2
_MOST_DENSE = 1.25
_POSTER_AT = 0.35
_NEEDED = ("av", "resvg_py", "tokenizers", "numpy")
_NOTES = {
    "text": "This clip was not made by a generative model: drawings were found for what the prompt names, and moved by rules.",
    "image": "This clip was not made by a generative model: a camera moves through the picture, whose depth was guessed from "
    "its colours and detail. Nothing was added to the picture.",
}


class Shot(Protocol):
    """What is filmed."""

    def frame(self, along: float) -> Image.Image:
        """Return the picture when a share of the clip, 0 to 1, has passed."""
        ...


@dataclass(frozen=True, slots=True)
class _Take:
    """A shot that is ready to be filmed, and what is said of it."""

    shot: Shot
    size: tuple[int, int]
    said: Mapping[str, Any]


class VideoEngine:
    """Clips from text and from pictures."""

    card = CARD

    def __init__(self) -> None:
        self._illustrator: Illustrator | None = None

    def probe(self) -> Probe:
        """Return whether the encoder, the renderer and the drawings are there."""
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            return Probe(False, f"The package {missing[0]} is not installed, or has no build for this platform.")
        try:
            calotype_data.path("art/index.json.gz")
        except FileNotFoundError as error:
            return Probe(False, f"{error}.")
        return Probe(True)

    def estimate(self, order: Order) -> Estimate:
        """Return seconds and bytes, which grow with the pixels of all frames."""
        wanted = VideoInput.model_validate(dict(order.input))
        width, height = wanted.size()
        pixels = width * height * wanted.frames / 1e6
        warm = 1.5 + 0.16 * pixels
        return Estimate(
            cold=warm + 1.0, warm=warm, memory=300_000_000 + 160 * width * height, output=int(pixels * 9_000) + 20_000
        )

    def batch_key(self, order: Order) -> None:
        """Return None: one clip keeps every core busy."""
        del order

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Read the drawings and the word vectors; the device does not matter."""
        del device
        self._illustrator = Illustrator()
        report(1.0)

    def warm(self) -> None:
        """Draw one small frame."""
        wanted = VideoInput(prompt="a red sailboat on the sea at sunset")
        self._drawn(wanted, 0, (128, 72)).shot.frame(0.5)

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Film every order."""
        for order in orders:
            wanted = VideoInput.model_validate(dict(order.input))
            context.progress(0, _whole(wanted), Phase.COMPOSING)
            take = self._take(wanted, order.seed, context)
            self._film(wanted, take, context)

    def unload(self) -> None:
        """Give the memory back."""
        self._illustrator = None
        gc.collect()

    def _take(self, wanted: VideoInput, seed: int, context: Context) -> _Take:
        if wanted.image is not None:
            return _photographed(wanted, context)
        return self._drawn(wanted, seed, wanted.size())

    def _drawn(self, wanted: VideoInput, seed: int, size: tuple[int, int]) -> _Take:
        """Return the scene that the prompt asks for, ready to move."""
        illustrator = self._loaded()
        direction = read_direction(wanted.prompt or "")
        motions = _motions(wanted, direction)
        density = min(_MOST_DENSE, Camera(motions, from_rest=False, loop=wanted.loop).largest_zoom())
        scene = (round(size[0] * density), round(size[1] * density))
        asked = ImageInput(
            prompt=direction.text or wanted.prompt or "", negative_prompt=wanted.negative_prompt, style=wanted.style
        )
        composition = illustrator.compose(asked, seed, scene)
        camera = Camera(motions, from_rest=False, loop=wanted.loop, keep=kept_in_sight(composition))
        pace = Pace(wanted.duration, wanted.loop, direction.tempo)
        lens = Lens(size[0], size[1], scene[0] / size[0])
        film = Film(composition, illustrator.painter, camera, lens, pace, seed, liveliness=direction.liveliness)
        said = provenance_of(composition, seed)
        said |= {
            "note": f"{_NOTES['text']} {said['note']}",
            "moves": film.moves,
            "camera": list(camera.motions) or ["auto"],
        }
        return _Take(film, size, said)

    def _film(self, wanted: VideoInput, take: _Take, context: Context) -> None:
        # imported late: where there is no PyAV, probe() must still be able to say so
        from calotype.engines.video.encode import CODEC, MEDIA_TYPES, Encoder

        path, whole, poster = context.scratch / f"clip.{wanted.format}", _whole(wanted), b""
        with Encoder(path, wanted.format, take.size, wanted.fps) as encoder:
            for number, frame in enumerate(_frames(take.shot, _moments(wanted))):
                encoder.add(frame)
                if number == round(_POSTER_AT * (wanted.frames - 1)):
                    poster = _jpeg(frame, max(take.size))
                context.progress(number + 1, whole, Phase.FRAMES, _preview_at(number, wanted.fps, frame))
        context.progress(whole - 1, whole, Phase.SAVING)
        said = {**take.said, "codec": CODEC, "fps": wanted.fps, "frames": wanted.frames, "loop": wanted.loop}
        width, height = take.size
        context.write(
            path, MEDIA_TYPES[wanted.format], width=width, height=height, duration=wanted.frames / wanted.fps,
            provenance=said, poster=poster,
        )  # fmt: skip
        context.progress(whole, whole, Phase.SAVING)

    def _loaded(self) -> Illustrator:
        if self._illustrator is None:
            raise EngineError("The video engine was asked to film before it was loaded.")
        return self._illustrator


def _photographed(wanted: VideoInput, context: Context) -> _Take:
    """Return the picture, or the way from one picture to another, ready for the camera."""
    direction = read_direction(wanted.prompt or "")
    motions = _motions(wanted, direction)
    picture = _opened(context.input_file("image"))
    size = wanted.size(picture.size)
    first = Photo(picture, size, Camera(motions, from_rest=True, loop=wanted.loop))
    shot: Shot = first
    if wanted.last_image is not None:
        last = _opened(context.input_file("last_image"))
        shot = Dissolve(first, Photo(last, size, Camera(mirrored(motions), from_rest=True)))
    said = {
        "note": _NOTES["image"],
        "camera": motions or ["auto"],
        "not_understood": [direction.text] if direction.text else [],
        "source": {"width": picture.width, "height": picture.height},
    }
    return _Take(shot, size, said)


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        return opened.convert("RGB")


def _motions(wanted: VideoInput, direction: Direction) -> list[str]:
    """Return what the camera does: what the field says, else what the prompt says."""
    return [str(one) for one in wanted.motions or direction.motions][:MOST_MOTIONS]


def _whole(wanted: VideoInput) -> int:
    return wanted.frames + 2


def _moments(wanted: VideoInput) -> list[float]:
    """Return when each frame is: a loop's last frame is followed by its first."""
    last = wanted.frames if wanted.loop else wanted.frames - 1
    return [number / last for number in range(wanted.frames)]


def _frames(shot: Shot, moments: Sequence[float]) -> Iterator[Image.Image]:
    """Yield the frames in order, some being drawn while the one before is encoded."""
    with ThreadPoolExecutor(_DRAWERS) as drawers:
        waiting: deque[Future[Image.Image]] = deque()
        try:
            for moment in moments:
                waiting.append(drawers.submit(shot.frame, moment))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def _preview_at(number: int, fps: int, frame: Image.Image) -> bytes | None:
    """Return a small picture of every second's first frame."""
    return _jpeg(frame, PREVIEW_SIDE) if number % fps == 0 else None


def _jpeg(frame: Image.Image, side: int) -> bytes:
    small = frame.copy()
    small.thumbnail((side, side))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=85)
    return data.getvalue()
