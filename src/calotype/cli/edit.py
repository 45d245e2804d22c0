"""`calotype edit`: a prompt and reference pictures in, pictures with their subjects on disk."""

from __future__ import annotations

from pathlib import Path

import click

from calotype.cli.generate import OUT
from calotype.cli.output import check_place, client_of, data_option, finish, json_option, timeout_option, worded


@click.command()
@click.argument("prompt")
@click.argument("files", nargs=-1, required=True)
@click.option("--model", help="The model (default: the server's for edits).")
@click.option("--out", help=OUT)
@click.option("--width", type=int, help="Pixels.")
@click.option("--height", type=int, help="Pixels.")
@click.option("--aspect-ratio", help="Such as 16:9, in place of width or height.")
@click.option("--count", type=int, help="How many images.")
@click.option("--seed", type=int, help="The same seed, prompt and pictures make the same image.")
@click.option("--style", help="A style the model knows.")
@click.option("--negative-prompt", help="What the image should not show.")
@timeout_option
@json_option
@data_option
@worded
def edit(
    prompt: str,
    files: tuple[str, ...],
    model: str | None,
    out: str | None,
    width: int | None,
    height: int | None,
    aspect_ratio: str | None,
    count: int | None,
    seed: int | None,
    style: str | None,
    negative_prompt: str | None,
    timeout: float,
    as_json: bool,
    data: Path | None,
) -> None:
    """Put the subjects of FILES, pictures on disk or at http(s) URLs, into the scene of PROMPT, and save it.

    The paths of the results go to standard output.
    """
    check_place(out)
    given = {
        "prompt": prompt,
        "images": list(files),
        "negative_prompt": negative_prompt,
        "width": width,
        "height": height,
        "aspect_ratio": aspect_ratio,
        "count": count,
        "seed": seed,
        "style": style,
    }
    with client_of(data) as client:
        finish(client.jobs.submit("edit", given, model=model), timeout, out, as_json=as_json)
