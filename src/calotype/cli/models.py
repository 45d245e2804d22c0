"""`calotype models`: what a server can make things with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    """List the models: id, what it makes and for how many credits, version, title."""
    with client_of(data) as client:
        found = client.models()
    if as_json:
        show([dict(model) for model in found])
        return
    rows = [(str(m["id"]), _made(m), str(m.get("version") or ""), str(m.get("title") or "")) for m in found]
    table(rows, "This server offers no model yet: is a worker running?")


def _made(model: Mapping[str, Any]) -> str:
    """Return the kinds a model makes, each with its price where the server says one."""
    prices = model.get("prices") or {}
    return ", ".join(f"{kind} {_price(prices[kind])}" if kind in prices else kind for kind in model.get("kinds") or ())


def _price(price: Mapping[str, Any]) -> str:
    return f"({price['credits']} each {price['unit']})"
