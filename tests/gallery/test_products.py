"""The bar of edit: for each shot the scene, what is drawn beside the references, and that every reference is in the picture."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.product.scene import arrange, read, seen
from calotype.engines.product.stand_ins import FiguresWithReferences, PainterWithReferences, is_stand_in
from calotype.engines.product.subjects import Subject
from calotype.jobs.inputs.edit import EditInput

HERE = Path(__file__).parent
SHOTS = tomllib.loads((HERE / "products.toml").read_text("utf-8"))["shot"]
ASSET = {"asset_id": "00000000-0000-7000-8000-000000000000"}
LIME = (120, 255, 0)
SIDE = 200


@pytest.fixture(scope="module", name="illustrator")
def _illustrator() -> Illustrator:
    return Illustrator()


@pytest.mark.parametrize("shot", SHOTS, ids=[shot["id"] for shot in SHOTS])
def test_a_shot_shows_its_references_in_the_scene_it_asks_for(shot: dict[str, Any], illustrator: Illustrator) -> None:
    subjects = [Subject(Image.new("RGBA", (60, 50), (*LIME, 255)), False, False) for _ in shot["images"]]
    wanted = EditInput.model_validate({"prompt": shot["prompt"], "images": [ASSET] * len(subjects)})
    figures = FiguresWithReferences(illustrator.library, subjects)

    composition = arrange(read(wanted, subjects, illustrator.library), subjects, figures, (SIDE, SIDE), 1)
    picture = PainterWithReferences(figures, subjects).picture(composition)

    drawn = {one.drawing.label for one in composition.placed if not is_stand_in(one.drawing)}
    lime = sum(count for count, colour in picture.getcolors(SIDE * SIDE) or [] if _is_near(colour))
    assert composition.setting.kind == shot["scene"]
    assert drawn == set(shot["drawn"])
    assert seen(composition) == list(range(len(subjects)))
    assert lime > 0.02 * SIDE * SIDE


def _is_near(colour: Any) -> bool:
    return all(abs(one - other) < 70 for one, other in zip(colour, LIME, strict=True))


@pytest.mark.parametrize(
    "prompt", ["the ducks on a beach at sunset", "my cats in the snow", "these three bottles on a table"]
)
def test_several_things_that_the_prompt_speaks_of_as_known_are_those_of_the_picture(
    prompt: str, illustrator: Illustrator
) -> None:
    subject = Subject(Image.new("RGBA", (300, 100), "gold"), is_whole_picture=False, is_cut_below=False)
    wanted = EditInput.model_validate({"prompt": prompt, "images": [{"data": "data:image/png;base64,AA=="}]})

    reading = read(wanted, [subject], illustrator.library)

    drawn = {mention.drawing.label for mention in reading.mentions if not is_stand_in(mention.drawing)}
    assert drawn <= {"table"}
    assert len(reading.mentions) == len(drawn) + 1
