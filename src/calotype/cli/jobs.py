"""`calotype jobs`: look at jobs, wait for them, stop them, do them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from calotype.cli.output import (
    check_place,
    client_of,
    data_option,
    finish,
    json_option,
    put,
    put_path,
    say,
    show,
    table,
    timeout_option,
    where,
    worded,
)
from calotype.client.handles import Job
from calotype.jobs.states import JobState

OUT = "Save the results there: a FILE (one that is there is replaced) or a folder."
_LONGEST = 60


@click.group()
def jobs() -> None:
    """List, read, watch, cancel and retry jobs."""


@jobs.command("ls")
@click.option("--state", type=click.Choice([str(state) for state in JobState]), help="Only jobs in this state.")
@click.option("--kind", help="Only this kind.")
@click.option("--model", help="Only this model.")
@click.option("--tag", help="Only jobs with this tag, as name:value.")
@click.option("--text", help="Only jobs whose prompt holds this text.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@json_option
@data_option
@worded
def list_jobs(limit: int, as_json: bool, data: Path | None, **filters: str | None) -> None:
    """List jobs, newest first."""
    with client_of(data) as client:
        found = list(client.jobs.list(most=limit, limit=min(limit, 100), **filters))
    if as_json:
        show([dict(job.body) for job in found])
        return
    table([_row(job) for job in found], "No jobs.")


def _row(job: Job) -> tuple[str, ...]:
    prompt = " ".join(str(job.body.get("prompt") or "").split())
    shortened = prompt if len(prompt) <= _LONGEST else f"{prompt[: _LONGEST - 1]}…"
    created = str(job.body.get("created_at", ""))[:19].replace("T", " ")
    return job.id, str(job.state), str(job.body.get("kind", "")), created, shortened


@jobs.command("get")
@click.argument("job_id")
@click.option("--out", help=OUT)
@json_option
@data_option
@worded
def get(job_id: str, out: str | None, as_json: bool, data: Path | None) -> None:
    """Show the job JOB_ID."""
    if out is not None:
        check_place(out)
    with client_of(data) as client:
        job = client.attach(job_id)
        files = job.download(out) if out is not None else ()
    if as_json:
        show({**job.body, "files": [str(path) for path in files]} if out is not None else dict(job.body))
        return
    table([(name, value) for name, value in _facts(job).items() if value], "")
    for path in files:
        put_path(path)


def _facts(job: Job) -> dict[str, str]:
    body = job.body
    given: Any = body.get("input") or {}
    return {
        "job": job.id,
        "state": where(job.view),
        "kind": str(body.get("kind") or ""),
        "model": str(body.get("model") or ""),
        "prompt": str(given.get("prompt") or ""),
        "created": str(body.get("created_at") or ""),
        "finished": str(body.get("finished_at") or ""),
        "error": f"{job.error.code}: {job.error.message}" if job.error else "",
        **{f"output {number}": url for number, url in enumerate(job.urls, 1)},
    }


@jobs.command("watch")
@click.argument("job_id")
@click.option("--out", help=OUT)
@timeout_option
@json_option
@data_option
@worded
def watch(job_id: str, out: str | None, timeout: float, as_json: bool, data: Path | None) -> None:
    """Wait for the job JOB_ID; exit code 1 when it fails."""
    if out is not None:
        check_place(out)
    with client_of(data) as client:
        finish(client.attach(job_id), timeout, out, as_json=as_json, has_files=out is not None)


@jobs.command("cancel")
@click.argument("job_ids", nargs=-1, required=True, metavar="JOB_ID...")
@json_option
@data_option
@worded
def cancel(job_ids: tuple[str, ...], as_json: bool, data: Path | None) -> None:
    """Cancel jobs. A job that is running stops a moment later."""
    with client_of(data) as client:
        for job_id in job_ids:
            _print(client.jobs.cancel(job_id), as_json=as_json)


@jobs.command("retry")
@click.argument("job_id")
@json_option
@data_option
@worded
def retry(job_id: str, as_json: bool, data: Path | None) -> None:
    """Submit the job JOB_ID again as a new job; the new id goes to standard output."""
    with client_of(data) as client:
        made = client.jobs.retry(job_id)
    if as_json:
        show(dict(made.body))
        return
    put(made.id)
    say(f"`calotype jobs watch {made.id}` waits for it.")


def _print(job: Job, *, as_json: bool) -> None:
    if as_json:
        show(dict(job.body))
    else:
        put(f"{job.id}  {job.state}")
