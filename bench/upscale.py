"""What an enlargement costs in one process, without the server: decode, network, encode and fsync, as the engine does them.

The same picture submitted as a job may cost at most 1.05 times as much: `reference_seconds` is the figure to divide by.

    python bench/upscale.py [PICTURE] [SCALE] [ROUNDS]
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw

import calotype_data
from calotype.engines.upscale.engine import WEIGHTS
from calotype.engines.upscale.network import OnnxNetwork
from calotype.engines.upscale.pictures import make_image, read_picture, save_png
from calotype.engines.upscale.tiles import enlarge

WIDTH, HEIGHT = 1120, 840
"""Large enough that an enlargement takes more than five seconds on two cores."""


def draw_picture(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """Write a picture to enlarge: a slope of colour, discs and lines."""
    image = Image.merge(
        "RGB", [Image.linear_gradient("L").resize((width, height)).rotate(turn) for turn in (0, 90, 180)]
    )
    draw = ImageDraw.Draw(image)
    for number in range(40):
        left, top = (number * 397) % width, (number * 251) % height
        draw.ellipse((left, top, left + 60, top + 60), (number * 6, 255 - number * 5, 128), (20, 20, 20), 2)
        draw.line((left, top, width - left, height - top), (255 - number * 6, 40, number * 6), 2)
    image.save(path)
    return path


def load_network() -> OnnxNetwork:
    """Return the network, warm, as a worker that has made a picture before holds it."""
    network = OnnxNetwork(calotype_data.path(WEIGHTS), "cpu")
    with tempfile.TemporaryDirectory() as folder:
        enlarge_file(network, draw_picture(Path(folder) / "warm.png", 64, 64), 4, Path(folder) / "out.png")
    return network


def enlarge_file(network: OnnxNetwork, path: Path, scale: int, target: Path) -> None:
    """Read, enlarge, write and fsync one picture."""
    picture = read_picture(path)
    pixels = enlarge(network, picture.pixels, scale, lambda _tile, _made: None)
    size = (picture.size[0] * scale, picture.size[1] * scale)
    save_png(make_image(pixels, picture, size), target, picture.profile)
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def reference_seconds(path: Path, scale: int, network: OnnxNetwork | None = None) -> float:
    """Return the seconds of one enlargement in this process, the network loaded and warm."""
    network = network or load_network()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        enlarge_file(network, path, scale, Path(folder) / "out.png")
        return time.perf_counter() - started


def main(arguments: list[str]) -> None:
    network = load_network()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments[0]) if arguments else draw_picture(Path(folder) / "source.png")
        scale = int(arguments[1]) if len(arguments) > 1 else 4
        rounds = int(arguments[2]) if len(arguments) > 2 else 3
        seconds = [reference_seconds(path, scale, network) for _ in range(rounds)]
    print(f"x{scale}: median {statistics.median(seconds):.2f} s, best {min(seconds):.2f} s of {rounds}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main(sys.argv[1:])
