"""The vendor's model names, and how many reference images each takes."""

from __future__ import annotations

from enum import StrEnum


class AIModel(StrEnum):
    """The values of `ai_model`, with the vendor's spaces."""

    GPT_IMAGE_1_5 = "GPT Image 1.5"
    GPT_IMAGE_2 = "GPT Image 2"
    GROK_IMAGINE = "Grok Imagine"
    GROK_IMAGINE_PRO = "Grok Imagine Pro"
    NANO_BANANA = "Nano Banana"
    NANO_BANANA_2 = "Nano Banana 2"
    NANO_BANANA_PRO = "Nano Banana Pro"


MOST_REFS = {AIModel.GROK_IMAGINE: 5, AIModel.GROK_IMAGINE_PRO: 1}
"""The others take ten."""
MOST_REFS_OF_OTHERS = 10


def too_many_refs(model: AIModel, count: int) -> str | None:
    """Return the vendor's sentence when a model does not take so many reference images."""
    if model in MOST_REFS:
        most = MOST_REFS[model]
        return f"The {model} model supports up to {most} ref_images." if count > most else None
    most = MOST_REFS_OF_OTHERS
    return f"ref_images supports up to {most} images only" if count > most else None
