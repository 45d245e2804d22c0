"""`calotype models`: what a server can make things with."""

from __future__ import annotations

from pathlib import Path

import click

from calotype.cli.output import client_of, data_option, json_option, show, table, worded


@click.group()
def models() -> None:
    """List the models a server offers."""


@models.command("ls")
@json_option
@data_option
@worded
def list_models(as_json: bool, data: Path | None) -> None:
    """List the models: id, what it makes, version, title."""
    with client_of(data) as client:
        found = client.models()
    if as_json:
        show([dict(model) for model in found])
        return
    rows = [
        (str(m["id"]), ",".join(m.get("kinds") or ()), str(m.get("version") or ""), str(m.get("title") or ""))
        for m in found
    ]
    table(rows, "This server offers no model yet: is a worker running?")
