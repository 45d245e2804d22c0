"""One process's way to PostgreSQL: a pool, transactions, and a listener that survives a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from calotype.errors import DatabaseUnavailableError
from calotype.telemetry import log

Connection = psycopg.AsyncConnection[DictRow]

JOBS_CHANNEL = "calotype_jobs"
"""One NOTIFY a transaction that moves a job: `job_id account_id version state`."""

_SESSION = (
    "-c idle_in_transaction_session_timeout=5s -c lock_timeout=5s -c statement_timeout=30s -c timezone=UTC"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=2"
)
_KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "connect_timeout": 5,
}
_UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)


class Database:
    """A pool of connections. Every failure to reach the server surfaces as `DatabaseUnavailableError`."""

    def __init__(
        self, url: str, *, size: int = 10, name: str = "calotype", clock_offset: timedelta = timedelta(0)
    ) -> None:
        self.url = url
        options = _SESSION
        if clock_offset:
            options += f" -c calotype.clock_offset={int(clock_offset.total_seconds())}s"
        self._arguments: dict[str, Any] = _KEEPALIVE | {"options": options, "application_name": name}
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs=self._arguments | {"autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=size,
            timeout=5.0,
            max_idle=300.0,
            reconnect_timeout=15.0,
            open=False,
            check=None,
        )

    async def open(self) -> None:
        """Connect; raise `DatabaseUnavailableError` when no connection comes about in time."""
        try:
            await self._pool.open(wait=True, timeout=10.0)
        except _UNAVAILABLE as error:
            raise DatabaseUnavailableError(_reason(error)) from None

    async def close(self) -> None:
        """Give every connection back to the system."""
        await self._pool.close(timeout=2.0)

    async def __aenter__(self) -> Database:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit: each statement is a transaction of its own."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except _UNAVAILABLE as error:
            if isinstance(error, psycopg.OperationalError) and _is_transient_conflict(error):
                raise
            await self._drop_dead_connections()
            raise DatabaseUnavailableError(_reason(error)) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside one transaction: everything written is kept together or not at all."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def _drop_dead_connections(self) -> None:
        """After a lost server, do not hand out the other connections that died with it."""
        if not self._pool.closed:
            await self._pool.check()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """Open a connection of one's own outside the pool, for LISTEN and session advisory locks."""
        try:
            connection = await psycopg.AsyncConnection[DictRow].connect(
                self.url, autocommit=True, row_factory=dict_row, **self._arguments
            )
        except _UNAVAILABLE as error:
            raise DatabaseUnavailableError(_reason(error)) from None
        try:
            yield connection
        finally:
            await connection.close()

    async def listen(
        self,
        channels: tuple[LiteralString, ...],
        heard: Callable[[str, str], None],
        lost: Callable[[], Awaitable[None]],
    ) -> None:
        """Call `heard(channel, payload)` for each NOTIFY, for ever; `lost()` after every (re)connection, since some went by."""
        pause = 0.1
        while True:
            try:
                async with self.session() as connection:
                    for channel in channels:
                        await connection.execute(f'LISTEN "{channel}"')
                    pause = 0.1
                    await lost()
                    async for notice in connection.notifies():
                        heard(notice.channel, notice.payload)
            except (DatabaseUnavailableError, *_UNAVAILABLE) as error:
                log.warning("listener.lost", reason=_reason(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


def _is_transient_conflict(error: psycopg.OperationalError) -> bool:
    """Whether the server itself is fine and only this transaction lost: a lock timeout or a deadlock."""
    return isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected)


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].removesuffix(".")
