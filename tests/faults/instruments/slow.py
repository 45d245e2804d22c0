"""Slow clients by the hundred, and what an ordinary caller notices: the same requests are timed with them and without, in turn.

Every slow connection is opened anew as soon as the server cuts it, and how long it was held is noted: one held for longer than the
server's patience is a finding, as is an ordinary request that is not answered well. The slow ones live in a process of their own,
so that keeping them costs the ordinary caller nothing.

python -m faults.instruments.slow TARGET COUNT      the slow ones; on SIGTERM it prints what became of them
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx2
import psutil
import uvloop

from calotype.accounts import Accounts
from calotype.assets.files import FileAssets
from calotype.clock import SystemClock
from calotype.runtime import LINK_KEY, LINK_KEY_ID
from calotype.signing import LinkSigner
from calotype.store import secrets
from calotype.store.database import Database

TESTS = Path(__file__).parents[2]
PACE = 1.0
"""Seconds between two drops of a slow client."""
LARGE = 20_000_000
SLACK = 2.5
"""Seconds that a connection may be held beyond the server's patience: drops come at their pace, and the machine is busy."""
_START = 60.0


@dataclass(frozen=True)
class Patience:
    """The figures of the server under test, in seconds; by default the ones it has."""

    head: float = 10.0
    body: float = 10.0
    stall: float = 30.0
    keep_alive: float = 30.0

    def constants(self) -> dict[str, float]:
        return {
            "protocol.HEAD_TIME": self.head,
            "body._PATIENCE": self.body,
            "readers.STALL_TIME": self.stall,
            "serving.KEEP_ALIVE": self.keep_alive,
        }

    def of(self, sort: str) -> float:
        """Return how long a client of this sort is borne with."""
        allowed = {
            "silent": self.head,
            "slow head": self.head,
            "slow body": self.body + PACE,
            "slow read": self.stall * 4 / 3,
            "idle": self.keep_alive,
            "drops between": self.head,
        }
        return allowed[sort]


EARNEST = Patience()


@dataclass(frozen=True)
class Target:
    """The API under test, and what a client of it needs."""

    host: str
    port: int
    pid: int
    key: str
    job: str
    link: str

    @property
    def authorization(self) -> str:
        return f"Authorization: Bearer {self.key}\r\n"


@dataclass
class Outcome:
    """What was seen: milliseconds at p99 in each pair of windows, the longest hold and the cuts by sort, and what was wrong."""

    pairs: list[tuple[float, float]] = field(default_factory=list)
    requests: int = 0
    held: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    cut: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    memory: int = 0
    """Bytes by which the process had grown at its largest."""

    @property
    def ratio(self) -> float:
        """p99 with slow clients over p99 without, the median of the pairs."""
        return statistics.median(slow / quiet for quiet, slow in self.pairs)

    def line(self) -> str:
        quiet, slow = (statistics.median(side) for side in zip(*self.pairs, strict=True))
        held = ", ".join(f"{sort} {self.held[sort]:.1f} s ({self.cut[sort]} cut)" for sort in sorted(self.held))
        return (
            f"slow clients: p99 {quiet:.1f} ms without, {slow:.1f} ms with, ratio {self.ratio:.2f} over {len(self.pairs)}"
            f" pairs and {self.requests} requests; held at most: {held}; the process grew by {self.memory / 1e6:.0f} MB"
        )


# --- the server ------------------------------------------------------------------------------------


