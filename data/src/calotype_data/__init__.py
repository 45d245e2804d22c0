"""The data pack: where its files are, and whether they are still what was built."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

_ROOT = Path(__file__).parent
_MANIFEST = _ROOT / "MANIFEST.json"


def path(name: str) -> Path:
    """Return where a file of the pack lies, such as "art/art.json.gz"; raise `FileNotFoundError` when it is missing."""
    found = _ROOT / name
    if not found.is_file():
        raise FileNotFoundError(f"calotype-data holds no {name}")
    return found


def verify() -> list[str]:
    """Return one sentence for each file that is missing or is not what was built."""
    faults = []
    for name, digest in json.loads(_MANIFEST.read_text("utf-8")).items():
        file = _ROOT / name
        if not file.is_file():
            faults.append(f"{name} is missing")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            faults.append(f"{name} is damaged")
    return faults
