"""What becomes of pictures from strangers. Each test starts the real child."""

from __future__ import annotations

import base64
import io
import random
import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from calotype.errors import InvalidImageError
from calotype.media import decode
from calotype.media.decode import Normalised, normalise
from calotype.media.probe import Format, ImageFacts

pytestmark = pytest.mark.anyio

FORMATS = ["PNG", "JPEG", "WEBP", "AVIF", "GIF"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "target"
    target.mkdir()
    return target


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, name, **options)
    return target.getvalue()


def corners(size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A picture whose top left quarter is red and whose rest is blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    return image


async def normalised(data: bytes, folder: Path) -> Normalised:
    source = folder.parent / "source"
    source.write_bytes(data)
    return await normalise(source, folder)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def refusal(data: bytes, folder: Path) -> str:
    with pytest.raises(InvalidImageError) as raised:
        await normalised(data, folder)
    assert files_in(folder) == []
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("PNG", "image/png"),
        ("GIF", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/jpeg"),
        ("AVIF", "image/jpeg"),
    ],
)
async def test_a_picture_is_written_anew_as_png_or_jpeg(name: str, media_type: str, folder: Path) -> None:
    result = await normalised(saved(corners(), name), folder)

    assert result.facts == ImageFacts(40, 30, media_type, has_alpha=False)
    with Image.open(result.path) as image:
        assert (image.size, image.mode, image.get_format_mimetype()) == ((40, 30), "RGB", media_type)
        assert nearest(image, (5, 5)) == "red"
        assert nearest(image, (35, 25)) == "blue"


def pixel(image: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    value = image.getpixel(at)
    assert isinstance(value, tuple)
    return value


def nearest(image: Image.Image, at: tuple[int, int]) -> str:
    red, _, blue, *_ = pixel(image, at)
    return "red" if red > blue else "blue"


async def test_the_only_file_made_is_the_result(folder: Path) -> None:
    result = await normalised(saved(corners(), "PNG"), folder)

    assert files_in(folder) == [result.path]
    assert result.path.suffix == ".png"


@pytest.mark.parametrize("name", ["PNG", "WEBP", "AVIF"])
async def test_transparency_is_kept(name: str, folder: Path) -> None:
    image = corners().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 5, 5))

    result = await normalised(saved(image, name), folder)

    assert result.facts == ImageFacts(40, 30, "image/png", has_alpha=True)
    with Image.open(result.path) as read:
        assert pixel(read, (2, 2))[3] == 0
        assert pixel(read, (30, 20))[3] == 255


async def test_a_palette_is_resolved(folder: Path) -> None:
    result = await normalised(saved(corners().quantize(4), "PNG"), folder)

    with Image.open(result.path) as image:
        assert (image.mode, nearest(image, (5, 5)), nearest(image, (35, 25))) == ("RGB", "red", "blue")


async def test_an_alpha_channel_that_hides_nothing_is_dropped(folder: Path) -> None:
    result = await normalised(saved(corners().convert("RGBA"), "PNG"), folder)

    assert not result.facts.has_alpha


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "I;16", "RGBA"])
async def test_every_mode_becomes_rgb_with_its_colours(mode: str, folder: Path) -> None:
    name = "JPEG" if mode == "CMYK" else "PNG"
    grey = (
        Image.new("I;16", (8, 8), 0x8080) if mode == "I;16" else Image.new("RGB", (8, 8), (128, 128, 128)).convert(mode)
    )

    result = await normalised(saved(grey, name), folder)

    with Image.open(result.path) as image:
        assert image.mode == "RGB"
        expected = (0, 255) if mode == "1" else (118, 138)
        assert all(expected[0] <= value <= expected[1] for value in pixel(image, (4, 4)))


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photo_is_turned_upright(orientation: int, folder: Path) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = corners()
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = upright.transpose(undo[orientation]) if orientation in undo else upright

    result = await normalised(saved(lying, "JPEG", exif=exif), folder)

    with Image.open(result.path) as image:
        assert image.size == (40, 30)
        assert [nearest(image, at) for at in [(5, 5), (35, 5), (5, 25), (35, 25)]] == ["red", "blue", "blue", "blue"]


async def test_metadata_does_not_survive(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Where I live"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "Where I live", zip=False)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    for data in (
        saved(corners(), "PNG", exif=exif, pnginfo=notes, icc_profile=profile),
        saved(corners(), "JPEG", exif=exif, comment=b"Where I live", icc_profile=profile, xmp=b"Where I live"),
        saved(corners(), "WEBP", exif=exif, icc_profile=profile, xmp=b"Where I live"),
    ):
        result = await normalised(data, folder)

        with Image.open(result.path) as image:
            image.load()
            assert not set(image.info) & {"exif", "icc_profile", "comment", "Comment", "xmp"}
        assert b"Where I live" not in result.path.read_bytes()


