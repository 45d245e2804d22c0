"""What becomes of videos and recordings from strangers. Each test starts the real child."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import av
import pytest

from calotype.errors import InvalidClipError
from calotype.media.clips import Clip, NormalisedClip, clip_of, normalise_clip, recognise_clip
from clips import WAYS, clip

pytestmark = pytest.mark.anyio
MEDIA_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def normalised(data: bytes, folder: Path) -> NormalisedClip:
    source = folder / "source"
    source.write_bytes(data)
    found = await clip_of(source)
    assert found is not None
    return await normalise_clip(source, found, folder)


@pytest.mark.parametrize("container", list(WAYS))
async def test_a_clip_is_recognised_measured_and_written_anew(container: str, tmp_path: Path) -> None:
    data = clip(container, title="who made it, and where")

    made = await normalised(data, tmp_path)

    facts = made.facts
    assert recognise_clip(data[:64]) == Clip(container)
    assert facts.media_type == MEDIA_TYPES[container]
    assert made.path.suffix == f".{facts.extension}" == f".{container}"
    assert facts.duration == pytest.approx(0.5, abs=0.15)
    assert (facts.width, facts.height) == ((64, 48) if facts.media_type.startswith("video/") else (None, None))
    assert made.path.read_bytes() != data
    with av.open(str(made.path)) as file:
        assert "title" not in file.metadata
        assert next(file.decode(file.streams[0])) is not None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\x1aE\xdf\xa3matroska",
        b"\0\0\0\x18ftypavif",
        b"\0\0\0\x18ftypheic",
        b"\xff\xd8\xff\xe0",
        b"#EXTM3U\nfile:///etc/passwd",
        b"ffconcat version 1.0\nfile /etc/passwd",
        b"\x47\x40\0\x10",
        b"FLV\x01",
    ],
)
def test_other_files_are_no_clips(head: bytes) -> None:
    assert recognise_clip(head) is None


@pytest.mark.parametrize(
    "data",
    [
        clip("mp4")[:100],
        clip("mp4")[:40] + bytes(3_000),
        b"ID3\x04\0\0\0\0\0\0" + b"no sound in here " * 50,
        b"OggS" + bytes(2_000),
        b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\xff" * 200,
    ],
    ids=["cut", "blank", "text", "empty pages", "no header"],
)
async def test_a_damaged_clip_is_refused_with_a_reason(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidClipError, match=r"cannot be used: .*(damaged|neither|decoded)"):
        await normalised(data, tmp_path)


async def test_a_playlist_in_a_clips_clothes_reads_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(clip("wav"))
    playlist = (
        b"ID3\x04\0\0\0\0\0\0#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile://" + str(secret).encode() + b"\n"
    )

    with pytest.raises(InvalidClipError):
        await normalised(playlist, tmp_path)


async def test_a_clip_that_is_too_long_is_refused(tmp_path: Path) -> None:
    minute = bytes(8_000 * 60 * 61)  # 61 minutes of 8-bit silence at 8 kHz
    size = len(minute)
    head = (
        b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\x01\0\x01\0" + (8_000).to_bytes(4, "little")
    )
    head += (8_000).to_bytes(4, "little") + b"\x01\0\x08\0data" + size.to_bytes(4, "little")

    with pytest.raises(InvalidClipError, match="longer than 60 minutes"):
        await normalised(head + minute, tmp_path)


async def test_a_refused_clip_leaves_no_file(tmp_path: Path) -> None:
    chance = random.Random(4)
    for container in ("mp4", "webm", "mp3"):
        data = bytearray(clip(container))
        for _ in range(60):
            data[chance.randrange(64, len(data))] = chance.randrange(256)
        with suppress(InvalidClipError):
            made = await normalised(bytes(data), tmp_path)
            made.path.unlink()
        assert files_in(tmp_path) == ["source"]
