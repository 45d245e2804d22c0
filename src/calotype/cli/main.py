"""The command `calotype`: a table of commands, each loaded when it is called, so that `--help` is quick."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from calotype import __version__

USAGE, INTERRUPTED, CLOSED_PIPE = 2, 130, 1


@dataclass(frozen=True, slots=True)
class Row:
    """A command: where it is, and what `--help` says of it without loading it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "generate": Row("calotype.cli.generate", "generate", "Make images of a prompt and save them."),
    "edit": Row("calotype.cli.edit", "edit", "Put the subjects of pictures into the scene of a prompt and save it."),
    "upscale": Row("calotype.cli.upscale", "upscale", "Enlarge an image and save it."),
    "sprite": Row("calotype.cli.sprite", "sprite", "Draw effects and sprites for games, on transparency."),
    "remove-background": Row(
        "calotype.cli.remove_background", "remove_background", "Cut an image's subject out and save it."
    ),
    "video": Row("calotype.cli.video", "video", "Make a clip of a prompt or of an image and save it."),
    "music": Row("calotype.cli.music", "music", "Make music of a prompt and save it."),
    "jobs": Row("calotype.cli.jobs", "jobs", "List, read, watch, cancel and retry jobs."),
    "models": Row("calotype.cli.models", "models", "List the models a server offers."),
    "serve": Row("calotype.cli.serve", "serve", "Run everything: database, API, a worker and upkeep."),
    "api": Row("calotype.cli.serve", "api", "Run the API alone."),
    "worker": Row("calotype.cli.serve", "worker", "Run a worker alone."),
    "upkeep": Row("calotype.cli.serve", "upkeep", "Run upkeep alone: rescue, deadlines, retention."),
    "webhooks": Row(
        "calotype.cli.webhooks", "webhooks", "Receivers of events: listen without a public address, test, replay."
    ),
    "keys": Row("calotype.cli.keys", "keys", "Make, list, cap, switch off and revoke API keys."),
    "credits": Row("calotype.cli.keys", "credits_group", "Give credits, look at balances and ledgers, set limits."),
    "audit": Row("calotype.cli.check", "audit_command", "Check the invariants on a live database."),
    "doctor": Row("calotype.cli.check", "doctor", "Say what works on this machine, and why what does not."),
}


class Commands(click.Group):
    """A group whose commands stand in a table until one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, clients' commands first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a command; None when there is none of that name."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command: click.Command = getattr(importlib.import_module(row.module), row.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table, loading nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="calotype")
def calotype() -> None:
    """Make images and other media by jobs, on a server of your own.

    Exit codes: 0 done, 1 the job failed, 2 usage, 3 key, 4 not found, 5 credits, 6 time-out, 7 server.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> Any:
    try:
        return calotype.main(arguments, prog_name="calotype", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "calotype":
            raise
        click.echo(f"calotype: {error.name} is missing. This command needs: pip install 'calotype[server]'", err=True)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("calotype: interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains while it ends
        return CLOSED_PIPE
