"""Whether the invariants hold on a live database: I1 to I8 of docs/architecture.md, each a query that should return nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

from calotype.assets.base import Assets
from calotype.errors import CalotypeError
from calotype.jobs.states import HELD, TERMINAL, TRANSITIONS, Event, JobState
from calotype.store.database import Connection, Database

_MOST = 1_000
"""Findings of one invariant are listed up to here, and counted beyond."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of an invariant."""

    invariant: str
    sentence: str
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit looked at, and what it found."""

    findings: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether every invariant holds."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A line of a client's journal: a submit that was answered with this job id."""

    job_id: UUID
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One query: each row it returns is a finding, with `job_id` and the columns its sentence names."""

    invariant: str
    sentence: str
    query: LiteralString


_PARAMETERS: Mapping[str, Any] = {
    "terminal": sorted(TERMINAL),
    "held": sorted(HELD),
    "states": sorted(JobState),
    "most": _MOST,
}

# fmt: off
_CHECKS = (
    Check("I2", "the idempotency key {key} of an account made {count} jobs",
          """select min(id::text)::uuid as job_id, idempotency_key as key, count(*) from jobs where idempotency_key is not null
             group by account_id, idempotency_route, idempotency_key having count(*) > 1"""),
    Check("I2", "{count} holds were written for one job",
          "select job_id, count(*) from ledger where entry = 'hold' group by job_id having count(*) > 1"),
    Check("I3", "the state {state} is none",
          "select id as job_id, state from jobs where not state = any(%(states)s)"),
    Check("I3", "its last event says {logged} and its row says {state}",
          """select j.id as job_id, j.state, e.state as logged from jobs j join lateral (
               select state from job_events where job_id = j.id order by seq desc limit 1) e on true where e.state <> j.state"""),
    Check("I3", "it has no events",
          "select id as job_id from jobs j where not exists (select 1 from job_events e where e.job_id = j.id)"),
    Check("I4", "it is {state} and a hold of {amount} is neither captured nor refunded",
          """select j.id as job_id, j.state, h.amount from jobs j join ledger h on h.job_id = j.id and h.entry = 'hold'
             where j.state = any(%(terminal)s)
               and not exists (select 1 from ledger s where s.hold_id = h.hold_id and s.entry in ('capture', 'refund'))"""),
    Check("I4", "it is {state} and its hold was settled by a {entry}",
          """select j.id as job_id, j.state, s.entry from jobs j join ledger s on s.job_id = j.id
             where (s.entry = 'capture' and j.state <> 'succeeded')
                or (s.entry = 'refund' and (j.state = 'succeeded' or not j.state = any(%(terminal)s)))"""),
    Check("I4", "a hold was settled {count} times",
          """select job_id, count(*) from ledger where entry in ('capture', 'refund') group by job_id, hold_id
             having count(*) > 1"""),
    Check("I4", "a {entry} of {amount} settles no hold of that amount",
          """select s.job_id, s.entry, s.amount from ledger s where s.entry in ('capture', 'refund') and not exists (
               select 1 from ledger h where h.hold_id = s.hold_id and h.entry = 'hold' and h.amount = s.amount)"""),
    Check("I4", "it costs {price} and nothing was held",
          """select id as job_id, price from jobs j where not exists (
               select 1 from ledger h where h.job_id = j.id and h.entry = 'hold' and h.amount = j.price)"""),
    Check("I5", "the account {name} has a balance of {balance} and its ledger says {sum}",
          """select null::uuid as job_id, a.name, a.balance, coalesce(sum(l.effect), 0) as sum from accounts a
             left join ledger l on l.account_id = a.id group by a.id having a.balance <> coalesce(sum(l.effect), 0)"""),
    Check("I5", "the account {name} has a balance of {balance}, below its floor of {floor}",
          "select null::uuid as job_id, name, balance, floor from accounts where balance < floor"),
    Check("I5", "the account {name} says that {spent} was spent in its window and its ledger says {sum}",
          """select null::uuid as job_id, a.name, a.spent, given.sum from accounts a cross join lateral (
               select coalesce(sum(h.amount), 0) as sum from ledger h where h.account_id = a.id and h.entry = 'hold'
                 and h.at >= a.spent_since and not exists (
                   select 1 from ledger r where r.hold_id = h.hold_id and r.entry = 'refund')) given
             where a.spent_since is not null and a.spent <> given.sum"""),
    Check("I5", "the key {id} says that {spent} was spent in its window and its ledger says {sum}",
          """select null::uuid as job_id, k.id, k.spent, given.sum from keys k cross join lateral (
               select coalesce(sum(h.amount), 0) as sum from ledger h join jobs j on j.id = h.job_id
               where h.account_id = k.account_id and j.key_id = k.id and h.entry = 'hold' and h.at >= k.spent_since
                 and not exists (select 1 from ledger r where r.hold_id = h.hold_id and r.entry = 'refund')) given
             where k.spent_since is not null and k.spent <> given.sum"""),
    Check("I5", "the {noun} {id} has spent {spent}, above its cap of {spend_cap}",
          """select null::uuid as job_id, 'account' as noun, id, spent, spend_cap from accounts where spent > spend_cap
             union all select null::uuid, 'key', id, spent, spend_cap from keys where spent > spend_cap"""),
    Check("I5", "a ledger row's effect of {effect} does not follow from a {entry} of {amount}",
          """select job_id, entry, amount, effect from ledger
             where effect <> case entry when 'hold' then -amount when 'capture' then 0 else amount end"""),
    Check("I6", "it succeeded at attempt {attempt}, which was never claimed",
          """select id as job_id, attempt from jobs j where state = 'succeeded' and not exists (
               select 1 from job_events e where e.job_id = j.id and e.event = 'claim' and e.attempt = j.attempt)"""),
    Check("I6", "it is {state} and no worker holds it",
          "select id as job_id, state from jobs where (state = any(%(held)s)) <> (worker_id is not null)"),
    Check("I7", "it succeeded and has no asset",
          """select id as job_id from jobs j where state = 'succeeded'
             and not exists (select 1 from assets a where a.job_id = j.id and a.role = 'output')"""),
    Check("I7", "it is {state} and has {count} results",
          """select j.id as job_id, j.state, count(*) from jobs j join assets a on a.job_id = j.id and a.role = 'output'
             where j.state <> 'succeeded' group by j.id having count(*) > 0"""),
    Check("I8", "it is {state} and has {count} terminal events",
          """select j.id as job_id, j.state, count(e.seq) from jobs j
             left join job_events e on e.job_id = j.id and e.state = any(%(terminal)s)
             where j.state = any(%(terminal)s) group by j.id having count(e.seq) <> 1"""),
    Check("I8", "it is {state}, wants a webhook, and its terminal delivery is missing",
          """select id as job_id, state from jobs j where webhook is not null and state = any(%(terminal)s)
             and (jsonb_array_length(coalesce(webhook -> 'events', '[]')) = 0 or webhook -> 'events' ? ('job.' || state))
             and not exists (select 1 from outbox o where o.job_id = j.id and o.event = 'job.' || j.state)"""),
    Check("I8", "its webhook {delivery} counts as delivered and no try of it was answered with a 2xx",
          """select job_id, id as delivery from outbox o where state = 'delivered' and not exists (
               select 1 from tries t where t.delivery_id = o.id and t.status between 200 and 299)"""),
    Check("I8", "its webhook {delivery} is a dead letter and nothing says why",
          "select job_id, id as delivery from outbox where state = 'dead' and reason is null"),
    Check("I8", "a receiver is told of {event} under {count} ids",
          """select job_id, event, count(*) from outbox where job_id is not null and event like 'job.%%'
               and substr(event, 5) = any(%(terminal)s) group by job_id, event, endpoint_id having count(*) > 1"""),
)
# fmt: on


async def audit(
    database: Database, assets: Assets | None = None, journal: Iterable[Acknowledged] | None = None
) -> Report:
    """Return every breach found. Without `assets` the files are not read; without a journal I1 is not checked.

    Everything but the files is read in one snapshot, so jobs that move meanwhile cannot look wrong.
    """
    findings: list[Finding] = []
    async with database.transaction() as db:
        await db.execute("set transaction isolation level repeatable read, read only")
        await db.execute("set local statement_timeout = 0")
        for check in _CHECKS:
            findings += [found async for found in _findings_of(db, check)]
        findings += [found async for found in _illegal_moves(db)]
        findings += [found async for found in _lost(db, journal or ())]
        counts = await _counts(db)
        files = await _files(db)
    if assets is not None:
        for row in files:
            findings += [found async for found in _unreadable(database, assets, row)]
    return Report(tuple(findings), counts)


def read_journal(path: Path) -> list[Acknowledged]:
    """Return a client's record of acknowledged submits: a JSON object a line, with `job_id` and maybe `idempotency_key`."""
    lines = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return [Acknowledged(UUID(line["job_id"]), line.get("idempotency_key")) for line in lines]


