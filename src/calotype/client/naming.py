"""What a downloaded file is called: a name from the prompt, an extension from what the file is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/gif": ".gif",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "application/zip": ".zip",
}
_LONGEST = 48


def slug(text: str) -> str:
    """Return up to 48 letters and digits of any script, hyphens between words; `output` when nothing is left."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).casefold())
    return "-".join(words)[:_LONGEST].strip("-") or "output"


def stem_of(job_id: str, prompt: str | None) -> str:
    """Return the prompt's slug and the id's last eight characters: an id that begins with the time differs at its end."""
    return f"{slug(prompt or '')}-{job_id.replace('-', '')[-8:]}"


def extension_of(media_type: str, url: str = "") -> str:
    """Return the extension of a media type; of an unknown one, the URL's own when it is harmless, else `.bin`."""
    known = EXTENSIONS.get(media_type.partition(";")[0].strip().lower())
    if known:
        return known
    suffix = Path(urlsplit(url).path).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ".bin"


def names(stem: str, extension: str) -> Iterator[str]:
    """Yield stem.ext, stem-2.ext, stem-3.ext … for whoever looks for an unused one."""
    yield f"{stem}{extension}"
    number = 2
    while True:
        yield f"{stem}-{number}{extension}"
        number += 1
