"""How the AetherAI face words what it answers."""

from __future__ import annotations

from pydantic import BaseModel, Field

from calotype.dialects.base import Links, Reply
from calotype.jobs.model import Job
from calotype.jobs.states import JobState

WORDS = {
    JobState.CREATED: "Pending",
    JobState.QUEUED: "Pending",
    JobState.RUNNING: "Pending",
    JobState.RETRYING: "Pending",
    JobState.CANCELLING: "Pending",
    JobState.SUCCEEDED: "Succeed",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Failed",
    JobState.EXPIRED: "Failed",
}
_CAUSES = {JobState.CANCELLED: "The job was cancelled.", JobState.EXPIRED: "The job did not end within its deadline."}


class Created(BaseModel):
    """The answer of every operation that makes something."""

    job_id: str = Field(examples=["7c0d3b52-9f0e-4a61-8a1e-2f4f0f6f9b10"])


class JobStatus(BaseModel):
    """A job: always these three keys, and on failure the cause beside them."""

    job_id: str = Field(examples=["7c0d3b52-9f0e-4a61-8a1e-2f4f0f6f9b10"])
    status: str = Field(examples=["Pending", "Succeed", "Failed"])
    image_urls: list[str]
    error_message: str | None = None


def job_id_only(job: Job, links: Links) -> Reply:  # noqa: ARG001 - a receipt is worded from both
    """Return what every create call answers."""
    return Reply(200, {"job_id": str(job.id)})


def status(job: Job, links: Links, *, has_error_message: bool) -> Reply:
    """Return the job in the vendor's three keys."""
    word = WORDS[job.state]
    urls = [links.asset_url(output) for output in job.outputs] if job.state is JobState.SUCCEEDED else []
    body = {"job_id": str(job.id), "status": word, "image_urls": urls}
    if word == "Failed" and has_error_message:
        body["error_message"] = job.error.message if job.error else _CAUSES.get(job.state, "The job failed.")
    return Reply(200, body)
