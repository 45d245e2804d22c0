"""Which passes through the network reach a size, with the least work; an exact resize does the rest."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

SCALES = (2, 3, 4)
STRETCH = 1.1
"""How much an exact resize may add to what the network has made: a tenth is not seen, another pass costs seconds."""

Passes = tuple[int, ...]


def passes_for(factor: float) -> Passes:
    """Return the scales to run one after another so that a picture grows by this factor: empty when none is needed."""
    if factor <= STRETCH:
        return ()
    return min(_chains(factor), key=lambda chain: (_work(chain), math.prod(chain) < factor, math.prod(chain)))


def _chains(factor: float) -> Iterator[Passes]:
    """Yield the shortest chains that reach the factor, their smaller scales first: what is small yet costs little."""
    for length in itertools.count(1):
        chains = itertools.combinations_with_replacement(SCALES, length)
        fitting = [chain for chain in chains if math.prod(chain) * STRETCH >= factor]
        if fitting:
            yield from fitting
            return


def _work(chain: Passes) -> int:
    """Return the pixels that go into the network for each pixel of the source."""
    return sum(math.prod(chain[:done]) ** 2 for done in range(len(chain)))
