from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from calotype.errors import InvalidImageError
from calotype.media import probe
from calotype.media.probe import Format, count_gif_frames, dimensions, inspect, recognise

FORMATS = ["PNG", "JPEG", "WEBP", "AVIF", "GIF"]


def picture(name: str, **options: Any) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (37, 23), "teal").save(target, name, **options)
    return target.getvalue()


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + name + body


def heif(brand: bytes, *sizes: tuple[int, int]) -> bytes:
    spans = [box(b"ispe", bytes(4), struct.pack(">II", *size)) for size in sizes]
    return box(b"ftyp", b"mif1", bytes(4), brand) + box(b"meta", bytes(4), box(b"iprp", box(b"ipco", *spans)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_is_recognised_by_its_content_and_measured_by_its_header(name: str, file: Path) -> None:
    file.write_bytes(picture(name))

    assert recognise(file.read_bytes()[:64]) == inspect(file) == Format(name)
    assert dimensions(file) == (37, 23)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\0\0" + bytes(60_000)}),
        ("GIF", {"save_all": True, "append_images": [Image.new("RGB", (37, 23))]}),
        ("AVIF", {"save_all": True, "append_images": [Image.new("RGB", (37, 23))]}),
    ],
)
def test_every_way_to_write_a_format_is_measured(name: str, options: dict[str, Any], file: Path) -> None:
    file.write_bytes(picture(name, **options))

    assert dimensions(file) == (37, 23)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello, I am a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\xc5\xd0\xd3\xc6" + bytes(60),
        b"%PDF-1.7\n",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"BM" + bytes(60),
        b"P6\n1 1\n255\n...",
        b"8BPS\0\x01",
        b"\0\0\x01\0\x01\0",
        b"PK\x03\x04",
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"RIFF\x10\0\0\0WEBP",
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
        b" " + b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\n\n\x1a\n",
        b"GIF88a",
    ],
)
def test_other_files_are_no_pictures(head: bytes, file: Path) -> None:
    file.write_bytes(head)

    assert recognise(head) is None
    with pytest.raises(InvalidImageError):
        inspect(file)


@pytest.mark.parametrize(
    "wrapping", [b"%PDF-1.7\n", b"<html><script>alert(1)</script>", b"PK\x03\x04", b"II*\0", b"%!PS\n"]
)
def test_a_picture_inside_another_file_is_no_picture(wrapping: bytes, file: Path) -> None:
    file.write_bytes(wrapping + picture("JPEG"))

    with pytest.raises(InvalidImageError, match="no PNG, JPEG"):
        inspect(file)


def test_a_file_that_could_be_heic_is_one_only_where_it_can_be_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(heif(b"heic", (64, 64), (640, 480), (64, 64)))

    monkeypatch.setattr(probe, "can_read_heic", lambda: False)
    with pytest.raises(InvalidImageError, match="HEIC is not read here"):
        inspect(file)
    monkeypatch.setattr(probe, "can_read_heic", lambda: True)
    assert inspect(file) is Format.HEIC
    assert dimensions(file) == (640, 480)


def giant(name: str) -> bytes:
    match name:
        case "PNG":
            return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 0x7FFFFFFF, 0x7FFFFFFF) + b"\x08\x02\0\0\0"
        case "JPEG":
            return b"\xff\xd8\xff\xe0\0\x04..\xff\xc0\0\x11\x08" + struct.pack(">HH", 65535, 65535)
        case "GIF":
            return b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(3)
        case "WEBP":
            return b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\xff" * 2
    return heif(b"avif", (10, 10), (70_000, 70_000))


@pytest.mark.parametrize("name", FORMATS)
def test_giant_dimensions_are_refused_by_the_header(name: str, file: Path) -> None:
    file.write_bytes(giant(name))

    with pytest.raises(InvalidImageError, match="50 megapixels"):
        inspect(file)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int], file: Path) -> None:
    file.write_bytes(b"GIF89a" + struct.pack("<HH", *size) + bytes(3))

    with pytest.raises(InvalidImageError, match="no pixels"):
        inspect(file)


@pytest.mark.parametrize(("size", "is_fine"), [((8000, 6250), True), ((8000, 6251), False), ((50_000_000, 1), True)])
def test_fifty_megapixels_are_the_most(size: tuple[int, int], is_fine: bool, file: Path) -> None:
    file.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", *size))

    if is_fine:
        assert inspect(file) is Format.PNG
    else:
        with pytest.raises(InvalidImageError, match="8000 by 6251"):
            inspect(file)


@pytest.mark.parametrize(
    "endless",
    [
        b"\xff\xd8\xff\xe0" + b"\0\x02\xff\xe0" * 1_000_000,
        b"\xff\xd8" + b"\xff" * 4_000_000,
        b"\xff\xd8\xff\xd0" + b"\xff\xd0" * 2_000_000,
        box(b"ftyp", b"avif", bytes(8)) + box(b"free") * 500_000,
        box(b"ftyp", b"avif", bytes(8)) + b"\0\0\0\0meta" * 500_000,
    ],
    ids=["segments", "padding", "restarts", "boxes", "nested boxes"],
)
def test_an_endless_header_is_given_up(endless: bytes, file: Path) -> None:
    file.write_bytes(endless)

    with pytest.raises(InvalidImageError, match=r"too long|damaged"):
        inspect(file)


@pytest.mark.parametrize("name", FORMATS)
def test_a_header_cut_anywhere_is_refused_or_still_measured(name: str, file: Path) -> None:
    whole = picture(name)
    for length in range(1, 400):
        file.write_bytes(whole[:length])
        try:
            inspect(file)
        except InvalidImageError:
            continue
        assert dimensions(file) == (37, 23)


@given(st.sampled_from([*FORMATS, "HEIF"]), st.binary(max_size=300))
def test_no_header_breaks_the_walk(tmp_path_factory: pytest.TempPathFactory, name: str, tail: bytes) -> None:
    starts = {
        "PNG": b"\x89PNG\r\n\x1a\n",
        "JPEG": b"\xff\xd8\xff",
        "GIF": b"GIF89a",
        "WEBP": b"RIFF\0\0\0\0WEBPVP8",
        "AVIF": box(b"ftyp", b"avif", bytes(8)),
        "HEIF": box(b"ftyp", b"avif", bytes(8)) + b"\0\0\1\0meta\0\0\0\0\0\0\1\0iprp\0\0\1\0ipco",
    }
    file = tmp_path_factory.getbasetemp() / "mutant"
    file.write_bytes(starts[name] + tail)

    with suppress(InvalidImageError):
        assert isinstance(inspect(file), Format)


def test_the_frames_of_a_gif_are_counted_without_decoding() -> None:
    frames = [Image.effect_noise((8, 8), number + 1) for number in range(5)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])

    assert count_gif_frames(target.getvalue(), 300) == 5
    assert count_gif_frames(target.getvalue(), 3) == 4


@pytest.mark.parametrize("crumbs", [b"\x21\xff" + b"\1a" * 1_000_000 + b"\0", b"\x21\xff\0" * 1_000_001])
def test_a_gif_of_a_million_crumbs_is_not_walked_to_its_end(crumbs: bytes) -> None:
    with pytest.raises(InvalidImageError, match="pieces"):
        count_gif_frames(b"GIF89a" + bytes(7) + crumbs + picture("GIF")[13:], 300)


def test_a_gif_cut_short_has_the_frames_that_begin_in_it() -> None:
    data = picture("GIF")

    assert count_gif_frames(data[:-10], 300) == 1
    assert count_gif_frames(data[:14], 300) == 0
