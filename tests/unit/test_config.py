"""Settings: defaults < file < environment < flags; whatever cannot be read is one sentence that names it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from calotype.config import Settings, read_settings
from calotype.errors import ConfigError
from calotype.jobs.kinds import Kind
from calotype.jobs.prices import Price, Unit
from calotype.runtime import prices_of


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATA", "DATABASE_URL", "URL", "API_KEY"):
        monkeypatch.delenv(f"CALOTYPE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def written(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text, "utf-8")
    return file


def complaint(**given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read_settings(**given)
    return str(caught.value)


def test_with_nothing_given_the_defaults_stand() -> None:
    assert read_settings() == Settings()


def test_the_file_beats_the_default(tmp_path: Path) -> None:
    assert read_settings(file=written(tmp_path, "[server]\nport = 1\n")).server.port == 1


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_SERVER__PORT", "2")

    assert read_settings(file=written(tmp_path, "[server]\nport = 1\n")).server.port == 2


def test_a_flag_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_SERVER__PORT", "2")

    assert read_settings({"server.port": 3}).server.port == 3


def test_a_flag_leaves_the_rest_of_its_section_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_SERVER__HOST", "192.0.2.1")

    server = read_settings({"server.port": 3}, written(tmp_path, "[server]\nmax_body = 5\n")).server

    assert (server.host, server.port, server.max_body) == ("192.0.2.1", 3, 5)


def test_a_flag_that_is_none_was_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_SERVER__PORT", "2")

    assert read_settings({"server.port": None}).server.port == 2


def test_the_file_of_the_data_folder_is_read_by_itself(tmp_path: Path) -> None:
    (tmp_path / "calotype.toml").write_text("[jobs]\nattempts = 9\n")

    assert read_settings({"data": tmp_path}).jobs.attempts == 9


def test_lists_and_lengths_of_time_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_OUTBOUND__ALLOW_SUBNETS", '["127.0.0.0/8"]')
    monkeypatch.setenv("CALOTYPE_JOBS__LEASE", "PT20S")

    settings = read_settings()

    assert settings.outbound.allow_subnets == ("127.0.0.0/8",)
    assert settings.jobs.lease == timedelta(seconds=20)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[server]\nprot = 1\n", "server.prot"),
        ("[sever]\nport = 1\n", "sever"),
        ("colour = 1\n", "colour"),
        ("[server]\nport = 'x'\n", "server.port"),
        ("server = 3\n", "server"),
        ("[jobs]\nlease = 'soon'\n", "jobs.lease"),
        ("[jobs]\nattempts = 0\n", "jobs.attempts"),
        ("[jobs]\nlease = 0\n", "jobs.lease"),
    ],
)
def test_a_bad_line_of_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    assert named in complaint(file=written(tmp_path, text))


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("CALOTYPE_SERVER__PROT", "1", "server.prot"),
        ("CALOTYPE_SERVER__PORT", "x", "server.port"),
        ("CALOTYPE_SEVER__PORT", "1", "CALOTYPE_SEVER__PORT"),
        ("CALOTYPE_OUTBOUND__ALLOW_SUBNETS", "127.0.0.0/8", "outbound"),
        ("CALOTYPE_SERVER", "x", "server"),
    ],
)
def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str) -> None:
    monkeypatch.setenv(variable, value)

    assert named in complaint()


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    said = complaint(file=written(tmp_path, "[server]\nport = 'x'\n[jobs]\nlease = 'soon'\n"))

    assert "server.port" in said
    assert "jobs.lease" in said


@pytest.mark.parametrize("text", ["[server\n", "port = \n", "\x00"])
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path, text: str) -> None:
    assert "is not valid TOML" in complaint(file=written(tmp_path, text))


def test_a_file_in_another_encoding_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xff\xfe")

    assert "is not valid TOML" in complaint(file=file)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    assert "none.toml" in complaint(file=tmp_path / "none.toml")


@pytest.mark.parametrize("given", [{"server.port": "x"}, {"server.prot": 1}])
def test_a_bad_flag_is_one_line(given: dict[str, Any]) -> None:
    assert "\n" not in complaint(flags=given)


def test_variables_of_the_client_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_URL", "http://localhost:1")
    monkeypatch.setenv("CALOTYPE_API_KEY", "cal_x")

    assert read_settings() == Settings()


def test_settings_cannot_be_changed_later() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().server.port = 1


def test_prices_are_read_from_the_file(tmp_path: Path) -> None:
    text = """
        [prices.kinds.image]
        credits = 0.5
        unit = "megapixel"
        least = 1
        [prices.models."nano/image"]
        credits = 3
    """
    prices = prices_of(read_settings(file=written(tmp_path, text)))

    assert prices.of(Kind.IMAGE, "any") == Price(Decimal("0.5"), Unit.MEGAPIXEL, 1)
    assert prices.of(Kind.IMAGE, "nano") == Price(Decimal(3))


@pytest.mark.parametrize("name", ['kinds."poem"', 'models."nano/poem"'])
def test_a_price_of_no_kind_is_said_so(tmp_path: Path, name: str) -> None:
    settings = read_settings(file=written(tmp_path, f"[prices.{name}]\ncredits = 1\n"))

    with pytest.raises(ConfigError, match="there is no kind 'poem'"):
        prices_of(settings)


@pytest.mark.parametrize("price", ["credits = -1", 'credits = 1\nunit = "pixel"', "credits = inf", "least = 1"])
def test_a_price_that_is_none_is_refused(tmp_path: Path, price: str) -> None:
    assert "prices.kinds.image" in complaint(file=written(tmp_path, f"[prices.kinds.image]\n{price}\n"))
