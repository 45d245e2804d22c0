"""An enlargement through the whole server, over the same enlargement in this process (bench/upscale.py).

On a machine that does other work too, time says more about that work than about ours; CPU seconds of all the server's processes
over this process's are the steadier figure, shown beside it, and `others` in the detail tells what the rest of the machine used
meanwhile: a pair whose two sides met different company compares that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2
import psutil

from bench.figures import Figure, at_most, median_ratio
from bench.ground import Ground, LeftOutError
from bench.load import cpu_seconds
from bench.upscale import draw_picture, load_network, reference_seconds

PAIRS, SCALE, SIZE = 5, 4, (860, 645)
_LEAST = 5.0


def measure(ground: Ground) -> list[Figure]:
    """Return how much longer a job takes than its work."""
    ground.say("upscale: warming both sides up")
    picture = draw_picture(ground.folder / "source.png", *SIZE)
    small = draw_picture(ground.folder / "small.png", 64, 64)
    network = load_network()
    costs = []
    with ground.client() as client:
        _job(client, _upload(client, small.read_bytes()))
        asset_id = _upload(client, picture.read_bytes())
        pids = list(ground.server.pids().values())
        for number in range(1, PAIRS + 1):
            ground.say(f"upscale: pair {number} of {PAIRS}")
            works = [
                lambda: _cost(pids, lambda: _job(client, asset_id)),
                lambda: _cost([os.getpid()], lambda: reference_seconds(picture, SCALE, network)),
            ]
            costs.append(_in_turn(works, is_reversed=number % 2 == 0))
    times = [(job.seconds, reference.seconds) for job, reference in costs]
    cpu = [(job.cpu, reference.cpu) for job, reference in costs]
    figure = median_ratio("upscale", "job's time / the same work in one process", times, at_most(1.05), "s")
    figure.detail["others"] = [(job.others, reference.others) for job, reference in costs]
    if min(reference for _, reference in times) < _LEAST:
        figure.detail["note"] = f"an enlargement took less than {_LEAST:g} s here: a larger picture would tell more"
    return [
        figure,
        median_ratio("upscale", "job's CPU, all processes / the same work's", cpu, None, "s of CPU"),
    ]


@dataclass(frozen=True)
class _Cost:
    """What a work took."""

    seconds: float
    cpu: float
    others: float
    """CPU seconds of everything else on the machine meanwhile."""


def _cost(pids: Sequence[int], work: Callable[[], object]) -> _Cost:
    ours, everyone, started = sum(map(cpu_seconds, pids)), _busy(), time.perf_counter()
    work()
    cpu = sum(map(cpu_seconds, pids)) - ours
    return _Cost(time.perf_counter() - started, cpu, _busy() - everyone - cpu)


def _busy() -> float:
    times = psutil.cpu_times()
    return times.user + times.system


def _in_turn(works: Sequence[Callable[[], _Cost]], *, is_reversed: bool) -> tuple[_Cost, _Cost]:
    """Measure both, the other way round each time: what drifts falls on both."""
    if is_reversed:
        second, first = works[1](), works[0]()
        return first, second
    return works[0](), works[1]()


def _upload(client: httpx2.Client, data: bytes) -> str:
    answer = client.post("/native/v1/assets", content=data, headers={"content-type": "image/png"})
    if answer.status_code != 201:
        raise LeftOutError(f"an upload was answered {answer.status_code}: {answer.text[:200]}")
    found = answer.json()
    return str(found.get("asset_id") or found["id"])


def _job(client: httpx2.Client, asset_id: str) -> None:
    """Submit an enlargement and wait until it has succeeded."""
    body = {"kind": "upscale", "input": {"image": {"asset_id": asset_id}, "scale": SCALE}}
    answer = client.post("/native/v1/jobs", json=body)
    if answer.status_code != 202:
        raise LeftOutError(f"a submit was answered {answer.status_code}: {answer.text[:200]}")
    job = answer.json()
    while job["state"] not in {"succeeded", "failed", "expired", "cancelled"}:
        job = client.get(f"/native/v1/jobs/{job['id']}", params={"wait": 50}).json()
    if job["state"] != "succeeded":
        raise LeftOutError(f"the enlargement ended as {job['state']}: {job['error']}")
