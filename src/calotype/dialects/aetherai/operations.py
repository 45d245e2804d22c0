"""The rows of the AetherAI face."""

from __future__ import annotations

from calotype.dialects.aetherai.bodies import GenerateImage
from calotype.dialects.aetherai.errors import RefCountError
from calotype.dialects.aetherai.models import too_many_refs
from calotype.dialects.aetherai.replies import Created, JobStatus, job_id_only
from calotype.dialects.base import Draft, Format, Incoming, Operation, Verb
from calotype.errors import (
    InsufficientCreditsError,
    InvalidImageError,
    NotFoundError,
    SpendCapReachedError,
    TooManyWaitingError,
)
from calotype.jobs.kinds import Kind

_FORMS = frozenset({Format.URLENCODED, Format.MULTIPART})


def operations(*, is_strict: bool) -> tuple[Operation, ...]:
    """Return the rows. A strict face reads forms only, as the hosted service was seen to do."""
    formats = _FORMS if is_strict else _FORMS | {Format.JSON}
    return (
        _generate_image("generateImage", "/generate/image", formats),
        _generate_image("generate", "/generate", formats, is_in_schema=False),  # an older path
        Operation(
            "getJob",
            "GET",
            "/job/{job_id}",
            Verb.READ,
            "Read a job's status",
            answer=JobStatus,
            refusals=(NotFoundError,),
        ),
    )


def _generate_image(name: str, path: str, formats: frozenset[Format], *, is_in_schema: bool = True) -> Operation:
    return Operation(
        name,
        "POST",
        path,
        Verb.SUBMIT,
        "Generate an image",
        scope="submit",
        body=GenerateImage,
        formats=formats,
        file_fields=frozenset({"ref_images"}),
        kind=Kind.IMAGE,
        read=_image,
        reply=job_id_only,
        answer=Created,
        refusals=(InvalidImageError, InsufficientCreditsError, SpendCapReachedError, TooManyWaitingError),
        tag="generate",
        is_in_schema=is_in_schema,
    )


def _image(incoming: Incoming) -> Draft:
    body = incoming.body
    assert isinstance(body, GenerateImage), "the row names its body"
    sentence = too_many_refs(body.ai_model, len(body.ref_images))
    if sentence is not None:
        raise RefCountError(sentence)
    # no engine here follows a reference image: the job says so, rather than looking as if it did
    tags = {"ref_images": f"{len(body.ref_images)} given, not used"} if body.ref_images else {}
    return Draft(
        kind=Kind.IMAGE,
        input={"prompt": body.prompt},
        requested_model=body.ai_model,
        tags=tags,
        unused=body.ref_images,
    )
