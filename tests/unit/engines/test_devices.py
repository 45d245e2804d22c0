"""A device is named before anything starts, and must be there."""

from __future__ import annotations

import pytest

from calotype.engines import devices
from calotype.errors import ConfigError


def test_the_processor_is_always_there() -> None:
    devices.check_device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""])
def test_a_device_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="There is no device"):
        devices.check_device(name)


def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"The device cuda:{devices.gpus()} cannot be used"):
        devices.check_device(f"cuda:{devices.gpus()}")
