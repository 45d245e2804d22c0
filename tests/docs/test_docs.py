"""The docs are true: printed pages are up to date, every link leads somewhere, and the README's examples run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from calotype.cli.main import COMMANDS
from calotype.config import read_settings
from calotype.runtime import plans_of, policy_of
from served import Served, served

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_pages_printed_from_the_code_are_up_to_date() -> None:
    ended = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))

    missing = [target for target in targets if not (page.parent / target).exists()]

    assert missing == []


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")

    missing = [name for name in COMMANDS if f"## calotype {name}\n" not in text]

    assert missing == []


def test_the_readme_names_the_two_commands_of_a_newcomer() -> None:
    text = (ROOT / "README.md").read_text("utf-8")

    assert 'make demo "' in text
    assert "make test" in text


@pytest.mark.timeout(120)
def test_the_readmes_tour_runs_as_it_stands(tmp_path: Path) -> None:
    with served(tmp_path / "calotype-data") as server:
        for line in _tour():
            ended = _typed(line, server, tmp_path)
            assert ended.returncode == 0, f"{line}\n{ended.stdout}{ended.stderr}"
    assert json.loads(ended.stdout)["state"] == "succeeded"


def test_the_readmes_python_example_runs_as_it_stands(tmp_path: Path) -> None:
    with served(tmp_path / "calotype-data") as server:
        code = (
            "\n".join(_block("From Python ([more](docs/sdk.md)):"))
            .replace("http://127.0.0.1:8787", server.url)
            .replace('"KEY"', f'"{server.key}"')
        )
        ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "cat.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.timeout(240)
def test_the_sdk_pages_examples_run_as_they_stand(tmp_path: Path) -> None:
    _a_users_pictures(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "sdk.md").read_text("utf-8"), re.DOTALL)
    with served(tmp_path / "calotype-data") as server:
        for example in examples:
            code = example.replace("http://127.0.0.1:8787", server.url).replace('"KEY"', f'"{server.key}"')
            ended = subprocess.run(
                [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert (ended.returncode, ended.stderr) == (0, "")

    assert len(examples) == 2
    assert len(list((tmp_path / "balloons").iterdir())) == 3


def _a_users_pictures(folder: Path) -> None:
    """Leave the pictures that the examples take for the reader's own: a photograph and a figure."""
    shutil.copy(ROOT / "tests" / "gallery" / "photos" / "coffee.jpg", folder / "cup.jpg")
    figure = Image.new("RGBA", (128, 128))
    figure.paste((200, 60, 40, 255), (48, 16, 80, 112))
    figure.save(folder / "hero.png")


def _tour() -> list[str]:
    """Return the tour's client commands and the HTTP example, without comments."""
    lines = [line.split("   #")[0] for line in _block("## A one-minute tour")]
    shown = [line for line in lines if line.startswith(".venv/bin/calotype") and " serve" not in line]
    return [*shown, " ".join(line.rstrip("\\").strip() for line in _block("Over HTTP"))]


def _block(after: str) -> list[str]:
    """Return the first indented block after a piece of text."""
    text = (ROOT / "README.md").read_text("utf-8").partition(after)[2]
    match = re.search(r"\n\n((?: {4}.*\n)+)", text)
    assert match is not None, f"there is no example after {after}"
    return [line.removeprefix("    ") for line in match[1].splitlines()]


def _typed(line: str, server: Served, folder: Path) -> subprocess.CompletedProcess[str]:
    line = line.replace(".venv/bin/calotype", f"{sys.executable} -m calotype").replace(
        "http://127.0.0.1:8787", server.url
    )
    return subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env={"KEY": server.key, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_money_pages_settings_are_settings(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "money.md").read_text("utf-8"), re.DOTALL)
    for example in examples:
        (tmp_path / "calotype.toml").write_text(example, "utf-8")

        settings = read_settings(file=tmp_path / "calotype.toml")

        assert policy_of(settings) is not None
        assert plans_of(settings)
    assert len(examples) == 2
