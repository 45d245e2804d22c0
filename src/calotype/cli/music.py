"""`calotype music`: a prompt in, music on disk."""

from __future__ import annotations

from pathlib import Path

import click

from calotype.cli.generate import OUT
from calotype.cli.output import check_place, client_of, data_option, finish, json_option, timeout_option, worded


@click.command()
@click.argument("prompt")
@click.option("--duration", type=float, help="Seconds, 5 to 300 (default: as the prompt says, else 45).")
@click.option("--lyrics", help="Words in whose rhythm a sampled voice carries the tune; it does not pronounce them.")
@click.option("--title", help="What the piece is called.")
@click.option("--instrumental", is_flag=True, help="Leave every voice out.")
@click.option("--count", type=int, help="How many variations, 1 to 3.")
@click.option("--seed", type=int, help="The same seed and prompt make the same music.")
@click.option("--model", help="The model (default: the server's for music).")
@click.option("--out", help=OUT)
@timeout_option
@json_option
@data_option
@worded
def music(
    prompt: str,
    duration: float | None,
    lyrics: str | None,
    title: str | None,
    instrumental: bool,
    count: int | None,
    seed: int | None,
    model: str | None,
    out: str | None,
    timeout: float,
    as_json: bool,
    data: Path | None,
) -> None:
    """Make music of PROMPT and save it as MP3 and WAV, with its cover and waveform; the paths go to standard output."""
    check_place(out)
    given = {
        "prompt": prompt,
        "duration": duration,
        "lyrics": lyrics,
        "title": title,
        "instrumental": instrumental or None,
        "count": count,
        "seed": seed,
    }
    with client_of(data) as client:
        finish(client.jobs.submit("music", given, model=model), timeout, out, as_json=as_json)
