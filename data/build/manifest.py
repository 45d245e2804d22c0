"""Write the SHA-256 of every file of the pack to MANIFEST.json and to NOTICE. Run it last, whatever was built."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

PACK = Path(__file__).parents[1] / "src" / "calotype_data"
NOTICE = PACK.parents[1] / "NOTICE"
HEADING = "== SHA-256 of each file =="
PACKED = {".zip", ".gz", ".json", ".npz", ".onnx", ".npy", ".bin"}


def main() -> None:
    """Scan the pack's folders and write the manifest."""
    files = sorted(file for file in PACK.rglob("*") if file.suffix in PACKED and file.parent != PACK)
    digests = {file.relative_to(PACK).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    (PACK / "MANIFEST.json").write_text(json.dumps(digests, indent=2) + "\n", "utf-8")
    sections = NOTICE.read_text("utf-8").partition(HEADING)[0].rstrip()
    lines = [f"{digest}  {name}" for name, digest in digests.items()]
    NOTICE.write_text("\n".join([sections, "", HEADING, *lines, ""]), "utf-8")
    print(f"{len(digests)} files")


if __name__ == "__main__":
    main()
