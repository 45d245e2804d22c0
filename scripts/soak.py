"""The long fault counts: kills, races, programs of calls, the model check, slow clients. Exit 1 on a finding.

python scripts/soak.py [--cycles N] [--races N] [--programs N] [--storm N] [--slow SECONDS] [--ssrf N] [--fuzz N]
                       [--webhooks N] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from hypothesis import HealthCheck, Phase, settings  # noqa: E402 - the instruments are found beside the tests
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402

from calotype.store.embedded import EmbeddedDatabase  # noqa: E402
from calotype.store.migrate import migrate  # noqa: E402
from faults.instruments import fuzz, hooks, kills, model, races, slow, ssrf  # noqa: E402
from faults.instruments.programs import Programs, close_stage, open_stage  # noqa: E402
from faults.storm import Journal, storm  # noqa: E402
from served import TEST_ENGINES, served  # noqa: E402

LANES = 2
"""SIGKILL cycles run in so many processes, each on a database of its own."""
Done = Callable[[int], object]
_KILLS_AN_INSTALLATION = 100


@dataclass
class Line:
    """One instrument's result."""

    instrument: str
    count: int
    acknowledged: int | None = None
    findings: list[str] = field(default_factory=list)


def main() -> int:
    """Run every instrument, one after another."""
    wanted = _arguments()
    console = Console()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="calotype-soak-") as name,
        _postgres(Path(name)) as url,
        Progress(*columns, console=console) as progress,
    ):

        def bar(what: str, total: int) -> Done:
            task = progress.add_task(what, total=total)
            return lambda count: progress.advance(task, count)

        place = Path(name)
        # what is written on the bar, how much of it, and what does it; 0 leaves it out
        work: tuple[tuple[str, int, Callable[[Done], Line]], ...] = (
            ("SIGKILL cycles", wanted.cycles, lambda done: _kills(url, place, wanted.cycles, wanted.seed, done)),
            ("races", wanted.races, lambda done: _races(url, wanted.races, done)),
            ("programs of calls", wanted.programs, lambda done: _programs(url, wanted.programs, done)),
            ("model check", len(_MODELS), _model_check),
            ("processes killed", wanted.storm, lambda done: _storm(place, wanted.storm, wanted.seed, done)),
            ("webhooks", wanted.webhooks, lambda done: _webhooks(url, wanted.webhooks, wanted.seed, done)),
            ("slow clients, seconds", wanted.slow, lambda done: _slow_clients(url, place, wanted.slow, done)),
            ("SSRF targets", wanted.ssrf, lambda done: _ssrf(wanted.ssrf, wanted.seed, done)),
            ("malformed files", wanted.fuzz, lambda done: _fuzz(place, wanted.fuzz, wanted.seed, done)),
        )
        lines = [
            _told(console, _line_of(instrument, run, bar(instrument, count)))
            for instrument, count, run in work
            if count
        ]
    return _print(console, lines)


def _line_of(instrument: str, run: Callable[[Done], Line], done: Done) -> Line:
    """Return the instrument's result; one that breaks has found something too, and stops no other."""
    try:
        return run(done)
    except Exception:  # noqa: BLE001 - whatever it is, it is told
        return Line(instrument, 0, findings=[traceback.format_exc()[-4_000:]])


def _told(console: Console, line: Line) -> Line:
    """Say at once what was found: the rest of the run may take long, or be ended."""
    for found in line.findings:
        console.print(f"{line.instrument}: {found}", style="red", markup=False, highlight=False)
    return line


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in (
        ("cycles", 20_000),
        ("races", 20_000),
        ("programs", 1_000),
        ("storm", 500),
        ("webhooks", 20_000),
        ("slow", 120),
        ("ssrf", 2_000),
        ("fuzz", 10_000),
        ("seed", 1),
    ):
        parser.add_argument(f"--{name}", type=int, default=count)
    return parser.parse_args()


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    with EmbeddedDatabase(folder / "postgres") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create database template_calotype")
        migrate(psycopg.conninfo.make_conninfo(url, dbname="template_calotype"))
        yield url


