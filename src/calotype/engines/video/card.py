"""The video engine's card."""

from __future__ import annotations

from calotype.engines.base import Card, Grain, Needs
from calotype.jobs.kinds import Kind

CARD = Card(
    id="video",
    version="1.0.0",
    title="Video: drawings that move, and pictures a camera moves through; no generative model, on any CPU",
    kinds=frozenset({Kind.VIDEO}),
    loader="calotype.engines.video.engine:VideoEngine",
    licences=("MIT", "Apache-2.0"),
    needs=Needs(memory=900_000_000),
    limits={"min_seconds": 2, "max_seconds": 15, "min_fps": 12, "max_fps": 60, "max_shorter_side": 1080},
    cancel=Grain.FRAME,
    progress=Grain.FRAME,
    deadline=900.0,
)
