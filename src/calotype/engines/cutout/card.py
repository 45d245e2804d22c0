"""The cutout engine's card."""

from __future__ import annotations

from calotype.engines.base import Card, Grain, Needs
from calotype.jobs.kinds import Kind

CARD = Card(
    id="cutout",
    version="1.0.0",
    title="Cutout: U2Net-p finds the subject, its edges are followed in the picture itself; on a CPU or a GPU",
    kinds=frozenset({Kind.REMOVE_BACKGROUND}),
    loader="calotype.engines.cutout.engine:CutoutEngine",
    licences=("Apache-2.0 (U2Net-p)", "Apache-2.0 (Calotype)"),
    needs=Needs(memory=2_500_000_000),
    limits={"max_pixels": 50_000_000},
    cancel=Grain.STEP,
    progress=Grain.STEP,
    deadline=300.0,
)
