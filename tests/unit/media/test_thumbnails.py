from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from calotype.media.probe import ImageFacts
from calotype.media.thumbnails import image_facts, thumbnail


def saved(image: Image.Image, name: str) -> bytes:
    target = io.BytesIO()
    image.save(target, name)
    return target.getvalue()


@pytest.mark.parametrize(
    ("size", "small"),
    [((1000, 500), (320, 160)), ((500, 1000), (160, 320)), ((3000, 1), (320, 1)), ((64, 32), (64, 32))],
)
@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
def test_a_thumbnail_keeps_the_shape_and_enlarges_nothing(
    name: str, size: tuple[int, int], small: tuple[int, int]
) -> None:
    with Image.open(io.BytesIO(thumbnail(saved(Image.new("RGB", size, "teal"), name)))) as image:
        assert (image.size, image.format) == (small, "WEBP")


def test_a_thumbnail_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    data = saved(Image.new("RGB", (400, 300), "teal"), "PNG")
    (tmp_path / "picture.png").write_bytes(data)

    assert thumbnail(tmp_path / "picture.png", side=100) == thumbnail(data, side=100)


@pytest.mark.parametrize(
    ("mode", "has_alpha"), [("RGB", False), ("RGBA", True), ("L", False), ("LA", True), ("P", False)]
)
def test_transparency_is_kept_and_told(mode: str, has_alpha: bool) -> None:
    data = saved(Image.new(mode, (400, 300)), "PNG")

    assert image_facts(data) == ImageFacts(400, 300, "image/png", has_alpha)
    assert image_facts(thumbnail(data)) == ImageFacts(320, 240, "image/webp", has_alpha)
