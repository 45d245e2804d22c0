"""The network itself: an onnxruntime session on one device. The only module here that imports onnxruntime."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # read when it is imported: it would report to its maker from the caller's home
)
import onnxruntime

from calotype.engines.upscale.tiles import Pixels
from calotype.errors import EngineError, OutOfMemoryError

Provider = tuple[str, dict[str, str]]

ERRORS_ONLY = 3


class OnnxNetwork:
    """Real-ESRGAN's compact network: 8-bit RGB in, 8-bit RGB out, two, three or four times as wide and high."""

    def __init__(self, weights: Path, device: str) -> None:
        self._memory = "cpu:0" if device == "cpu" else "cpu:0;gpu:" + _ordinal(device)
        self._session = onnxruntime.InferenceSession(
            str(weights), sess_options=_options(), providers=providers_for(device)
        )

    def run(self, pixels: Pixels, scale: int) -> Pixels:
        """Return the RGB pixels enlarged by 2, 3 or 4."""
        try:
            enlarged: Pixels = self._session.run(["enlarged"], self._feed(pixels, scale))[0]
        except Exception as error:
            if "alloc" in str(error).lower():
                raise OutOfMemoryError from error
            raise
        return enlarged

    def trim(self) -> None:
        """Give back the memory that the last pictures needed, and keep the network."""
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", self._memory)
        self._session.run(["enlarged"], self._feed(np.zeros((1, 1, 3), np.uint8), 2), options)

    def _feed(self, pixels: Pixels, scale: int) -> dict[str, Pixels | np.ndarray[tuple[()], np.dtype[np.int64]]]:
        return {"pixels": pixels, "scale": np.array(scale, np.int64)}


def providers_for(device: str) -> list[Provider]:
    """Return onnxruntime's providers for "cpu" or "cuda:N"; raise `EngineError` when there is no such device for it."""
    cpu: Provider = ("CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})
    if device == "cpu":
        return [cpu]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise EngineError(f"The installed onnxruntime cannot use {device}; onnxruntime-gpu can.")
    cuda = {"device_id": _ordinal(device), "arena_extend_strategy": "kSameAsRequested"}
    return [("CUDAExecutionProvider", cuda), cpu]


def _ordinal(device: str) -> str:
    return device.partition(":")[2] or "0"


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _cores()
    options.log_severity_level = ERRORS_ONLY
    # memory patterns are kept for each tile size ever seen; without them a tile needs a third less and takes no longer
    options.enable_mem_pattern = False
    return options


def _cores() -> int:
    """Return how many cores this process may use, which can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
