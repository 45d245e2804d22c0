"""The folder of assets under power cuts, full disks and failing calls: what the kernel is asked for, and in what order."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import calotype
from calotype.assets.files import FileAssets
from calotype.errors import DiskFullError

KEY = "account/ab/job-asset.png"

CONTENT = b"picture" * 1000
WRITE = f"""
import asyncio, sys
from pathlib import Path
from calotype.assets.files import FileAssets
from calotype.errors import AssetUnavailableError, DiskFullError
try:
    asyncio.run(FileAssets(Path(sys.argv[1]), 0).write({KEY!r}, {CONTENT!r}, "image/png"))
except (AssetUnavailableError, DiskFullError) as error:
    sys.exit(10 if isinstance(error, DiskFullError) else 11)
"""
WORDS = {0: "written", 10: "disk full", 11: "unavailable", -9: "killed"}

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: no call was watched")


def traced_write(root: Path, log: Path, *inject: str) -> str:
    """Write one asset in a process of its own under strace; return how it went."""
    watch = "trace=openat,write,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat"
    command = ["strace", "-f", "-y", "-o", str(log), "-e", watch]
    for fault in inject:
        command += ["-e", f"inject={fault}"]
    command += [sys.executable, "-P", "-B", "-c", WRITE, str(root)]
    environment = {"PYTHONPATH": str(Path(calotype.__file__).parents[1])}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if "ptrace" in ended.stderr.lower():
        pytest.skip("strace may not trace here: no call was watched")
    assert ended.returncode in WORDS, ended.stderr
    return WORDS[ended.returncode]


def steps(root: Path, log: Path) -> list[str]:
    """Return what was done under the root, in order, each as a word and the path below it."""
    patterns = {
        "make": rf'mkdir(?:at)?\(.*"{root}(?P<path>[^"]*)"',
        "create": rf'openat\(.*"{root}(?P<path>[^"]*)", [^)]*O_CREAT',
        "write": rf"write\(\d+<{root}(?P<path>[^>]*)>",
        "sync": rf"fsync\(\d+<{root}(?P<path>[^>]*)>\)\s+= 0",
        "rename": rf'rename(?:at2?)?\(.*"{root}[^"]*", .*"{root}(?P<path>[^"]*)"',
    }
    done = []
    for line in log.read_text().splitlines():
        for word, pattern in patterns.items():
            if (match := re.search(pattern, line)) and " = -1 " not in line:
                path = re.sub(r"/\.(job-asset\.png)\.[0-9a-f]+\.part", r"/\1 (unfinished)", match["path"])
                done.append(f"{word} {path}".strip())
    return done


@needs_strace
def test_a_file_is_on_disk_before_its_name_and_its_name_before_the_answer(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "account" / "ab").mkdir(parents=True)

    assert traced_write(root, tmp_path / "log") == "written"

    assert steps(root, tmp_path / "log") == [
        "sync",
        "sync /account",
        "create /account/ab/job-asset.png (unfinished)",
        "write /account/ab/job-asset.png (unfinished)",
        "sync /account/ab/job-asset.png (unfinished)",
        "rename /account/ab/job-asset.png",
        "sync /account/ab",
    ]


@needs_strace
def test_every_new_folder_is_on_disk_before_anything_is_put_into_it(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()

    assert traced_write(top / "data" / "assets", tmp_path / "log") == "written"

    assert steps(top, tmp_path / "log")[:8] == [
        "make /data",
        "sync",
        "make /data/assets",
        "sync /data",
        "make /data/assets/account",
        "sync /data/assets",
        "make /data/assets/account/ab",
        "sync /data/assets/account",
    ]


CALLS = ["write 1", "rename 1", "mkdir 2", "mkdir 3", *(f"fsync {number}" for number in range(1, 6))]


@needs_strace
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("error", "answer"), [("ENOSPC", "disk full"), ("EDQUOT", "disk full"), ("EIO", "unavailable")]
)
def test_a_call_that_fails_is_told_and_leaves_the_whole_file_or_none(
    tmp_path: Path, call: str, error: str, answer: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    name, number = call.split()

    assert traced_write(root, tmp_path / "log", f"{name}:error={error}:when={number}") == answer

    assert "(INJECTED)" in (tmp_path / "log").read_text()
    assert [path.read_bytes() for path in root.rglob("*") if path.is_file()] in ([], [CONTENT])


@needs_strace
@pytest.mark.parametrize(
    ("call", "left"),
    [
        ("write 1", {1}),
        ("fsync 4", {1}),
        ("rename 1", {0, 1}),
        ("fsync 5", {0}),
    ],  # a rename may or may not be under way
)
def test_a_writer_killed_at_a_call_leaves_the_whole_file_or_what_a_sweep_removes(
    tmp_path: Path, call: str, left: set[int]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    name, number = call.split()

    assert traced_write(root, tmp_path / "log", f"{name}:signal=KILL:when={number}") == "killed"

    swept = asyncio.run(FileAssets(root, 0).sweep(datetime.max.replace(tzinfo=UTC)))
    assert swept in left
    assert [path.read_bytes() for path in root.rglob("*") if path.is_file()] == [CONTENT] * (1 - swept)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount: no disk was filled")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.root
@pytest.mark.parametrize("source", ["bytes", "file"])
def test_a_full_disk_is_told_and_leaves_what_was_there(small_disk: Path, tmp_path: Path, source: str) -> None:
    assets = FileAssets(small_disk / "assets", floor_bytes=300_000)
    asyncio.run(assets.write("account/ab/first.png", bytes(500_000), "image/png"))
    too_large = tmp_path / "too-large"
    too_large.write_bytes(bytes(600_000))

    with pytest.raises(DiskFullError):
        asyncio.run(assets.write(KEY, too_large.read_bytes() if source == "bytes" else too_large, "image/png"))

    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == ["first.png"]
    assert asyncio.run(assets.check()).is_ready

    asyncio.run(assets.write("account/ab/second.png", bytes(300_000), "image/png"))
    readiness = asyncio.run(assets.check())
    assert (readiness.is_ready, readiness.is_full) == (False, True)


@pytest.mark.root
def test_a_disk_that_is_full_to_the_last_byte_takes_more_once_there_is_room(small_disk: Path) -> None:
    assets = FileAssets(small_disk, floor_bytes=0)

    async def fill() -> None:
        for number in range(100):
            await assets.write(f"account/ab/{number}.png", bytes(100_000), "image/png")

    with pytest.raises(DiskFullError):
        asyncio.run(fill())

    asyncio.run(assets.delete("account/ab/0.png"))
    asyncio.run(assets.write(KEY, bytes(100_000), "image/png"))

    assert asyncio.run(assets.size(KEY)) == 100_000
