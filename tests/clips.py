"""Small real videos and recordings, made by the encoders that come with PyAV."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np

# container → muxer, codec of pictures, codec of sound
WAYS: dict[str, tuple[str, str | None, str | None]] = {
    "mp4": ("mp4", "mpeg4", "aac"),
    "mov": ("mov", "mpeg4", "pcm_s16le"),
    "webm": ("webm", "libvpx", "libopus"),
    "mp3": ("mp3", None, "libmp3lame"),
    "wav": ("wav", None, "pcm_s16le"),
    "ogg": ("ogg", None, "libopus"),
    "m4a": ("ipod", None, "aac"),
}
RATE = 48_000


def clip(container: str, *, seconds: float = 0.5, size: tuple[int, int] = (64, 48), title: str = "") -> bytes:
    """Return a file of that container: ten pictures a second where it shows something, and a tone."""
    muxer, pictures, sound = WAYS[container]
    target = io.BytesIO()
    with av.open(target, "w", format=muxer) as opened:
        file: Any = opened
        if title:
            file.metadata["title"] = title
        shown: Any = None
        if pictures is not None:
            shown = file.add_stream(pictures, rate=10)
            shown.width, shown.height, shown.pix_fmt = *size, "yuv420p"
        heard: Any = file.add_stream(sound, rate=RATE, layout="mono") if sound else None
        if shown is not None:
            for number in range(max(1, round(seconds * 10))):
                pixels = np.full((size[1], size[0], 3), number * 20 % 256, np.uint8)
                frame: Any = av.VideoFrame.from_ndarray(pixels)
                frame.pts, frame.time_base = number, Fraction(1, 10)
                file.mux(shown.encode(frame))
            file.mux(shown.encode())
        if heard is not None:
            tone = (np.sin(np.arange(int(RATE * seconds)) / 20) * 9_000).astype(np.int16)
            fifo: Any = av.AudioFifo()
            whole: Any = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
            whole.sample_rate, whole.pts, whole.time_base = RATE, 0, Fraction(1, RATE)
            resampler: Any = av.AudioResampler(format=heard.codec_context.format, layout="mono", rate=RATE)
            for part in resampler.resample(whole):
                fifo.write(part)
            while (piece := fifo.read(heard.codec_context.frame_size or 1_024, partial=True)) is not None:
                file.mux(heard.encode(piece))
            file.mux(heard.encode())
    return target.getvalue()
