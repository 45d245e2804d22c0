"""`calotype keys` and `calotype credits`: caps, plans, switching keys off and on, and the ledger, on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from calotype.cli.keys import credits_group, keys

GROUPS = {"keys": keys, "credits": credits_group}


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> list[str]:
    return ["--data", str(tmp_path / "data"), "--database-url", database_url]


def typed(place: list[str], group: str, *arguments: str) -> Result:
    return CliRunner().invoke(GROUPS[group], [*arguments, *place])


def told(place: list[str], group: str, *arguments: str) -> Any:
    result = typed(place, group, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_key_is_made_with_a_cap_and_capped_anew(place: list[str]) -> None:
    made = told(place, "keys", "create", "laptop", "--spend-cap", "5", "--spend-window", "day")

    first = typed(place, "keys", "ls").stdout
    again = typed(place, "keys", "cap", made["key_id"], "7", "--spend-window", "month")
    second = typed(place, "keys", "ls").stdout
    typed(place, "keys", "cap", made["key_id"], "none")

    assert "0 spent of at most 5 credits a day" in first
    assert again.exit_code == 0
    assert "0 spent of at most 7 credits a month" in second
    assert told(place, "keys", "ls")[0]["spend"]["cap"] is None


def test_a_key_is_switched_off_and_on_and_revoked_for_good(place: list[str]) -> None:
    key_id = told(place, "keys", "create", "laptop")["key_id"]
    states = []
    for command in ("deactivate", "reactivate", "revoke"):
        assert typed(place, "keys", command, key_id).exit_code == 0
        states.append(told(place, "keys", "ls")[0]["state"])

    assert states == ["deactivated", "active", "revoked"]
    assert typed(place, "keys", "reactivate", key_id).exit_code == 4


def test_an_account_is_limited_and_its_balance_says_so(place: list[str]) -> None:
    told(place, "keys", "create", "studio", "--credits", "10")
    typed(place, "credits", "cap", "studio", "100", "--spend-window", "month")
    limited = typed(place, "credits", "limit", "studio", "--max-running", "2", "--max-waiting", "9")

    balance = typed(place, "credits", "balance", "studio").stdout
    facts = told(place, "credits", "balance", "studio")

    assert limited.exit_code == 0
    assert balance.startswith("studio: 10 credits (never below 0)\nplan: metered\n")
    assert "cap: 0 spent of at most 100 credits a month" in balance
    assert "jobs waiting: at most 9\njobs running: at most 2\n" in balance
    assert "image: 1 for each output" in balance
    assert (facts["spend"]["cap"], facts["prices"]["image"]["unit"]) == (100, "output")


def test_the_ledger_is_listed_newest_first(place: list[str]) -> None:
    told(place, "keys", "create", "studio", "--credits", "10")
    typed(place, "credits", "grant", "studio", "5", "--note", "a present")

    rows = told(place, "credits", "history", "studio")
    older = told(place, "credits", "history", "studio", "--before", str(rows[0]["number"]))
    lines = typed(place, "credits", "history", "studio", "--limit", "1").stdout.splitlines()

    assert [(row["entry"], row["effect"], row["note"]) for row in rows] == [
        ("grant", 5, "a present"),
        ("grant", 10, "with key studio"),
    ]
    assert older == rows[1:]
    assert len(lines) == 1
    assert lines[0].endswith("grant          5        +5  a present")


@pytest.mark.parametrize(
    ("group", "arguments", "code"),
    [
        ("keys", ("cap", "none-such", "5"), 4),
        ("keys", ("cap", "0198c0de-0000-7000-8000-000000000001", "5"), 4),
        ("keys", ("cap", "0198c0de-0000-7000-8000-000000000001", "much"), 2),
        ("keys", ("create", "x", "--plan", "golden"), 2),
        ("credits", ("cap", "nobody", "5"), 4),
        ("credits", ("history", "nobody"), 4),
        ("credits", ("limit", "nobody", "--max-running", "1"), 4),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    place: list[str], group: str, arguments: tuple[str, ...], code: int
) -> None:
    assert typed(place, group, *arguments).exit_code == code
