"""The process that reads one untrusted video or recording: `python -m calotype.media.clip_child SOURCE CONTAINER TARGET`.

It limits itself first, reads with the one named demuxer from an open file (no protocol, no other file is ever opened), decodes
the first picture and the first sound, and copies one track of each to TARGET. Its answer is one line of JSON.
"""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

from calotype.media.child import RefusedError, limit

MOST_SECONDS = 3_600
_MOST_PIXELS = 33_177_600
"""A frame of 8K video."""
_MOST_TRACKS = 16
_MOST_PACKETS = 2_000_000
_DEMUXERS = {"mp4": "mov", "mov": "mov", "m4a": "mov", "webm": "matroska", "mp3": "mp3", "wav": "wav", "ogg": "ogg"}
# container → what is written with pictures in it, and without: muxer, media type, extension
_WITH_PICTURES = {
    "mp4": ("mp4", "video/mp4", "mp4"),
    "mov": ("mov", "video/quicktime", "mov"),
    "webm": ("webm", "video/webm", "webm"),
}
_SOUND_ALONE = {
    "mp4": ("ipod", "audio/mp4", "m4a"),
    "m4a": ("ipod", "audio/mp4", "m4a"),
    "mov": ("ipod", "audio/mp4", "m4a"),
    "webm": ("webm", "audio/webm", "webm"),
    "mp3": ("mp3", "audio/mpeg", "mp3"),
    "wav": ("wav", "audio/wav", "wav"),
    "ogg": ("ogg", "audio/ogg", "ogg"),
}


def main(source: str, found: str, target: str) -> None:
    """Read, copy, answer."""
    limit()
    print(json.dumps(_answer(Path(source), found, Path(target))))  # noqa: T201 - the answer to the parent


def _answer(source: Path, found: str, target: Path) -> dict[str, Any]:
    try:
        with source.open("rb") as file:
            _check(file, found)
            file.seek(0)
            return _copy(file, found, target)
    except RefusedError as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {"refused": "reading it takes too much memory"}
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return {"fault": "disk_full"}
        return {"refused": "it is damaged or cut short"}
    except Exception:  # noqa: BLE001 - decoders raise whatever a hostile file drives them to
        return {"refused": "it is damaged or cut short"}


def _open(file: BinaryIO, found: str) -> Any:
    import av  # after the limits: what it loads is bound by them

    av.logging.set_level(None)
    return av.open(file, format=_DEMUXERS[found], metadata_errors="ignore")


def _tracks(container: Any, found: str) -> tuple[Any, Any]:
    """Return the picture track and the sound track, each None where there is none; a cover is no picture track."""
    if len(container.streams) > _MOST_TRACKS:
        raise RefusedError(f"it has more than {_MOST_TRACKS} tracks")
    shown = [one for one in container.streams.video if not one.disposition & 0x400] if found in _WITH_PICTURES else []
    heard = list(container.streams.audio)
    if not shown and not heard:
        raise RefusedError("there is neither picture nor sound in it")
    return (shown[0] if shown else None), (heard[0] if heard else None)


def _check(file: BinaryIO, found: str) -> None:
    """Decode the first of each track: what cannot be decoded at all is not worth keeping."""
    for which in (0, 1):
        file.seek(0)
        with _open(file, found) as container:
            track = _tracks(container, found)[which]
            if track is None:
                continue
            if which == 0:
                _check_size(track.width, track.height)
            track.thread_count = 1  # each thread takes its own share of the memory we allow
            if next(container.decode(track), None) is None:
                raise RefusedError("nothing in it can be decoded")


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise RefusedError("it has no pixels")
    if width * height > _MOST_PIXELS:
        raise RefusedError(f"it is {width} by {height} pixels, more than 8K video has")


def _copy(file: BinaryIO, found: str, target: Path) -> dict[str, Any]:
    import av

    with _open(file, found) as container:
        shown, heard = _tracks(container, found)
        muxer, media_type, extension = (_WITH_PICTURES if shown else _SOUND_ALONE)[found]
        with av.open(str(target), "w", format=muxer) as written:
            copies = {track.index: written.add_stream_from_template(track) for track in (shown, heard) if track}
            duration = _copy_packets(container, written, copies)
    if duration <= 0:
        raise RefusedError("it has no length")
    size = {"width": shown.width, "height": shown.height} if shown else {}
    return {"media_type": media_type, "extension": extension, "duration": round(duration, 3), **size}


def _copy_packets(container: Any, written: Any, copies: dict[int, Any]) -> float:
    """Copy the tracks; return how many seconds from the first packet to the end of the last: a header may say anything."""
    first, last = None, 0.0
    for number, packet in enumerate(container.demux([container.streams[index] for index in copies])):
        if number > _MOST_PACKETS:
            raise RefusedError("it is cut into too many pieces")
        if packet.dts is None or packet.pts is None:
            continue
        begin = float(packet.pts * packet.time_base)
        first = begin if first is None else min(first, begin)
        last = max(last, begin + float((packet.duration or 0) * packet.time_base))
        if last - first > MOST_SECONDS:
            raise RefusedError(f"it is longer than {MOST_SECONDS // 60} minutes")
        packet.stream = copies[packet.stream_index]
        written.mux(packet)
    return last - (first or 0.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
