"""Settings: one frozen record, read once. Defaults < TOML file < environment < flags; an unknown key is an error."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from calotype.errors import ConfigError

ENV_PREFIX = "CALOTYPE_"
NOT_SETTINGS = frozenset({"CALOTYPE_URL", "CALOTYPE_API_KEY", "CALOTYPE_LIFELINE"})
"""Read by the client, or handed by `serve` to its parts: they share the prefix."""


class Section(BaseModel):
    """The parent of every section."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _network(text: str) -> str:
    if text != "*":
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"{text!r} is no IP address or network") from None
    return text


class ServerSettings(Section):
    """What the API process listens on and lets in."""

    host: str = "127.0.0.1"
    port: int = 8787
    public_url: str | None = None
    max_body: int = 1_000_000
    max_upload: int = 25_000_000
    max_connections: int = Field(default=2_000, ge=1)
    """Connections at once, in each API process; kept below the limit of open files."""
    max_connections_per_address: int = Field(default=200, ge=1)
    """Connections at once from one address (an IPv6 /64 counts as one); trusted proxies are not counted."""
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Addresses or networks ("*" = all) whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    link_lifetime: timedelta = timedelta(hours=1)


class JobSettings(Section):
    """How long jobs may take, and how often they are tried."""

    attempts: int = Field(default=3, ge=1, le=100)
    deadline: timedelta = Field(default=timedelta(minutes=10), gt=timedelta(0))
    max_deadline: timedelta = Field(default=timedelta(days=1), gt=timedelta(0))
    lease: timedelta = Field(default=timedelta(seconds=15), ge=timedelta(seconds=1))
    retention: timedelta = timedelta(days=7)
    blocked_words: tuple[str, ...] = ()


class WorkerSettings(Section):
    """How a worker treats its engine child."""

    device: str = "cpu"
    lanes: tuple[str, ...] = ()
    """The models it serves; none named = every one whose engine can run here."""
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


class PriceSettings(Section):
    """Credits for one unit: the whole job, each output, or each megapixel or second of each output."""

    credits: Decimal = Field(ge=0, le=1_000_000_000, allow_inf_nan=False)
    unit: Literal["job", "output", "megapixel", "second"] = "output"
    least: int = Field(default=0, ge=0, le=1_000_000_000)


class PriceListSettings(Section):
    """What jobs cost: by model ("NAME", or "NAME/KIND" for one of its kinds), else by kind, else as built in."""

    models: dict[str, PriceSettings] = {}
    kinds: dict[str, PriceSettings] = {}
    flat: Decimal = Field(default=Decimal(1), ge=0, le=1_000_000_000, allow_inf_nan=False)
    """What a job of a kind costs that has no price at all."""


class PlanSettings(Section):
    """What the keys or accounts of one plan are held to; what is not given is not limited."""

    requests: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Requests that create something, in each `per`."""
    per: timedelta = Field(default=timedelta(minutes=1), ge=timedelta(milliseconds=1), le=timedelta(days=366))
    burst: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """How many of them at once; by default all of `requests`."""
    max_waiting: int | None = Field(default=None, ge=0)
    max_running: int | None = Field(default=None, ge=1)
    reads: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Requests a second that create nothing, in place of `limits.reads`."""


class LimitSettings(Section):
    """How often any key may ask one API process for what creates nothing."""

    reads: float = Field(default=50.0, ge=0, allow_inf_nan=False)
    """Requests a second a key; 0 = no limit. Looking at a job once a second does not count."""
    read_burst: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    """Of how many seconds a key may use up the requests at once."""


class DatabaseSettings(Section):
    """How a process talks to PostgreSQL."""

    pool: int = 10


def _subnet(text: str) -> str:
    ip_network(text)  # raises what Pydantic words
    return text


class OutboundSettings(Section):
    """Which addresses that a user gave may be called; by default no private one."""

    allow_subnets: tuple[Annotated[str, AfterValidator(_subnet)], ...] = ()
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
    prices: PriceListSettings = PriceListSettings()
    plans: dict[str, PlanSettings] = {}
    limits: LimitSettings = LimitSettings()
    database: DatabaseSettings = DatabaseSettings()
    outbound: OutboundSettings = OutboundSettings()
    faces: FaceSettings = FaceSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library calls by these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is handed in and nothing else: `read_settings` lays file, environment and flags over each other."""
        return (init_settings,)


def read_settings(flags: Mapping[str, Any] | None = None, file: Path | None = None) -> Settings:
    """Return the settings; raise `ConfigError` with one sentence per unknown key or bad value.

    `flags` uses dotted names ("server.port") and its None values count as not given. `file` defaults to calotype.toml in the
    data folder, when there is one.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    folder = Path(given.get("data") or os.environ.get(f"{ENV_PREFIX}DATA") or Settings.model_fields["data"].default)
    layers = _merged(_read_file(file or folder / "calotype.toml", is_required=file is not None), _read_environment())
    for dotted, value in given.items():
        layers = _merged(layers, _nested(dotted, value))
    try:
        return Settings(**layers)
    except ValidationError as error:
        raise ConfigError("; ".join(_sentence(found["loc"], found["msg"]) for found in error.errors())) from None


def _read_file(path: Path, *, is_required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        if is_required:
            raise ConfigError(f"The settings file {path} cannot be read: {error.strerror or error}.") from None
        return {}  # the data folder need not be there yet; whoever makes it says what is wrong with it
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {path} is not valid TOML: {error}.") from None


def _read_environment() -> dict[str, Any]:
    _refuse_unknown_variables()
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        named = str(error).split('"')[1:2] or ["?"]
        raise ConfigError(f"The environment variables of setting {named[0]} hold no valid JSON: {reason}.") from None


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _nested(dotted: str, value: Any) -> dict[str, Any]:
    for name in reversed(dotted.split(".")):
        value = {name: value}
    return dict(value)


def _refuse_unknown_variables() -> None:
    for variable in sorted(os.environ):
        if not variable.startswith(ENV_PREFIX) or variable in NOT_SETTINGS:
            continue
        section = variable.removeprefix(ENV_PREFIX).lower().split("__")[0]
        if section not in Settings.model_fields:
            raise ConfigError(f"The environment variable {variable} is no setting; `calotype config show` lists them.")


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    says = "there is no such setting" if message == "Extra inputs are not permitted" else message
    return f"Setting {'.'.join(map(str, location))}: {says}"