async def _findings_of(db: Connection, check: Check) -> AsyncIterator[Finding]:
    rows = await (await db.execute(check.query + " limit %(most)s", _PARAMETERS)).fetchall()
    for row in rows:
        yield Finding(check.invariant, check.sentence.format(**row), row["job_id"])


async def _illegal_moves(db: Connection) -> AsyncIterator[Finding]:
    """Hold every step that any job's log shows against the table of states."""
    rows = await (
        await db.execute(
            """select was, event, state, min(job_id::text)::uuid as job_id, count(*) from (
                 select job_id, event, state, lag(state) over (partition by job_id order by seq) as was
                 from job_events where event <> 'progress'
               ) moves where was is not null or event <> 'submit' group by was, event, state"""
        )
    ).fetchall()
    for row in rows:
        if not _is_along_table(row["was"], row["event"], row["state"]):
            yield Finding(
                "I3",
                f"it and {row['count'] - 1} more went from {row['was']} to {row['state']} by {row['event']}",
                row["job_id"],
            )


def _is_along_table(was: Any, event: str, state: str) -> bool:
    try:
        return TRANSITIONS[JobState(was)][Event(event)] == state
    except (KeyError, ValueError):
        return False


async def _lost(db: Connection, journal: Iterable[Acknowledged]) -> AsyncIterator[Finding]:
    """I1: what a client was told exists, exists. I2: one key was never answered with two jobs."""
    by_key: dict[str, UUID] = {}
    for line in journal:
        row = await (await db.execute("select id from jobs where id = %s", (line.job_id,))).fetchone()
        if row is None:
            yield Finding("I1", "it was acknowledged and is not there", line.job_id)
        if line.idempotency_key is not None and by_key.setdefault(line.idempotency_key, line.job_id) != line.job_id:
            yield Finding("I2", f"the idempotency key {line.idempotency_key} was answered with two jobs", line.job_id)


