"""Puts one process together: the only module that names concrete stores, and hands everyone what they need."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from calotype.accounts import Accounts
from calotype.assets.base import Assets
from calotype.assets.files import FileAssets
from calotype.assets.objects import ObjectAssets
from calotype.clock import Clock, SystemClock
from calotype.config import PlanSettings, PriceSettings, Settings
from calotype.dialects import dialects
from calotype.engines.base import Card
from calotype.engines.registry import cards
from calotype.errors import ConfigError, DataFolderError
from calotype.fetching import Fetcher
from calotype.inputs import Inputs
from calotype.jobs.kinds import Kind
from calotype.jobs.limits import BUILT_IN, Plan, Rate
from calotype.jobs.prices import Price, PriceList, Unit
from calotype.lifecycle import Lifecycle, Policy
from calotype.links import LinkMaker
from calotype.outbound import Outbound
from calotype.server.parts import Parts
from calotype.server.serving import serve_api
from calotype.signing import LinkSigner
from calotype.store import limits, secrets
from calotype.store.database import Database
from calotype.store.embedded import EmbeddedDatabase
from calotype.store.migrate import migrate
from calotype.telemetry import log
from calotype.upkeep import Upkeep
from calotype.webhooks.deliver import Deliverer
from calotype.webhooks.letters import Writer
from calotype.worker.parts import WorkerParts
from calotype.worker.process import run_worker as work

URL_FILE = "database-url"
CLIENT_FILE = "client.toml"
LINK_KEY = "asset_links_1"
LINK_KEY_ID = "1"


@dataclass(frozen=True, slots=True)
class Core:
    """What every process has: a connected database, and the parts that stand on it."""

    settings: Settings
    clock: Clock
    database: Database
    lifecycle: Lifecycle
    accounts: Accounts
    assets: Assets


def policy_of(settings: Settings) -> Policy:
    """Return what jobs are held to, from the settings."""
    jobs = settings.jobs
    return Policy(
        attempts=jobs.attempts,
        lease=jobs.lease,
        deadline=jobs.deadline,
        max_deadline=jobs.max_deadline,
        retention=jobs.retention,
        blocked_words=jobs.blocked_words,
        prices=prices_of(settings),
    )


def prices_of(settings: Settings) -> PriceList:
    """Return what jobs cost, from the settings. Raises `ConfigError` for a kind there is none of."""
    given = settings.prices
    kinds = [*given.kinds, *(name.rpartition("/")[2] for name in given.models if "/" in name)]
    unknown = sorted(set(kinds) - set(Kind))
    if unknown:
        raise ConfigError(f"Setting prices: there is no kind {unknown[0]!r}; there are {', '.join(Kind)}.")
    return PriceList(
        models={name: _price_of(price) for name, price in given.models.items()},
        kinds={name: _price_of(price) for name, price in given.kinds.items()},
        flat=Price(given.flat, Unit.JOB),
    )


def _price_of(price: PriceSettings) -> Price:
    return Price(price.credits, Unit(price.unit), price.least)


def plans_of(settings: Settings) -> list[Plan]:
    """Return every plan: the built-in ones, and the settings' own above them."""
    own = {name: _plan_of(name, given) for name, given in settings.plans.items()}
    return list((BUILT_IN | own).values())


def _plan_of(name: str, given: PlanSettings) -> Plan:
    rate = Rate(given.requests, given.per, given.burst or given.requests) if given.requests is not None else None
    return Plan(name, rate, given.max_waiting, given.max_running, given.reads)


def assets_of(settings: Settings) -> Assets:
    """Return the asset store: an object store's URL, a folder's path, or a folder inside the data folder."""
    url = settings.assets.url
    if url is not None and "://" in url and not url.startswith("file://"):
        return ObjectAssets(url)
    root = Path(url.removeprefix("file://")) if url is not None else settings.data / "assets"
    return FileAssets(root, settings.assets.floor)


@asynccontextmanager
async def core(settings: Settings, url: str, name: str) -> AsyncIterator[Core]:
    """Connect to the database and put the common parts together."""
    clock = SystemClock()
    async with Database(url, size=settings.database.pool, name=f"calotype-{name}") as database:
        yield Core(
            settings=settings,
            clock=clock,
            database=database,
            lifecycle=Lifecycle(database, policy_of(settings)),
            accounts=Accounts(database, clock),
            assets=assets_of(settings),
        )


# --- one asset store for all ---------------------------------------------------------------------

_STORE_PATIENCE = 15.0


async def claim_store(parts: Core) -> None:
    """Leave this installation's mark in the asset store that the API serves from."""
    mark = await _mark_of(parts.database)
    if not await parts.assets.exists(mark):
        await parts.assets.write(mark, b"", "application/octet-stream")


async def check_store(parts: Core) -> None:
    """Raise `ConfigError` unless this process's asset store is the one the API serves from: results would be lost elsewhere."""
    mark = await _mark_of(parts.database)
    deadline = parts.clock.monotonic() + _STORE_PATIENCE
    while not await parts.assets.exists(mark):
        if parts.clock.monotonic() > deadline:
            raise ConfigError(
                "The asset store here is not the one this installation's API serves from: give --assets the same"
                " s3://bucket/prefix or shared folder (an API must have started once)."
            )
        await asyncio.sleep(0.2)


async def _mark_of(database: Database) -> str:
    async with database.connection() as db:
        return f"store/{(await secrets.get_or_create(db, 'asset_store', 16)).hex()}"


# --- what a process runs -------------------------------------------------------------------------


