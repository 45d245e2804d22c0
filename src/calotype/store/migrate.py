"""Numbered migrations, applied under an advisory lock: ours by Alembic, then the queue's own schema from its package.

Two processes that start together take turns; the second finds nothing to do. Everything is one transaction, so a process killed
half-way leaves the database as it was.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import LiteralString

import procrastinate.schema
import psycopg

from calotype.errors import ConfigError, DatabaseUnavailableError

HEAD = "0005"
"""The newest revision: a test holds it against the folder."""

_LOCK = 0x63_61_6C_6F  # "calo"
Plain = psycopg.Connection[tuple[object, ...]]


def migrate(url: str) -> None:
    """Bring the database at `url` up to this version's schema."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            if is_current(connection):
                return
            connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
            if not is_current(connection):
                _apply_ours(url)
                _apply_queue(connection)
    except psycopg.ProgrammingError as error:
        if not _is_readable(url):
            raise ConfigError(
                "The database URL cannot be read; it looks like postgresql://user:password@host:5432/name."
            ) from None
        raise DatabaseUnavailableError(str(error).strip().splitlines()[0]) from None
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(str(error).strip().splitlines()[0]) from None


def _is_readable(url: str) -> bool:
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return False
    return True


def is_current(connection: Plain) -> bool:
    """Return whether the schema is this version's, without loading the migration tool."""
    try:
        ours = connection.execute("select version_num from alembic_version").fetchall()
        queue = connection.execute("select name from queue_migrations").fetchall()
    except psycopg.errors.UndefinedTable:
        return False
    return ours == [(HEAD,)] and {path.name for path in _queue_files()} <= {str(row[0]) for row in queue}


def _apply_ours(url: str, target: str = "head") -> None:
    # imported late: the tool costs half a second, and most starts have nothing to migrate
    import alembic.config
    import alembic.runtime.environment
    import alembic.script
    import sqlalchemy

    config = alembic.config.Config()
    config.set_main_option("script_location", str(_folder()))
    config.set_main_option("version_locations", str(_folder()))
    config.set_main_option("path_separator", "newline")
    script = alembic.script.ScriptDirectory.from_config(config)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sqlalchemy.pool.NullPool
    )
    with (
        alembic.runtime.environment.EnvironmentContext(
            config,
            script,
            fn=lambda revision, _: script._upgrade_revs(target, revision),  # noqa: SLF001 - as the tool's own command does
        ) as environment,
        engine.connect() as connection,
    ):
        environment.configure(connection=connection)
        with environment.begin_transaction():
            environment.run_migrations()


def _apply_queue(connection: Plain) -> None:
    """Install the queue's schema, or apply the migrations its package has gained since."""
    with connection.transaction():
        connection.execute(
            "create table if not exists queue_migrations (name text primary key, at timestamptz default now())"
        )
        known = {row[0] for row in connection.execute("select name from queue_migrations").fetchall()}
        files = _queue_files()
        if not known:
            connection.execute(procrastinate.schema.SchemaManager.get_schema())
            connection.execute(_LANE_INDEXES)
        for path in files:
            if known and path.name not in known:
                connection.execute(path.read_bytes())
            connection.execute("insert into queue_migrations (name) values (%s) on conflict do nothing", (path.name,))


# what our own fetch walks: one lane's waiting tickets, best first; and the way from a job to its ticket
_LANE_INDEXES: LiteralString = """
create index calotype_lane_tickets on procrastinate_jobs (queue_name, priority desc, id) where status = 'todo';
create index calotype_ticket_of_job on procrastinate_jobs ((args ->> 'job_id'));
"""


def _folder() -> Path:
    return Path(str(resources.files("calotype.store") / "migrations"))


def _queue_files() -> list[Path]:
    return sorted(Path(procrastinate.schema.SchemaManager.get_migrations_path()).glob("*.sql"))
