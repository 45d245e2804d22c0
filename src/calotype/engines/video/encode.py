"""Frames become a file: VP9 in MP4 or WebM, always the same bytes for the same frames."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from PIL import Image

MEDIA_TYPES = {"mp4": "video/mp4", "webm": "video/webm"}
CODEC = "VP9"

THREADS = 2
"""Fixed: the bytes must not depend on the machine."""
_SECONDS_BETWEEN_KEYS = 2
_BT709 = 1


class Encoder:
    """A clip being written. Leaving it finishes the file."""

    def __init__(self, path: Path, form: str, size: tuple[int, int], fps: int) -> None:
        flags = {"movflags": "+faststart"} if form == "mp4" else {}
        self._container: Any = av.open(str(path), "w", format=form, options={"fflags": "+bitexact", **flags})
        self._stream: Any = self._container.add_stream("libvpx-vp9", rate=fps, options=_options(size, fps))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.thread_count = THREADS
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1

    def add(self, frame: Image.Image) -> None:
        """Encode the next frame."""
        shown = av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709"
        )
        self._container.mux(self._stream.encode(shown))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def _options(size: tuple[int, int], fps: int) -> dict[str, str]:
    return {
        "deadline": "realtime",
        "cpu-used": "6",
        "crf": "29",
        "b": "0",
        "row-mt": "1",
        "tile-columns": "1" if size[0] < 1024 else "2",
        "g": str(fps * _SECONDS_BETWEEN_KEYS),
        "flags": "+bitexact",
    }