@contextmanager
def api(database_url: str, folder: Path, patience: Patience, **planted: float) -> Iterator[Target]:
    """Run an API process with this patience; `planted` names further figures ("protocol__HEAD_TIME")."""
    folder.mkdir(mode=0o700, exist_ok=True)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1_024)
    figures = patience.constants() | {name.replace("__", "."): value for name, value in planted.items()}
    command = [sys.executable, "-m", "faults.patient_api", json.dumps(figures)]
    environment = os.environ | {
        "CALOTYPE_DATABASE_URL": database_url,
        "CALOTYPE_SERVER__MAX_CONNECTIONS_PER_ADDRESS": "500",
        "CALOTYPE_LIMITS__READS": "1000000",  # the ordinary caller of the bed asks as fast as it is answered
        "PYTHONPATH": str(TESTS),
    }
    given = ["--data", str(folder), "--fd", str(listener.fileno())]
    with (folder / "api.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *given], env=environment, stdout=log, stderr=log, pass_fds=[listener.fileno()]
        )
    port = listener.getsockname()[1]
    try:
        _await_answer(f"http://127.0.0.1:{port}", process)
        key, job, link = asyncio.run(_stock(database_url, folder, f"http://127.0.0.1:{port}"))
        yield Target("127.0.0.1", port, process.pid, key, job, link)
    finally:
        listener.close()
        process.terminate()
        process.wait(_START)


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, httpx2.HTTPError):
            if httpx2.get(f"{url}/readyz", timeout=1.0).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the API does not start")


async def _stock(database_url: str, folder: Path, url: str) -> tuple[str, str, str]:
    """Return a key, a job's id and a link to a large file."""
    async with Database(database_url, size=1) as database:
        key = (await Accounts(database, SystemClock()).create_key("slow")).key
        async with database.connection() as db:
            signer = LinkSigner({LINK_KEY_ID: await secrets.get_or_create(db, LINK_KEY)}, LINK_KEY_ID)
    await FileAssets(folder / "assets", 0).write("acct/large.bin", bytes(LARGE), "application/octet-stream")
    expires_at = SystemClock().now() + timedelta(hours=1)
    async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
        answer = await client.post("/native/v1/jobs", json={"kind": "image", "input": {"prompt": "a fox"}})
    link = f"/assets/acct/large.bin?{signer.sign('/assets/acct/large.bin', expires_at=expires_at)}"
    return key, str(answer.json()["id"]), link


# --- the slow ones ---------------------------------------------------------------------------------

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _drip(line: Line, head: str, drop: bytes) -> None:
    """Send a head, then a drop now and then, until the server hangs up."""
    reader, writer = line
    writer.write(head.encode())
    gone = asyncio.ensure_future(_hung_up(reader))
    try:
        while not (await asyncio.wait({gone}, timeout=PACE))[0]:
            writer.write(drop)
    finally:
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)


