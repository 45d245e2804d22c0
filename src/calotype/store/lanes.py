"""Lanes: one queue a model, and the fair-share tags inside it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from calotype.jobs.fairness import UNIT, needs_rebase
from calotype.jobs.lanes import LaneView, lane_name
from calotype.store.database import Connection

_REBASE = 0x6C616E65  # "lane", the class of the advisory lock


async def ensure(db: Connection, model: str) -> int:
    """Return the lane of a model, made when it is the first time."""
    row = await (await db.execute("select id from lanes where model = %s", (model,))).fetchone()
    if row is None:
        await db.execute("insert into lanes (model) values (%s) on conflict (model) do nothing", (model,))
        row = await (await db.execute("select id from lanes where model = %s", (model,))).fetchone()
    assert row is not None, "a lane is never deleted"
    return int(row["id"])


async def waiting(db: Connection, models: Sequence[str]) -> list[LaneView]:
    """Return the lanes of these models that have waiting jobs, with how long the oldest has waited."""
    rows = await (
        await db.execute(
            """select lanes.id, lanes.model, extract(epoch from calotype_now() - first.queued_at)::float8 as waited
               from lanes cross join lateral (
                   select queued_at from jobs where lane_id = lanes.id and state = 'queued' order by queued_at limit 1
               ) first where lanes.model = any(%s)""",
            (list(models),),
        )
    ).fetchall()
    return [LaneView(row["id"], row["model"], row["waited"]) for row in rows]


async def take_share(db: Connection, account_id: UUID, lane_id: int, cost: int) -> None:
    """Give an account its next start and finish tag in a lane (`jobs.fairness.tags_of`, as one guarded row)."""
    await db.execute(
        """insert into fair_shares as fair (account_id, lane_id, start, finish)
           select a.id, l.id, l.virtual_time, l.virtual_time + greatest(1, %(distance)s / a.weight)
           from accounts a, lanes l where a.id = %(account_id)s and l.id = %(lane_id)s
           on conflict (account_id, lane_id) do update set
             start = greatest(fair.finish, excluded.start),
             finish = greatest(fair.finish, excluded.start) + (excluded.finish - excluded.start)""",
        {"account_id": account_id, "lane_id": lane_id, "distance": UNIT * cost},
    )


async def give_share_back(db: Connection, account_id: UUID, lane_id: int, cost: int) -> None:
    """Take a cancelled job's distance off its account's finish tag, so that work never done costs no place in the queue."""
    await db.execute(
        """update fair_shares fair set finish = fair.finish - greatest(1, %(distance)s / a.weight)
           from accounts a where a.id = %(account_id)s and fair.account_id = a.id and fair.lane_id = %(lane_id)s""",
        {"account_id": account_id, "lane_id": lane_id, "distance": UNIT * cost},
    )


async def advance(db: Connection, lane_id: int, tag: int) -> bool:
    """Move the lane's virtual time up to the tag just claimed; return whether that is so far that the lane is to be rebased."""
    row = await (
        await db.execute(
            "update lanes set virtual_time = %(tag)s where id = %(id)s and virtual_time < %(tag)s returning epoch",
            {"tag": tag, "id": lane_id},
        )
    ).fetchone()
    return row is not None and needs_rebase(tag, row["epoch"])


async def rebase(db: Connection, lane_id: int, epoch: int) -> None:
    """Set the lane's epoch, and each waiting ticket's priority anew from its job's tag: a clamped one is set right too.

    Tickets are locked before the lane, as a claim does it; those that were issued in between are set right afterwards.
    """
    turn = await (
        await db.execute("select pg_try_advisory_xact_lock(%s, %s) as is_ours", (_REBASE, lane_id))
    ).fetchone()
    if turn is None or not turn["is_ours"]:
        return  # another claim is at it
    await _set_priorities(db, lane_id, epoch)
    await db.execute("update lanes set epoch = %s where id = %s and epoch < %s", (epoch, lane_id, epoch))
    await _set_priorities(db, lane_id, epoch)


async def _set_priorities(db: Connection, lane_id: int, epoch: int) -> None:
    await db.execute(
        """update procrastinate_jobs ticket
           set priority = greatest(-2147483648, least(2147483647, %s - jobs.tag))
           from jobs where ticket.queue_name = %s and ticket.status = 'todo' and jobs.id = (ticket.args ->> 'job_id')::uuid""",
        (epoch, lane_name(lane_id)),
    )
