"""Instrument A: a child runs the real code and is killed by SIGKILL at a random moment; then the database is audited.

A server process without threads forks a child per cycle, so that a cycle costs little more than the child's connection. The child
writes down what it was told: a line in a journal after each acknowledged call, which the audit holds against the database.

    python -m faults.instruments.kills URL FOLDER CYCLES SEED [PLANT]     one server; prints one JSON object at the end
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from calotype.audit import Acknowledged, audit
from calotype.errors import EngineError, IllegalTransitionError, InsufficientCreditsError, LeaseLostError
from calotype.jobs.model import Caller, Job, Progress
from calotype.lifecycle import Lifecycle, Policy
from calotype.store.database import Database
from factories import WEBHOOK, make_caller, make_file, make_submission
from faults.instruments import planted

LIVES = (0.04, 0.5)
"""A child lives for a random time, in seconds, after it has connected: up to the first at the least and the second at the most."""
WANTED = (2, 5)
"""So many acknowledged operations a cycle are aimed at, however busy the machine is: lives grow longer or shorter."""
AUDIT_EVERY = 25
CYCLES_PER_DATABASE = 500
REFUSALS = (LeaseLostError, IllegalTransitionError, InsufficientCreditsError)
POLICY = Policy(lease=timedelta(milliseconds=30), blocked_words=("forbidden",))
LANE = 1


@dataclass(frozen=True)
class Counts:
    """What one server did and found."""

    cycles: int
    acknowledged: int
    findings: list[str]
    seconds: float


# --- the journal -----------------------------------------------------------------------------------


class Journal:
    """What calls were about to be made, and what was acknowledged: a line is one write to a file opened for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **line: Any) -> None:
        """Write one line."""
        os.write(self._descriptor, (json.dumps(line) + "\n").encode())

    def lines_from(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """Return the lines written since a position, and the position after them."""
        with self.path.open("rb") as file:
            file.seek(position)
            text = file.read()
        return [json.loads(line) for line in text.splitlines()], position + len(text)


# --- the child -------------------------------------------------------------------------------------


@dataclass
class Child:
    """One life: calls the lifecycle in a random order until it is killed."""

    cycle: int
    chance: random.Random
    lifecycle: Lifecycle
    caller: Caller
    journal: Journal
    unanswered: list[str]

    @property
    def worker_id(self) -> UUID:
        return UUID(int=self.cycle + 1)

    async def live(self) -> None:
        """Repeat what the one before was not answered, give its jobs back, then go on for ever."""
        for key in self.unanswered:
            await self.submit(key)
        await self.lifecycle.lapse_of_workers([UUID(int=self.cycle)])
        for number in range(1_000_000):
            await self.chance.choice((self.submit_new, self.work, self.work, self.cancel, self.look_after))(number)

    async def submit_new(self, number: int) -> None:
        key = f"{self.cycle}.{number}"
        self.journal.write(asks=key)
        await self.submit(key)

    async def submit(self, key: str) -> Job:
        chance = random.Random(key)  # the same submission at every try
        submission = make_submission(
            input={"prompt": chance.choice(("a boat", "a boat", "a forbidden boat")), "count": chance.randint(1, 4)},
            webhook=chance.choice((None, WEBHOOK)),
            deadline=chance.choice((None, None, timedelta(milliseconds=5))),
            idempotency_key=key,
            digest=key.encode(),
        )
        receipt = await self.lifecycle.submit(self.caller, submission)
        self.journal.write(did="submit", job_id=str(receipt.job.id), idempotency_key=key)
        return receipt.job

    async def work(self, _: int) -> None:
        claimed = await self.lifecycle.claim(self.worker_id, LANE)
        if claimed is None:
            return
        self.journal.write(did="claim", job_id=str(claimed.id))
        with contextlib.suppress(*REFUSALS):
            ending = self.chance.choice(("succeed", "succeed", "fail", "retry", "release", "cancelled", "left"))
            if self.chance.random() < 0.3:
                await self.lifecycle.progress(claimed, Progress(self.chance.uniform(0, 100)))
            await self.end(claimed, ending)

    async def end(self, claimed: Job, ending: str) -> None:
        lifecycle, error = self.lifecycle, EngineError("it broke")
        match ending:
            case "succeed":
                job = await lifecycle.succeed(claimed, [make_file() for _ in range(self.chance.randint(1, 2))])
            case "fail":
                job = await lifecycle.fail(claimed, error)
            case "retry":
                job = await lifecycle.retry(claimed, error)
            case "release":
                job = await lifecycle.release(claimed)
            case "cancelled":
                await lifecycle.cancel(claimed.id, account_id=claimed.account_id)
                job = await lifecycle.confirm_cancel(claimed)
            case _:
                return
        self.acknowledge(ending, job)

    async def cancel(self, number: int) -> None:
        self.journal.write(asks=f"{self.cycle}.{number}")
        job = await self.submit(f"{self.cycle}.{number}")
        with contextlib.suppress(*REFUSALS):
            self.acknowledge("cancel", await self.lifecycle.cancel(job.id, account_id=job.account_id))

    async def look_after(self, _: int) -> None:
        for duty in (
            self.lifecycle.lapse_due, self.lifecycle.requeue_due, self.lifecycle.expire_due, self.lifecycle.reissue_tickets,
        ):  # fmt: skip
            self.journal.write(did=duty.__name__, count=await duty())

    def acknowledge(self, did: str, job: Job) -> None:
        self.journal.write(did=did, job_id=str(job.id), state=str(job.state) if job.state.is_terminal else None)


# --- the server ------------------------------------------------------------------------------------


class Server:
    """Forks, waits, kills, audits. It never runs a thread or an event loop itself: both are lost in a fork."""

    def __init__(self, url: str, folder: Path, seed: int, plant: str | None) -> None:
        self._url = url
        self._journal = Journal(folder / "journal.jsonl")
        self._chance = random.Random(seed)
        self._plant = plant
        self._caller = self._in_child(lambda: asyncio.run(self._make_caller()))
        self._audited_to = 0
        self._longest = LIVES[0]
        self.acknowledged = 0

    async def _make_caller(self) -> list[str]:
        async with Database(self._url, size=1) as database:
            caller = await make_caller(database, 10**9)
        return [str(caller.account_id), str(caller.user_id), str(caller.key_id)]

    def cycle(self, number: int) -> list[str]:
        """Live one life and end it; return what went wrong before the kill."""
        hears, says = os.pipe()
        unanswered = self._unanswered()
        seed = self._chance.random()
        child = os.fork()
        if child == 0:
            _never_return(lambda: self._live(number, seed, unanswered, says))
        os.close(says)
        os.read(hears, 1)
        time.sleep(self._chance.uniform(0, self._longest))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = os.read(hears, 100_000).decode()
        os.close(hears)
        return [f"cycle {number}: {said}"] if said else []

    def _live(self, number: int, seed: float, unanswered: list[str], says: int) -> None:
        async def live() -> None:
            kind = planted.LateDatabase if self._plant == "money settled afterwards" else Database
            async with kind(self._url, size=2) as database:
                os.write(says, b".")
                account_id, user_id, key_id = map(UUID, self._caller)
                caller = Caller(account_id, user_id, key_id)
                lifecycle = Lifecycle(database, POLICY)
                await Child(number, random.Random(seed), lifecycle, caller, self._journal, unanswered).live()

        plant = contextlib.nullcontext() if self._plant is None else PLANTS[self._plant]()
        try:
            with plant:
                asyncio.run(live())
        except Exception:  # noqa: BLE001 - whatever it is, the server is told
            os.write(says, traceback.format_exc()[-2_000:].encode())

    def _unanswered(self) -> list[str]:
        """Return the keys whose submit was begun and not acknowledged since the last audit."""
        lines, _ = self._journal.lines_from(self._audited_to)
        answered = {line.get("idempotency_key") for line in lines}
        return [line["asks"] for line in lines if "asks" in line and line["asks"] not in answered][-5:]

    def audit(self, *, whole: bool = False) -> list[str]:
        """Return what the audit finds; the journal's new lines are held against the database, at the end all of them."""
        lines, reached = self._journal.lines_from(0 if whole else self._audited_to)
        fresh = [line for line in lines if "did" in line]
        if not whole:
            # a duty that found nothing to do has promised nothing
            acknowledged = sum(line.get("count") != 0 for line in fresh)
            self.acknowledged += acknowledged
            self._audited_to = reached
            self._aim(acknowledged / AUDIT_EVERY)
        return self._in_child(lambda: asyncio.run(self._audit(fresh)))

    def _aim(self, seen: float) -> None:
        if seen < WANTED[0]:
            self._longest = min(self._longest * 1.5, LIVES[1])
        elif seen > WANTED[1]:
            self._longest = max(self._longest / 1.5, LIVES[0])

    async def _audit(self, lines: list[dict[str, Any]]) -> list[str]:
        journal = [
            Acknowledged(UUID(line["job_id"]), line["idempotency_key"]) for line in lines if line["did"] == "submit"
        ]
        ended = {line["job_id"]: line["state"] for line in lines if line.get("state")}
        async with Database(self._url, size=1) as database:
            found = [f"{f.invariant} {f.sentence}" for f in (await audit(database, journal=journal)).findings]
            async with database.connection() as db:
                rows = await (
                    await db.execute("select id::text, state from jobs where id = any(%s::uuid[])", (list(ended),))
                ).fetchall()
        states = {row["id"]: row["state"] for row in rows}
        return found + [
            f"I1 {job_id} was acknowledged as {state} and is {states.get(job_id)}"
            for job_id, state in ended.items()
            if states.get(job_id) != state
        ]

    @staticmethod
    def _in_child(work: Callable[[], list[str]]) -> list[str]:
        """Return what a forked child works out, and let its event loop end with it."""
        hears, says = os.pipe()
        child = os.fork()
        if child == 0:
            _never_return(lambda: _tell(says, work))
        os.close(says)
        with os.fdopen(hears, "rb") as file:
            told = file.read()
        os.waitpid(child, 0)
        answer = json.loads(told)
        return list(answer)


def _tell(says: int, work: Callable[[], list[str]]) -> None:
    try:
        answer = work()
    except Exception:  # noqa: BLE001 - the server is told
        answer = [traceback.format_exc()[-2_000:]]
    with os.fdopen(says, "wb") as file:
        file.write(json.dumps(answer).encode())


def _never_return(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        os._exit(0)


PLANTS: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    "money settled afterwards": planted.money_settled_afterwards,
    "refunds forgotten": planted.refunds_forgotten,
}


def serve(url: str, folder: Path, cycles: int, seed: int, plant: str | None = None) -> Counts:
    """Run that many cycles, auditing as they go; stop at the first finding."""
    started = time.monotonic()
    server = Server(url, folder, seed, plant)
    findings: list[str] = []
    done = 0
    while done < cycles and not findings:
        findings += server.cycle(done)
        done += 1
        if done % AUDIT_EVERY == 0:
            findings += server.audit()
    findings += server.audit()
    findings += server.audit(whole=True)
    return Counts(done, server.acknowledged, sorted(set(findings))[:20], time.monotonic() - started)


# --- from outside ----------------------------------------------------------------------------------


def databases(postgres: str, count: int, name: str) -> Iterator[str]:
    """Yield fresh databases one after another. Nothing is asked of the disk: it is the client that is killed."""
    for number in range(count):
        database = f"{name}_{number}"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"create database {database} template template_calotype".encode())
            connection.execute(f"alter database {database} set synchronous_commit = off".encode())
            try:
                yield psycopg.conninfo.make_conninfo(postgres, dbname=database)
            finally:
                # the server itself may be vacuuming it, which our role may not end: then it goes with the server
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"drop database {database} with (force)".encode())


