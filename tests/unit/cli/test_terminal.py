"""What others wrote does nothing to the terminal that it is shown on."""

from __future__ import annotations

import json
import os
import pty
import sys
import unicodedata
from collections.abc import Callable

import pytest

from calotype.audit import Finding, Report
from calotype.cli import administer, check
from calotype.cli.output import Display, show, table
from calotype.cli.terminal import printable, printable_json
from calotype.dialects.base import JobView
from calotype.errors import EngineError
from calotype.jobs.model import Progress
from calotype.jobs.states import JobState

HOSTILE = "a\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\n\t\x00\x7f\u202e\u2066\u200b\u2028\u2029\ufeff\ud800\U000e0041z"
SHOWN = r"a\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\n\t\x00\x7f\u202e\u2066\u200b\u2028\u2029\ufeff\ud800\U000e0041z"


def is_harmless(text: str) -> bool:
    return not {unicodedata.category(char) for char in text if char != "\n"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert printable(HOSTILE) == SHOWN


@pytest.mark.parametrize(
    "text", ["", "a fox, asleep", "ein Füchslein", "\u72d0 \u0645\u0631\u0643\u0628", "e\u0301", "\xa0", r"C:\x1b"]
)
def test_words_of_any_script_stay_as_they_are(text: str) -> None:
    assert printable(text) == printable_json(text) == text


def test_json_says_the_same_in_harmless_characters() -> None:
    shown = printable_json(json.dumps({"prompt": HOSTILE}, ensure_ascii=False))

    assert is_harmless(shown)
    assert json.loads(shown) == {"prompt": HOSTILE}


PRINTERS: dict[str, Callable[[], None]] = {
    "table": lambda: table([("id", HOSTILE), (HOSTILE, "x")], "none"),
    "json": lambda: show({"prompt": HOSTILE}),
    "operator's lines": lambda: administer.show([], as_json=False, lines=lambda: [f"key  {HOSTILE}"]),
    "operator's json": lambda: administer.show([HOSTILE], as_json=True, lines=list),
    "audit": lambda: administer.show([], as_json=False, lines=lambda: check._worded(Report((Finding("I1", HOSTILE),)))),
}


@pytest.mark.parametrize("name", PRINTERS)
def test_nothing_is_printed_that_a_terminal_obeys(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    PRINTERS[name]()

    out = capsys.readouterr().out
    assert "owned" in out
    assert is_harmless(out)


def test_an_operators_error_is_one_harmless_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        administer.fail(EngineError(HOSTILE))

    err = capsys.readouterr().err
    assert is_harmless(err)
    assert err.count("\n") == 1


def test_a_bar_shows_a_phase_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    for name, value in {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with Display() as display:
            display(JobView("1", JobState.RUNNING, progress=Progress(40.0, phase="[/red]:fox:\x1b]0;owned\x07")))
        monkeypatch.undo()
    shown = os.read(ours, 65536).decode()
    os.close(ours)

    assert r"[/red]:fox:\x1b]0;owned\x07" in shown
    assert "\x1b]" not in shown
    assert "\x07" not in shown
