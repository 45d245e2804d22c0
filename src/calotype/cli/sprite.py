"""`calotype sprite`: effects and sprites for games, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from calotype.cli.generate import OUT
from calotype.cli.output import check_place, client_of, data_option, finish, json_option, timeout_option, worded
from calotype.jobs.inputs.sprite import ANIMATION_FRAMES

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_resolution = click.option(
    "--resolution",
    type=click.Choice(["512", "1K", "2K", "4K"], case_sensitive=False),
    help="The longer side (default: 1K).",
)
_seed = click.option("--seed", type=int, help="The same seed and words make the same result.")
_model = click.option("--model", help="The model (default: the server's for sprites).")
_out = click.option("--out", help=OUT)


@click.group()
def sprite() -> None:
    """Draw effects and sprites for games, on transparency."""


@sprite.command("effect")
@click.argument("prompt")
@click.option("--image", type=_FILE, help="A picture whose colours the effect takes.")
@_resolution
@_seed
@_model
@_out
@timeout_option
@json_option
@data_option
@worded
def effect(timeout: float, as_json: bool, data: Path | None, **given: Any) -> None:
    """Draw the effect that PROMPT describes, at its best moment, and save it."""
    _make("effect", given, timeout, data, as_json=as_json)


@sprite.command("effect-sheet")
@click.argument("prompt")
@click.option("--frames", type=click.Choice([4, 9, 16]), default=9, show_default=True, help="Cells of the square.")
@click.option("--image", type=_FILE, help="A picture whose colours the effect takes.")
@_resolution
@_seed
@_model
@_out
@timeout_option
@json_option
@data_option
@worded
def effect_sheet(timeout: float, as_json: bool, data: Path | None, **given: Any) -> None:
    """Draw the moments of the effect that PROMPT describes in a square sheet, and save it."""
    _make("effect_sheet", given, timeout, data, as_json=as_json)


@sprite.command("animate")
@click.argument("image", type=_FILE)
@click.argument("prompt")
@click.option("--frames", type=click.Choice(ANIMATION_FRAMES), default=25, show_default=True, help="How many.")
@click.option("--end-image", type=_FILE, help="What it becomes.")
@click.option("--pixel", is_flag=True, default=None, help="As pixel art.")
@_model
@_out
@timeout_option
@json_option
@data_option
@worded
def animate(timeout: float, as_json: bool, data: Path | None, **given: Any) -> None:
    """Let the subject of IMAGE do what PROMPT says, and save a GIF, a sheet and every frame."""
    _make("animate", given, timeout, data, as_json=as_json)


@sprite.command("reskin")
@click.argument("image", type=_FILE)
@click.argument("prompt")
@click.option("--style", type=click.Choice(["pixel", "cartoon", "sd", "quater_view"]), help="How it is drawn.")
@_resolution
@_seed
@_model
@_out
@timeout_option
@json_option
@data_option
@worded
def reskin(timeout: float, as_json: bool, data: Path | None, **given: Any) -> None:
    """Put the colour, material or style that PROMPT names on IMAGE, a picture or a sheet, and save it."""
    _make("reskin", given, timeout, data, as_json=as_json)


def _make(operation: str, given: Mapping[str, Any], timeout: float, data: Path | None, *, as_json: bool) -> None:
    out, model = given["out"], given["model"]
    check_place(out)
    wanted = {name: value for name, value in given.items() if name not in ("out", "model")}
    with client_of(data) as client:
        job = client.jobs.submit("sprite", {"operation": operation, **wanted}, model=model)
        finish(job, timeout, out, as_json=as_json)
