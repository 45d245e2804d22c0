"""Prints the pages that come from the code: states, errors, settings, commands. `--check` fails when one is stale."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from pydantic import BaseModel

from calotype import errors
from calotype.cli.main import calotype as command_line
from calotype.config import ENV_PREFIX, Settings
from calotype.jobs import states

FOLDER = Path("docs")
PRINTED = "<!-- printed by `make docs WRITE=1`; do not edit -->"


def states_page() -> str:
    """The state diagram and the table it is made from."""
    rows = [
        f"| `{state}` | {', '.join(f'{event} → `{target}`' for event, target in row.items()) or 'terminal'} |"
        for state, row in states.TRANSITIONS.items()
    ]
    return "\n".join(
        [
            "# States",
            "",
            PRINTED,
            "",
            "```mermaid",
            states.diagram(),
            "```",
            "",
            "| state | what leads out |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def errors_page() -> str:
    """Every error code with its meaning, who can mend it and how."""
    lines = ["# Errors", "", PRINTED, "", "Each `code` is stable. `detail` says what happened in your case."]
    for error in sorted(_tree(errors.CalotypeError), key=lambda each: each.code):
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        lines += [
            "",
            f"## {error.code}",
            "",
            meaning,
            "",
            f"- Who can mend it: {error.mender}",
            f"- What to do: {error.cure}",
        ]
        lines += [f"- Trying again may help: {'yes' if error.is_retryable else 'no'}"]
    return "\n".join([*lines, ""])


def settings_page() -> str:
    """Every setting with its default, its variable and its flag form."""
    head = "Defaults, then `calotype.toml` in the data folder, then the environment, then flags; an unknown key is an error."
    lines = ["# Settings", "", PRINTED, "", head, "", "| setting | variable | default |", "|---|---|---|"]
    lines += [
        f"| `{name}` | `{ENV_PREFIX}{name.replace('.', '__').upper()}` | `{default}` |"
        for name, default in _settings(Settings)
    ]
    return "\n".join([*lines, ""])


def commands_page() -> str:
    """Every command's own help."""
    lines = ["# Commands", "", PRINTED]
    for path, command in _commands(command_line, ("calotype",)):
        context = click.Context(command, info_name=" ".join(path), max_content_width=100, terminal_width=100)
        lines += ["", f"## {' '.join(path)}", "", "```", command.get_help(context), "```"]
    return "\n".join([*lines, ""])


PAGES: dict[str, Callable[[], str]] = {
    "states.md": states_page,
    "errors.md": errors_page,
    "settings.md": settings_page,
    "commands.md": commands_page,
}


def main() -> int:
    """Write the pages, or say which are stale."""
    stale = []
    for name, page in PAGES.items():
        path = FOLDER / name
        text = page()
        if "--write" in sys.argv:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            stale.append(str(path))
    if stale:
        print(f"Out of date: {', '.join(stale)}. Run: make docs WRITE=1", file=sys.stderr)
    return 1 if stale else 0


def _tree(root: type[errors.CalotypeError]) -> Iterator[type[errors.CalotypeError]]:
    seen = {root.code: root}
    for child in root.__subclasses__():
        for error in _tree(child):
            seen.setdefault(error.code, error)
    yield from seen.values()


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.default


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _commands(child, (*path, name))


if __name__ == "__main__":
    sys.exit(main())
