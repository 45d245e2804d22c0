"""What the illustrator is, said without importing what it needs."""

from __future__ import annotations

from calotype.engines.base import Card, Grain, Needs
from calotype.jobs.fields import MAX_SIDE, MIN_SIDE
from calotype.jobs.kinds import Kind

CARD = Card(
    id="illustrator",
    version="1.0",
    title="Illustrator: arranges openly licensed drawings into the scene a prompt describes",
    kinds=frozenset({Kind.IMAGE}),
    loader="calotype.engines.illustrator.engine:IllustratorEngine",
    licences=("MIT (Fluent Emoji)", "Apache-2.0 (Noto Emoji)", "Apache-2.0 (Calotype)"),
    needs=Needs(memory=600_000_000),
    limits={"min_side": MIN_SIDE, "max_side": MAX_SIDE, "count": 4},
    cancel=Grain.STEP,
    progress=Grain.STEP,
    deadline=120.0,
)
