"""Malformed media files and forms, sent to a real server: each is answered, by 4xx or as the file it still is."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
import psutil
from PIL import Image

from clips import WAYS, clip
from served import Served

ASSETS, JOBS = "/native/v1/assets", "/native/v1/jobs"
_AT_ONCE = 4
_BOUNDARY = "xXfuzzXx"


@dataclass
class Outcome:
    """What so many files came to. Memory is in bytes, the most that was seen."""

    statuses: Counter[int] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    peak_of_api: int = 0
    peak_of_a_child: int = 0

    def sentence(self) -> str:
        """Return the figures for people."""
        answers = ", ".join(f"{count} times {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.statuses.total()} malformed files and forms: {answers}; "
            f"peak {self.peak_of_api / 1e6:.0f} MB in the API, {self.peak_of_a_child / 1e6:.0f} MB in a child"
        )


def seeds() -> list[bytes]:
    """Return one good file of each format."""
    files = []
    for name in ("PNG", "JPEG", "WEBP", "AVIF", "GIF"):
        target = io.BytesIO()
        Image.effect_noise((48, 40), 60).convert("RGB").save(target, name)
        files.append(target.getvalue())
    return files + [clip(container, seconds=0.2) for container in WAYS]


def mutant(chance: random.Random, files: list[bytes]) -> bytes:
    """Return a file with something wrong with it."""
    data = bytearray(chance.choice(files))
    return bytes(chance.choice(_SPOILERS)(chance, data, files))


def _cut(chance: random.Random, data: bytearray, _: list[bytes]) -> bytes | bytearray:
    return data[: chance.randrange(len(data))]


def _flipped(chance: random.Random, data: bytearray, _: list[bytes]) -> bytes | bytearray:
    for _number in range(chance.randrange(1, 40)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def _lying(chance: random.Random, data: bytearray, _: list[bytes]) -> bytes | bytearray:
    """Sizes, counts and offsets in the header that cannot be."""
    for _number in range(chance.randrange(1, 6)):
        at = chance.randrange(min(200, len(data) - 4))
        data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\0\0\0\x01"))
    return data


def _holed(chance: random.Random, data: bytearray, _: list[bytes]) -> bytes | bytearray:
    at = chance.randrange(len(data))
    data[at : at + chance.randrange(1, 400)] = b""
    return data


def _stuffed(chance: random.Random, data: bytearray, _: list[bytes]) -> bytes | bytearray:
    at = chance.randrange(len(data))
    data[at:at] = chance.randbytes(chance.randrange(1, 2_000))
    return data


def _spliced(chance: random.Random, data: bytearray, files: list[bytes]) -> bytes | bytearray:
    other = chance.choice(files)
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def _beheaded(chance: random.Random, data: bytearray, _: list[bytes]) -> bytes | bytearray:
    return data[: chance.randrange(4, 64)] + chance.randbytes(chance.randrange(5_000))


def _noise(chance: random.Random, _: bytearray, __: list[bytes]) -> bytes | bytearray:
    return chance.randbytes(chance.randrange(3_000))


_SPOILERS = (_cut, _flipped, _lying, _holed, _stuffed, _spliced, _beheaded, _noise)


def form(chance: random.Random, data: bytes) -> tuple[bytes, str]:
    """Return a form around a file, and its Content-Type: as it should be, or with its frame spoilt."""
    name = chance.choice(
        ['name="file"; filename="x.png"', 'name="file"', 'filename="x"', 'name="', 'name="\xff"; filename="../../x"']
    )
    body = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode("latin-1") + data
    body += chance.choice(
        (f"\r\n--{_BOUNDARY}--\r\n", f"\r\n--{_BOUNDARY}", "", f"\r\n--{_BOUNDARY}\r\n" * 150)
    ).encode()
    kind = chance.choice(
        (f"; boundary={_BOUNDARY}",) * 5 + ("", "; boundary=", "; boundary=other", f"; boundary={'x' * 300}")
    )
    if chance.random() < 0.3:
        spoilt = bytearray(body)
        for _ in range(8):
            spoilt[chance.randrange(min(len(spoilt), 150))] = chance.randrange(256)
        body = bytes(spoilt)
    return body, f"multipart/form-data{kind}"


def run(server: Served, count: int, seed: int, done: Callable[[int], object] = lambda _: None) -> Outcome:
    """Send so many; whatever answers 5xx or not at all, and whatever part of the server dies, is a finding."""
    outcome = Outcome()
    before = {name: pid for name, pid in server.pids().items() if name in ("serve", "api", "upkeep", "postgres")}
    with _watched(before["api"], outcome):
        asyncio.run(_send_all(server, count, seed, outcome, done))
    after = server.pids()
    outcome.findings += [f"{name} has died" for name, pid in before.items() if after.get(name) != pid]
    return outcome


async def _send_all(server: Served, count: int, seed: int, outcome: Outcome, done: Callable[[int], object]) -> None:
    files, numbers = seeds(), iter(range(count))
    async with httpx2.AsyncClient(
        base_url=server.url, timeout=120, headers={"Authorization": f"Bearer {server.key}"}
    ) as client:

        async def line() -> None:
            for number in numbers:
                await _send(client, random.Random(seed * 1_000_003 + number), files, number, outcome)
                done(1)

        await asyncio.gather(*(line() for _ in range(_AT_ONCE)))


async def _send(
    client: httpx2.AsyncClient, chance: random.Random, files: list[bytes], number: int, outcome: Outcome
) -> None:
    data = mutant(chance, files)
    try:
        match number % 4:
            case 0 | 1:
                answer = await client.post(ASSETS, content=data)
            case 2:
                body, media_type = form(chance, data)
                answer = await client.post(ASSETS, content=body, headers={"Content-Type": media_type})
            case _:
                link = {"data": f"data:image/png;base64,{base64.b64encode(data).decode()}"}
                body_of_job = {"kind": "upscale", "input": {"image": link, "scale": 2}}
                answer = await client.post(f"{JOBS}?dry_run=true", json=body_of_job)
    except httpx2.HTTPError as error:
        outcome.findings.append(f"number {number} was not answered: {type(error).__name__}")
        return
    outcome.statuses[answer.status_code] += 1
    if answer.status_code >= 500:
        outcome.findings.append(f"number {number} was answered {answer.status_code}: {answer.text[:200]}")


class _watched:  # noqa: N801 - used as a context manager's function is
    """Watch how much memory the API and its children take."""

    def __init__(self, api: int, outcome: Outcome) -> None:
        self._api = psutil.Process(api)
        self._outcome = outcome
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(psutil.Error):
                self._outcome.peak_of_api = max(self._outcome.peak_of_api, self._api.memory_info().rss)
                for child in self._api.children():
                    with suppress(psutil.Error):
                        self._outcome.peak_of_a_child = max(self._outcome.peak_of_a_child, child.memory_info().rss)
