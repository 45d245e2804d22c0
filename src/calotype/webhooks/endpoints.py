"""What an account's owner does about webhooks: endpoints, their secrets, a test, and sending again what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from calotype.errors import (
    InvalidInputError,
    NotFoundError,
    OutboundFailedError,
    OutboundForbiddenError,
    TooManyEndpointsError,
)
from calotype.jobs.ids import new_id
from calotype.outbound import Outbound
from calotype.signing import WebhookSecret
from calotype.store import endpoints, outbox, secrets, tries
from calotype.store.database import Connection, Database
from calotype.store.endpoints import Endpoint
from calotype.store.outbox import Address, Delivery, DeliveryFilter
from calotype.store.secrets import Owned
from calotype.store.tries import Try

MOST_ENDPOINTS = 50
"""Of one account: a delivery is written for each, in the transaction that ends a job."""
MOST_REPLAYED = 1_000
"""At once."""


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A secret that counts, and since when and until when it does."""

    secret: WebhookSecret
    row: Owned


class Endpoints:
    """The webhooks of accounts. Another account's are answered as ones that never were."""

    def __init__(self, database: Database, outbound: Outbound) -> None:
        self._database = database
        self._outbound = outbound

    async def create(self, account_id: UUID, url: str, description: str, events: Sequence[str]) -> Endpoint:
        """Make an endpoint and its first secret. Raises `InvalidInputError` for a URL that may not be called."""
        await self._check(url)
        endpoint_id = new_id()
        async with self._database.transaction() as db:
            await endpoints.lock_account(db, account_id)
            if len(await endpoints.of_account(db, account_id)) >= MOST_ENDPOINTS:
                raise TooManyEndpointsError(MOST_ENDPOINTS)
            await endpoints.insert(db, endpoint_id, account_id, url, description, events)
            await secrets.first(db, endpoint_id, WebhookSecret.new().stored)
            return await _found(db, endpoint_id, account_id)

    async def of_account(self, account_id: UUID) -> list[Endpoint]:
        """Return an account's endpoints, oldest first."""
        async with self._database.connection() as db:
            return await endpoints.of_account(db, account_id)

    async def get(self, endpoint_id: UUID, account_id: UUID) -> Endpoint:
        """Return an endpoint. Raises `NotFoundError`."""
        async with self._database.connection() as db:
            return await _found(db, endpoint_id, account_id)

    async def update(self, endpoint_id: UUID, account_id: UUID, changes: dict[str, Any]) -> Endpoint:
        """Change an endpoint's url, description, events or is_enabled.

        What waits for one that is disabled goes to the dead letters. Raises `NotFoundError`, `InvalidInputError`.
        """
        if "url" in changes:
            await self._check(changes["url"])
        async with self._database.transaction() as db:
            before = await _found(db, endpoint_id, account_id)
            wanted = replace(before, **changes)
            await endpoints.update(
                db,
                endpoint_id,
                url=wanted.url,
                description=wanted.description,
                events=wanted.events,
                is_enabled=wanted.is_enabled,
            )
            if not wanted.is_enabled:
                await outbox.bury_all(db, str(endpoint_id), "disabled")
            elif not before.is_enabled or wanted.url != before.url:
                await tries.resume(db, str(endpoint_id))
            return await _found(db, endpoint_id, account_id)

    async def delete(self, endpoint_id: UUID, account_id: UUID) -> None:
        """Forget an endpoint; what waits for it goes to the dead letters. Raises `NotFoundError`."""
        async with self._database.transaction() as db:
            await _found(db, endpoint_id, account_id)
            await endpoints.delete(db, endpoint_id)
            await outbox.bury_all(db, str(endpoint_id), "disabled")

    async def test(self, endpoint_id: UUID, account_id: UUID) -> Delivery:
        """Put in a delivery that says only that it has arrived, due at once. Raises `NotFoundError`."""
        delivery_id = new_id()
        async with self._database.transaction() as db:
            found = await _found(db, endpoint_id, account_id)
            if not found.is_enabled:
                raise InvalidInputError.at("/enabled", "enabled", "is false: enable the endpoint first")
            await outbox.put_test(db, delivery_id, account_id, Address.of_endpoint(endpoint_id, found.url, found.face))
            await tries.resume(db, str(endpoint_id))
            return await _delivery(db, delivery_id, account_id)

    # --- secrets ---------------------------------------------------------------------------------

    async def secrets(self, account_id: UUID, endpoint_id: UUID | None) -> list[LiveSecret]:
        """Return the live secrets of an endpoint, or of the account: those sign what single jobs ask for. The newest first."""
        async with self._database.transaction() as db:
            return await _live(db, await _owner(db, account_id, endpoint_id))

    async def rotate(self, account_id: UUID, endpoint_id: UUID | None, overlap: timedelta) -> list[LiveSecret]:
        """Make a new secret; the one before signs too for `overlap` more, and any older one no longer."""
        async with self._database.transaction() as db:
            await endpoints.lock_account(db, account_id)
            owner_id = await _owner(db, account_id, endpoint_id)
            await _live(db, owner_id)
            await secrets.rotate(db, owner_id, new_id(), WebhookSecret.new().stored, overlap)
            return await _live(db, owner_id)

    # --- deliveries ------------------------------------------------------------------------------

    async def deliveries(self, account_id: UUID, wanted: DeliveryFilter, limit: int, after: Any) -> list[Delivery]:
        """Return up to `limit` deliveries, newest first, older than the position `after`."""
        async with self._database.connection() as db:
            return await outbox.page(db, account_id, wanted, limit, after)

    async def delivery(self, delivery_id: UUID, account_id: UUID) -> tuple[Delivery, list[Try]]:
        """Return a delivery and its tries. Raises `NotFoundError`."""
        async with self._database.connection() as db:
            return await _delivery(db, delivery_id, account_id), await tries.of_delivery(db, delivery_id)

    async def replay(self, delivery_id: UUID, account_id: UUID) -> Delivery:
        """Send a delivery again, now and under its own id. Raises `NotFoundError`."""
        async with self._database.transaction() as db:
            found = await _delivery(db, delivery_id, account_id)
            await tries.resume(db, found.receiver)
            await outbox.replay_one(db, delivery_id)
            return await _delivery(db, delivery_id, account_id)

    async def replay_all(self, account_id: UUID, wanted: DeliveryFilter, limit: int) -> int:
        """Send ended deliveries again, the oldest first; return how many."""
        async with self._database.transaction() as db:
            return len(await outbox.replay(db, account_id, wanted, limit))

    async def _check(self, url: str) -> None:
        try:
            await self._outbound.check(url)
        except (OutboundForbiddenError, OutboundFailedError) as error:
            raise InvalidInputError.at("/url", "url", str(error)) from None


async def _found(db: Connection, endpoint_id: UUID, account_id: UUID) -> Endpoint:
    found = await endpoints.get(db, endpoint_id, account_id)
    if found is None:
        raise NotFoundError("endpoint")
    return found


async def _delivery(db: Connection, delivery_id: UUID, account_id: UUID) -> Delivery:
    found = await outbox.get(db, delivery_id, account_id)
    if found is None:
        raise NotFoundError("delivery")
    return found


async def _owner(db: Connection, account_id: UUID, endpoint_id: UUID | None) -> UUID:
    return account_id if endpoint_id is None else (await _found(db, endpoint_id, account_id)).id


async def _live(db: Connection, owner_id: UUID) -> list[LiveSecret]:
    found = await secrets.live(db, owner_id)
    if not found:
        await secrets.first(db, owner_id, WebhookSecret.new().stored)
        found = await secrets.live(db, owner_id)
    return [LiveSecret(WebhookSecret.of(row.value), row) for row in found]
