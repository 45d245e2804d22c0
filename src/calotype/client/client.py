"""The SDK's front door: one client that blocks and one that awaits, with the same verbs."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from calotype.client import flows, waiting
from calotype.client.connect import find_connection
from calotype.client.errors import JobFailed
from calotype.client.handles import AsyncJob, Job
from calotype.client.inputs import Image
from calotype.client.orders import (
    AnimateOptions,
    EditOptions,
    EffectOptions,
    ImageOptions,
    JobOptions,
    MusicOptions,
    RemoveBackgroundOptions,
    ReskinOptions,
    UpscaleOptions,
    VideoOptions,
    listed,
    order,
    split,
    wire_for,
)
from calotype.client.sending import AsyncSender, Sender
from calotype.client.waiting import DEFAULT_WAIT
from calotype.client.webhooks import Webhooks
from calotype.client.wire import Watcher, Wire, ignore
from calotype.dialects.base import JobView, Verb
from calotype.jobs.kinds import Kind
from calotype.jobs.states import JobState


class Client:
    """A conversation with a server that blocks. Close it, or use it in a `with`."""

    def __init__(self, base_url: str, api_key: str | None = None, *, dialect: str = "native") -> None:
        self._wire = wire_for(base_url, dialect)
        self._sender = Sender(base_url, api_key)
        self.jobs = Jobs(self._sender, self._wire)
        self.webhooks = Webhooks(self._sender, self._wire)
        self.images = Images(self.jobs)
        self.sprites = Sprites(self.jobs)
        self.videos = Videos(self.jobs)
        self.music = Music(self.jobs)

    @classmethod
    def from_environment(cls, data: str | Path | None = None) -> Self:
        """Return a client of CALOTYPE_URL and CALOTYPE_API_KEY, else of what `serve` wrote into its data folder."""
        found = find_connection(Path(data) if data is not None else None)
        return cls(found.url, found.api_key)

    def attach(self, job_id: str) -> Job:
        """Return a job by its id, for instance after this program was started anew."""
        return self.jobs.get(job_id)

    def gather(
        self,
        jobs: Sequence[Job],
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        raise_failed: bool = True,
    ) -> list[Job]:
        """Return the jobs once all have ended, in the order given; then raise for the first that failed, unless told not to."""
        flow = waiting.gather(self._wire, [job.view for job in jobs], now=time.monotonic(), timeout=timeout)
        for job, view in zip(jobs, self._sender.run(flow, on_progress), strict=True):
            job.view = view
        _raise_first(jobs if raise_failed else ())
        return list(jobs)

    def models(self) -> list[Mapping[str, Any]]:
        """Return the models on offer."""
        return list(self._sender.run(flows.fetch(self._wire, Verb.MODELS))["data"])

    def account(self) -> Mapping[str, Any]:
        """Return whose key this is, and the balance."""
        found: Mapping[str, Any] = self._sender.run(flows.fetch(self._wire, Verb.ACCOUNT))
        return found

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Jobs:
    """Every job of the account."""

    def __init__(self, sender: Sender, wire: Wire) -> None:
        self._sender = sender
        self._wire = wire

    def submit(self, kind: Kind | str, input: Mapping[str, Any], **options: Unpack[JobOptions]) -> Job:  # noqa: A002 - the API's word
        """Return the job made of this: exactly one, however often the connection breaks."""
        return self._job(self._sender.run(flows.submit(self._wire, order(kind, input, options))))

    def get(self, job_id: str) -> Job:
        """Return a job as it stands."""
        return self._job(self._sender.run(flows.look(self._wire, job_id)))

    def list(self, *, most: int | None = None, **filters: Any) -> Generator[Job, None, None]:
        """Yield jobs, newest first, fetching pages as needed. Filters are the API's: state, kind, tag …."""
        for view in self._sender.watch(flows.pages(self._wire, filters, most)):
            yield self._job(view)

    def cancel(self, job_id: str) -> Job:
        """Ask for a job's end."""
        return self._job(self._sender.run(flows.cancel(self._wire, job_id)))

    def retry(self, job_id: str, changes: Mapping[str, Any] | None = None) -> Job:
        """Return a new job that does the same again, with changes to its input if any."""
        return self.get(job_id).retry(changes)

    def delete(self, job_id: str) -> None:
        """Erase an ended job's files and prompt for good."""
        self._sender.run(flows.erase(self._wire, job_id))

    def _job(self, view: JobView) -> Job:
        return Job(self._sender, self._wire, view)


