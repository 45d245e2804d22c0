"""The product engine's card."""

from __future__ import annotations

from calotype.engines.base import Card, Grain, Needs
from calotype.jobs.fields import MAX_SIDE, MIN_SIDE
from calotype.jobs.inputs.edit import MOST_REFERENCES
from calotype.jobs.kinds import Kind

CARD = Card(
    id="product",
    version="1.0.0",
    title="Product: cuts the subjects out of reference pictures and arranges them in the scene a prompt describes",
    kinds=frozenset({Kind.EDIT}),
    loader="calotype.engines.product.engine:ProductEngine",
    licences=(
        "Apache-2.0 (U2Net-p)",
        "MIT (Fluent Emoji)",
        "Apache-2.0 (Noto Emoji)",
        "Apache-2.0 (Calotype)",
    ),
    needs=Needs(memory=2_500_000_000),
    limits={"min_side": MIN_SIDE, "max_side": MAX_SIDE, "count": 4, "images": MOST_REFERENCES},
    cancel=Grain.STEP,
    progress=Grain.STEP,
    deadline=300.0,
)
