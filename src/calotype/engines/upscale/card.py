"""The upscale engine's card."""

from __future__ import annotations

from calotype.engines.base import Card, Grain, Needs
from calotype.engines.upscale.limits import LIMITS
from calotype.jobs.kinds import Kind

CARD = Card(
    id="upscale",
    version="1.0.0",
    title="Real-ESRGAN compact: enlarges drawings and photographs, on a CPU or a GPU",
    kinds=frozenset({Kind.UPSCALE}),
    loader="calotype.engines.upscale.engine:UpscaleEngine",
    licences=("BSD-3-Clause",),
    needs=Needs(memory=1_000_000_000),
    limits=LIMITS,
    cancel=Grain.TILE,
    progress=Grain.TILE,
    deadline=900.0,
)