async def run_api(settings: Settings, url: str, listener: socket.socket) -> None:
    """Serve the API on a listening socket until told to stop."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with core(settings, url, "api") as parts:
        await claim_store(parts)
        async with parts.database.connection() as db:
            await limits.register(db, plans_of(settings))
        await serve_api(
            Parts(
                database=parts.database,
                lifecycle=parts.lifecycle,
                accounts=parts.accounts,
                assets=parts.assets,
                signer=await signer_of(parts.database),
                settings=settings,
                clock=parts.clock,
                dialects=dialects(settings),
                cards=cards(settings.worker.extra_engines),
            ),
            listener,
            stop=stop,
        )


def served_cards(settings: Settings) -> tuple[Card, ...]:
    """Return the cards of the engines a worker is to serve. Raises `ConfigError` for a lane of no engine."""
    known = cards(settings.worker.extra_engines)
    wanted = settings.worker.lanes
    missing = sorted(set(wanted) - {card.id for card in known})
    if missing:
        raise ConfigError(
            f"There is no engine for the lane {missing[0]!r}; there are {', '.join(c.id for c in known)}."
        )
    return tuple(card for card in known if not wanted or card.id in wanted)


async def run_worker(settings: Settings, url: str) -> None:
    """Run one worker until told to stop, then let it finish what it holds."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with core(settings, url, "worker") as parts:
        await check_store(parts)
        await work(
            WorkerParts(
                database=parts.database,
                lifecycle=parts.lifecycle,
                assets=parts.assets,
                settings=settings.worker,
                clock=parts.clock,
                scratch=settings.data / "scratch",
                device=settings.worker.device,
                cards=served_cards(settings),
            ),
            stop,
        )


def fetcher_of(parts: Core) -> Fetcher:
    """Return what fetches the files that jobs wait for."""
    settings = parts.settings
    inputs = Inputs(
        parts.database,
        parts.assets,
        settings.jobs.retention,
        Outbound(settings.outbound),
        settings.server.max_upload,
    )
    return Fetcher(parts.database, parts.lifecycle, inputs, settings.data / "fetching", parts.clock)


async def run_upkeep(settings: Settings, url: str) -> None:
    """Run upkeep until told to stop."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with core(settings, url, "upkeep") as parts:
        await check_store(parts)
        deliverer = await deliverer_of(parts)
        upkeep = Upkeep(parts.database, parts.lifecycle, parts.assets, parts.clock, deliverer)
        async with asyncio.TaskGroup() as group:
            group.create_task(upkeep.run(stop))
            group.create_task(fetcher_of(parts).run(stop))


async def deliverer_of(parts: Core) -> Deliverer:
    """Return what sends webhooks: links in them are signed as the API signs them, and lead to where it is reached."""
    settings = parts.settings
    links = LinkMaker(await signer_of(parts.database), parts.clock, settings.server.link_lifetime)
    writer = Writer(parts.database, dialects(settings), links, public_url(settings), parts.clock)
    return Deliverer(parts.database, writer, Outbound(settings.outbound), parts.clock)


async def signer_of(database: Database) -> LinkSigner:
    """Return what signs this installation's asset links."""
    async with database.connection() as db:
        key = await secrets.get_or_create(db, LINK_KEY)
    return LinkSigner({LINK_KEY_ID: key}, LINK_KEY_ID)


_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - said to clients, not bound to


def public_url(settings: Settings) -> str:
    """Return where clients find this server: as the operator says, else where it listens."""
    host = _WILDCARDS.get(settings.server.host, settings.server.host)
    place = f"[{host}]" if ":" in host else host
    return (settings.server.public_url or f"http://{place}:{settings.server.port}").rstrip("/")


# --- the data folder -----------------------------------------------------------------------------


def prepare_folder(folder: Path) -> None:
    """Make the data folder, for its owner alone. Raises `DataFolderError`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise DataFolderError(folder, "it is a file, not a folder") from None
    except OSError as error:
        raise DataFolderError(folder, (error.strerror or str(error)).lower()) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataFolderError(folder, f"user {os.geteuid()} has no right to write in it")


def write_private(path: Path, text: str) -> None:
    """Replace a small file that only its owner may read."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """Lend the URL of this installation's migrated database.

    It is the one the settings give, else the one the last `serve` in this data folder was given, else the data folder's own
    server, which is started when nobody has, and stopped by whoever leaves it last.
    """
    url = settings.database_url or _noted_url(settings.data)
    if url is not None:
        migrate(url)
        yield url
        return
    prepare_folder(settings.data)
    with EmbeddedDatabase(settings.data) as own:
        migrate(own)
        yield own


def _noted_url(folder: Path) -> str | None:
    """Return the URL an earlier `serve` wrote down, unless it is that of the folder's own server."""
    try:
        url = (folder / URL_FILE).read_text("utf-8").strip()
    except OSError:
        return None
    is_socket = parse_qs(urlsplit(url).query).get("host", [""])[0].startswith("/")
    return None if is_socket and (folder / "database").exists() else url


# --- a process's life ----------------------------------------------------------------------------


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT, and when the process that supervises us is gone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _stop_with_supervisor(loop, stop)


LIFELINE = "CALOTYPE_LIFELINE"
"""Names the pipe whose other end the supervisor holds: it closes when the supervisor dies, however it dies."""


def _stop_with_supervisor(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    descriptor = os.environ.pop(LIFELINE, None)
    if descriptor is None:
        return

    def cut() -> None:
        loop.remove_reader(int(descriptor))
        log.warning("supervisor.gone")
        stop.set()
        loop.call_later(_LAST_GASP, os._exit, 1)

    loop.add_reader(int(descriptor), cut)


_LAST_GASP = 2.0
"""Seconds an orphan may take to end by itself: the next supervisor wants its place."""


@contextlib.contextmanager
def quiet_interrupts() -> Iterator[None]:
    """End on Ctrl-C without a traceback."""
    with contextlib.suppress(KeyboardInterrupt):
        yield
