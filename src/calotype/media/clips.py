"""Videos and recordings that others sent: recognised by content, read in a limited process, and written anew without metadata."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from calotype.errors import InvalidClipError
from calotype.media.decode import ask_child, in_turn

HEAD = 64
"""How many bytes it takes to recognise a file."""
_SOUND_BRANDS = {b"M4A ", b"M4B "}
_VIDEO_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"MSNV"}


class Clip(StrEnum):
    """The containers we read, by the names FFmpeg gives what reads them; each is read as that and nothing else."""

    MP4 = "mp4"
    MOV = "mov"
    WEBM = "webm"
    MP3 = "mp3"
    WAV = "wav"
    OGG = "ogg"
    M4A = "m4a"


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a video or recording is, once read: seconds, and pixels where it shows something."""

    media_type: str
    extension: str
    duration: float
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class NormalisedClip:
    """A file we wrote ourselves: one picture track and one sound track at the most, without metadata."""

    path: Path
    facts: ClipFacts


def recognise_clip(head: bytes) -> Clip | None:
    """Return the container that the first 64 bytes begin, or None."""
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    if head.startswith(b"\x1aE\xdf\xa3"):
        return Clip.WEBM if b"webm" in head else None
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return Clip.WAV
    if head.startswith(b"OggS"):
        return Clip.OGG
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2  # MPEG audio, layer III
    return Clip.MP3 if is_frame or head.startswith(b"ID3") else None


def may_be_video(found: Clip | None) -> bool:
    """Return whether moving pictures may be in a container."""
    return found in (Clip.MP4, Clip.MOV, Clip.WEBM)


def clip_in(path: Path) -> Clip | None:
    """Return the container a file is, or None."""
    with path.open("rb") as file:
        return recognise_clip(file.read(HEAD))


async def normalise_clip(source: Path, found: Clip, target_folder: Path, *, owner: object = None) -> NormalisedClip:
    """Write the tracks into a new file in the folder, or raise `InvalidClipError` with a plain reason."""
    return await in_turn(owner, lambda: _rewrite(source, found, target_folder))


async def clip_of(path: Path) -> Clip | None:
    """Return the container a file is, without blocking the loop."""
    return await asyncio.to_thread(clip_in, path)


def _of_brand(brand: bytes) -> Clip | None:
    if brand in _SOUND_BRANDS:
        return Clip.M4A
    if brand == b"qt  ":
        return Clip.MOV
    return Clip.MP4 if brand in _VIDEO_BRANDS else None


def _rewrite(source: Path, found: Clip, target_folder: Path) -> NormalisedClip:
    target = target_folder / uuid4().hex
    try:
        facts = ClipFacts(**ask_child("clip_child", InvalidClipError, source, found.value, target))
        return NormalisedClip(target.rename(target.with_suffix(f".{facts.extension}")), facts)
    finally:
        target.unlink(missing_ok=True)