def run(
    postgres: str,
    folder: Path,
    cycles: int,
    seed: int,
    plant: str | None = None,
    done: Callable[[int], object] = lambda _: None,
) -> Counts:
    """Run the cycles in server processes of their own, each on a fresh database; return the sums."""
    sums = Counts(0, 0, [], 0.0)
    portions = -(-cycles // CYCLES_PER_DATABASE)
    for number, url in enumerate(databases(postgres, portions, f"kills_{seed}_{os.getpid()}")):
        place = folder / f"{seed}-{number}"
        place.mkdir()
        portion = min(CYCLES_PER_DATABASE, cycles - sums.cycles)
        counts = _run_server(url, place, portion, seed * 1_000 + number, plant)
        sums = Counts(
            sums.cycles + counts.cycles,
            sums.acknowledged + counts.acknowledged,
            sums.findings + counts.findings,
            sums.seconds + counts.seconds,
        )
        done(counts.cycles)
        if sums.findings:
            break
    return sums


def _run_server(url: str, folder: Path, cycles: int, seed: int, plant: str | None) -> Counts:
    # a process of its own, started afresh: whoever calls may have threads, and a fork would lose them
    command = [
        sys.executable,
        "-m",
        "faults.instruments.kills",
        str(folder),
        str(cycles),
        str(seed),
        *([plant] if plant else []),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "KILLS_URL": url}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        return Counts(0, 0, [f"the server of the children ended with {ended.returncode}: {ended.stderr[-2_000:]}"], 0.0)
    return Counts(**json.loads(ended.stdout))


if __name__ == "__main__":
    folder, cycles, seed, *plant = sys.argv[1:]
    told = serve(os.environ["KILLS_URL"], Path(folder), int(cycles), int(seed), *plant)
    json.dump(vars(told), sys.stdout)