async def _counts(db: Connection) -> dict[str, int]:
    rows = await (await db.execute("select state, count(*) from jobs group by state order by state")).fetchall()
    money = await (await db.execute("select count(*) from ledger")).fetchone()
    assert money is not None, "count(*) returns a row"
    return {row["state"]: row["count"] for row in rows} | {"ledger_rows": money["count"]}


async def _files(db: Connection) -> list[dict[str, Any]]:
    """Return the files that succeeded jobs promise."""
    query = "select job_id, key, sha256, bytes from assets where role = 'output' and purged_at is null"
    return await (await db.execute(query)).fetchall()


async def _unreadable(database: Database, assets: Assets, row: Mapping[str, Any]) -> AsyncIterator[Finding]:
    digest = hashlib.sha256()
    try:
        async for part in await assets.open(row["key"]):
            digest.update(part)
    except CalotypeError:
        if not await _is_purged_by_now(database, row["key"]):
            yield Finding("I7", f"its file {row['key']} cannot be read", row["job_id"])
        return
    if digest.hexdigest() != row["sha256"]:
        yield Finding("I7", f"its file {row['key']} does not match its checksum", row["job_id"])


async def _is_purged_by_now(database: Database, key: str) -> bool:
    async with database.connection() as db:
        row = await (await db.execute("select purged_at from assets where key = %s", (key,))).fetchone()
    return row is None or row["purged_at"] is not None
