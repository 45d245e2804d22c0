"""Links into the asset store as replies and webhooks word them: signed, bearer-free, the same throughout a window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from calotype.clock import Clock
from calotype.dialects.base import Links
from calotype.jobs.model import Job, Output
from calotype.signing import LinkSigner, window_end


@dataclass(frozen=True, slots=True)
class LinkMaker:
    """Makes the links of jobs. `lifetime` is that of a link whose face has no lasting ones."""

    signer: LinkSigner
    clock: Clock
    lifetime: timedelta

    def links_of(
        self,
        job: Job | None,
        base_url: str,
        *,
        has_lasting_links: bool,
        queue_position: int | None = None,
        is_possible: bool | None = None,
        eta_seconds: float | None = None,
    ) -> tuple[Links, datetime | None]:
        """Return a job's links, and until when they stay as they are (None = for good); without a job, those of none."""
        end = window_end(self.clock.now(), lifetime=self.lifetime)

        def expiry(output: Output) -> datetime:
            lasts = output.expires_at or end
            return lasts if has_lasting_links else min(lasts, end)

        links = Links(
            base_url=base_url,
            asset_url=lambda output: self.url_of(base_url, output.key, expiry(output)),
            thumbnail_url=lambda output: (
                self.url_of(base_url, output.thumbnail_key, expiry(output)) if output.thumbnail_key else None
            ),
            expires_at=end,
            preview_url=self._preview(base_url, job, end),
            queue_position=queue_position,
            is_possible=is_possible,
            eta_seconds=eta_seconds,
        )
        return links, None if has_lasting_links else end - self.lifetime

    def url_of(self, base_url: str, key: str, expires_at: datetime) -> str:
        """Return a link that needs no key and ends in the file's true extension."""
        path = f"/assets/{key}"
        return f"{base_url}{path}?{self.signer.sign(path, expires_at=expires_at)}"

    def _preview(self, base_url: str, job: Job | None, end: datetime) -> str | None:
        if job is None or job.preview_key is None or job.state.is_terminal:
            return None
        return self.url_of(base_url, job.preview_key, end)
