"""`calotype upscale`: a picture in, a larger one on disk."""

from __future__ import annotations

from pathlib import Path

import click

from calotype.cli.generate import OUT
from calotype.cli.output import check_place, client_of, data_option, finish, json_option, timeout_option, worded


@click.command()
@click.argument("file")
@click.option("--scale", type=click.Choice([1, 2, 3, 4, 6, 8]), help="How many times as wide and high.")
@click.option("--target", type=click.Choice(["1K", "2K", "4K"], case_sensitive=False), help="The longer side.")
@click.option("--model", help="The model (default: the server's for upscaling).")
@click.option("--out", help=OUT)
@timeout_option
@json_option
@data_option
@worded
def upscale(
    file: str,
    scale: int | None,
    target: str | None,
    model: str | None,
    out: str | None,
    timeout: float,
    as_json: bool,
    data: Path | None,
) -> None:
    """Enlarge FILE, a picture on disk or at an http(s) URL, and save the result; its path goes to standard output."""
    if (scale is None) == (target is None):
        raise click.UsageError("Give exactly one of --scale and --target.")
    check_place(out)
    with client_of(data) as client:
        job = client.jobs.submit("upscale", {"image": file, "scale": scale, "target": target}, model=model)
        finish(job, timeout, out, as_json=as_json)
