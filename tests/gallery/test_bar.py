"""Of the hundred prompts written before the engine, at least ninety-five are shown entirely as they ask."""

from __future__ import annotations

from calotype.engines.drawing.illustrator import Illustrator
from gallery import bar

LEAST_SHARE = 0.95


def test_the_pictures_show_what_the_prompts_ask() -> None:
    illustrator = Illustrator()

    faults = {prompt["id"]: bar.failings(bar.show(illustrator, prompt)) for prompt in bar.prompts()}

    failed = {key: found for key, found in faults.items() if found}
    report = "\n".join(f"{key}: {'; '.join(found)}" for key, found in failed.items())
    print(f"{len(faults) - len(failed)} of {len(faults)} prompts hold\n{report}")
    assert len(failed) <= len(faults) * (1 - LEAST_SHARE), report
