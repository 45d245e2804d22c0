from __future__ import annotations

import subprocess
import sys

import pytest

from calotype.engines.registry import card_of, cards, default_model
from calotype.errors import ConfigError, UnknownModelError
from calotype.jobs.kinds import Kind

EXTRA = ("engines_for_tests:INSTANT", "engines_for_tests:OTHER")


def test_every_kind_has_a_default_model() -> None:
    for kind in Kind:
        assert kind in card_of(default_model(kind)).kinds


def test_an_extra_engine_joins_the_built_in_ones() -> None:
    known = cards(EXTRA)

    assert known[: len(cards())] == cards()
    assert card_of("test-instant", known).version == "1"


def test_an_unknown_model_has_no_card() -> None:
    with pytest.raises(UnknownModelError):
        card_of("dall-e-2")


@pytest.mark.parametrize("path", ["nowhere:CARD", "engines_for_tests:NOTHING", "engines_for_tests:Instant", "os:sep"])
def test_what_is_no_card_is_a_wrong_setting(path: str) -> None:
    with pytest.raises(ConfigError, match=path):
        cards((path,))


def test_two_engines_of_one_id_are_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="test-instant"):
        cards((EXTRA[0], EXTRA[0]))


def test_the_cards_are_known_without_importing_what_the_engines_need() -> None:
    code = "import sys; from calotype.engines.registry import cards; cards(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"numpy", "PIL", "onnxruntime", "tokenizers", "resvg_py"} & set(done.stdout.split())
