"""The data pack is what was built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import calotype_data
from calotype.engines.drawing.art import SIDES, Library
from calotype.engines.drawing.illustrator import Illustrator
from calotype.engines.drawing.synonyms import SYNONYMS


def test_no_file_is_missing_or_damaged() -> None:
    assert calotype_data.verify() == []


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"no art/nothing\.zip"):
        calotype_data.path("art/nothing.zip")


def test_every_drawing_has_a_body_in_every_set_it_is_listed_in(library: Library) -> None:
    for drawing in library.drawings.values():
        for name in drawing.sets:
            assert name in SIDES
            assert library.body(drawing, name).strip()


def test_every_synonym_leads_to_a_drawing(library: Library) -> None:
    assert {key for key in SYNONYMS.values() if key not in library.drawings} == set()


def test_every_style_has_a_drawing_for_everything(illustrator: Illustrator) -> None:
    for drawing in illustrator.library.drawings.values():
        for style in ("flat", "3d", "cartoon"):
            assert drawing.set_for(style) in drawing.sets


def test_the_notice_names_every_file_by_its_checksum() -> None:
    pack = Path(calotype_data.__file__).parent
    digests = json.loads((pack / "MANIFEST.json").read_text("utf-8"))
    notice = (pack.parents[1] / "NOTICE").read_text("utf-8")

    assert [name for name, digest in digests.items() if f"{digest}  {name}\n" not in notice] == []
