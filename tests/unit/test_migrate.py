"""Migrations: one newest revision, any number of starts at once, and no half of one after a kill."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import alembic.config
import alembic.script
import psycopg
import pytest

from calotype.errors import DatabaseUnavailableError
from calotype.jobs.states import HELD, TERMINAL, JobState
from calotype.store.migrate import HEAD, _apply_ours, _folder, is_current, migrate

MIGRATE = "import os; from calotype.store.migrate import migrate; migrate(os.environ['EMPTY_URL'])"
_numbers = itertools.count()


@pytest.fixture
def empty_url(postgres: str) -> Iterator[str]:
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        yield psycopg.conninfo.make_conninfo(postgres, dbname=name)
        connection.execute(f"drop database {name} with (force)".encode())


def is_current_at(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        return is_current(connection)


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {str(row[0]) for row in rows}


def started(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MIGRATE], env=os.environ | {"EMPTY_URL": url}, stderr=subprocess.PIPE, text=True
    )


def test_the_newest_revision_is_the_one_the_code_expects() -> None:
    config = alembic.config.Config()
    for option in ("script_location", "version_locations"):
        config.set_main_option(option, str(_folder()))
    config.set_main_option("path_separator", "newline")

    assert alembic.script.ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_empty_database_becomes_current(empty_url: str) -> None:
    assert not is_current_at(empty_url)

    migrate(empty_url)

    assert is_current_at(empty_url)
    assert {"jobs", "ledger", "job_events", "outbox", "procrastinate_jobs"} <= tables(empty_url)


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    migrate(empty_url)
    before = tables(empty_url)

    migrate(empty_url)

    assert tables(empty_url) == before


def test_processes_that_start_together_take_turns(empty_url: str) -> None:
    together = [started(empty_url) for _ in range(3)]

    said = [process.communicate(timeout=60)[1] for process in together]

    assert [process.returncode for process in together] == [0, 0, 0], said
    assert is_current_at(empty_url)


@pytest.mark.parametrize("waits", [0.0, 0.02, 0.1])
def test_a_process_killed_while_it_migrates_leaves_a_database_that_the_next_one_completes(
    empty_url: str, waits: float
) -> None:
    """Killed while its transaction is open: between the moment its lock is seen and the moment it is done."""
    process = started(empty_url)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        while (
            process.poll() is None
            and not connection.execute("select 1 from pg_locks where locktype = 'advisory' and granted").fetchall()
        ):
            time.sleep(0.001)
    time.sleep(waits)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    migrate(empty_url)

    assert is_current_at(empty_url)


def test_a_server_that_is_not_there_is_one_sentence(postgres: str) -> None:
    nowhere = psycopg.conninfo.make_conninfo(postgres, dbname="no_such_database")

    with pytest.raises(DatabaseUnavailableError, match="The database cannot be reached: "):
        migrate(nowhere)


# --- single steps ----------------------------------------------------------------------------------


def test_a_keys_end_out_of_every_range_is_moved_to_the_nearest_plausible_one(empty_url: str) -> None:
    _apply_ours(empty_url, "0001")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("insert into accounts (id, name, plan) values (gen_random_uuid(), 'ada', 'unlimited')")
        connection.execute(
            "insert into users (id, account_id, email) select gen_random_uuid(), id, 'owner@ada' from accounts"
        )
        connection.execute(
            """insert into keys (id, account_id, user_id, name, hash, hint, expires_at)
               select gen_random_uuid(), account_id, id, moment, moment::bytea, '', moment::timestamptz from users,
               unnest(array['infinity', '-infinity', '9999-12-31 23:59:59-14', '2030-01-01 00:00+00']) as ends (moment)"""
        )

    migrate(empty_url)

    with psycopg.connect(empty_url, autocommit=True) as connection:
        rows = connection.execute("select name, extract(year from expires_at at time zone 'UTC') from keys").fetchall()
        assert {str(name)[:9]: int(str(year)) for name, year in rows} == {
            "infinity": 2200,
            "-infinity": 2000,
            "9999-12-3": 2200,
            "2030-01-0": 2030,
        }
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("update keys set expires_at = 'infinity'")


# --- the schema says what the code says ------------------------------------------------------------


def constraint(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select pg_get_constraintdef(oid) from pg_constraint where conname = %s", (name,)
        ).fetchone()
    assert row is not None
    return str(row[0])


def named(definition: str) -> set[str]:
    return {word for word in definition.split("'")[1::2] if word.isalpha()}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("state_is_known", set(JobState)),
        ("finished_when_terminal", set(TERMINAL)),
        ("lease_while_held", set(HELD)),
    ],
)
def test_the_database_and_the_table_of_states_agree(database_url: str, name: str, states: set[JobState]) -> None:
    assert named(constraint(database_url, name)) == {str(state) for state in states}


def test_the_deadline_index_covers_every_state_that_is_not_an_end(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select indexdef from pg_indexes where indexname = 'jobs_deadline'").fetchone()

    assert row is not None
    assert named(str(row[0])) == {str(state) for state in set(JobState) - TERMINAL}
