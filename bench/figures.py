"""A figure, its goal, and the page of all of them."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from calotype.clock import SystemClock

LATEST = Path(__file__).parent / "latest.json"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- written by bench.run -->\n", "<!-- end -->\n"
_LIBRARIES = (
    "calotype",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette",
    "psycopg",
    "procrastinate",
    "pydantic",
    "onnxruntime",
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should reach: at least, or at most."""

    bound: float
    is_least: bool

    def is_reached_by(self, value: float) -> bool:
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {self.bound:g}"


def at_least(bound: float) -> Goal:
    return Goal(bound, is_least=True)


def at_most(bound: float) -> Goal:
    return Goal(bound, is_least=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One result. `detail` holds what it was made from, for whoever doubts it."""

    part: str
    name: str
    value: float
    unit: str = ""
    goal: Goal | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str | None:
        """Return whether the goal was reached; None = it has none."""
        if self.goal is None:
            return None
        return "reached" if self.goal.is_reached_by(self.value) else "missed"


def median_ratio(part: str, name: str, pairs: Sequence[tuple[float, float]], goal: Goal | None, unit: str) -> Figure:
    """Return the median of numerator/denominator over interleaved pairs, with both sides in the detail."""
    ratios = [above / below for above, below in pairs]
    return Figure(
        part,
        name,
        statistics.median(ratios),
        goal=goal,
        detail={
            "ratios": ratios,
            "unit": unit,
            "above": [pair[0] for pair in pairs],
            "below": [pair[1] for pair in pairs],
        },
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the samples lies (the nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def machine() -> dict[str, Any]:
    """Return the facts that a reader needs to judge the figures."""
    return {
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def write(figures: Sequence[Figure], facts: dict[str, Any], left_out: dict[str, str], path: Path) -> None:
    """Write the run down."""
    rows = [
        asdict(figure) | {"goal": str(figure.goal) if figure.goal else None, "verdict": figure.verdict}
        for figure in figures
    ]
    page = {
        "at": SystemClock().now().astimezone(UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "figures": rows,
        "left_out": left_out,
    }
    path.write_text(json.dumps(_rounded(page), indent=1, ensure_ascii=False) + "\n", "utf-8")


def print_page(figures: Sequence[Figure], facts: dict[str, Any], left_out: dict[str, str]) -> None:
    """Put the run's table at the end of the page about benchmarks."""
    moment = SystemClock().now().astimezone(UTC).date()
    load = f"load {facts['load_before']:.1f} before and {facts['load_after']:.1f} after"
    lines = [
        f"{moment}, {facts['cores']} cores ({facts['processor']}), Python {facts['python']}; {load}.",
        "",
        "| Part | Figure | Value | Goal | |",
        "|---|---|---|---|---|",
        *(f"| {f.part} | {f.name} | {_worded(f)} | {f.goal or ''} | {f.verdict or ''} |" for f in figures),
        *(f"\n{part} was not measured: {reason}" for part, reason in left_out.items()),
    ]
    head, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    tail = rest.partition(_END)[2]
    PAGE.write_text(head + _BEGIN + "\n".join(lines) + "\n" + _END + tail, "utf-8")


def show(figures: Sequence[Figure], left_out: dict[str, str], console: Console) -> None:
    """Print the table."""
    table = Table("Part", "Figure", "Value", "Goal", "", title="Calotype, ratios inside one run")
    for figure in figures:
        colour = {"reached": "green", "missed": "red", None: "dim"}[figure.verdict]
        table.add_row(
            figure.part, figure.name, _worded(figure), str(figure.goal or ""), f"[{colour}]{figure.verdict or ''}[/]"
        )
    console.print(table)
    for part, reason in left_out.items():
        console.print(f"[yellow]{part} was not measured: {reason}[/]")


def _worded(figure: Figure) -> str:
    return f"{figure.value:.3g} {figure.unit}".strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
