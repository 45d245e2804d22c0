"""What every test may ask for: a real PostgreSQL, and a database of its own in it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from calotype.store.embedded import EmbeddedDatabase
from calotype.store.migrate import migrate

_numbers = itertools.count(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the fault instruments counted: a green run says how much it covered."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())]
    counts = [value for report in reports for name, value in report.user_properties if name == "counts"]
    if counts:
        terminalreporter.section("counts")
        for line in counts:
            terminalreporter.write_line(str(line))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of this test process, with a migrated template; the URL of its maintenance database."""
    folder = tmp_path_factory.mktemp("postgres")
    with EmbeddedDatabase(folder) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create database template_calotype")
        migrate(database_in(url, "template_calotype"))
        yield url


@pytest.fixture
def database_url(postgres: str) -> Iterator[str]:
    """A fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create database {name} template template_calotype")
        yield database_in(postgres, name)
        _drop(connection, name)


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """An empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Drop a database; one that the server itself is vacuuming just now, which our role may not end, goes with the server."""
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"drop database {name} with (force)")


def database_in(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return psycopg.conninfo.make_conninfo(url, dbname=name)
