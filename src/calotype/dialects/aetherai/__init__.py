"""The AetherAI face: an unmodified AetherAI client works after changing base URL and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

from calotype.dialects.aetherai import replies
from calotype.dialects.aetherai.errors import FieldErrors, PlainError, refusal, row_of
from calotype.dialects.aetherai.operations import operations
from calotype.dialects.base import Links, Operation, Reply, UnreadableError, WebhookRow
from calotype.dialects.bearer import bearer_key
from calotype.errors import CalotypeError
from calotype.jobs.model import Job


class _JobPath(BaseModel):
    job_id: UUID


_PATH = TypeAdapter(_JobPath)


class AetherAI:
    """The AetherAI dialect and its two switches: refuse JSON bodies, and say why a job failed."""

    id = "aetherai"
    prefix = "/public/v1"
    title = "AetherAI face"
    has_lasting_links = True
    reads_other_formats_as_empty = True
    webhook: WebhookRow | None = None

    def __init__(self, *, is_strict: bool = False, has_error_message: bool = True) -> None:
        self.operations: Sequence[Operation] = operations(is_strict=is_strict)
        self._has_error_message = has_error_message

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the key of the Bearer header: the only way to send one."""
        return bearer_key(headers)

    def job_id(self, text: str) -> UUID:
        """Return the id; a text that is no UUID is a bad field of the path."""
        try:
            return _PATH.validate_python({"job_id": text}).job_id
        except ValidationError as error:
            raise UnreadableError("path", error) from None

    def job(self, job: Job, links: Links) -> Reply:
        """Return the job in the vendor's keys."""
        return replies.status(job, links, has_error_message=self._has_error_message)

    def refuse(self, error: CalotypeError, request_id: str) -> Reply:  # noqa: ARG002 - its bodies carry none
        """Return the error in one of the vendor's two shapes."""
        return refusal(error)

    def status_of(self, error: type[CalotypeError]) -> int:
        """Return the HTTP status of an error."""
        return row_of(error)[0]

    def error_model(self, status: int) -> type[BaseModel]:
        """Return the shape of a status: a list of fields for 422, a text for the rest."""
        return FieldErrors if status == 422 else PlainError