def _kills(postgres: str, folder: Path, cycles: int, seed: int, done: Done) -> Line:
    shares = [cycles // LANES + (number < cycles % LANES) for number in range(LANES)]
    with ThreadPoolExecutor(LANES) as pool:
        running = [
            pool.submit(kills.run, postgres, folder, share, seed + number, done=done)
            for number, share in enumerate(shares)
        ]
        counts = [future.result() for future in running]
    return Line(
        "SIGKILL cycles",
        sum(one.cycles for one in counts),
        sum(one.acknowledged for one in counts),
        [found for one in counts for found in one.findings],
    )


def _storm(folder: Path, wanted: int, seed: int, done: Done) -> Line:
    """Kill real processes over HTTP, in a fresh installation every so often so that no log grows without end."""
    line = Line("processes killed", 0, 0)
    for start in range(0, wanted, _KILLS_AN_INSTALLATION):
        portion = min(_KILLS_AN_INSTALLATION, wanted - start)
        journal = Journal(folder / f"journal-{start}.jsonl")
        with served(folder / f"storm-{start}", engines=TEST_ENGINES) as server:
            happened = storm(server, journal, kills=portion, seed=seed + start, told=lambda _: done(1))
            report = json.loads(server.run("audit", "--json", "--journal", str(journal.path)).stdout)
        line.count += happened.kills.total()
        line.acknowledged = (line.acknowledged or 0) + happened.acknowledged
        line.findings += [f"{found['invariant']}: {found['sentence']}" for found in report["findings"]]
    return line


def _ssrf(wanted: int, seed: int, done: Done) -> Line:
    """Visit targets that nobody may reach, in a network where each of them answers."""
    line = Line("SSRF targets", 0)
    reason = ssrf.why_not()
    if reason is not None:
        line.findings.append(f"not run: the bed {reason}")
        return line
    found = ssrf.run(wanted, seed, "ours")
    line.count = found["targets"]
    if found["requests"] or found["syns"]:
        line.findings.append(f"{found['requests']} requests, {found['syns']} SYNs: {', '.join(found['examples'])}")
    done(wanted)
    return line


def _fuzz(folder: Path, wanted: int, seed: int, done: Done) -> Line:
    """Send malformed media and forms to a real server."""
    with served(folder / "fuzz") as server:
        outcome = fuzz.run(server, wanted, seed, done)
    return Line(outcome.sentence(), wanted, None, outcome.findings)


def _slow_clients(postgres: str, folder: Path, seconds: int, done: Done) -> Line:
    """Bear 300 slow clients for so many seconds in all, as patiently as in earnest."""
    for url in kills.databases(postgres, 1, "slow"):
        with slow.api(url, folder / "slow", slow.EARNEST) as target:
            outcome = asyncio.run(
                slow.run(target, slow.EARNEST, clients=300, window=seconds / _PAIRS, pairs=_PAIRS, done=done)
            )
    if outcome.ratio > _MOST_SLOWER:
        outcome.findings.append(f"ordinary requests' p99 is {outcome.ratio:.1f} times what it was")
    return Line(outcome.line(), 300, outcome.requests, outcome.findings)


def _webhooks(postgres: str, wanted: int, seed: int, done: Done) -> Line:
    """Have webhooks sent by processes that are killed, in a fresh database every so often."""
    line = Line("webhooks under kills", 0, 0)
    portions = [min(_WEBHOOKS_PER_DATABASE, wanted - start) for start in range(0, wanted, _WEBHOOKS_PER_DATABASE)]
    for number, (portion, url) in enumerate(
        zip(portions, kills.databases(postgres, len(portions), "webhooks"), strict=True)
    ):
        counts = asyncio.run(hooks.run(url, portion, seed + number, done=done))
        line.count += counts.deliveries
        line.acknowledged = (line.acknowledged or 0) + counts.deliveries
        line.findings += counts.findings
    return line


def _races(postgres: str, wanted: int, done: Done) -> Line:
    line = Line("races", 0, 0)
    names = list(races.RACES)
    size = max(1, min(_RACES_PER_DATABASE, -(-wanted // len(names))))
    portions = [min(size, wanted - start) for start in range(0, wanted, size)]
    for number, (portion, url) in enumerate(
        zip(portions, kills.databases(postgres, len(portions), "races"), strict=True)
    ):
        counts = asyncio.run(races.run(url, names[number % len(names)], portion, done))
        line.count += counts.races
        line.acknowledged = (line.acknowledged or 0) + counts.acknowledged
        line.findings += counts.findings
    return line


def _programs(postgres: str, wanted: int, done: Done) -> Line:
    class Counted(Programs): ...

    line = Line("programs of calls", 0, 0)
    for url in kills.databases(postgres, 1, "programs"):
        Counted.stage = open_stage(url)
        for start in range(0, wanted, _PROGRAMS_AT_ONCE):
            portion = min(_PROGRAMS_AT_ONCE, wanted - start)
            line.findings += _found_by_programs(Counted, portion)
            line.count += portion
            done(portion)
        close_stage(Counted.stage)
    line.acknowledged = Counted.acknowledged
    return line


def _found_by_programs(machine: type[Programs], count: int) -> list[str]:
    searched = settings(
        max_examples=count, stateful_step_count=60, deadline=None, database=None, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    try:
        run_state_machine_as_test(machine, settings=searched)
    except Exception as error:  # noqa: BLE001 - whatever a program raises is what it found
        return ["\n".join([str(error), *getattr(error, "__notes__", [])])]
    return []


def _model_check(done: Done) -> Line:
    line = Line("model check, worlds", 0)
    for jobs, workers, rules in _MODELS:
        outcome = model.check(jobs, workers, rules)
        line.count += outcome.worlds
        if outcome.broken is not None:
            line.findings.append(f"{outcome.broken}: {' → '.join(outcome.way)}")
        done(1)
    return line


_PAIRS = 3
_MOST_SLOWER = 2.0
_RACES_PER_DATABASE = 500
_WEBHOOKS_PER_DATABASE = 2_000
_PROGRAMS_AT_ONCE = 50
_MODELS = (
    (1, 3, model.Rules(attempts=3, releases=2)),
    (2, 2, model.Rules(attempts=3, releases=1)),
    (2, 3, model.Rules(attempts=2, releases=0)),
    (3, 2, model.Rules(attempts=2, releases=0)),
)


def _print(console: Console, lines: list[Line]) -> int:
    table = Table("instrument", title="Soak")
    for heading in ("count", "acknowledged operations", "findings"):
        table.add_column(heading, justify="right")
    for line in lines:
        acknowledged = "" if line.acknowledged is None else f"{line.acknowledged:,}"
        table.add_row(line.instrument, f"{line.count:,}", acknowledged, str(len(line.findings)))
    console.print(table)
    return 1 if any(line.findings for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
