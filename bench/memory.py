"""What an idle `calotype serve` holds in memory, process by process.

RSS counts shared pages in each process that has them; PSS shares them out, so it alone adds up; USS is what would come free.
"""

from __future__ import annotations

import time

import psutil

from bench.figures import Figure
from bench.ground import Ground
from served import served

_SETTLE = 4.0
_MIB = 2**20


def measure(ground: Ground) -> list[Figure]:
    """Return the sum, and each process's share, of a server that has served nothing yet."""
    ground.say("memory: starting an idle server")
    with served(ground.folder / "idle") as server:
        time.sleep(_SETTLE)
        found = {
            name: _held(_tree(pid) if name == "postgres" else [psutil.Process(pid)])
            for name, pid in server.pids().items()
        }
    total = {kind: sum(held[kind] for held in found.values()) for kind in ("rss", "pss", "uss")}
    whole = Figure("memory", "idle serve, all processes (PSS)", total["pss"], "MiB", detail=total)
    return [
        whole,
        *(
            Figure(
                "memory", f"{name} (PSS; RSS {held['rss']:.0f}, USS {held['uss']:.0f})", held["pss"], "MiB", detail=held
            )
            for name, held in sorted(found.items(), key=lambda item: -item[1]["pss"])
        ),
    ]


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _held(processes: list[psutil.Process]) -> dict[str, float]:
    infos = [process.memory_full_info() for process in processes]
    return {kind: sum(getattr(info, kind) for info in infos) / _MIB for kind in ("rss", "pss", "uss")}
