"""`calotype audit` and `calotype doctor`: whether the invariants hold, and whether this machine can do the work."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from calotype import __version__
from calotype.audit import Acknowledged, Report, audit, read_journal
from calotype.cli.administer import data_option, database_option, json_option, settings_from, show, with_core, worded
from calotype.config import Settings
from calotype.engines.base import Card
from calotype.engines.registry import cards, engine_at
from calotype.errors import CalotypeError, ConfigError
from calotype.runtime import Core


@click.command("audit")
@click.option(
    "--journal", type=click.Path(path_type=Path), help="A client's record of acknowledged submits (JSON lines)."
)
@click.option("--no-files", is_flag=True, help="Do not read the stored files.")
@data_option
@database_option
@json_option
@worded
def audit_command(
    journal: Path | None, no_files: bool, data: Path | None, database_url: str | None, as_json: bool
) -> None:
    """Check the invariants I1 to I8. Exit code 0 = they hold, 1 = findings are listed."""
    lines = _journal(journal)

    async def look(parts: Core) -> Report:
        return await audit(parts.database, None if no_files else parts.assets, lines)

    report = with_core(settings_from(data, database_url), look)
    show(
        {"clean": report.is_clean, "counts": dict(report.counts), "findings": [asdict(f) for f in report.findings]},
        as_json=as_json,
        lines=lambda: _worded(report),
    )
    sys.exit(0 if report.is_clean else 1)


def _journal(path: Path | None) -> list[Acknowledged] | None:
    if path is None:
        return None
    try:
        return read_journal(path)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"The journal {path} cannot be read: {error}.") from None


def _worded(report: Report) -> list[str]:
    counted = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    if report.is_clean:
        return [f"I1 to I8 hold ({counted})."]
    return [*(f"{f.invariant}  {f.job_id or '-'}  {f.sentence}" for f in report.findings), f"({counted})"]


@click.command("doctor")
@data_option
@database_option
@json_option
@worded
def doctor(data: Path | None, database_url: str | None, as_json: bool) -> None:
    """Say what of Calotype works on this machine, and for what does not, why."""
    settings = settings_from(data, database_url)
    parts = {"disk": _disk(settings), "database": _database(settings)}
    parts |= {f"engine {card.id}": _engine(card) for card in cards(settings.worker.extra_engines)}
    is_well = all(part.ok for part in parts.values())
    facts = {"ok": is_well, "version": __version__, "parts": {name: asdict(part) for name, part in parts.items()}}
    show(facts, as_json=as_json, lines=lambda: _report(parts))
    sys.exit(0 if is_well else 1)


@dataclass(frozen=True, slots=True)
class Part:
    """Whether one thing works here, and what to say about it."""

    ok: bool
    says: str


def _disk(settings: Settings) -> Part:
    place = next(path for path in (settings.data.absolute(), *settings.data.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    is_enough = free > settings.assets.floor
    return Part(is_enough, f"{free / 1e9:.1f} GB free at {place}" + ("" if is_enough else ", below the floor"))


def _database(settings: Settings) -> Part:
    async def version(parts: Core) -> str:
        async with parts.database.connection() as db:
            row = await (await db.execute("show server_version")).fetchone()
        assert row is not None, "a server has a version"
        return str(row["server_version"])

    try:
        return Part(True, f"PostgreSQL {with_core(settings, version)}")
    except CalotypeError as error:
        return Part(False, str(error))


def _engine(card: Card) -> Part:
    try:
        probe = engine_at(card.loader).probe()
    except (CalotypeError, ImportError) as error:
        return Part(False, str(error))
    return Part(probe.ok, probe.reason or "ready")


def _report(parts: Mapping[str, Part]) -> list[str]:
    head = f"Calotype {__version__} on Python {platform.python_version()}, {platform.platform()}"
    return [head, *(f"{'ok ' if part.ok else 'NO '} {name}: {part.says}" for name, part in parts.items())]
