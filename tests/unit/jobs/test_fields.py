from __future__ import annotations

from calotype.jobs.fields import files_named_in
from calotype.jobs.ids import new_id


def test_the_assets_an_input_names_are_found_in_fields_and_lists() -> None:
    one, two, three = new_id(), new_id(), new_id()
    given = {
        "prompt": "x",
        "image": {"asset_id": str(one), "data": None},
        "references": [{"asset_id": str(two)}, {"asset_id": str(three)}],
        "seed": 7,
        "style": {"name": "y"},
    }

    assert files_named_in(given) == {"image": [one], "references": [two, three]}
