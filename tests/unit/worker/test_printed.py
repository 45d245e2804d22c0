from __future__ import annotations

import pytest
import structlog.testing

from calotype.worker.printed import Printed


@pytest.mark.parametrize(
    ("prompt", "line", "masked"),
    [
        ("a red fox", "drawing a red fox now", "drawing … … … now"),
        ("a red fox", "truncated: ['Fox']", "truncated: ['…']"),
        ("ein roter Fuchs über dem Fluß", "got: roter fuchs \\u00fcber dem Fluß", "got: … … … … …"),
        ("一只红色的狐狸", "part: 红色的 (3 of 7)", "part: … (3 of 7)"),
        ("a red fox", "step 3 of 8, 1.2 s", "step 3 of 8, 1.2 s"),
    ],
)
def test_no_word_of_the_input_is_logged(prompt: str, line: str, masked: str) -> None:
    printed = Printed()
    printed.begin({"prompt": prompt, "more": [{"deep": "hidden"}]})

    assert printed.masked(line) == masked
    assert printed.masked("hidden") == "…"


def test_words_of_an_earlier_input_are_masked_no_longer() -> None:
    printed = Printed()
    printed.begin({"prompt": "tiles"})
    printed.begin({"prompt": "fox"})

    assert printed.masked("tiles") == "tiles"


def test_an_engine_that_prints_without_end_does_not_fill_the_log() -> None:
    printed = Printed()
    printed.begin({})

    with structlog.testing.capture_logs() as lines:
        for number in range(1000):
            printed(f"line {number}")

    assert len(lines) == 200