async def test_colours_are_brought_into_srgb(folder: Path) -> None:
    """A profile in which red and blue have changed places shows whether it was used."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for old, new in ((b"rXYZ", b"tmpX"), (b"bXYZ", b"rXYZ"), (b"tmpX", b"bXYZ"), (b"sRGB", b"Swap")):
        at = profile.find(old)
        profile[at : at + 4] = new
    description = "sRGB".encode("utf-16-be")
    profile = bytearray(bytes(profile).replace(description, "Swap".encode("utf-16-be")))

    result = await normalised(saved(Image.new("RGB", (8, 8), "red"), "PNG", icc_profile=bytes(profile)), folder)

    with Image.open(result.path) as image:
        assert nearest(image, (4, 4)) == "blue"


@pytest.mark.parametrize("profile", [b"", b"no profile", bytes(4096)])
async def test_a_damaged_profile_spoils_no_picture(profile: bytes, folder: Path) -> None:
    result = await normalised(saved(corners(), "PNG", icc_profile=profile), folder)

    assert result.facts.width == 40


async def test_damaged_exif_spoils_no_picture(folder: Path) -> None:
    result = await normalised(saved(corners(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 40), folder)

    assert result.facts.width == 40


async def test_what_follows_a_picture_is_left_behind(folder: Path) -> None:
    for name in FORMATS:
        result = await normalised(saved(corners(), name) + b"PK\x03\x04 <script>alert(1)</script> %PDF-1.7", folder)

        assert b"script" not in result.path.read_bytes()


async def test_an_animation_becomes_its_first_frame(folder: Path) -> None:
    second = Image.new("RGB", (40, 30), "blue")
    for name in ("GIF", "PNG", "WEBP", "AVIF"):
        result = await normalised(saved(corners(), name, save_all=True, append_images=[second]), folder)

        with Image.open(result.path) as image:
            assert nearest(image, (5, 5)) == "red"


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just text named .png",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(x) run",
        b"%PDF-1.7\n" + saved(corners(), "JPEG"),
        saved(corners(), "TIFF"),
        saved(corners(), "BMP"),
        saved(corners(), "EPS"),
        saved(corners(), "PDF"),
    ],
    ids=["empty", "text", "svg", "eps by hand", "pdf with a jpeg", "tiff", "bmp", "eps", "pdf"],
)
async def test_what_is_no_picture_starts_no_child(data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "ask_child", None)

    assert "cannot be used" in await refusal(data, folder)


@pytest.mark.parametrize("name", FORMATS)
async def test_a_picture_cut_short_is_refused(name: str, folder: Path) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((200, 200), 90)] * 3)
    data = saved(noise, name)

    assert "damaged or cut short" in await refusal(data[: len(data) // 2], folder)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(megabytes)] + [packer.flush()])


async def test_a_zip_bomb_in_the_pixels_costs_no_more_than_its_pixels(folder: Path, peak: Peak) -> None:
    await normalised(png(16, 16, chunk(b"IDAT", packed_zeros(400))), folder)

    assert peak.megabytes() < 100


async def test_zip_bombs_in_the_notes_are_refused_or_passed_over(folder: Path, peak: Peak) -> None:
    pixels = chunk(b"IDAT", zlib.compress(bytes(49 * 16)))
    zeros = packed_zeros(200)
    notes = [
        chunk(b"zTXt", b"Comment\0\0" + zeros),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros),
        chunk(b"iCCP", b"profile\0\0" + zeros),
    ]

    for note in notes:
        with suppress(InvalidImageError):
            await normalised(png(16, 16, note, pixels), folder)

    assert peak.megabytes() < 200


def endless_gif(frames: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame * frames + b"\x3b"


async def test_a_gif_of_a_million_frames_is_refused(folder: Path) -> None:
    assert "300 frames" in await refusal(endless_gif(1_000_000), folder)


async def test_a_gif_of_ten_million_crumbs_is_refused(folder: Path) -> None:
    assert "pieces" in await refusal(endless_gif(1)[:-1] + b"\x21\xff" + b"\1a" * 10_000_000 + b"\0\x3b", folder)


async def test_three_hundred_frames_are_the_most(folder: Path) -> None:
    assert "300 frames" in await refusal(endless_gif(301), folder)
    assert (await normalised(endless_gif(300), folder)).facts.width == 1


@pytest.mark.parametrize("name", ["PNG", "WEBP"])
async def test_other_animations_have_the_same_limit(name: str, folder: Path) -> None:
    frames = [Image.new("RGB", (2, 2), (number % 256, number // 256, 7)) for number in range(301)]
    animation = saved(frames[0], name, save_all=True, append_images=frames[1:], lossless=True)

    assert "300 frames" in await refusal(animation, folder)


async def test_a_gif_whose_frame_is_larger_than_its_screen_is_measured_again(folder: Path) -> None:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\0"
    lie = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame + b"\x3b"

    assert "50 megapixels" in await refusal(lie, folder)


async def test_the_largest_picture_we_take_fits_into_the_childs_memory(folder: Path, peak: Peak) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = (
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"\0s\0R\0G\0B", b"\0x\0R\0G\0B")
    )
    large = saved(Image.new("RGB", (8000, 6250), "teal"), "JPEG", exif=exif, icc_profile=profile)

    result = await normalised(large, folder)

    assert (result.facts.width, result.facts.height) == (6250, 8000)
    assert peak.megabytes() < 1000


async def test_a_picture_that_needs_more_memory_than_we_allow_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hobble(monkeypatch, "child._LIMITS[resource.RLIMIT_AS] = 180 << 20")

    assert "memory" in await refusal(saved(Image.new("RGB", (8000, 6250)), "PNG"), folder)


async def test_a_picture_that_takes_too_long_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_PATIENCE", 0.01)

    assert "too long" in await refusal(saved(corners(), "PNG"), folder)


async def test_a_child_that_uses_up_its_processor_time_is_a_refusal(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hobble(monkeypatch, "child._LIMITS[resource.RLIMIT_CPU] = 2", "while True: pass")

    assert "too long" in await refusal(saved(corners(), "PNG"), folder)


@pytest.mark.parametrize(("number", "reason"), [("SIGSEGV", "damaged"), ("SIGABRT", "damaged"), ("SIGKILL", "memory")])
async def test_a_child_that_crashes_is_a_refusal(
    number: str, reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hobble(monkeypatch, "", f"import os, signal; os.kill(os.getpid(), signal.{number})")

    assert reason in await refusal(saved(corners(), "PNG"), folder)


async def test_a_child_that_fails_for_our_own_reasons_blames_no_picture(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code 1"):
        await normalised(saved(corners(), "PNG"), folder / "never-made")


async def test_two_hundred_damaged_pictures_harm_nothing(folder: Path, tmp_path: Path) -> None:
    dice = random.Random(20260301)
    noise = Image.merge("RGBA", [Image.effect_noise((48, 32), 60) for _ in range(4)])
    whole = [
        saved(noise.convert("P" if name == "GIF" else "RGB" if name == "JPEG" else "RGBA"), name) for name in FORMATS
    ]
    outcomes: list[str] = []

    async def try_one(number: int) -> None:
        source = tmp_path / f"mutant-{number}"
        source.write_bytes(damaged(whole[number % len(whole)], dice))
        try:
            outcomes.append((await normalise(source, folder)).facts.media_type)
        except InvalidImageError as refused:
            outcomes.append(str(refused))

    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(try_one, number)

    assert len(outcomes) == 200
    assert len(files_in(folder)) == sum(outcome.startswith("image/") for outcome in outcomes)
    assert any("damaged" in outcome for outcome in outcomes)


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Overwrite, cut out or repeat a few bytes, mostly near the beginning where the lengths stand."""
    mutant = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(min(len(mutant), dice.choice([200, len(mutant)])))
        match dice.randrange(4):
            case 0:
                mutant[at] ^= 1 << dice.randrange(8)
            case 1:
                mutant[at : at + 4] = dice.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
            case 2:
                del mutant[at : at + dice.randrange(1, 16)]
            case _:
                mutant[at:at] = mutant[at : at + dice.randrange(1, 64)]
    return bytes(mutant)


