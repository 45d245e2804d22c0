"""A job in a caller's hand: what was last heard of it, and what can be done with it. One that blocks, one that awaits."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from calotype.client import flows, waiting
from calotype.client.sending import AsyncSender, Sender
from calotype.client.waiting import DEFAULT_WAIT
from calotype.client.wire import Saved, Watcher, Wire, ignore
from calotype.dialects.base import JobView
from calotype.jobs.model import JobError, Progress
from calotype.jobs.states import JobState


class Heard:
    """What was last heard of a job. `body` is the API's own JSON; None = this API does not say."""

    def __init__(self, view: JobView) -> None:
        self.view = view

    @property
    def id(self) -> str:
        """Return the job's id: enough to attach to it again."""
        return self.view.id

    @property
    def state(self) -> JobState:
        """Return where it stood."""
        return self.view.state

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the addresses of its results; each needs no key and lives for a while."""
        return self.view.urls

    @property
    def outputs(self) -> tuple[Mapping[str, Any], ...]:
        """Return its results with their facts: media type, size, checksum, provenance."""
        return self.view.outputs

    @property
    def progress(self) -> Progress | None:
        """Return how far it was."""
        return self.view.progress

    @property
    def error(self) -> JobError | None:
        """Return why it failed."""
        return self.view.error

    @property
    def body(self) -> Mapping[str, Any]:
        """Return the whole of it, as the API wrote it."""
        return self.view.body

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state}>"


class Job(Heard):
    """A job, and a client that blocks."""

    def __init__(self, sender: Sender, wire: Wire, view: JobView) -> None:
        super().__init__(view)
        self._sender = sender
        self._wire = wire

    def wait(self, timeout: float = DEFAULT_WAIT, on_progress: Watcher = ignore) -> Job:
        """Return this job, succeeded; raise `JobFailed`, or `WaitTimeout` after `timeout` seconds."""

        def note(view: JobView) -> None:
            self.view = view
            on_progress(view)

        flow = waiting.wait(self._wire, self.id, now=time.monotonic(), timeout=timeout, view=self.view)
        self.view = self._sender.run(flow, note)
        return self

    def stream(self, timeout: float = DEFAULT_WAIT) -> Generator[JobView, None, None]:
        """Yield the job each time it changes, until it has ended."""
        flow = waiting.follow(self._wire, self.id, now=time.monotonic(), timeout=timeout)
        self.view = yield from self._sender.watch(flow)

    def refresh(self) -> Job:
        """Return this job as it stands now."""
        self.view = self._sender.run(flows.look(self._wire, self.id))
        return self

    def cancel(self) -> Job:
        """Ask for its end. A job that is running stops a moment later."""
        self.view = self._sender.run(flows.cancel(self._wire, self.id))
        return self

    def retry(self, changes: Mapping[str, Any] | None = None) -> Job:
        """Return a new job that does the same again, with changes to its input if any."""
        view = self._sender.run(flows.retry(self._wire, self.id, str(uuid4()), changes))
        return Job(self._sender, self._wire, view)

    def delete(self) -> None:
        """Erase its files and its prompt for good."""
        self._sender.run(flows.erase(self._wire, self.id))

    def download(self, to: str | Path = ".") -> list[Path]:
        """Save every result and return the paths. A folder gives each a new name; a file's name is used as it is."""
        return [saved.path for saved in self.save(to)]

    def save(self, to: str | Path = ".") -> Sequence[Saved]:
        """Save every result and return the paths with their media types."""
        return self._sender.run(flows.download(self._wire, self.view, *place(to)))


class AsyncJob(Heard):
    """A job, and a client that awaits."""

    def __init__(self, sender: AsyncSender, wire: Wire, view: JobView) -> None:
        super().__init__(view)
        self._sender = sender
        self._wire = wire

    async def wait(self, timeout: float = DEFAULT_WAIT, on_progress: Watcher = ignore) -> AsyncJob:
        """Return this job, succeeded; raise `JobFailed`, or `WaitTimeout` after `timeout` seconds."""

        def note(view: JobView) -> None:
            self.view = view
            on_progress(view)

        flow = waiting.wait(self._wire, self.id, now=time.monotonic(), timeout=timeout, view=self.view)
        self.view = await self._sender.run(flow, note)
        return self

    async def stream(self, timeout: float = DEFAULT_WAIT) -> AsyncGenerator[JobView, None]:
        """Yield the job each time it changes, until it has ended."""
        async for view in self._sender.watch(
            waiting.follow(self._wire, self.id, now=time.monotonic(), timeout=timeout)
        ):
            self.view = view
            yield view

    async def refresh(self) -> AsyncJob:
        """Return this job as it stands now."""
        self.view = await self._sender.run(flows.look(self._wire, self.id))
        return self

    async def cancel(self) -> AsyncJob:
        """Ask for its end. A job that is running stops a moment later."""
        self.view = await self._sender.run(flows.cancel(self._wire, self.id))
        return self

    async def retry(self, changes: Mapping[str, Any] | None = None) -> AsyncJob:
        """Return a new job that does the same again, with changes to its input if any."""
        view = await self._sender.run(flows.retry(self._wire, self.id, str(uuid4()), changes))
        return AsyncJob(self._sender, self._wire, view)

    async def delete(self) -> None:
        """Erase its files and its prompt for good."""
        await self._sender.run(flows.erase(self._wire, self.id))

    async def download(self, to: str | Path = ".") -> list[Path]:
        """Save every result and return the paths. A folder gives each a new name; a file's name is used as it is."""
        return [saved.path for saved in await self.save(to)]

    async def save(self, to: str | Path = ".") -> Sequence[Saved]:
        """Save every result and return the paths with their media types."""
        return await self._sender.run(flows.download(self._wire, self.view, *place(to)))


def place(to: str | Path) -> tuple[Path | None, Path | None]:
    """Return (folder, None) or (None, file): a name with an extension that is no folder is a file's."""
    path = Path(to).expanduser()
    is_file = path.suffix != "" and not path.is_dir() and not str(to).endswith("/")
    return (None, path) if is_file else (path, None)
