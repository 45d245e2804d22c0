"""The native API: everything Calotype can do, in its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel

from calotype.dialects.base import Links, Operation, Reply, WebhookRow
from calotype.dialects.bearer import bearer_key
from calotype.dialects.native import letters, replies
from calotype.dialects.native.errors import ProblemDetails, problem, status_of
from calotype.dialects.native.operations import OPERATIONS
from calotype.errors import CalotypeError, NotFoundError
from calotype.jobs.model import Job


class Native:
    """The native dialect. It has no switches."""

    id = "native"
    prefix = replies.PREFIX
    title = "Calotype native API"
    operations: Sequence[Operation] = OPERATIONS
    has_lasting_links = False
    reads_other_formats_as_empty = False
    webhook: WebhookRow | None = letters.WEBHOOK

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the key from `Authorization: Bearer` or `X-API-Key`."""
        return bearer_key(headers) or headers.get("x-api-key") or None

    def job_id(self, text: str) -> UUID:
        """Return the id; a text that can be none names no job."""
        try:
            return UUID(text)
        except ValueError:
            raise NotFoundError from None

    def job(self, job: Job, links: Links) -> Reply:
        """Return the whole job."""
        return replies.job(job, links)

    def refuse(self, error: CalotypeError, request_id: str) -> Reply:
        """Return the error as problem details."""
        return problem(error, request_id)

    def status_of(self, error: type[CalotypeError]) -> int:
        """Return the HTTP status of an error."""
        return status_of(error)

    def error_model(self, status: int) -> type[BaseModel]:  # noqa: ARG002 - one shape for all
        """Return the one shape that every error has."""
        return ProblemDetails
