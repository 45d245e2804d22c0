"""One illustrator for all tests: loading it takes a moment."""

from __future__ import annotations

import pytest

from calotype.engines.illustrator.art import Library
from calotype.engines.illustrator.engine import Illustrator


@pytest.fixture(scope="session")
def illustrator() -> Illustrator:
    return Illustrator()


@pytest.fixture(scope="session")
def library(illustrator: Illustrator) -> Library:
    return illustrator.library
