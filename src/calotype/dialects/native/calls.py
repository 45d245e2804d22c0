"""The native API as a client speaks it: bodies written, replies read. Pure tables and functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from calotype.dialects.base import JobView, Json, Verb
from calotype.dialects.native.operations import OPERATIONS
from calotype.dialects.native.replies import PREFIX as PREFIX
from calotype.errors import Problem
from calotype.jobs.kinds import Kind
from calotype.jobs.model import JobError, Progress
from calotype.jobs.states import JobState

IS_IDEMPOTENT: bool = True
PACE: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 5.0)
"""Seconds between polls where the server names none."""

ROWS: Mapping[Verb, tuple[str, str]] = {row.verb: (row.method, row.path) for row in OPERATIONS}
FILE_FIELDS: Mapping[str, str] = {}
"""Here files are uploaded first and named by their ids."""


def submit_row(kind: Kind) -> tuple[str, str]:  # noqa: ARG001 - here one row takes every kind
    """Return method and path of the operation that makes this kind."""
    return ROWS[Verb.SUBMIT]


def submit_fields(
    kind: Kind, model: str | None, given: Mapping[str, Any], tags: Mapping[str, str], deadline: float | None
) -> Mapping[str, Any]:
    """Return the body of a submission; what was not given is left out, so that the server's defaults hold."""
    body: dict[str, Any] = {
        "kind": str(kind),
        "input": {name: value for name, value in given.items() if value is not None},
    }
    if model is not None:
        body["model"] = model
    if tags:
        body["tags"] = dict(tags)
    if deadline is not None:
        body["deadline"] = deadline
    return body


def read_job(body: Json) -> JobView:
    """Return the job that a reply describes; raise KeyError, TypeError or ValueError when it describes none."""
    outputs = tuple(output for output in body.get("outputs") or () if isinstance(output, Mapping))
    error = body.get("error")
    return JobView(
        id=str(UUID(body["id"])),
        state=JobState(body.get("state", "")),
        urls=tuple(output["url"] for output in outputs if isinstance(output.get("url"), str)),
        outputs=outputs,
        progress=_progress(body.get("progress")),
        error=JobError(error["code"], error["message"], bool(error.get("retryable"))) if error else None,
        body=body,
    )


def read_event(body: Json, before: JobView) -> JobView:
    """Return the job as it stands after an event of its stream: what the event does not say stays as it was."""
    if not isinstance(body, Mapping):
        return before
    told = body.get("data")
    progress = _progress(told) if isinstance(told, Mapping) and "percent" in told else before.progress
    return replace(before, state=JobState(body["state"]), progress=progress)


def read_page(body: Json) -> tuple[Sequence[JobView], str | None]:
    """Return a page of jobs and the cursor of the next one."""
    rows = tuple(read_job(row) for row in body["data"])
    return rows, body.get("next") if body.get("has_more") else None


def read_asset_id(body: Json) -> str:
    """Return the id of the asset that an upload made."""
    return str(UUID(body["id"]))


def read_fault(status: int, body: Json) -> tuple[str | None, str, tuple[Problem, ...]]:
    """Return code, sentence and fields of a problem document."""
    if not isinstance(body, Mapping):
        return None, f"The server answered with status {status}.", ()
    problems = tuple(
        Problem(str(entry.get("pointer", "")), str(entry.get("rule", "")), str(entry.get("message", "")))
        for entry in body.get("errors") or ()
        if isinstance(entry, Mapping)
    )
    sentence = body.get("detail") or body.get("title") or f"The server answered with status {status}."
    code = body.get("code")
    return (str(code) if code else None), str(sentence), problems


def _progress(given: Json) -> Progress | None:
    if not isinstance(given, Mapping):
        return None
    return Progress(
        percent=float(given.get("percent") or 0.0),
        done=int(given.get("done") or 0),
        total=int(given.get("total") or 0),
        phase=given.get("phase"),
    )
