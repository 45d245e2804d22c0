"""What callers send to the AetherAI face."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from calotype.dialects.aetherai.models import AIModel
from calotype.dialects.base import FilePart
from calotype.jobs.fields import Prompt


class GenerateImage(BaseModel):
    """Text to image. Fields that the vendor does not know are passed over, as it does."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        json_schema_extra={
            "examples": [{"prompt": "a red fox asleep under a maple tree", "ai_model": "GPT Image 1.5"}]
        },
    )

    prompt: Prompt
    ai_model: AIModel
    ref_images: Annotated[
        list[FilePart], Field(description="Checked as images; the engines here make no use of them")
    ] = []
