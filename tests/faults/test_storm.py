"""SIGKILL of serve, API, worker, engine child, upkeep and PostgreSQL at random moments, over HTTP (RELIABILITY, instrument B)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from faults.storm import Journal, storm
from served import TEST_ENGINES, Served, served

KILLS = int(os.environ.get("STORM_KILLS", "30"))


@pytest.mark.timeout(900)
def test_whatever_is_killed_every_acknowledged_job_ends_and_the_ledger_balances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")

    with served(tmp_path / "data", engines=TEST_ENGINES) as server:
        happened = storm(server, journal, kills=KILLS, seed=11)
        audited = server.run("audit", "--json", "--journal", str(journal.path))

    with capsys.disabled():
        print(
            f"\n{dict(happened.kills)} killed, {happened.acknowledged} submits acknowledged, {happened.seconds:.0f} s"
        )
    assert json.loads(audited.stdout)["findings"] == []
    assert audited.returncode == 0
    assert happened.acknowledged > KILLS


_PLANTED = """
from calotype import lifecycle
from calotype.store import ledger

settle = ledger.settle

async def forgetful(db, job_id, entry):
    if job_id.int % 3:
        await settle(db, job_id, entry)

lifecycle.ledger.settle = forgetful
"""


@pytest.mark.timeout(300)
def test_the_storm_finds_a_planted_bug_that_forgets_some_settlements(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(_PLANTED, "utf-8")
    path = os.pathsep.join([str(planted), str(Path(__file__).parent.parent)])
    journal = Journal(tmp_path / "journal.jsonl")

    with served(tmp_path / "data", engines=TEST_ENGINES, environment={"PYTHONPATH": path}) as server:
        storm(server, journal, kills=3, seed=5, parts=("worker",))
        findings = json.loads(Served(server.folder).run("audit", "--json").stdout)["findings"]

    assert "I4" in {finding["invariant"] for finding in findings}
