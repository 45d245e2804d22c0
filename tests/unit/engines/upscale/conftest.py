"""The loaded engine: its weights are read once for all tests."""

from __future__ import annotations

import pytest

from calotype.engines.upscale.engine import UpscaleEngine


@pytest.fixture(scope="session")
def engine() -> UpscaleEngine:
    made = UpscaleEngine()
    made.load("cpu", lambda _: None)
    return made
