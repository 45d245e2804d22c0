"""What the operator's commands share: settings from flags, a connected core, and errors as one sentence with an exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from calotype.cli.terminal import printable, printable_json
from calotype.config import Settings, read_settings
from calotype.errors import CallerError, CalotypeError, NotFoundError, OperatorError
from calotype.runtime import Core, core, database_of

P = ParamSpec("P")
T = TypeVar("T")

_NOT_FOUND, _USAGE, _SERVER = 4, 2, 7

data_option = click.option("--data", type=click.Path(path_type=Path), help="The data folder (default: calotype-data).")
database_option = click.option("--database-url", help="PostgreSQL to use in place of the data folder's own.")
config_option = click.option("--config", type=click.Path(path_type=Path), help="A TOML file of settings.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def worded(command: Callable[P, T]) -> Callable[P, T]:
    """Turn our errors into one sentence on standard error and the exit code that belongs to them."""

    @wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return command(*arguments, **options)
        except CalotypeError as error:
            fail(error)

    return run


def fail(error: CalotypeError) -> NoReturn:
    """Say what happened and end with the error's exit code."""
    click.echo(printable(f"calotype: {error}"), err=True)
    sys.exit(exit_code_of(error))


def exit_code_of(error: CalotypeError) -> int:
    """Return 2 for bad usage, 4 for what is not there, 7 for a server or machine that cannot."""
    match error:
        case OperatorError():
            return error.exit_code
        case NotFoundError():
            return _NOT_FOUND
        case CallerError():
            return _USAGE
        case _:
            return _SERVER


def settings_from(
    data: Path | None, database_url: str | None = None, config: Path | None = None, **flags: Any
) -> Settings:
    """Return the settings, with a command's flags above everything else; `server__port` names server.port."""
    dotted = {name.replace("__", "."): value for name, value in flags.items()}
    return read_settings({"data": data, "database_url": database_url, **dotted}, config)


def with_core(settings: Settings, work: Callable[[Core], Coroutine[Any, Any, T]]) -> T:
    """Run something on the installation's database, started for the purpose when nobody else has."""

    async def connected(url: str) -> T:
        async with core(settings, url, "cli") as parts:
            return await work(parts)

    with database_of(settings) as url:
        return asyncio.run(connected(url))


def show(facts: Any, *, as_json: bool, lines: Callable[[], Iterable[str]]) -> None:
    """Print a result: JSON for a script, lines for a person."""
    if as_json:
        click.echo(printable_json(json.dumps(facts, default=str)))
        return
    for line in lines():
        click.echo(printable(line))
