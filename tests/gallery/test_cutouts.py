"""The bar of remove_background: ten photographs by points that are fixed beforehand, fifty composed pictures by their true mask."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.matte.matting import Matting
from calotype.jobs.inputs.image import ImageInput

HERE = Path(__file__).parent
BAR = tomllib.loads((HERE / "cutouts.toml").read_text("utf-8"))
LEAST_AGREEMENT = 0.90
SIDE = 320
EVERY = 4
"""Of the composed pictures one in so many is tried here; `make gallery` measures all fifty and prints what it found."""


@pytest.fixture(scope="module", name="matting")
def _matting() -> Matting:
    return Matting()


@pytest.mark.parametrize("photo", BAR["photo"], ids=[photo["name"] for photo in BAR["photo"]])
def test_a_photographs_subject_is_kept_and_its_background_goes(photo: dict[str, Any], matting: Matting) -> None:
    pixels = np.array(Image.open(HERE / "photos" / f"{photo['name']}.jpg").convert("RGB"))

    found = matting.find(pixels)

    height, width, _ = pixels.shape
    at = {
        name: [found.matte[int(y * height), int(x * width)] for x, y in photo[name]] for name in ("inside", "outside")
    }
    assert found.has_subject
    assert min(at["inside"]) > 0.8, photo["kept"]
    assert max(at["outside"]) < 0.2, photo["kept"]


def test_composed_pictures_are_cut_along_their_true_mask(matting: Matting) -> None:
    illustrator = Illustrator()

    tried = list(enumerate(BAR["composed"]))[::EVERY]

    agreements = {prompt: _agreement(illustrator, matting, prompt, seed) for seed, prompt in tried}

    assert len(BAR["composed"]) == 50
    assert float(np.mean(list(agreements.values()))) >= LEAST_AGREEMENT, agreements


def _agreement(illustrator: Illustrator, matting: Matting, prompt: str, seed: int) -> float:
    """Return intersection over union of what is found and what was drawn."""
    composition = illustrator.compose(ImageInput(prompt=prompt), seed, (SIDE, SIDE))
    drawn = np.asarray(illustrator.painter.ids(composition)).any(2)
    found = matting.find(np.array(illustrator.painter.picture(composition))).matte > 0.5
    return float((drawn & found).sum() / max(1, (drawn | found).sum()))
