"""Which devices this machine has: asked of the graphics driver itself, so that no framework need be installed."""

from __future__ import annotations

import ctypes
import re

from calotype.errors import ConfigError

_NAME = re.compile(r"cpu|cuda(?::([0-9]{1,3}))?")
_DRIVERS = (
    ("libcuda.so.1", "cuInit", "cuDeviceGetCount"),
    ("nvcuda.dll", "cuInit", "cuDeviceGetCount"),
    ("libamdhip64.so", "hipInit", "hipGetDeviceCount"),  # PyTorch calls these cuda too
)


def check_device(name: str) -> None:
    """Raise `ConfigError` unless this is the name of a device that is here: "cpu", "cuda", "cuda:1" …."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ConfigError(f"There is no device {name!r}; give cpu, or cuda:0 for the first GPU.")
    if name == "cpu":
        return
    count = gpus()
    if int(match[1] or 0) >= count:
        found = (
            "no GPU whose driver answers" if not count else f"{count} GPU{'' if count == 1 else 's'}, cuda:0 the first"
        )
        raise ConfigError(
            f"The device {name} cannot be used: this machine has {found}. Give --device cpu to do without."
        )


def gpus() -> int:
    """Return how many GPUs the driver shows; 0 without one."""
    return max((_count(*driver) for driver in _DRIVERS), default=0)


def _count(library: str, start: str, ask: str) -> int:
    found = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL(library)
        if getattr(driver, start)(0) or getattr(driver, ask)(ctypes.byref(found)):
            return 0
    except (OSError, AttributeError):
        return 0
    return found.value
