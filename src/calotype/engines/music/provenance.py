"""What is said about a piece: what was heard in the prompt, and what the score is."""

from __future__ import annotations

from typing import Any

from calotype.engines.music.brief import Brief
from calotype.engines.music.mix import Mixed
from calotype.engines.music.recipe import Piece
from calotype.engines.music.score import Score

NOTE = (
    "This music was not made by a generative model: it was composed by rule, with a seed, from what the prompt names, and played "
    "on sampled instruments (FluidR3Mono, MIT)."
)
VOICE = " The voice is a sampled one that carries the tune, a note a syllable; it is no singer and says no words."


def provenance_of(piece: Piece, brief: Brief, score: Score, mixed: Mixed) -> dict[str, Any]:
    """Return the record that goes with a piece."""
    has_voice = any(part.instrument in ("voices", "choir") for part in score.parts)
    return {
        "title": piece.title,
        "understood": list(brief.understood),
        "genre": brief.genre.name,
        "tempo": round(score.timing.tempo, 2),
        "key": score.key.name,
        "metre": f"{score.timing.metre}/4",
        "bars": score.timing.bars,
        "instruments": sorted({part.instrument for part in score.parts}),
        "parts": {part.role: part.instrument for part in score.parts},
        "form": [
            {
                "section": section.name,
                "theme": section.theme,
                "bars": section.bars,
                "at": round(score.timing.seconds(section.start * score.timing.metre), 2),
            }
            for section in score.sections
        ],
        "loudness_lufs": round(mixed.loudness, 2),
        "true_peak_dbfs": round(mixed.peak, 2),
        "seed": piece.seed,
        "note": NOTE + (VOICE if has_voice else ""),
    }
