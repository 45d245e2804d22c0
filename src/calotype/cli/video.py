"""`calotype video`: a prompt, a picture, or both in, a clip on disk."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from calotype.cli.generate import OUT
from calotype.cli.output import check_place, client_of, data_option, finish, json_option, timeout_option, worded
from calotype.jobs.inputs.video import SHORTER_SIDES, Motion


@click.command()
@click.argument("prompt", required=False)
@click.option("--image", help="The first frame: a picture on disk or at an http(s) URL.")
@click.option("--last-image", help="The last frame, likewise.")
@click.option("--duration", type=float, help="Seconds, 2 to 15 (default 5).")
@click.option("--fps", type=int, help="Frames a second, 12 to 60 (default 24).")
@click.option("--resolution", type=click.Choice(list(SHORTER_SIDES)), help="The shorter side (default 720p).")
@click.option("--aspect-ratio", help="Such as 16:9 (default: the image's, else 16:9).")
@click.option("--motion", "motions", multiple=True, type=click.Choice(get_args(Motion)), help="What the camera does.")
@click.option("--loop", is_flag=True, help="Let the end lead back to the beginning.")
@click.option("--format", "form", type=click.Choice(["mp4", "webm"]), help="The file's format (default mp4).")
@click.option("--model", help="The model (default: the server's for videos).")
@click.option("--out", help=OUT)
@click.option("--seed", type=int, help="The same seed and prompt make the same clip.")
@click.option("--style", help="A style the model knows.")
@click.option("--negative-prompt", help="What the clip should not show.")
@timeout_option
@json_option
@data_option
@worded
def video(
    prompt: str | None,
    image: str | None,
    last_image: str | None,
    duration: float | None,
    fps: int | None,
    resolution: str | None,
    aspect_ratio: str | None,
    motions: tuple[str, ...],
    loop: bool,
    form: str | None,
    model: str | None,
    out: str | None,
    seed: int | None,
    style: str | None,
    negative_prompt: str | None,
    timeout: float,
    as_json: bool,
    data: Path | None,
) -> None:
    """Make a clip of PROMPT, of an image, or of both, and save it; its path goes to standard output."""
    if prompt is None and image is None:
        raise click.UsageError("Give a PROMPT, an --image, or both.")
    check_place(out)
    given = {
        "prompt": prompt,
        "image": image,
        "last_image": last_image,
        "negative_prompt": negative_prompt,
        "duration": duration,
        "fps": fps,
        "resolution": resolution,
        "aspect_ratio": aspect_ratio,
        "motions": list(motions) or None,
        "loop": loop or None,
        "format": form,
        "seed": seed,
        "style": style,
    }
    with client_of(data) as client:
        finish(client.jobs.submit("video", given, model=model), timeout, out, as_json=as_json)
