"""Which server, and with which key: the environment, else `client.toml` in the data folder, as `serve` writes it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from calotype.client.errors import ConfigurationError

URL, KEY, DATA = "CALOTYPE_URL", "CALOTYPE_API_KEY", "CALOTYPE_DATA"
DEFAULT_FOLDER = "calotype-data"
FILE = "client.toml"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a server is, and the key it knows us by."""

    url: str
    api_key: str | None = field(repr=False)


def find_connection(data: Path | None = None, environment: Mapping[str, str] | None = None) -> Connection:
    """Return the connection; raise `ConfigurationError` with what to do when none is known.

    The environment comes first. A key from the file is sent to the file's own server only.
    """
    given = os.environ if environment is None else environment
    url, key = given.get(URL), given.get(KEY)
    if url and key:
        return Connection(url, key)
    path = (data or Path(given.get(DATA) or DEFAULT_FOLDER)) / FILE
    written = _read(path)
    if url and url.rstrip("/") != (written.url if written else "").rstrip("/"):
        raise ConfigurationError(f"{URL} is set and {KEY} is not: set both.")
    if written is None:
        raise ConfigurationError(f"No server is known: {URL} is not set and there is no {path}.")
    return Connection(written.url, key or written.api_key)


def _read(path: Path) -> Connection | None:
    try:
        words = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from None
    url, key = words.get("url"), words.get("api_key")
    if not isinstance(url, str):
        raise ConfigurationError(f"{path} names no url.")
    return Connection(url, key if isinstance(key, str) else None)
