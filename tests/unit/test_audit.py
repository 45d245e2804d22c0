"""The audit names each invariant that a row breaks: one row is corrupted by SQL, past what the schema itself refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from calotype.accounts import Accounts
from calotype.assets.files import FileAssets
from calotype.audit import Acknowledged, Report, audit, read_journal
from calotype.clock import SystemClock
from calotype.jobs.ids import new_id
from calotype.jobs.limits import Window
from calotype.jobs.model import Job
from calotype.jobs.states import JobState
from calotype.store.database import Database
from factories import WEBHOOK, WORKER, Place, make_file, make_place

pytestmark = pytest.mark.anyio
CONTENT = b"a picture"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    async with Database(database_url) as database:
        yield await make_place(database)


async def found(place: Place, **given: Any) -> set[str]:
    """Return the invariants the audit finds broken."""
    report = await audit(place.database, **given)
    return {finding.invariant for finding in report.findings}


async def unguard(place: Place) -> None:
    """Take away what the schema refuses by itself."""
    for statement in (
        "drop index jobs_idempotency, ledger_settled_once, ledger_hold",
        "alter table jobs drop constraint state_is_known",
        "alter table jobs drop constraint lease_while_held",
        "alter table jobs drop constraint finished_when_terminal",
        "alter table ledger drop constraint ledger_check1",
        "alter table accounts drop constraint balance_above_floor",
    ):
        await place.rows(statement)


async def succeeded(place: Place, assets: FileAssets) -> tuple[Job, str]:
    claimed = await place.claimed()
    stored = await assets.write(f"outputs/{claimed.id}.png", CONTENT, "image/png")
    file = make_file(f"outputs/{claimed.id}.png", bytes=stored.size, sha256=stored.sha256)
    return await place.lifecycle.succeed(claimed, [file]), file.key


# --- a clean database ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", JobState)
async def test_a_job_in_any_state_is_clean(place: Place, state: JobState) -> None:
    await place.job_in(state, webhook=WEBHOOK)

    assert (await audit(place.database)).findings == ()


async def test_an_empty_database_is_clean(place: Place) -> None:
    assert (await audit(place.database)).is_clean


async def test_the_report_counts_what_it_looked_at(place: Place) -> None:
    await place.job_in(JobState.SUCCEEDED)
    await place.submitted()

    report = await audit(place.database)

    assert report.counts == {"queued": 1, "succeeded": 1, "ledger_rows": 4}


async def test_a_finding_makes_a_report_unclean(place: Place) -> None:
    job = await place.submitted()
    await place.rows("delete from job_events where job_id = %s", job.id)

    report = await audit(place.database)

    assert not report.is_clean
    assert isinstance(report, Report)
    assert report.findings[0].job_id == job.id


# --- one row for each invariant --------------------------------------------------------------------


async def test_i1_an_acknowledged_job_that_is_not_there_is_named(place: Place) -> None:
    job = await place.submitted()
    lost = new_id()

    report = await audit(place.database, journal=[Acknowledged(job.id), Acknowledged(lost)])

    assert [(finding.invariant, finding.job_id) for finding in report.findings] == [("I1", lost)]


async def test_i2_a_key_that_was_answered_with_two_jobs_is_named(place: Place) -> None:
    journal = [Acknowledged((await place.submitted()).id, "once") for _ in range(2)]

    assert await found(place, journal=journal) == {"I2"}


async def test_i2_a_key_that_made_two_jobs_is_named(place: Place) -> None:
    await unguard(place)
    for key in ("once", "again"):
        await place.submitted(idempotency_key=key)
    await place.rows("update jobs set idempotency_key = 'once'")

    assert await found(place) == {"I2"}


async def test_i2_a_job_that_was_charged_twice_is_named(place: Place) -> None:
    await unguard(place)
    job = await place.submitted()
    await place.rows(
        """insert into ledger (account_id, job_id, hold_id, entry, amount, effect)
           select account_id, job_id, gen_random_uuid(), entry, amount, effect from ledger where job_id = %s""",
        job.id,
    )
    await place.rows("update accounts set balance = balance - 1")

    assert await found(place) == {"I2"}


@pytest.mark.parametrize(
    "corruption",
    [
        "update jobs set state = 'dreaming' where id = %s",
        "update jobs set state = 'created' where id = %s",
        "delete from job_events where job_id = %s",
        "update job_events set state = 'running' where job_id = %s",
        """insert into job_events (job_id, account_id, event, state, attempt, version)
           select id, account_id, 'release', 'queued', 0, 2 from jobs where id = %s""",
    ],
)  # fmt: skip
async def test_i3_a_job_that_left_the_table_of_states_is_named(place: Place, corruption: str) -> None:
    await unguard(place)
    job = await place.submitted()
    await place.rows(corruption, job.id)

    assert "I3" in await found(place)


async def test_i3_a_terminal_job_that_was_revived_is_named(place: Place) -> None:
    job = await place.job_in(JobState.CANCELLED)
    await place.rows("update jobs set state = 'queued', finished_at = null where id = %s", job.id)
    await place.rows(
        """insert into job_events (job_id, account_id, event, state, attempt, version)
           select id, account_id, 'requeue', 'queued', attempt, version from jobs where id = %s""",
        job.id,
    )

    assert "I3" in await found(place)


@pytest.mark.parametrize(
    ("state", "corruption"),
    [
        (JobState.FAILED, "delete from ledger where job_id = %s and entry = 'refund'"),
        (JobState.SUCCEEDED, "delete from ledger where job_id = %s and entry = 'capture'"),
        (
            JobState.SUCCEEDED,
            "update ledger set entry = 'refund', effect = amount where job_id = %s and entry = 'capture'",
        ),
        (JobState.FAILED, "update ledger set entry = 'capture', effect = 0 where job_id = %s and entry = 'refund'"),
        (JobState.FAILED, "update ledger set amount = 2, effect = 2 where job_id = %s and entry = 'refund'"),
        (JobState.QUEUED, "delete from ledger where job_id = %s and entry = 'hold'"),
        (
            JobState.CANCELLED,
            """insert into ledger (account_id, job_id, hold_id, entry, amount, effect)
               select account_id, job_id, hold_id, entry, amount, effect from ledger where job_id = %s and entry = 'refund'""",
        ),
    ],
)
async def test_i4_a_hold_that_is_not_settled_exactly_once_is_named(
    place: Place, state: JobState, corruption: str
) -> None:
    await unguard(place)
    job = await place.job_in(state)
    await place.rows(corruption, job.id)

    assert "I4" in await found(place)


@pytest.mark.parametrize(
    "corruption",
    [
        "update accounts set balance = balance + 1",
        "update accounts set floor = 1000",
        "update ledger set effect = -7 where entry = 'hold'",
        "delete from ledger where entry = 'grant'",
    ],
)
async def test_i5_a_balance_that_is_not_its_ledger_or_below_its_floor_is_named(place: Place, corruption: str) -> None:
    await unguard(place)
    await place.submitted()
    await place.rows(corruption)

    assert "I5" in await found(place)


@pytest.mark.parametrize("noun", ["keys", "accounts"])
async def test_i5_a_cap_that_counted_something_else_than_its_ledger_is_named(place: Place, noun: str) -> None:
    accounts = Accounts(place.database, SystemClock())
    await accounts.cap_key(place.caller.key_id, 5, Window.DAY)
    await accounts.cap_account(str(place.caller.account_id), 5, Window.MONTH)
    await place.submitted()
    assert await found(place) == set()

    await place.rows(f"update {noun} set spent = spent + 1 where spend_cap is not null")
    counted_wrong = await found(place)
    await place.rows(f"update {noun} set spend_cap = 1 where spend_cap is not null")

    assert counted_wrong == {"I5"}
    assert len([one for one in (await audit(place.database)).findings if "spent" in one.sentence]) == 2


async def test_i6_a_result_of_an_attempt_that_was_never_claimed_is_named(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED)
    await place.rows("update jobs set attempt = 2 where id = %s", job.id)

    assert await found(place) == {"I6"}


@pytest.mark.parametrize(
    ("state", "corruption"),
    [
        (JobState.RUNNING, "update jobs set worker_id = null where id = %s"),
        (JobState.QUEUED, f"update jobs set worker_id = '{WORKER}' where id = %s"),
    ],
)
async def test_i6_a_job_whose_state_and_holder_disagree_is_named(
    place: Place, state: JobState, corruption: str
) -> None:
    await unguard(place)
    job = await place.job_in(state)
    await place.rows(corruption, job.id)

    assert await found(place) == {"I6"}


async def test_i7_a_job_that_succeeded_without_an_asset_is_named(place: Place) -> None:
    job = await place.job_in(JobState.SUCCEEDED)
    await place.rows("delete from assets where job_id = %s", job.id)

    assert await found(place) == {"I7"}


async def test_i7_a_result_of_a_job_that_did_not_succeed_is_named(place: Place) -> None:
    succeeded, failed = await place.job_in(JobState.SUCCEEDED), await place.job_in(JobState.FAILED)
    await place.rows(
        """insert into assets (id, account_id, job_id, role, key, media_type, extension, bytes, sha256, expires_at)
           select gen_random_uuid(), account_id, %s, role, 'other', media_type, extension, bytes, sha256, expires_at
           from assets where job_id = %s""",
        failed.id,
        succeeded.id,
    )

    assert await found(place) == {"I7"}


async def test_i7_files_that_are_as_they_were_written_are_clean(place: Place, tmp_path: Path) -> None:
    assets = FileAssets(tmp_path / "assets", 0)
    await succeeded(place, assets)

    assert await found(place, assets=assets) == set()


@pytest.mark.parametrize("change", [b"a picturf", b"a pictur", b"a picture!", b"", None])
async def test_i7_a_file_that_changed_or_is_gone_is_named(place: Place, tmp_path: Path, change: bytes | None) -> None:
    assets = FileAssets(tmp_path / "assets", 0)
    _, key = await succeeded(place, assets)
    path = assets.local_path(key)
    assert path is not None
    path.unlink()
    if change is not None:
        path.write_bytes(change)

    assert await found(place, assets=assets) == {"I7"}


async def test_i7_a_file_that_was_purged_is_missed_by_nobody(place: Place, tmp_path: Path) -> None:
    assets = FileAssets(tmp_path / "assets", 0)
    job, key = await succeeded(place, assets)
    await place.lifecycle.erase(job.id, place.caller.account_id)
    await assets.delete(key)

    assert await found(place, assets=assets) == set()


async def test_i7_a_file_purged_while_the_audit_reads_is_no_finding(place: Place, tmp_path: Path) -> None:
    class PurgedMeanwhile(FileAssets):
        async def open(self, key: str, start: int = 0, end: int | None = None) -> Any:
            await place.rows("update assets set purged_at = now()")
            await self.delete(key)
            return await super().open(key, start, end)

    assets = PurgedMeanwhile(tmp_path / "assets", 0)
    await succeeded(place, assets)

    assert await found(place, assets=assets) == set()


async def test_the_checksum_is_of_the_bytes_that_were_written(place: Place, tmp_path: Path) -> None:
    job, _ = await succeeded(place, FileAssets(tmp_path / "assets", 0))

    assert job.outputs[0].sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    "corruption",
    [
        "delete from job_events where job_id = %s and event = 'fail'",
        """insert into job_events (job_id, account_id, event, state, attempt, version)
           select job_id, account_id, event, state, attempt, version from job_events where job_id = %s and event = 'fail'""",
    ],
)
async def test_i8_a_job_without_exactly_one_terminal_event_is_named(place: Place, corruption: str) -> None:
    job = await place.job_in(JobState.FAILED)
    await place.rows(corruption, job.id)

    assert "I8" in await found(place)


async def test_i8_a_terminal_job_whose_delivery_is_missing_is_named(place: Place) -> None:
    await place.job_in(JobState.FAILED, webhook=WEBHOOK)
    await place.rows("delete from outbox")

    assert await found(place) == {"I8"}


@pytest.mark.parametrize(
    "corruption",
    [
        "update outbox set state = 'delivered', ended_at = now()",
        "update outbox set state = 'dead', ended_at = now()",
        """insert into outbox (id, account_id, job_id, event, url, face, receiver, body)
           select gen_random_uuid(), account_id, job_id, event, url, face, receiver, body from outbox""",
    ],
    ids=["delivered without a try", "dead without a reason", "told under two ids"],
)
async def test_i8_a_delivery_that_was_lost_or_doubled_is_named(place: Place, corruption: str) -> None:
    await place.job_in(JobState.FAILED, webhook=WEBHOOK)
    await place.rows(corruption)

    assert await found(place) == {"I8"}


# --- the journal -----------------------------------------------------------------------------------


def test_a_journal_is_an_object_a_line(tmp_path: Path) -> None:
    ids = [new_id(), new_id()]
    file = tmp_path / "journal.jsonl"
    file.write_text(
        json.dumps({"job_id": str(ids[0]), "idempotency_key": "once", "more": 1}) + "\n\n" + json.dumps({"job_id": str(ids[1])})
    )  # fmt: skip

    assert read_journal(file) == [Acknowledged(ids[0], "once"), Acknowledged(ids[1], None)]