async def _hung_up(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(65_536):
            pass


async def _silent(target: Target) -> None:
    async with _line(target) as line:
        await _hung_up(line[0])


async def _slow_head(target: Target) -> None:
    async with _line(target) as line:
        await _drip(line, "GET /livez HTTP/1.1\r\nHost: x\r\nX: ", b"y")


async def _slow_body(target: Target) -> None:
    head = f"POST /native/v1/jobs HTTP/1.1\r\nHost: x\r\n{target.authorization}Content-Length: 5000\r\n\r\n"
    async with _line(target) as line:
        await _drip(line, head, b" ")


async def _drops_between(target: Target) -> None:
    async with _line(target) as line:
        await _drip(line, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n")


async def _idle(target: Target) -> None:
    async with _line(target) as line:
        line[1].write(f"GET /native/v1/jobs/{target.job} HTTP/1.1\r\nHost: x\r\n{target.authorization}\r\n".encode())
        await _hung_up(line[0])


async def _slow_read(target: Target) -> None:
    """Ask for much and take next to nothing of it."""
    loop = asyncio.get_running_loop()
    line = socket.socket()
    try:
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.sock_connect(line, (target.host, target.port))
        await loop.sock_sendall(line, f"GET {target.link} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            await asyncio.sleep(PACE)
            if not await loop.sock_recv(line, 100):
                return
    finally:
        line.close()


SORTS: Mapping[str, Callable[[Target], Coroutine[None, None, None]]] = {
    "silent": _silent,
    "slow head": _slow_head,
    "slow body": _slow_body,
    "slow read": _slow_read,
    "idle": _idle,
    "drops between": _drops_between,
}


@asynccontextmanager
async def _line(target: Target) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(target.host, target.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


class Crowd:
    """So many slow clients, of every sort alike."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.held: defaultdict[str, float] = defaultdict(float)
        self.cut: Counter[str] = Counter()

    async def stay(self, count: int) -> None:
        """Keep them connected until told to stop."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        sorts = itertools.islice(itertools.cycle(SORTS), count)
        slow = [asyncio.create_task(self._again_and_again(sort)) for sort in sorts]
        await asyncio.sleep(0.5)
        print("all have come", flush=True)
        await stop.wait()
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)

    async def _again_and_again(self, sort: str) -> None:
        while True:
            begun = time.monotonic()
            try:
                with suppress(ConnectionError):
                    await SORTS[sort](self.target)
                self.cut[sort] += 1
            finally:
                self.held[sort] = max(self.held[sort], time.monotonic() - begun)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _crowd(target: Target, count: int, outcome: Outcome) -> AsyncIterator[None]:
    """Have so many slow clients about, and note what became of them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faults.instruments.slow", json.dumps(asdict(target)), str(count)),
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()  # they have all come
        yield
    finally:
        process.terminate()
        told, _ = await process.communicate()
        became = json.loads(told)
        outcome.cut.update(became["cut"])
        for sort, seconds in became["held"].items():
            outcome.held[sort] = max(outcome.held[sort], seconds)


# --- the ordinary one ------------------------------------------------------------------------------


async def _ordinary(target: Target, seconds: float, outcome: Outcome) -> float:
    """Poll, list and submit, on connections new and old; return the milliseconds at p99."""
    url, end = f"http://{target.host}:{target.port}", time.monotonic() + seconds
    times: list[float] = []
    limits = httpx2.Limits(max_keepalive_connections=1)
    headers = {"Authorization": f"Bearer {target.key}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=30) as client:
        while time.monotonic() < end:
            number = len(times)
            begun = time.monotonic()
            if number % 10 == 9:
                answer = await client.post("/native/v1/jobs", json={"kind": "image", "input": {"prompt": "a fox"}})
            elif number % 10 == 4:
                answer = await client.get("/native/v1/jobs?limit=5", headers={"Connection": "close"})
            else:
                answer = await client.get(f"/native/v1/jobs/{target.job}")
            times.append((time.monotonic() - begun) * 1_000)
            if answer.status_code not in {200, 202}:
                outcome.findings.append(f"an ordinary request was answered {answer.status_code}: {answer.text[:200]}")
            await asyncio.sleep(0.002)
    outcome.requests += len(times)
    return statistics.quantiles(times, n=100)[98]


async def run(
    target: Target,
    patience: Patience,
    *,
    clients: int,
    window: float,
    pairs: int,
    done: Callable[[int], object] = lambda _: None,
) -> Outcome:
    """Time ordinary requests in pairs of windows, each without and then with so many slow clients. `done` is told of seconds
    with them. Lengths in seconds."""
    outcome, process = Outcome(), psutil.Process(target.pid)
    await _ordinary(target, 1.0, Outcome())  # so that the first window does not start cold
    before = process.memory_info().rss
    for _ in range(pairs):
        quiet = await _ordinary(target, window, outcome)
        async with _crowd(target, clients, outcome):
            slow = await _ordinary(target, window, outcome)
            outcome.memory = max(outcome.memory, process.memory_info().rss - before)
        outcome.pairs.append((quiet, slow))
        done(int(window))
    for sort, seconds in outcome.held.items():
        if seconds > patience.of(sort) + SLACK:
            outcome.findings.append(f"{sort}: held for {seconds:.1f} s, {patience.of(sort):.1f} s are the most")
    return outcome


if __name__ == "__main__":
    crowd = Crowd(Target(**json.loads(sys.argv[1])))
    uvloop.run(crowd.stay(int(sys.argv[2])))
    print(json.dumps({"held": crowd.held, "cut": crowd.cut}))
