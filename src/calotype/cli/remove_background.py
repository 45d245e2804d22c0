"""`calotype remove-background`: a picture in, its subject on disk."""

from __future__ import annotations

from pathlib import Path

import click

from calotype.cli.generate import OUT
from calotype.cli.output import check_place, client_of, data_option, finish, json_option, timeout_option, worded


@click.command()
@click.argument("file")
@click.option("--background", help="transparent (default), map, blur, overlay, or a colour such as white or #ffe0b0.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Make the edge hard: keep what is the subject's by this."
)
@click.option("--reverse", is_flag=True, help="Keep the background and remove the subject.")
@click.option("--model", help="The model (default: the server's for removing backgrounds).")
@click.option("--out", help=OUT)
@timeout_option
@json_option
@data_option
@worded
def remove_background(
    file: str,
    background: str | None,
    threshold: float | None,
    reverse: bool,
    model: str | None,
    out: str | None,
    timeout: float,
    as_json: bool,
    data: Path | None,
) -> None:
    """Cut the subject of FILE, a picture on disk or at an http(s) URL, out and save it; its path goes to standard output."""
    check_place(out)
    given = {"image": file, "background": background, "threshold": threshold, "reverse": reverse or None}
    with client_of(data) as client:
        finish(client.jobs.submit("remove_background", given, model=model), timeout, out, as_json=as_json)
