"""One illustrator for all tests: loading it takes a moment."""

from __future__ import annotations

import pytest

from calotype.engines.drawing.art import Library
from calotype.engines.drawing.illustrator import Illustrator


@pytest.fixture(scope="session")
def illustrator() -> Illustrator:
    return Illustrator()


@pytest.fixture(scope="session")
def library(illustrator: Illustrator) -> Library:
    return illustrator.library
