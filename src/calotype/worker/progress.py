"""How far an attempt is: from an engine's steps to the whole job's percent, told at most twice a second, with previews."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from calotype.assets.base import Assets, key_for
from calotype.engines.base import Phase
from calotype.errors import CalotypeError, LeaseLostError
from calotype.jobs.ids import new_id
from calotype.jobs.model import Job, Progress
from calotype.jobs.states import JobState
from calotype.lifecycle import Lifecycle
from calotype.telemetry import log
from calotype.worker.tasks import end

_PAUSE = 0.5
_FIRST_PAUSE = 0.25
"""A job that ends sooner than this tells only its end."""

_LOADED, _MADE = 5.0, 99.0
"""How many percent of a job it is to load its model, and to have made everything that is then stored."""


def percent_of(phase: Phase, done: int, total: int) -> float:
    """Return how much of the whole job is done: engines count over the whole order, and loading comes before."""
    start, end = (0.0, _LOADED) if phase is Phase.LOADING else (_LOADED, _MADE)
    fraction = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    return start + (end - start) * fraction


class Teller:
    """Tells one attempt's progress. `moved` hears the job's state, or None when another attempt holds it."""

    def __init__(
        self, job: Job, lifecycle: Lifecycle, assets: Assets, moved: Callable[[JobState | None], None]
    ) -> None:
        self._job = job
        self._lifecycle = lifecycle
        self._assets = assets
        self._moved = moved
        self._shown = Progress()
        self._preview = b""
        self._load_ms: int | None = None
        self._preview_key: str | None = None
        self._has_news = asyncio.Event()

    async def __aenter__(self) -> Teller:
        self._telling = asyncio.create_task(self._tell())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop telling, and forget the preview: from here on the result is what counts."""
        await end([self._telling])
        if self._load_ms is not None:
            await self._write()
        if self._preview_key is not None:
            await self._drop(self._preview_key)

    def note(self, phase: Phase, done: int, total: int, preview: bytes = b"") -> None:
        """Note how far it is; what is noted between two tellings is told together."""
        percent = max(self._shown.percent, percent_of(phase, done, total))
        self._shown = Progress(percent, done, total, phase)
        self._preview = preview or self._preview
        self._has_news.set()

    def note_loading(self, fraction: float) -> None:
        """Note how much of the model is loaded."""
        self.note(Phase.LOADING, round(100 * fraction), 100)

    def note_load_time(self, milliseconds: int) -> None:
        """Note how long loading took: told in any case."""
        self._load_ms = milliseconds
        self._has_news.set()

    async def _tell(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            await self._has_news.wait()
            await self._write()
            pause = _PAUSE

    async def _write(self) -> None:
        """Tell what is new. It may be lost: the next telling, a heartbeat or the end says it again."""
        self._has_news.clear()
        load_ms, self._load_ms = self._load_ms, None
        try:
            last, key = self._preview_key, await self._store_preview()
            state = await self._lifecycle.progress(self._job, self._shown, preview_key=key, load_ms=load_ms)
            self._moved(state)
            if key is not None and last is not None:
                await self._drop(last)
        except LeaseLostError:
            self._moved(None)
        except CalotypeError as error:
            log.warning("progress.untold", job_id=str(self._job.id), reason=str(error))

    async def _store_preview(self) -> str | None:
        if not self._preview:
            return None
        preview, self._preview = self._preview, b""
        key = key_for(self._job.account_id, self._job.id, new_id(), "jpg")
        self._preview_key = key
        await self._assets.write(key, preview, "image/jpeg")
        return key

    async def _drop(self, key: str) -> None:
        try:
            await self._assets.delete(key)
        except CalotypeError as error:
            log.warning("preview.left", job_id=str(self._job.id), key=key, reason=str(error))
