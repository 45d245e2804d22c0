from __future__ import annotations

from collections.abc import Iterator

import pytest

import calotype_data
from calotype.engines.music.sampler import Sampler


@pytest.fixture(scope="session")
def sampler() -> Iterator[Sampler]:
    opened = Sampler(calotype_data.path("music/instruments.zip"))
    yield opened
    opened.close()
