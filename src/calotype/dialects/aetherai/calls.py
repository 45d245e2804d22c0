"""The AetherAI API as a client speaks it: forms written, replies read. Pure tables and functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from calotype.dialects.aetherai.models import AIModel
from calotype.dialects.aetherai.operations import operations
from calotype.dialects.base import JobView, Json, Verb
from calotype.errors import InvalidInputError, Problem
from calotype.jobs.kinds import Kind
from calotype.jobs.model import JobError
from calotype.jobs.states import JobState

PREFIX: str = "/public/v1"
IS_IDEMPOTENT: bool = False
"""The vendor documents no idempotency keys, so a submit that may have arrived is not sent again."""
PACE: tuple[float, ...] = (1.0, 2.0, 2.0, 3.0, 4.0, 5.0)
DEFAULT_MODEL = AIModel.GPT_IMAGE_1_5

_BY_NAME = {row.name: (row.method, row.path) for row in operations(is_strict=False)}
ROWS: Mapping[Verb, tuple[str, str]] = {Verb.READ: _BY_NAME["getJob"]}
SUBMITS: Mapping[Kind, tuple[str, str]] = {
    Kind.IMAGE: _BY_NAME["generateImage"],
    Kind.UPSCALE: ("POST", "/image-tune/upscale"),  # the hosted service has it; our face has no such row yet
}
FIELDS: Mapping[Kind, Mapping[str, str]] = {Kind.IMAGE: {"prompt": "prompt"}, Kind.UPSCALE: {"target": "scale"}}
"""Our word for an input, and the name of its form field. What has no field here cannot be asked of this API."""
FILE_FIELDS: Mapping[str, str] = {"images": "ref_images", "image": "image"}

STATES: Mapping[str, JobState] = {
    "Pending": JobState.RUNNING,
    "Succeed": JobState.SUCCEEDED,
    "Failed": JobState.FAILED,
}


def submit_row(kind: Kind) -> tuple[str, str]:
    """Return method and path of the operation that makes this kind."""
    return SUBMITS[kind]


def submit_fields(
    kind: Kind,
    model: str | None,
    given: Mapping[str, Any],
    tags: Mapping[str, str],
    deadline: float | None,  # noqa: ARG001 - the vendor has no deadlines; the caller's own wait still ends
) -> Mapping[str, Any]:
    """Return the form's fields; raise `InvalidInputError` for what this API has no field for."""
    fields: dict[str, Any] = {}
    problems = [Problem("/tags", "not_offered", "this API has no such field")] if tags else []
    for name, value in given.items():
        if value is None or (name, value) == ("count", 1):
            continue
        if name in FIELDS[kind]:
            fields[FIELDS[kind][name]] = value
        else:
            problems.append(Problem(f"/input/{name}", "not_offered", "this API has no such field"))
    if problems:
        raise InvalidInputError(problems)
    if kind is Kind.IMAGE:
        fields["ai_model"] = model or str(DEFAULT_MODEL)
    return fields


def read_job(body: Json) -> JobView:
    """Return the job that a reply describes: the receipt holds an id alone, and a job starts out pending."""
    state = STATES[body.get("status", "Pending")]
    cause = body.get("error_message")
    return JobView(
        id=str(UUID(body["job_id"])),
        state=state,
        urls=tuple(url for url in body.get("image_urls") or () if isinstance(url, str)),
        error=JobError("failed", str(cause)) if cause and state is JobState.FAILED else None,
        body=body,
    )


def read_event(body: Json, before: JobView) -> JobView:
    """Return the job unchanged: this API has no streams."""
    del body
    return before


def read_page(body: Json) -> tuple[Sequence[JobView], str | None]:
    """Return nothing: this API has no lists."""
    del body
    return (), None


def read_asset_id(body: Json) -> str:
    """Raise: this API has no uploads; files travel with the submit."""
    raise ValueError(f"an upload was answered: {type(body).__name__}")


def read_fault(status: int, body: Json) -> tuple[str | None, str, tuple[Problem, ...]]:
    """Return the sentence and the fields of a refusal: `detail` is a text or a list of findings."""
    detail = body.get("detail") if isinstance(body, Mapping) else None
    if isinstance(detail, str):
        return None, detail, ()
    if not isinstance(detail, list):
        return None, f"The server answered with status {status}.", ()
    problems = tuple(
        Problem(
            "/" + "/".join(str(part) for part in found.get("loc", ())[1:]),
            str(found.get("type", "")),
            str(found.get("msg", "")),
        )
        for found in detail
        if isinstance(found, Mapping)
    )
    return None, "; ".join(f"{problem.pointer[1:]}: {problem.message}" for problem in problems), problems
