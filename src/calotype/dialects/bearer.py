"""`Authorization: Bearer KEY`, which most APIs share."""

from __future__ import annotations

from collections.abc import Mapping

_SCHEME = "bearer "


def bearer_key(headers: Mapping[str, str]) -> str | None:
    """Return the key of a Bearer header; the scheme's case does not matter, its presence does."""
    value = headers.get("authorization", "")
    if value[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return value[len(_SCHEME) :].strip() or None
