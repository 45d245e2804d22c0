"""`calotype serve`, and the parts it is made of: `api`, `worker`, `upkeep`."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import tomllib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from calotype.accounts import Accounts, NewKey
from calotype.cli.administer import config_option, data_option, database_option, settings_from, worded
from calotype.cli.supervisor import Part, Supervisor, command_of, listen
from calotype.clock import SystemClock
from calotype.config import ENV_PREFIX, Settings
from calotype.engines.devices import check_device
from calotype.errors import CalotypeError
from calotype.runtime import (
    CLIENT_FILE,
    URL_FILE,
    database_of,
    prepare_folder,
    run_api,
    run_upkeep,
    run_worker,
    served_cards,
    write_private,
)
from calotype.server import serving
from calotype.store.database import Database
from calotype.store.embedded import EmbeddedDatabase
from calotype.store.migrate import migrate
from calotype.telemetry import set_up_logs

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - said to clients, not bound to


@click.command()
@click.option("--host", help="The address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on (default 8787; 0 = any free one).")
@click.option("--device", help="Where engines run: cpu, cuda:0 … (default cpu).")
@data_option
@database_option
@config_option
@worded
def serve(
    host: str | None,
    port: int | None,
    device: str | None,
    data: Path | None,
    database_url: str | None,
    config: Path | None,
) -> None:
    """Run everything on this machine: database, API, a worker and upkeep, each watched and started again when it ends."""
    settings = settings_from(data, database_url, config, server__host=host, server__port=port, worker__device=device)
    check_device(settings.worker.device)
    set_up_logs(process="serve")
    prepare_folder(settings.data)
    listener = listen(settings.server.host, settings.server.port)
    embedded = None if settings.database_url else EmbeddedDatabase(settings.data)
    try:
        url = settings.database_url or _started(embedded)
        migrate(url)
        place = _place_of(listener)
        _write_files(settings, url, place)
        look_after: Callable[[], None] = embedded.ensure if embedded is not None else _nothing
        environment = os.environ | {f"{ENV_PREFIX}DATABASE_URL": url} | _as_variables(settings, place)
        supervisor = Supervisor(_parts(settings, config, listener), environment, look_after)
        supervisor.run(lambda: _is_ready(place), lambda: _announce(settings, place))
    finally:
        listener.close()
        if embedded is not None:
            embedded.stop()


def _started(embedded: EmbeddedDatabase | None) -> str:
    assert embedded is not None, "without a URL there is one"
    return embedded.start()


def _nothing() -> None:
    """Someone else's database needs no looking after."""


def _parts(settings: Settings, config: Path | None, listener: socket.socket) -> list[Part]:
    common = ["--data", str(settings.data), *(["--config", str(config)] if config else [])]
    descriptor = listener.fileno()
    return [
        Part("api", command_of("api", *common, "--fd", str(descriptor)), keep_open=(descriptor,)),
        Part("worker", command_of("worker", *common)),
        Part("upkeep", command_of("upkeep", *common)),
    ]


def _as_variables(settings: Settings, place: tuple[str, int]) -> dict[str, str]:
    """Return the flags as variables, for the parts."""
    return {
        f"{ENV_PREFIX}SERVER__HOST": settings.server.host,
        f"{ENV_PREFIX}SERVER__PORT": str(place[1]),
        f"{ENV_PREFIX}WORKER__DEVICE": settings.worker.device,
    }


def _place_of(listener: socket.socket) -> tuple[str, int]:
    host, port = listener.getsockname()[:2]
    return _WILDCARDS.get(host, host), port


def _url_of(settings: Settings, place: tuple[str, int]) -> str:
    host, port = place
    return settings.server.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _is_ready(place: tuple[str, int]) -> bool:
    connection = http.client.HTTPConnection(*place, timeout=0.5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _announce(settings: Settings, place: tuple[str, int]) -> None:
    url = _url_of(settings, place)
    click.echo(f"Calotype is ready at {url} (API reference: {url}/docs; key: {settings.data / CLIENT_FILE}).", err=True)


# --- what scripts and clients find in the data folder --------------------------------------------


def _write_files(settings: Settings, url: str, place: tuple[str, int]) -> None:
    write_private(settings.data / URL_FILE, url + "\n")
    key = asyncio.run(_local_key(url, settings.data / CLIENT_FILE))
    write_private(settings.data / CLIENT_FILE, f'url = "{_url_of(settings, place)}"\napi_key = "{key}"\n')


async def _local_key(url: str, client_file: Path) -> str:
    """Return the key of the local client: the one in its file if it is still good, else a new one."""
    async with Database(url, size=1, name="calotype-serve") as database:
        accounts = Accounts(database, SystemClock())
        known = _key_in(client_file)
        if known is not None:
            try:
                await accounts.authenticate(known)
            except CalotypeError:
                known = None
        if known is not None:
            return known
        made: NewKey = await accounts.create_key("local", scopes=("submit", "read", "admin"))
        return made.key


def _key_in(client_file: Path) -> str | None:
    try:
        found: Any = tomllib.loads(client_file.read_text("utf-8")).get("api_key")
    except (OSError, ValueError):
        return None
    return found if isinstance(found, str) else None


# --- the parts -----------------------------------------------------------------------------------


@click.command()
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--fd", type=int, hidden=True, help="A listening socket handed down by serve.")
@data_option
@database_option
@config_option
@worded
def api(
    host: str | None, port: int | None, fd: int | None, data: Path | None, database_url: str | None, config: Path | None
) -> None:
    """Run the HTTP API alone, on the database of --database-url."""
    settings = settings_from(data, database_url, config, server__host=host, server__port=port)
    set_up_logs(process="api")
    listener = listen(settings.server.host, settings.server.port) if fd is None else socket.socket(fileno=fd)
    _run_part(settings, lambda url: run_api(settings, url, listener), run=serving.run)


@click.command()
@click.option("--device", help="Where engines run: cpu, cuda:0 … (default cpu).")
@click.option("--lanes", help="The models it serves, separated by commas (default: every one whose engine runs here).")
@click.option("--assets", help="Where results are kept: s3://bucket/prefix, gs://…, az://… or a folder shared by all.")
@data_option
@database_option
@config_option
@worded
def worker(
    device: str | None,
    lanes: str | None,
    assets: str | None,
    data: Path | None,
    database_url: str | None,
    config: Path | None,
) -> None:
    """Run one worker: it takes jobs and makes media. Stop it with SIGTERM; it finishes what it holds."""
    named = None if lanes is None else tuple(lane.strip() for lane in lanes.split(",") if lane.strip())
    settings = settings_from(data, database_url, config, worker__device=device, worker__lanes=named, assets__url=assets)
    set_up_logs(process="worker")
    served_cards(settings)
    check_device(settings.worker.device)
    _run_part(settings, lambda url: run_worker(settings, url))


@click.command()
@click.option("--assets", help="Where results are kept, as for worker.")
@data_option
@database_option
@config_option
@worded
def upkeep(assets: str | None, data: Path | None, database_url: str | None, config: Path | None) -> None:
    """Run upkeep: rescue, retries, deadlines, retention. Any number may run at once."""
    settings = settings_from(data, database_url, config, assets__url=assets)
    set_up_logs(process="upkeep")
    _run_part(settings, lambda url: run_upkeep(settings, url))


def _run_part(
    settings: Settings, main: Callable[[str], Coroutine[Any, Any, None]], run: Callable[[Any], None] = asyncio.run
) -> None:
    prepare_folder(settings.data)
    with database_of(settings) as url:
        run(main(url))
