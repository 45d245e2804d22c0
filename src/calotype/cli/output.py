"""How the client's commands speak: progress and errors on standard error, the result on standard output, JSON when asked."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

import click

from calotype.cli.terminal import printable, printable_json
from calotype.client.client import Client
from calotype.client.errors import ClientError, InvalidInput
from calotype.client.handles import Job
from calotype.client.naming import extension_of
from calotype.client.wire import Saved
from calotype.dialects.base import JobView
from calotype.jobs.states import JobState

if TYPE_CHECKING:  # start-up is the point: a script without a terminal never loads rich
    from rich.progress import Progress

P = ParamSpec("P")
T = TypeVar("T")

USAGE, INTERRUPTED = 2, 130

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The data folder of the server on this machine (default: calotype-data).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
timeout_option = click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=600.0, show_default=True, help="Seconds to wait."
)


def worded(command: Callable[P, T]) -> Callable[P, T]:
    """Turn errors into one sentence that says what to do next, and the exit code that belongs to them."""

    @wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return command(*arguments, **options)
        except ClientError as error:
            complain(error, as_json=bool(options.get("as_json")))
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            say("")
            say("calotype: interrupted. If the server had the request by then, `calotype jobs ls` shows the job.")
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            raise
        except OSError as error:
            say(f"calotype: {error.filename or 'a file'}: {error.strerror or error}. Choose another place with --out.")
            sys.exit(USAGE)

    return run


def complain(error: ClientError, *, as_json: bool) -> None:
    """Say what happened and what to do next; for a script as JSON on standard output too."""
    asked = f" (request {error.request_id})" if error.request_id else ""
    say(f"calotype: {sentence(str(error))} {error.cure}{asked}")
    if as_json:
        facts: dict[str, Any] = {"code": error.wire_code, "message": error.message, "cure": error.cure}
        facts |= {"request_id": error.request_id, "retryable": error.is_retryable, "exit_code": error.exit_code}
        job_id = getattr(error, "job_id", None)
        facts |= {"job_id": job_id} if job_id else {}
        facts |= {"fields": list(error.fields)} if isinstance(error, InvalidInput) else {}
        show({"error": facts})


def sentence(text: str) -> str:
    """Return the text with a full stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def say(text: str) -> None:
    """Tell the person who waits: one line."""
    click.echo(printable(text), err=True)


def put(text: str) -> None:
    """Print one line of the result."""
    click.echo(printable(text))


def put_path(path: Path) -> None:
    """Print where a file is: a script gets the very name."""
    click.echo(printable(str(path)) if sys.stdout.isatty() else str(path))


def show(facts: Any) -> None:
    """Print a result as JSON."""
    click.echo(printable_json(json.dumps(facts, ensure_ascii=False)))


def table(rows: Sequence[Sequence[str]], none: str) -> None:
    """Print rows in columns, or say that there are none."""
    if not rows:
        say(none)
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def client_of(data: Path | None) -> Client:
    """Return a client of the server that the environment or the data folder names."""
    return Client.from_environment(data)


@contextlib.contextmanager
def attachable(job: Job) -> Generator[None, None, None]:
    """Let Ctrl-C end the wait and not the job, and say how to come back to it."""
    try:
        yield
    except KeyboardInterrupt:
        say("")
        say(f"No longer waiting. The job goes on: `calotype jobs watch {job.id}` waits again.")
        sys.exit(INTERRUPTED)
    except ClientError as error:
        if not hasattr(error, "job_id"):
            say(f"The job is {job.id}: `calotype jobs watch {job.id}` waits again.")
        raise


# --- progress ------------------------------------------------------------------------------------


class Display:
    """Shows how a job comes along: a bar on a terminal, else a line for each phase."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_bar = not is_quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._is_quiet = is_quiet
        self._last = ""
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._is_bar:
            self._bar = _bar()
            self._task = self._bar.add_task("submitting", total=100)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, view: JobView) -> None:
        """Show where the job stands."""
        words = where(view)
        if self._bar is not None:
            percent = 100.0 if view.state is JobState.SUCCEEDED else view.progress.percent if view.progress else 0.0
            self._bar.update(self._task, description=printable(words), completed=percent)
        elif not self._is_quiet and words != self._last:
            self._last = words
            say(f"job {view.id}  {words}")


def where(view: JobView) -> str:
    """Return where a job stands, in words: its state, and its phase or its place in the queue."""
    if view.state is JobState.RUNNING and view.progress is not None and view.progress.phase:
        return view.progress.phase
    queue = view.body.get("queue")
    position = queue.get("position") if isinstance(queue, Mapping) else None
    if view.state is JobState.QUEUED and position:
        return f"queued, {position} before it"
    return str(view.state)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


# --- results -------------------------------------------------------------------------------------


def finish(job: Job, timeout: float, out: str | None, *, as_json: bool, has_files: bool = True) -> None:
    """Wait for a job, save what it made, and print where; without files, print how it ended."""
    with attachable(job):
        with Display(is_quiet=as_json) as display:
            display(job.view)
            job.wait(timeout, display)
        saved = job.save(out if out is not None else ".") if has_files else ()
    if as_json:
        show({**job.body, "files": [str(file.path) for file in saved]} if has_files else dict(job.body))
        return
    if not has_files:
        put(f"{job.id}  {job.state}")
    _tell_what_was_not_understood(job)
    for file in saved:
        _warn_of_extension(file)
        put_path(file.path)


def _tell_what_was_not_understood(job: Job) -> None:
    """Say which words of the prompt an engine made nothing of, when it says so itself."""
    words = {word: None for output in job.outputs for word in output.get("provenance", {}).get("not_understood") or ()}
    if words:
        say(f"Not understood, and left out: {', '.join(map(str, words))}.")


def _warn_of_extension(file: Saved) -> None:
    true = extension_of(file.media_type)
    if true not in (".bin", file.path.suffix.lower().replace(".jpeg", ".jpg")):
        say(f"calotype: {file.path} holds {file.media_type}, whatever its name says.")


def check_place(out: str | None) -> None:
    """Refuse a place that cannot be written before the job is paid for."""
    path = Path(out or ".").expanduser()
    nearest = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    folder = nearest if nearest.is_dir() or nearest != path.absolute() else nearest.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise click.UsageError(f"Nothing can be written to {folder}; choose another place with --out.")
