"""Making a picture with reference pictures: product shots, and people or things put into another scene."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from calotype.jobs.fields import ImageSource
from calotype.jobs.inputs.image import ImageInput

MOST_REFERENCES = 10


class EditInput(ImageInput):
    """Make a picture of the prompt with the subjects of reference pictures in it, each as its own pixels show it."""

    images: Annotated[list[ImageSource], Field(min_length=1, max_length=MOST_REFERENCES)]
