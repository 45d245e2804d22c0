"""Asset downloads: signed links that need no key. A link that is not ours is refused before storage is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from calotype.assets.ranges import Selection, select
from calotype.errors import AssetUnavailableError, GoneError, InvalidLinkError
from calotype.server.answer import Answer, raw
from calotype.server.call import headers_of
from calotype.server.endpoint import Plain
from calotype.server.services import Services
from calotype.signing import Link
from calotype.store import assets as rows

_MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "json": "application/json",
    "zip": "application/zip",
}
_NAMES = ("k", "e", "d", "s")
"""What a link's query may name, in the order it was signed in."""
_YEAR = 31_536_000
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
}


def endpoints(services: Services) -> list[tuple[str, Plain]]:
    """Return the one endpoint, which takes every key below /assets."""

    async def download(scope: Scope, path: dict[str, str]) -> Answer:
        return await _download(services, scope, path["key"])

    return [("/assets/{key...}", Plain("assets.download", download))]


async def _download(services: Services, scope: Scope, key: str) -> Answer:
    now = services.parts.clock.now()
    link = services.parts.signer.check(scope["method"], _exact_path(scope), _query(scope), now=now)
    headers = headers_of(scope)
    size = await _size(services, key)
    selection = select(
        scope["method"],
        size=size,
        etag=f'"{key.rsplit("/", 1)[-1]}"',  # a key's file never changes
        range_=headers.get("range"),
        if_range=headers.get("if-range"),
        if_none_match=headers.get("if-none-match"),
    )
    sent = raw({**selection.headers, **_SAFE, **_facts(link, key, now)})
    if selection.start == selection.end:
        return Answer(selection.status, sent)
    return Answer(selection.status, sent, await _bytes(services, key, selection))


def _exact_path(scope: Scope) -> str:
    """Return the path as it was sent: another spelling of the same path is another link."""
    sent: bytes | None = scope.get("raw_path")
    return sent.split(b"?", 1)[0].decode("latin-1") if sent is not None else scope["path"]


def _query(scope: Scope) -> Mapping[str, str]:
    """Return the link's facts: each named once, in our own spelling, and nothing beside them."""
    try:
        sent = scope["query_string"].decode("ascii")
        facts = dict(parse_qsl(sent, keep_blank_values=True, max_num_fields=len(_NAMES)))
    except ValueError:
        raise InvalidLinkError from None
    if urlencode({name: facts[name] for name in _NAMES if name in facts}) != sent:
        raise InvalidLinkError
    return facts


async def _size(services: Services, key: str) -> int:
    try:
        return await services.parts.assets.size(key)
    except AssetUnavailableError:
        async with services.parts.database.connection() as db:
            row = await rows.by_key(db, key)
        if row is None or row.file.purged_at is not None:
            raise GoneError from None
        raise


async def _bytes(services: Services, key: str, selection: Selection) -> AsyncIterator[bytes]:
    content = await services.parts.assets.open(key, selection.start, selection.end)
    return content.chunks


def _facts(link: Link, key: str, now: datetime) -> dict[str, str]:
    extension = key.rsplit(".", 1)[-1]
    left = max(0, int((link.expires_at - now).total_seconds()))
    disposition = link.disposition or "inline"
    return {
        "Content-Type": _MEDIA_TYPES.get(extension, "application/octet-stream"),
        "Content-Disposition": f'{disposition}; filename="{key.rsplit("/", 1)[-1]}"',
        "Cache-Control": f"public, max-age={min(left, _YEAR)}, immutable",
    }