class Images:
    """Pictures: each verb returns a finished job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def generate(
        self,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[ImageOptions],
    ) -> Job:
        """Return the finished job that made images of the prompt."""
        described, of_job = split(options)
        job = self._jobs.submit(Kind.IMAGE, {"prompt": prompt, **described}, **of_job)
        return job.wait(timeout, on_progress)

    def upscale(
        self,
        image: Image,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[UpscaleOptions],
    ) -> Job:
        """Return the finished job that enlarged the image, by `scale` or to `target`."""
        described, of_job = split(options)
        job = self._jobs.submit(Kind.UPSCALE, {"image": image, **described}, **of_job)
        return job.wait(timeout, on_progress)

    def remove_background(
        self,
        image: Image,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[RemoveBackgroundOptions],
    ) -> Job:
        """Return the finished job that cut the image's subject out."""
        described, of_job = split(options)
        job = self._jobs.submit(Kind.REMOVE_BACKGROUND, {"image": image, **described}, **of_job)
        return job.wait(timeout, on_progress)

    def edit(
        self,
        prompt: str,
        images: Image | Sequence[Image],
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[EditOptions],
    ) -> Job:
        """Return the finished job that put the images' subjects into the prompt's scene."""
        described, of_job = split(options)
        job = self._jobs.submit(Kind.EDIT, {"prompt": prompt, **described, "images": listed(images)}, **of_job)
        return job.wait(timeout, on_progress)


class Sprites:
    """Effects and sprites for games: each verb returns a finished job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def effect(
        self,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[EffectOptions],
    ) -> Job:
        """Return the finished job that drew the effect at its best moment."""
        described, of_job = split(options)
        job = self._jobs.submit(Kind.SPRITE, {"operation": "effect", "prompt": prompt, **described}, **of_job)
        return job.wait(timeout, on_progress)

    def effect_sheet(
        self,
        prompt: str,
        frames: Literal[4, 9, 16] = 9,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[EffectOptions],
    ) -> Job:
        """Return the finished job that drew the effect's moments in the cells of a square."""
        described, of_job = split(options)
        given = {"operation": "effect_sheet", "prompt": prompt, "frames": frames, **described}
        return self._jobs.submit(Kind.SPRITE, given, **of_job).wait(timeout, on_progress)

    def animate(
        self,
        image: Image,
        prompt: str,
        frames: int = 25,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[AnimateOptions],
    ) -> Job:
        """Return the finished job that set the picture's subject in motion: a GIF, a sheet, and every frame."""
        described, of_job = split(options)
        given = {"operation": "animate", "image": image, "prompt": prompt, "frames": frames, **described}
        return self._jobs.submit(Kind.SPRITE, given, **of_job).wait(timeout, on_progress)

    def reskin(
        self,
        image: Image,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[ReskinOptions],
    ) -> Job:
        """Return the finished job that put another colour, material or style on the picture or sheet."""
        described, of_job = split(options)
        given = {"operation": "reskin", "image": image, "prompt": prompt, **described}
        return self._jobs.submit(Kind.SPRITE, given, **of_job).wait(timeout, on_progress)


class Videos:
    """Clips: each verb returns a finished job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def generate(
        self,
        prompt: str | None = None,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[VideoOptions],
    ) -> Job:
        """Return the finished job that made a clip of the prompt, of `image`, or of both."""
        described, of_job = split(options)
        job = self._jobs.submit(Kind.VIDEO, {"prompt": prompt, **described}, **of_job)
        return job.wait(timeout, on_progress)


class Music:
    """Music: each verb returns a finished job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def generate(
        self,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[MusicOptions],
    ) -> Job:
        """Return the finished job that made music of the prompt: for each variation MP3, WAV, cover and waveform."""
        described, of_job = split(options)
        job = self._jobs.submit(Kind.MUSIC, {"prompt": prompt, **described}, **of_job)
        return job.wait(timeout, on_progress)


