"""A mix as files: 16-bit WAV and MP3, each with its title and the recipe that makes the same piece again."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from calotype.engines.music.sampler import RATE, Sound

BIT_RATE = 192_000
FRAME = 1152
CHUNK = RATE * 5
FULL_SCALE = 32767


def write_wav(sound: Sound, path: Path, title: str, recipe: str) -> None:
    """Write both channels as 16-bit PCM, with title and recipe as RIFF's INFO."""
    info = b"INFO" + _info(b"INAM", title) + _info(b"ISFT", "Calotype") + _info(b"ICMT", recipe)
    data = sound.shape[1] * 4
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 4 + 24 + 8 + len(info) + 8 + data) + b"WAVE")
        file.write(b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, RATE, RATE * 4, 4, 16))
        file.write(b"LIST" + struct.pack("<I", len(info)) + info)
        file.write(b"data" + struct.pack("<I", data))
        for start in range(0, sound.shape[1], CHUNK):
            file.write(np.ascontiguousarray(_whole(sound[:, start : start + CHUNK]).T).tobytes())


def write_mp3(sound: Sound, path: Path, title: str, recipe: str, step: Callable[[], None]) -> None:
    """Write both channels as MP3 at 192 kbit/s; `step` is called now and then and may raise to stop."""
    import av  # late: a machine without it can still say what is missing

    with av.open(str(path), "w", format="mp3", options={"id3v2_version": "4"}) as container:
        container.metadata["title"] = title
        container.metadata["comment"] = recipe
        stream = container.add_stream("libmp3lame", rate=RATE, layout="stereo", format="s16p")
        stream.bit_rate = BIT_RATE
        for number, start in enumerate(range(0, sound.shape[1], FRAME)):
            if number % 200 == 0:
                step()
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(_whole(sound[:, start : start + FRAME])), format="s16p", layout="stereo"
            )
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _whole(sound: Sound) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    return np.clip(np.round(sound * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype("<i2")


def _info(name: bytes, text: str) -> bytes:
    data = text.encode() + b"\x00"
    return name + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) % 2)
