"""Assets in an object store: S3 and what speaks it, Google Cloud Storage, Azure."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import from_url

from calotype.assets.base import Content, Readiness, Stored, checked
from calotype.errors import AssetUnavailableError

if TYPE_CHECKING:  # obstore has these names for type checkers only
    from obstore.store import ClientConfig, RetryConfig

_CHUNK = 4 << 20
_PIECE = 1 << 20
"""What is fetched at once for a reader: whoever takes none of it keeps so much waiting."""
_PART = 8 << 20
_PATIENCE = timedelta(seconds=5)

# each request moves at most one part, so a slow client of ours never holds one of these open
_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=3), "timeout": timedelta(seconds=30)}
_RETRY: RetryConfig = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")


class ObjectAssets:
    """Assets under a URL such as `s3://bucket/prefix`, `gs://bucket/prefix` or `az://account/container/prefix`.

    Credentials, region and endpoint come from the environment as the vendors' own tools read them; `options` override
    them. The bucket needs a lifecycle rule that ends unfinished multipart uploads: a writer that dies can leave one.
    """

    def __init__(self, url: str, **options: Any) -> None:
        client: ClientConfig = {**_CLIENT, "allow_http": _is_plain_http(options)}
        if url.startswith("s3"):
            options.setdefault("checksum_algorithm", "SHA256")  # the store refuses bytes that changed on the way
        self._store = from_url(url, client_options=client, retry_config=_RETRY, **options)

    async def write(self, key: str, data: bytes | Path, media_type: str) -> Stored:
        """Store the bytes: in one request when they are few, else in parts that become visible together."""
        checked(key)
        attributes = {"Content-Type": media_type}
        with _asking(key):
            body = await asyncio.to_thread(_whole_if_small, data)
            if isinstance(body, bytes):
                await obstore.put_async(self._store, key, body, attributes=attributes, chunk_size=_PART)
                return Stored(len(body), await asyncio.to_thread(_sha256, body))
            parts = _Parts(body)
            await obstore.put_async(self._store, key, parts, attributes=attributes, chunk_size=_PART)
            return Stored(parts.size, parts.digest.hexdigest())

    async def open(self, key: str, start: int = 0, end: int | None = None) -> Content:
        """Return the bytes from `start` up to `end`, fetched a few megabytes at a time."""
        size = await self.size(key)
        return Content(size, self._read(key, start, size if end is None else end))

    async def size(self, key: str) -> int:
        """Return how many bytes the object has."""
        checked(key)
        with _asking(key):
            return (await obstore.head_async(self._store, key))["size"]

    async def exists(self, key: str) -> bool:
        """Return whether the object is there."""
        checked(key)
        with _asking(key), suppress(FileNotFoundError):
            await obstore.head_async(self._store, key)
            return True
        return False

    async def delete(self, key: str) -> None:
        """Erase the object; some stores mind when it is not there, we do not."""
        checked(key)
        with _asking(key), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)

    async def check(self) -> Readiness:
        """Return whether the store answers us. It has no floor: nobody can tell how much is free."""
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                await anext(aiter(obstore.list(self._store, "readiness", chunk_size=1)), None)
        except TimeoutError:
            return Readiness(is_ready=False, reason="the object store does not answer")
        except (BaseError, OSError, ValueError) as error:
            return Readiness(is_ready=False, reason=_reason(error))
        return Readiness(is_ready=True)

    async def sweep(self, before: datetime) -> int:  # noqa: ARG002 - the bucket's lifecycle rule knows its own times
        """Remove nothing: an unfinished upload is no object, and the bucket's lifecycle rule ends it."""
        return 0

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - no key lies here
        """Return None: no object lies on this machine."""
        return None

    async def _read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        for offset in range(start, end, _PIECE):
            stop = min(offset + _PIECE, end)
            with _asking(key):
                chunk = bytes(await obstore.get_range_async(self._store, key, start=offset, end=stop))
            if len(chunk) != stop - offset:
                raise AssetUnavailableError(key, "it is shorter than it was")
            yield chunk


class _Parts:
    """A large file as an iterator of chunks that counts and hashes what it hands out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                self.size += len(chunk)
                self.digest.update(chunk)
                yield chunk


@contextmanager
def _asking(key: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise AssetUnavailableError(key, _reason(error)) from error


def _reason(error: Exception) -> str:
    # never the error's own text: it holds addresses, and on Azure signed ones
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return "the object store refuses our credentials"
    return "the object store does not answer as it should"


def _is_plain_http(options: dict[str, Any]) -> bool:
    """Return whether the endpoint the operator named is http: naming it is leave enough, as with the vendors' tools."""
    named = [os.environ.get(name, "") for name in _ENDPOINTS] + [str(options.get("endpoint", ""))]
    return any(url.startswith("http://") for url in named)


def _whole_if_small(data: bytes | Path) -> bytes | Path:
    if isinstance(data, Path) and data.stat().st_size <= _PART:
        return data.read_bytes()
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