# --- children that are measured or hobbled --------------------------------------------------------


def hobble(monkeypatch: pytest.MonkeyPatch, before: str, after: str = "") -> None:
    """Let the real child run with other limits or between other statements."""
    script = f"import resource, sys; from calotype.media import child; {before}\nchild.main(*sys.argv[2:])\n{after}"
    monkeypatch.setattr(decode, "_CHILD", (sys.executable, "-P", "-c", script))


class Peak:
    """The most memory any child took: /proc tells it even when a child dies of its limits, if it ends by itself."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def megabytes(self) -> int:
        return max(int(line.split()[1]) for line in self._file.read_text().splitlines()) >> 10


@pytest.fixture
def peak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peak:
    file = tmp_path / "peak"
    status = "[line for line in open('/proc/self/status') if line.startswith('VmHWM')]"
    hobble(monkeypatch, "", f"open({str(file)!r}, 'a').writelines({status})")
    return Peak(file)


# --- taking turns --------------------------------------------------------------------------------


@dataclass
class Desk:
    """Decodes without a child: what belongs to `hog` takes until it is let go."""

    let_go: threading.Event = field(default_factory=threading.Event)
    is_held: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    at_once: int = 0
    most_at_once: int = 0
    done: list[str] = field(default_factory=list)

    def decode(self, source: Path, found: Format, target_folder: Path) -> Normalised:
        assert found is Format.PNG
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if source.name == "hog":
            self.is_held.set()
            assert self.let_go.wait(20), "it was never let go"
        with self.lock:
            self.at_once -= 1
            self.done.append(source.name)
        return Normalised(target_folder / source.name, ImageFacts(1, 1, "image/png", has_alpha=False))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk()
    monkeypatch.setattr(decode, "_decode", desk.decode)
    for name in ("hog", "small"):
        (tmp_path / name).write_bytes(saved(corners(), "PNG"))
    yield desk
    desk.let_go.set()


async def test_one_account_that_sends_many_pictures_delays_no_other(desk: Desk, tmp_path: Path) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(partial(normalise, tmp_path / "hog", tmp_path, owner="one"))
        await anyio.wait_all_tasks_blocked()
        for _ in range(3):
            await normalise(tmp_path / "small", tmp_path, owner="another")
        assert desk.done == ["small"] * 3
        desk.let_go.set()

    assert desk.done == ["small"] * 3 + ["hog"] * 5
    assert desk.most_at_once == 2


async def test_a_caller_who_leaves_gains_no_second_turn(desk: Desk, tmp_path: Path) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(partial(normalise, tmp_path / "hog", tmp_path, owner="one"))
        await anyio.to_thread.run_sync(desk.is_held.wait, 20)
        group.cancel_scope.cancel()
    with anyio.move_on_after(0.05):
        await normalise(tmp_path / "hog", tmp_path, owner="one")
    await normalise(tmp_path / "small", tmp_path, owner="another")
    desk.let_go.set()
    await normalise(tmp_path / "small", tmp_path, owner="one")

    assert desk.done == ["small", "hog", "small"]


async def test_a_picture_that_is_refused_gives_its_turn_back(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(saved(corners(), "PNG")[:60])
    (tmp_path / "whole").write_bytes(saved(corners(), "PNG"))

    with pytest.raises(InvalidImageError):
        await normalise(tmp_path / "cut", folder, owner="one")

    assert (await normalise(tmp_path / "whole", folder, owner="one")).facts.width == 40


HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQ"
    "AAAAABoAABAAAAAAAAAN4AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNw"
    "AAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAA"
    "ADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAKAAAAAEAAAAeAAAAAf///+gAAAAC////3gAA"
    "AAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAA5m1kYXQAAADaKAGvBjIIsQ8GgIkMebyxfigFmmawd0vsyYWfQvpPozMX3HcTGQ"
    "dIOEV4LRqDyXADDJQiyM1E56MvVdVr9s3lMr2/f+T9AFXX8R/j/5H/pnNiYOlVk/shdO9tmgstnSRM5ec77TDxlfKrTq+jB7SbuHs3+Vvvw15W0cIIdlKJMTq8"
    "hA3JCAn1MI+/u7DoMjYibI2IeTPEoBwIOGhKplSq31OXrv9v+rUNssuazyxAfoHS3zzvNsjUnqXpP0BYJf2H7NQf/9rvqQ6dUuDoVR8BVwkoujryg7l8psA="
)
"""`corners()` as HEIC, written by pillow-heif 1.1 with x265."""


async def test_a_photo_of_an_iphone_is_read_and_written_as_jpeg(folder: Path) -> None:
    made = await normalised(base64.b64decode(HEIC), folder)

    assert made.facts == ImageFacts(40, 30, "image/jpeg", has_alpha=False)
    with Image.open(made.path) as image:
        red, blue = image.getpixel((5, 5)), image.getpixel((35, 25))
    assert isinstance(red, tuple)
    assert isinstance(blue, tuple)
    assert red[0] > 200 > red[2]
    assert blue[2] > 200 > blue[0]
