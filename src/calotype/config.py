"""Settings: one frozen record, read once. Defaults < TOML file < environment < flags; an unknown key is an error."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from calotype.errors import ConfigError

ENV_PREFIX = "CALOTYPE_"
NOT_SETTINGS = frozenset({"CALOTYPE_URL", "CALOTYPE_API_KEY", "CALOTYPE_LIFELINE"})
"""Read by the client, or handed by `serve` to its parts: they share the prefix."""


class Section(BaseModel):
    """The parent of every section."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """What the API process listens on and lets in."""

    host: str = "127.0.0.1"
    port: int = 8787
    public_url: str | None = None
    max_body: int = 1_000_000
    max_upload: int = 25_000_000
    link_lifetime: timedelta = timedelta(hours=1)


class JobSettings(Section):
    """How long jobs may take, and how often they are tried."""

    attempts: int = 3
    deadline: timedelta = timedelta(minutes=10)
    max_deadline: timedelta = timedelta(days=1)
    lease: timedelta = timedelta(seconds=15)
    retention: timedelta = timedelta(days=7)
    blocked_words: tuple[str, ...] = ()


class WorkerSettings(Section):
    """How a worker treats its engine child."""

    device: str = "cpu"
    heartbeat: timedelta = timedelta(seconds=3)
    grace: timedelta = timedelta(seconds=5)
    silence: timedelta = timedelta(seconds=60)
    """An engine's process that for so long neither reports progress nor answers a ping is taken for hung and ended."""
    drain: timedelta = timedelta(seconds=20)
    """How long a job in hand may go on once the worker is told to stop; then it is handed back."""
    memory_limit: int = 6_000_000_000
    recycle_after_switches: int = 20
    warm_jobs: int = 8
    warm_time: timedelta = timedelta(seconds=60)
    extra_engines: tuple[str, ...] = ()
    """Engines besides the built-in ones, each as "package.module:CARD"."""


class AssetSettings(Section):
    """Where results are kept: None means a folder inside the data folder."""

    url: str | None = None
    floor: int = 200_000_000


class DatabaseSettings(Section):
    """How a process talks to PostgreSQL."""

    pool: int = 10


class OutboundSettings(Section):
    """Which addresses that a user gave may be called; by default no private one."""

    allow_subnets: tuple[str, ...] = ()
    allow_http: bool = True


class AetherAISettings(Section):
    """Switches of the AetherAI face."""

    strict: bool = False
    error_message: bool = True


class FaceSettings(Section):
    """Switches of the faces."""

    aetherai: AetherAISettings = AetherAISettings()


class Settings(BaseSettings):
    """Everything an operator may set."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    data: Path = Path("calotype-data")
    database_url: str | None = None
    server: ServerSettings = ServerSettings()
    jobs: JobSettings = JobSettings()
    worker: WorkerSettings = WorkerSettings()
    assets: AssetSettings = AssetSettings()
    database: DatabaseSettings = DatabaseSettings()
    outbound: OutboundSettings = OutboundSettings()
    faces: FaceSettings = FaceSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library calls by these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above what `read_settings` hands in from the file; flags are merged afterwards."""
        return env_settings, init_settings


def read_settings(flags: Mapping[str, Any] | None = None, file: Path | None = None) -> Settings:
    """Return the settings; raise `ConfigError` with one sentence per unknown key or bad value.

    `flags` uses dotted names ("server.port") and its None values count as not given. `file` defaults to calotype.toml in the
    data folder, when there is one.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    _refuse_unknown_variables()
    folder = Path(given.get("data") or os.environ.get(f"{ENV_PREFIX}DATA") or Settings.model_fields["data"].default)
    base = _read_file(file or folder / "calotype.toml", is_required=file is not None)
    try:
        settings = Settings(**base)
        if given:
            settings = Settings.model_validate(_merged(settings.model_dump(exclude_unset=True), given))
    except ValidationError as error:
        raise ConfigError("; ".join(_sentence(found["loc"], found["msg"]) for found in error.errors())) from None
    return settings


def _read_file(path: Path, *, is_required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if is_required:
            raise ConfigError(f"There is no settings file {path}.") from None
        return {}
    except PermissionError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {path} is not valid TOML: {error}.") from None


def _merged(base: dict[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    for dotted, value in flags.items():
        *sections, name = dotted.split(".")
        place = base
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return base


def _refuse_unknown_variables() -> None:
    for variable in sorted(os.environ):
        if not variable.startswith(ENV_PREFIX) or variable in NOT_SETTINGS:
            continue
        section = variable.removeprefix(ENV_PREFIX).lower().split("__")[0]
        if section not in Settings.model_fields:
            raise ConfigError(f"The environment variable {variable} is no setting; `calotype config show` lists them.")


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    return f"Setting {'.'.join(map(str, location))}: {message}"
