"""What the music engine is, said without importing what it needs."""

from __future__ import annotations

from calotype.engines.base import Card, Grain, Needs
from calotype.jobs.inputs.music import LONGEST, MOST_VARIATIONS, SHORTEST
from calotype.jobs.kinds import Kind

CARD = Card(
    id="music",
    version="1.0",
    title="Music: composes by rule from a prompt and plays it on sampled instruments",
    kinds=frozenset({Kind.MUSIC}),
    loader="calotype.engines.music.engine:MusicEngine",
    licences=("MIT (FluidR3Mono)", "Apache-2.0 (Calotype)"),
    needs=Needs(memory=1_100_000_000, disk=200_000_000),
    limits={"min_seconds": int(SHORTEST), "max_seconds": int(LONGEST), "count": MOST_VARIATIONS},
    cancel=Grain.STEP,
    progress=Grain.STEP,
    deadline=900.0,
)