class AsyncClient:
    """A conversation with a server that awaits. Close it, or use it in an `async with`."""

    def __init__(self, base_url: str, api_key: str | None = None, *, dialect: str = "native") -> None:
        self._wire = wire_for(base_url, dialect)
        self._sender = AsyncSender(base_url, api_key)
        self.jobs = AsyncJobs(self._sender, self._wire)
        self.images = AsyncImages(self.jobs)
        self.sprites = AsyncSprites(self.jobs)
        self.videos = AsyncVideos(self.jobs)
        self.music = AsyncMusic(self.jobs)

    @classmethod
    def from_environment(cls, data: str | Path | None = None) -> Self:
        """Return a client of CALOTYPE_URL and CALOTYPE_API_KEY, else of what `serve` wrote into its data folder."""
        found = find_connection(Path(data) if data is not None else None)
        return cls(found.url, found.api_key)

    async def attach(self, job_id: str) -> AsyncJob:
        """Return a job by its id, for instance after this program was started anew."""
        return await self.jobs.get(job_id)

    async def gather(
        self,
        jobs: Sequence[AsyncJob],
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        raise_failed: bool = True,
    ) -> list[AsyncJob]:
        """Return the jobs once all have ended, in the order given; then raise for the first that failed, unless told not to."""
        flow = waiting.gather(self._wire, [job.view for job in jobs], now=time.monotonic(), timeout=timeout)
        for job, view in zip(jobs, await self._sender.run(flow, on_progress), strict=True):
            job.view = view
        _raise_first(jobs if raise_failed else ())
        return list(jobs)

    async def models(self) -> list[Mapping[str, Any]]:
        """Return the models on offer."""
        return list((await self._sender.run(flows.fetch(self._wire, Verb.MODELS)))["data"])

    async def account(self) -> Mapping[str, Any]:
        """Return whose key this is, and the balance."""
        found: Mapping[str, Any] = await self._sender.run(flows.fetch(self._wire, Verb.ACCOUNT))
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncJobs:
    """Every job of the account."""

    def __init__(self, sender: AsyncSender, wire: Wire) -> None:
        self._sender = sender
        self._wire = wire

    async def submit(self, kind: Kind | str, input: Mapping[str, Any], **options: Unpack[JobOptions]) -> AsyncJob:  # noqa: A002 - the API's word
        """Return the job made of this: exactly one, however often the connection breaks."""
        return self._job(await self._sender.run(flows.submit(self._wire, order(kind, input, options))))

    async def get(self, job_id: str) -> AsyncJob:
        """Return a job as it stands."""
        return self._job(await self._sender.run(flows.look(self._wire, job_id)))

    async def list(self, *, most: int | None = None, **filters: Any) -> AsyncGenerator[AsyncJob, None]:
        """Yield jobs, newest first, fetching pages as needed. Filters are the API's: state, kind, tag …."""
        async for view in self._sender.watch(flows.pages(self._wire, filters, most)):
            yield self._job(view)

    async def cancel(self, job_id: str) -> AsyncJob:
        """Ask for a job's end."""
        return self._job(await self._sender.run(flows.cancel(self._wire, job_id)))

    async def retry(self, job_id: str, changes: Mapping[str, Any] | None = None) -> AsyncJob:
        """Return a new job that does the same again, with changes to its input if any."""
        return await (await self.get(job_id)).retry(changes)

    async def delete(self, job_id: str) -> None:
        """Erase an ended job's files and prompt for good."""
        await self._sender.run(flows.erase(self._wire, job_id))

    def _job(self, view: JobView) -> AsyncJob:
        return AsyncJob(self._sender, self._wire, view)


