"""The outbox: webhooks to send, written in the transaction that made them true, leased one try at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import UUID

from psycopg.types.json import Jsonb

from calotype.jobs.deliveries import Queued, Receiver
from calotype.jobs.model import Job
from calotype.store.database import JOBS_CHANNEL, Connection

TEST = "webhook.test"
"""The event of a delivery that somebody asked for to see whether it arrives: it tells of no job."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a delivery goes, in whose words, and as which receiver it is counted: each is tried independently of the others."""

    url: str
    face: str
    receiver: str
    endpoint_id: UUID | None = None

    @classmethod
    def of_endpoint(cls, endpoint_id: UUID, url: str, face: str) -> Address:
        """Return an endpoint's address."""
        return cls(url, face, str(endpoint_id), endpoint_id)

    @classmethod
    def of_job(cls, account_id: UUID, url: str, face: str) -> Address:
        """Return the address of a job's own webhook: all of an account's that go to one place count as one receiver."""
        parts = urlsplit(url)
        return cls(url, face, f"{account_id} {parts.scheme}://{parts.netloc}".lower())


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook to send. `owner_id` is whose secrets sign it: its endpoint's, else the account's own."""

    id: UUID
    account_id: UUID
    job_id: UUID | None
    endpoint_id: UUID | None
    event: str
    url: str
    face: str
    receiver: str
    facts: Mapping[str, Any]
    tries: int
    replays: int
    state: str
    due_at: datetime
    round_at: datetime
    created_at: datetime
    ended_at: datetime | None
    reason: str | None
    lease_id: UUID | None = field(default=None, repr=False)
    is_wanted: bool = True
    """False when its endpoint was disabled or deleted since."""

    @property
    def owner_id(self) -> UUID:
        """Return whose secrets sign it."""
        return self.endpoint_id or self.account_id


async def put(
    db: Connection, delivery_id: UUID, job: Job, seq: int, address: Address, facts: Mapping[str, Any]
) -> None:
    """Put in what tells of the job's last move, due at once. The facts are those that a later move changes."""
    await db.execute(
        """insert into outbox (id, account_id, job_id, seq, event, url, face, receiver, endpoint_id, body)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            delivery_id,
            job.account_id,
            job.id,
            seq,
            f"job.{job.state}",
            address.url,
            address.face,
            address.receiver,
            address.endpoint_id,
            Jsonb(dict(facts)),
        ),
    )


async def put_test(db: Connection, delivery_id: UUID, account_id: UUID, address: Address) -> None:
    """Put in a delivery that tells of no job."""
    await db.execute(
        """insert into outbox (id, account_id, event, url, face, receiver, endpoint_id, body)
           values (%s, %s, %s, %s, %s, %s, %s, jsonb_build_object('at', calotype_now()))""",
        (delivery_id, account_id, TEST, address.url, address.face, address.receiver, address.endpoint_id),
    )


# --- taking --------------------------------------------------------------------------------------

# walks from receiver to receiver, so that one with a hundred thousand waiting deliveries costs as little as one with a single one
_QUEUED: LiteralString = """
with recursive moment as materialized (select calotype_now() as now), names as (
    (select receiver as name from outbox where state = 'waiting' order by receiver limit 1)
    union all
    select (select o.receiver from outbox o where o.state = 'waiting' and o.receiver > names.name order by o.receiver limit 1)
    from names where names.name is not null
)
select names.name, coalesce(r.failures, 0) as failures, coalesce(r.is_proven, false) as is_proven,
    (select count(*) from outbox s where s.receiver = names.name and s.lease_id is not null and s.due_at > now) as under_way
from moment, names
join lateral (
    select due_at from outbox o where o.state = 'waiting' and o.receiver = names.name order by due_at limit 1
) first on true
left join receivers r on r.name = names.name
where first.due_at <= now and (r.paused_until is null or r.paused_until <= now)
order by first.due_at
"""


async def queued(db: Connection) -> list[Queued]:
    """Return the receivers for which something is due and that are not left alone just now, the longest waiting first."""
    rows = await (await db.execute(_QUEUED)).fetchall()
    return [Queued(row["name"], Receiver(row["failures"], row["is_proven"]), row["under_way"]) for row in rows]


_LEASE: LiteralString = """
with picked as (
    select due.id from unnest(%(names)s::text[], %(counts)s::int[]) as wanted (name, count)
    cross join lateral (
        select o.id from outbox o where o.state = 'waiting' and o.receiver = wanted.name and o.due_at <= calotype_now()
        order by o.due_at limit wanted.count for update skip locked
    ) due
), leased as (
    update outbox set lease_id = %(lease_id)s, due_at = calotype_now() + %(lease)s from picked where outbox.id = picked.id
    returning outbox.*
)
select leased.*, coalesce(e.url, leased.url) as current_url, e.id is null or (e.is_enabled and e.deleted_at is null) as is_wanted
from leased left join endpoints e on e.id = leased.endpoint_id
"""


async def lease(db: Connection, shares: Mapping[str, int], lease_id: UUID, length: timedelta) -> list[Delivery]:
    """Take so many due deliveries of each receiver for one try; whoever dies with them loses them after `length`."""
    given = {"names": list(shares), "counts": list(shares.values()), "lease_id": lease_id, "lease": length}
    rows = await (await db.execute(_LEASE, given)).fetchall()
    return [delivery_of(row | {"url": row.pop("current_url")}) for row in rows]


async def hand_back(db: Connection, delivery_ids: list[UUID], lease_id: UUID) -> None:
    """Give deliveries back untried: this process is stopping."""
    await db.execute(
        "update outbox set lease_id = null, due_at = calotype_now() where id = any(%s) and lease_id = %s",
        (delivery_ids, lease_id),
    )


# --- what became of a try ------------------------------------------------------------------------


async def deliver(db: Connection, delivery: Delivery) -> None:
    """Record that it was taken. That is true whoever holds it by now."""
    await db.execute(
        """update outbox set state = 'delivered', lease_id = null, ended_at = calotype_now(), reason = null, tries = tries + 1
           where id = %s and state <> 'delivered'""",
        (delivery.id,),
    )
    await _note_fate(db, delivery.id, "delivered")


async def wait(db: Connection, delivery: Delivery, pause: timedelta) -> None:
    """Record a try in vain, and when the next one is due; nothing when another process has it by now."""
    await db.execute(
        """update outbox set lease_id = null, due_at = calotype_now() + %s, tries = tries + 1
           where id = %s and lease_id = %s and state = 'waiting'""",
        (pause, delivery.id, delivery.lease_id),
    )


async def bury(db: Connection, delivery: Delivery, reason: str, *, was_tried: bool) -> None:
    """Put it among the dead letters; nothing when another process has it by now."""
    await db.execute(
        """update outbox set state = 'dead', lease_id = null, ended_at = calotype_now(), reason = %s, tries = tries + %s
           where id = %s and lease_id = %s and state = 'waiting'""",
        (reason, int(was_tried), delivery.id, delivery.lease_id),
    )
    await _note_fate(db, delivery.id, "failed")


async def bury_all(db: Connection, receiver: str, reason: str, *, older_than: timedelta = timedelta(0)) -> int:
    """Put what waits for a receiver among the dead letters, if its plan has run for so long; return how many."""
    rows = await (
        await db.execute(
            """update outbox set state = 'dead', lease_id = null, ended_at = calotype_now(), reason = %s
               where receiver = %s and state = 'waiting' and round_at <= calotype_now() - %s::interval returning id""",
            (reason, receiver, older_than),
        )
    ).fetchall()
    for row in rows:
        await _note_fate(db, row["id"], "failed")
    return len(rows)


# a job shows how its own webhook fares: what ends it is the last thing told
_FATE: LiteralString = """
with told as (
    update jobs set webhook_fate = %(fate)s, version = version + 1 from outbox o
    where o.id = %(id)s and o.endpoint_id is null and o.job_id = jobs.id and o.event = 'job.' || jobs.state
      and jobs.finished_at is not null and jobs.webhook is not null
      and o.state = case %(fate)s when 'delivered' then 'delivered' when 'failed' then 'dead' else 'waiting' end
      and jobs.webhook_fate is distinct from %(fate)s
    returning jobs.id, jobs.account_id, jobs.version, jobs.state
)
select pg_notify(%(channel)s, concat_ws(' ', id, account_id, version, state)) from told
"""


async def _note_fate(db: Connection, delivery_id: UUID, fate: str | None) -> None:
    await db.execute(_FATE, {"id": delivery_id, "fate": fate, "channel": JOBS_CHANNEL})


# --- looking, and trying again -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are meant: every field that is not None narrows it."""

    endpoint_id: UUID | None = None
    job_id: UUID | None = None
    state: str | None = None
    event: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    def conditions(self) -> tuple[LiteralString, dict[str, Any]]:
        """Return it as SQL, and the values."""
        named = {name: getattr(self, name) for name in _CONDITIONS}
        given = {name: value for name, value in named.items() if value is not None}
        parts: list[LiteralString] = ["account_id = %(account_id)s", *(_CONDITIONS[name] for name in given)]
        return " and ".join(parts), given


_CONDITIONS: dict[str, LiteralString] = {
    "endpoint_id": "endpoint_id = %(endpoint_id)s",
    "job_id": "job_id = %(job_id)s",
    "state": "state = %(state)s",
    "event": "event = %(event)s",
    "created_from": "created_at >= %(created_from)s",
    "created_to": "created_at < %(created_to)s",
}


async def page(
    db: Connection, account_id: UUID, wanted: DeliveryFilter, limit: int, after: tuple[datetime, UUID] | None = None
) -> list[Delivery]:
    """Return up to `limit` deliveries of an account, newest first, older than `after`."""
    conditions, given = wanted.conditions()
    if after is not None:
        conditions += " and (created_at, id) < (%(after_at)s, %(after_id)s)"
        given |= {"after_at": after[0], "after_id": after[1]}
    query: LiteralString = "select * from outbox where " + conditions + " order by created_at desc, id desc"  # noqa: S608 - every part is literal
    rows = await (
        await db.execute(query + " limit %(limit)s", given | {"account_id": account_id, "limit": limit})
    ).fetchall()
    return [delivery_of(row) for row in rows]


async def get(db: Connection, delivery_id: UUID, account_id: UUID) -> Delivery | None:
    """Return a delivery; None when there is none, or when it is another account's."""
    cursor = await db.execute("select * from outbox where id = %s and account_id = %s", (delivery_id, account_id))
    row = await cursor.fetchone()
    return None if row is None else delivery_of(row)


async def replay(db: Connection, account_id: UUID, wanted: DeliveryFilter, limit: int) -> list[UUID]:
    """Have ended deliveries sent again under their own ids, by their whole plan, the oldest first; return which."""
    conditions, given = wanted.conditions()
    query: LiteralString = (
        """with chosen as (
             select id from outbox where state <> 'waiting' and """  # noqa: S608 - every part is literal
        + conditions
        + """ order by created_at, id limit %(limit)s for update)
           update outbox set state = 'waiting', tries = 0, replays = replays + 1, due_at = calotype_now(), ended_at = null,
             reason = null, lease_id = null, round_at = calotype_now()
           from chosen where outbox.id = chosen.id returning outbox.id"""
    )
    rows = await (await db.execute(query, given | {"account_id": account_id, "limit": limit})).fetchall()
    return await _replayed(db, [row["id"] for row in rows])


async def replay_one(db: Connection, delivery_id: UUID) -> None:
    """Have one delivery sent again, now: one that waits is due at once, by its whole plan."""
    await db.execute(
        """update outbox set state = 'waiting', tries = 0, replays = replays + 1, due_at = calotype_now(), ended_at = null,
             reason = null, lease_id = null, round_at = calotype_now() where id = %s""",
        (delivery_id,),
    )
    await _replayed(db, [delivery_id])


async def _replayed(db: Connection, delivery_ids: list[UUID]) -> list[UUID]:
    for delivery_id in delivery_ids:
        await _note_fate(db, delivery_id, None)
    return delivery_ids


_SAME_NAME = (
    "id", "account_id", "job_id", "endpoint_id", "event", "url", "face", "receiver", "tries", "replays", "state", "due_at",
    "round_at", "created_at", "ended_at", "reason", "lease_id",
)  # fmt: skip


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """Return the delivery a row of `outbox` holds."""
    named = {name: row[name] for name in _SAME_NAME}
    return Delivery(**named, facts=row["body"], is_wanted=row.get("is_wanted", True))
