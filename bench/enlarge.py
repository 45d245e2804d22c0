"""An enlargement through the whole server, over the same enlargement in this process (bench/upscale.py)."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx2

from bench.figures import Figure, at_most, median_ratio
from bench.ground import Ground, LeftOutError
from bench.upscale import draw_picture, load_network, reference_seconds

PAIRS, SCALE, SIZE = 3, 4, (900, 675)
_LEAST = 5.0


def measure(ground: Ground) -> list[Figure]:
    """Return how much longer a job takes than its work."""
    ground.say("upscale: warming both sides up")
    picture = draw_picture(ground.folder / "source.png", *SIZE)
    small = draw_picture(ground.folder / "small.png", 64, 64)
    network = load_network()
    pairs = []
    with ground.client() as client:
        _job_seconds(client, _upload(client, small.read_bytes()))
        asset_id = _upload(client, picture.read_bytes())
        for number in range(1, PAIRS + 1):
            ground.say(f"upscale: pair {number} of {PAIRS}")
            pairs.append(
                _pair(
                    number, lambda: _job_seconds(client, asset_id), lambda: reference_seconds(picture, SCALE, network)
                )
            )
    figure = median_ratio("upscale", "job's time / the same work in one process", pairs, at_most(1.05), "s")
    if min(reference for _, reference in pairs) < _LEAST:
        figure.detail["note"] = f"an enlargement took less than {_LEAST:g} s here: a larger picture would tell more"
    return [figure]


def _pair(number: int, job: Callable[[], float], reference: Callable[[], float]) -> tuple[float, float]:
    """Measure one after the other, the other way round each time: what drifts falls on both."""
    if number % 2:
        return job(), reference()
    seconds = reference()
    return job(), seconds


def _upload(client: httpx2.Client, data: bytes) -> str:
    answer = client.post("/native/v1/assets", content=data, headers={"content-type": "image/png"})
    if answer.status_code != 201:
        raise LeftOutError(f"an upload was answered {answer.status_code}: {answer.text[:200]}")
    found = answer.json()
    return str(found.get("asset_id") or found["id"])


def _job_seconds(client: httpx2.Client, asset_id: str) -> float:
    """Return the seconds from sending the submit to reading that it succeeded."""
    body = {"kind": "upscale", "input": {"image": {"asset_id": asset_id}, "scale": SCALE}}
    started = time.perf_counter()
    answer = client.post("/native/v1/jobs", json=body)
    if answer.status_code != 202:
        raise LeftOutError(f"a submit was answered {answer.status_code}: {answer.text[:200]}")
    job = answer.json()
    while job["state"] not in {"succeeded", "failed", "expired", "cancelled"}:
        job = client.get(f"/native/v1/jobs/{job['id']}", params={"wait": 50}).json()
    if job["state"] != "succeeded":
        raise LeftOutError(f"the enlargement ended as {job['state']}: {job['error']}")
    return time.perf_counter() - started
