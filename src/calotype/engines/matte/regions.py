"""Connected regions of a mask, found run by run: which belong to the subject, and which are specks beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def label(mask: Mask) -> NDArray[np.int32]:
    """Return the number of each pixel's region, from 1 on; 0 where the mask is not set. Corners do not connect."""
    labels = np.zeros(mask.shape, np.int32)
    parents = [0]
    before: list[tuple[int, int, int]] = []
    for row, line in enumerate(mask):
        here = []
        for start, stop in _runs(line):
            touching = {_root(parents, name) for first, last, name in before if first < stop and start < last}
            name = min(touching, default=len(parents))
            if not touching:
                parents.append(name)
            for other in touching:
                parents[other] = name
            labels[row, start:stop] = name
            here.append((start, stop, name))
        before = here
    roots = np.array([_root(parents, name) for name in range(len(parents))])
    _, numbers = np.unique(roots, return_inverse=True)
    return numbers.astype(np.int32)[labels]


def main_regions(mask: Mask, share: float) -> Mask:
    """Return the mask without the regions smaller than this share of the largest."""
    labels = label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = sizes >= share * max(int(sizes.max()), 1)
    kept[0] = False
    return kept[labels]


def grown(mask: Mask, pixels: int) -> Mask:
    """Return the mask, each of its pixels widened to a square that reaches this far."""
    for axis in (0, 1):
        counts = np.cumsum(np.pad(mask, [(pixels + 1, pixels) if at == axis else (0, 0) for at in (0, 1)]), axis)
        length = mask.shape[axis]
        upper, lower = (np.take(counts, range(at, at + length), axis) for at in (2 * pixels + 1, 0))
        mask = upper > lower
    return mask


def opened(mask: Mask, pixels: int) -> Mask:
    """Return only the parts of the mask that are wider than twice this, a little widened."""
    return grown(~grown(~mask, pixels), pixels + 2)


def box_of(mask: Mask) -> tuple[int, int, int, int] | None:
    """Return (left, top, right, bottom) of what is set; None when nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _runs(line: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], line.view(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _root(parents: list[int], name: int) -> int:
    while parents[name] != name:
        parents[name] = parents[parents[name]]
        name = parents[name]
    return name
