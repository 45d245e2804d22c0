from __future__ import annotations

import itertools

import numpy as np
import pytest

from calotype.engines.upscale import tiles
from calotype.engines.upscale.engine import UpscaleEngine
from calotype.engines.upscale.network import OnnxNetwork
from calotype.engines.upscale.tiles import MARGIN, TILE_PIXELS, Pixels, Tile, enlarge, plan

SIZES = [(1, 1), (1, 5000), (5000, 1), (480, 320), (433, 433), (1000, 50), (2000, 3000), (8192, 23), (45, 8192)]


def noise(width: int, height: int) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def ignore(tile: Tile, made: Pixels) -> None:
    del tile, made


@pytest.fixture
def network(engine: UpscaleEngine) -> OnnxNetwork:
    assert isinstance(engine._network, OnnxNetwork)
    return engine._network


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_tiles_cover_each_pixel_once(width: int, height: int) -> None:
    covered = np.zeros((height, width), np.uint8)

    for tile in plan(width, height):
        covered[tile.core] += 1

    assert (covered == 1).all()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_tile_is_larger_than_memory_allows(width: int, height: int) -> None:
    for tile in plan(width, height):
        rows, columns = (side.stop - side.start for side in tile.seen)
        assert rows * columns <= TILE_PIXELS


def test_a_picture_that_fits_is_one_tile() -> None:
    assert len(plan(480, 320)) == 1


def test_every_tile_sees_a_whole_margin_or_the_picture_s_edge() -> None:
    for tile, axis in itertools.product(plan(1500, 1100), (0, 1)):
        core, seen, length = tile.core[axis], tile.seen[axis], (1100, 1500)[axis]
        assert seen.start == max(0, core.start - MARGIN)
        assert seen.stop == min(length, core.stop + MARGIN)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_no_seam_shows(scale: int, network: OnnxNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    source = noise(170, 131)
    whole = enlarge(network, source, scale, ignore)
    monkeypatch.setattr(tiles, "TILE_PIXELS", 100 * 100)

    tiled = enlarge(network, source, scale, ignore)

    difference = np.abs(tiled.astype(int) - whole.astype(int))
    assert len(plan(170, 131)) >= 6
    assert difference.max() <= 1  # a sum's last bit may fall otherwise, and round to the next of 255 steps
    assert difference.astype(bool).mean() < 0.0001


def test_a_margin_too_narrow_would_show(network: OnnxNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    source = noise(170, 131)
    whole = enlarge(network, source, 4, ignore)
    monkeypatch.setattr(tiles, "TILE_PIXELS", 60 * 60)
    monkeypatch.setattr(tiles, "MARGIN", 6)

    tiled = enlarge(network, source, 4, ignore)

    assert np.abs(tiled.astype(int) - whole.astype(int)).max() > 1


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 40), (40, 1), (2, 3), (37, 23)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_size_grows_by_exactly_the_scale(width: int, height: int, scale: int, network: OnnxNetwork) -> None:
    assert enlarge(network, noise(width, height), scale, ignore).shape == (height * scale, width * scale, 3)