class AsyncImages:
    """Pictures: each verb returns a finished job."""

    def __init__(self, jobs: AsyncJobs) -> None:
        self._jobs = jobs

    async def generate(
        self,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[ImageOptions],
    ) -> AsyncJob:
        """Return the finished job that made images of the prompt."""
        described, of_job = split(options)
        job = await self._jobs.submit(Kind.IMAGE, {"prompt": prompt, **described}, **of_job)
        return await job.wait(timeout, on_progress)

    async def upscale(
        self,
        image: Image,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[UpscaleOptions],
    ) -> AsyncJob:
        """Return the finished job that enlarged the image, by `scale` or to `target`."""
        described, of_job = split(options)
        job = await self._jobs.submit(Kind.UPSCALE, {"image": image, **described}, **of_job)
        return await job.wait(timeout, on_progress)

    async def remove_background(
        self,
        image: Image,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[RemoveBackgroundOptions],
    ) -> AsyncJob:
        """Return the finished job that cut the image's subject out."""
        described, of_job = split(options)
        job = await self._jobs.submit(Kind.REMOVE_BACKGROUND, {"image": image, **described}, **of_job)
        return await job.wait(timeout, on_progress)

    async def edit(
        self,
        prompt: str,
        images: Image | Sequence[Image],
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[EditOptions],
    ) -> AsyncJob:
        """Return the finished job that put the images' subjects into the prompt's scene."""
        described, of_job = split(options)
        job = await self._jobs.submit(Kind.EDIT, {"prompt": prompt, **described, "images": listed(images)}, **of_job)
        return await job.wait(timeout, on_progress)


class AsyncSprites:
    """Effects and sprites for games: each verb returns a finished job."""

    def __init__(self, jobs: AsyncJobs) -> None:
        self._jobs = jobs

    async def effect(
        self,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[EffectOptions],
    ) -> AsyncJob:
        """Return the finished job that drew the effect at its best moment."""
        described, of_job = split(options)
        job = await self._jobs.submit(Kind.SPRITE, {"operation": "effect", "prompt": prompt, **described}, **of_job)
        return await job.wait(timeout, on_progress)

    async def effect_sheet(
        self,
        prompt: str,
        frames: Literal[4, 9, 16] = 9,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[EffectOptions],
    ) -> AsyncJob:
        """Return the finished job that drew the effect's moments in the cells of a square."""
        described, of_job = split(options)
        given = {"operation": "effect_sheet", "prompt": prompt, "frames": frames, **described}
        job = await self._jobs.submit(Kind.SPRITE, given, **of_job)
        return await job.wait(timeout, on_progress)

    async def animate(
        self,
        image: Image,
        prompt: str,
        frames: int = 25,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[AnimateOptions],
    ) -> AsyncJob:
        """Return the finished job that set the picture's subject in motion: a GIF, a sheet, and every frame."""
        described, of_job = split(options)
        given = {"operation": "animate", "image": image, "prompt": prompt, "frames": frames, **described}
        job = await self._jobs.submit(Kind.SPRITE, given, **of_job)
        return await job.wait(timeout, on_progress)

    async def reskin(
        self,
        image: Image,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[ReskinOptions],
    ) -> AsyncJob:
        """Return the finished job that put another colour, material or style on the picture or sheet."""
        described, of_job = split(options)
        given = {"operation": "reskin", "image": image, "prompt": prompt, **described}
        job = await self._jobs.submit(Kind.SPRITE, given, **of_job)
        return await job.wait(timeout, on_progress)


class AsyncVideos:
    """Clips: each verb returns a finished job."""

    def __init__(self, jobs: AsyncJobs) -> None:
        self._jobs = jobs

    async def generate(
        self,
        prompt: str | None = None,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[VideoOptions],
    ) -> AsyncJob:
        """Return the finished job that made a clip of the prompt, of `image`, or of both."""
        described, of_job = split(options)
        job = await self._jobs.submit(Kind.VIDEO, {"prompt": prompt, **described}, **of_job)
        return await job.wait(timeout, on_progress)


class AsyncMusic:
    """Music: each verb returns a finished job."""

    def __init__(self, jobs: AsyncJobs) -> None:
        self._jobs = jobs

    async def generate(
        self,
        prompt: str,
        *,
        timeout: float = DEFAULT_WAIT,
        on_progress: Watcher = ignore,
        **options: Unpack[MusicOptions],
    ) -> AsyncJob:
        """Return the finished job that made music of the prompt: for each variation MP3, WAV, cover and waveform."""
        described, of_job = split(options)
        job = await self._jobs.submit(Kind.MUSIC, {"prompt": prompt, **described}, **of_job)
        return await job.wait(timeout, on_progress)


def _raise_first(jobs: Sequence[Job] | Sequence[AsyncJob]) -> None:
    for job in jobs:
        if job.state is not JobState.SUCCEEDED:
            raise JobFailed(job.view)
