"""Networks in ONNX files: an onnxruntime session on one device, set up the same way for every engine.

The only module that imports onnxruntime: what it reads at its import is set here.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # read when it is imported: it would report to its maker from the caller's home
)
import onnxruntime

from calotype.errors import EngineError

Provider = tuple[str, dict[str, str]]
RunOptions = onnxruntime.RunOptions

ERRORS_ONLY = 3


def open_session(weights: Path, device: str) -> onnxruntime.InferenceSession:
    """Return the network on "cpu" or "cuda:N"; raise `EngineError` when there is no such device for it."""
    return onnxruntime.InferenceSession(str(weights), sess_options=_options(), providers=providers_for(device))


def providers_for(device: str) -> list[Provider]:
    """Return onnxruntime's providers for "cpu" or "cuda:N"; raise `EngineError` when there is no such device for it."""
    cpu: Provider = ("CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})
    if device == "cpu":
        return [cpu]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise EngineError(f"The installed onnxruntime cannot use {device}; onnxruntime-gpu can.")
    cuda = {"device_id": ordinal(device), "arena_extend_strategy": "kSameAsRequested"}
    return [("CUDAExecutionProvider", cuda), cpu]


def ordinal(device: str) -> str:
    """Return the N of "cuda:N"."""
    return device.partition(":")[2] or "0"


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _cores()
    options.log_severity_level = ERRORS_ONLY
    # memory patterns are kept for each input size ever seen; without them a tile needs a third less and takes no longer
    options.enable_mem_pattern = False
    return options


def _cores() -> int:
    """Return how many cores this process may use, which can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
