"""Every figure in one run. Prints the table and, when no part was named, writes it down with its page. A figure fails no run.

python -m bench.run [PART …]      parts: memory, poll, submit, journey, upscale, scale, fetch
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.status import Status

from bench import enlarge, figures, grown, journey, memory, poll, scale, submit
from bench.figures import Figure
from bench.ground import Ground, LeftOutError, ground

SCRATCH = Path(__file__).parent / "scratch"
"""Where the pages of single parts go."""

PARTS: dict[str, Callable[[Ground], list[Figure]]] = {
    "memory": memory.measure,
    "poll": poll.measure,
    "submit": submit.measure,
    "journey": journey.measure,
    "upscale": enlarge.measure,
    "scale": grown.measure,
    "fetch": scale.measure,
}


def main(wanted: Sequence[str]) -> int:
    """Measure the wanted parts, or all."""
    console = Console()
    unknown = set(wanted) - set(PARTS)
    if unknown:
        console.print(f"There is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
        return 2
    found: list[Figure] = []
    left_out: dict[str, str] = {}
    facts = figures.machine()
    started = time.monotonic()
    with console.status("starting", refresh_per_second=1) as status, ground(_teller(console, status)) as place:
        for name in wanted or PARTS:
            try:
                found += PARTS[name](place)
            except Exception as error:  # noqa: BLE001 - one part that cannot be measured leaves the others
                left_out[name] = str(error) if isinstance(error, LeftOutError) else f"{type(error).__name__}: {error}"
    facts["load_after"] = os.getloadavg()[0]
    facts["seconds"] = time.monotonic() - started
    figures.show(found, left_out, console)
    console.print(f"{facts['seconds']:.0f} s")
    page = figures.LATEST if not wanted else SCRATCH / f"{'-'.join(wanted)}.json"
    page.parent.mkdir(exist_ok=True)
    figures.write(found, facts, left_out, page)
    if not wanted:
        figures.print_page(found, facts, left_out)
    console.print(f"written to {page.relative_to(SCRATCH.parents[1])}")
    return 0


def _teller(console: Console, status: Status) -> Callable[[str], None]:
    """Show what is going on: a line that changes on a terminal, lines elsewhere."""
    return status.update if console.is_terminal else console.print


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
