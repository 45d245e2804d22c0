"""The process that decodes one untrusted picture: `python -m calotype.media.child SOURCE FORMAT TARGET`.

It limits itself first, decodes with the one named format, and writes the picture anew to TARGET: upright, in sRGB,
without metadata. Its answer is one line of JSON on standard output: the facts, or why the picture is refused.
"""

from __future__ import annotations

import errno
import importlib
import io
import json
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

from PIL import Image

from calotype.errors import InvalidImageError
from calotype.media.probe import MOST_FRAMES, MOST_PIXELS, Format, count_gif_frames, wrong_size

_LIMITS = {
    resource.RLIMIT_AS: 1536 << 20,
    resource.RLIMIT_CPU: 20,
    resource.RLIMIT_FSIZE: 512 << 20,
    resource.RLIMIT_NOFILE: 64,
    resource.RLIMIT_CORE: 0,
}
_PLUGINS = {
    Format.PNG: "PIL.PngImagePlugin",
    Format.JPEG: "PIL.JpegImagePlugin",
    Format.WEBP: "PIL.WebPImagePlugin",
    Format.AVIF: "PIL.AvifImagePlugin",
    Format.GIF: "PIL.GifImagePlugin",
    Format.HEIC: "pi_heif",
}
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class RefusedError(Exception):
    """The picture cannot be used; the text says why."""


def main(source: str, found: str, target: str) -> None:
    """Decode, write anew, answer."""
    limit()
    warnings.simplefilter("ignore")
    print(json.dumps(_answer(Path(source), Format(found), Path(target))))  # noqa: T201 - the answer to the parent


def limit() -> None:
    """Bound what this process may take of the machine."""
    for what, value in _LIMITS.items():
        _, hard = resource.getrlimit(what)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # a process is told once of its soft limit of processor time; at the hard one it is killed without a reason
        resource.setrlimit(what, (max(most - 1, 1) if what == resource.RLIMIT_CPU else most, most))
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def _answer(source: Path, found: Format, target: Path) -> dict[str, Any]:
    try:
        image, is_photo = _decode(source.read_bytes(), found)
        return _write(image, target, as_jpeg=is_photo and image.mode == "RGB")
    except RefusedError as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {"refused": "decoding it takes too much memory"}
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return {"fault": "disk_full"}
        raise


def _decode(data: bytes, found: Format) -> tuple[Image.Image, bool]:
    """Return the picture as RGB or RGBA, and whether it came as a photo does."""
    try:
        image = _open(data, found)
        orientation = _orientation(image)
        image = _in_srgb(image)
        return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image, _is_photo(data, found)
    except (RefusedError, MemoryError):
        raise
    except InvalidImageError as error:
        raise RefusedError(error.reason) from error
    except Image.DecompressionBombError as error:
        raise RefusedError(f"it is larger than {MOST_PIXELS // 1_000_000} megapixels") from error
    except Exception as error:  # decoders raise whatever a hostile file drives them to
        raise RefusedError("it is damaged or cut short") from error


def _open(data: bytes, found: Format) -> Image.Image:
    plugin: Any = importlib.import_module(_PLUGINS[found])
    if found is Format.AVIF:
        plugin.DEFAULT_MAX_THREADS = 1  # each thread takes its own share of the memory we allow
    if found is Format.HEIC:
        plugin.register_heif_opener()
    if found is Format.GIF and count_gif_frames(data, MOST_FRAMES) > MOST_FRAMES:
        raise RefusedError(f"it has more than {MOST_FRAMES} frames")
    # not Image.open: it imports the plugins of formats that this file is not
    image = Image.OPEN[found.value][0](io.BytesIO(data), "")
    problem = wrong_size(*image.size)
    if problem is not None:
        raise RefusedError(problem)
    if found is not Format.GIF and getattr(image, "n_frames", 1) > MOST_FRAMES:
        raise RefusedError(f"it has more than {MOST_FRAMES} frames")
    image.load()
    return image


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; damaged EXIF spoils no picture."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - as decoders do
        return 1


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return the picture as RGB, or as RGBA when some of it is not opaque."""
    profile = image.info.get("icc_profile")
    image = _plain(image)
    if profile:
        image = _with_srgb_colours(image, profile)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that a colour profile can speak of."""
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _with_srgb_colours(image: Image.Image, profile: bytes) -> Image.Image:
    cms = importlib.import_module("PIL.ImageCms")
    try:
        embedded = cms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in cms.getProfileDescription(embedded):
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted: Image.Image = cms.profileToProfile(image, embedded, cms.createProfile("sRGB"), outputMode=mode)
    except (cms.PyCMSError, OSError, ValueError, TypeError):  # a damaged profile spoils no picture
        return image
    return converted


def _is_photo(data: bytes, found: Format) -> bool:
    """Return whether the format loses detail anyway, so that JPEG does no harm."""
    if found is Format.WEBP:
        return data[12:16] != b"VP8L"
    return found in (Format.JPEG, Format.AVIF, Format.HEIC)


def _write(image: Image.Image, target: Path, *, as_jpeg: bool) -> dict[str, Any]:
    importlib.import_module(_PLUGINS[Format.JPEG if as_jpeg else Format.PNG])
    image.info = {}  # what a writer would copy from here is metadata
    if as_jpeg:
        image.save(target, "JPEG", quality=95, subsampling=0)
    else:
        image.save(target, "PNG", compress_level=1)
    return {
        "width": image.width,
        "height": image.height,
        "media_type": "image/jpeg" if as_jpeg else "image/png",
        "has_alpha": image.mode == "RGBA",
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
