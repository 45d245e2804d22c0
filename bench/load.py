"""Load from `wrk`, and what it costs the process that answers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.ground import LeftOutError

_SCRIPTS = Path(__file__).parent
_RESULT = re.compile(r"^BENCH (\d+) (\d+) (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Load:
    """One burst of requests: how many were answered, and what they took."""

    requests: int
    seconds: float
    cpu: float
    """User and system seconds of the answering process."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_per_request(self) -> float:
        return self.cpu / self.requests


def load(script: str, url: str, pid: int, seconds: float, connections: int, variables: dict[str, str]) -> Load:
    """Send requests for some seconds, over connections that stay open; every answer must be a 2xx."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise LeftOutError("it needs wrk, which is not installed")
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(_SCRIPTS / script), url]
    before = cpu_seconds(pid)
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    cpu = cpu_seconds(pid) - before
    found = _RESULT.search(done.stdout)
    if found is None:
        raise LeftOutError(f"wrk did not finish: {(done.stderr or done.stdout).strip()[-200:]}")
    requests, microseconds, refused = map(int, found.groups())
    if refused or not requests:
        raise LeftOutError(f"{refused} of {requests} requests were refused or lost")
    return Load(requests, microseconds / 1e6, cpu)


def cpu_seconds(pid: int) -> float:
    """Return the user and system seconds that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
