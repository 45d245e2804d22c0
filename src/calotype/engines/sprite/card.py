"""What the sprite engine is, said without importing what it needs."""

from __future__ import annotations

from calotype.engines.base import Card, Grain, Needs
from calotype.jobs.kinds import Kind

CARD = Card(
    id="sprite",
    version="1.1.0",
    title="Sprites and effects: drawn by rule, for games",
    kinds=frozenset({Kind.SPRITE}),
    loader="calotype.engines.sprite.engine:SpriteEngine",
    licences=("Apache-2.0 (Calotype)", "Apache-2.0 (U2Net-p)"),
    needs=Needs(memory=700_000_000),
    limits={"max_side": 4096, "max_effect_frames": 16, "max_frames": 169},
    cancel=Grain.STEP,
    progress=Grain.STEP,
    deadline=300.0,
)
