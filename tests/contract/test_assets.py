"""What every asset store promises, run on each: a folder, and S3 as a real server speaks it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import anyio
import httpx2
import obstore
import pytest
from obstore.store import from_url

from calotype.assets.base import Assets, Content, Stored
from calotype.assets.files import FileAssets
from calotype.assets.objects import ObjectAssets
from calotype.errors import AssetUnavailableError

pytestmark = pytest.mark.anyio

KEY = "account/ab/job-asset.png"
LARGE = 9 * (1 << 20) + 7


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """A server process that speaks S3, with one empty bucket."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            found = next(match for line in server.stderr if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
            httpx2.put(f"{found[0]}/bucket").raise_for_status()
            drain = threading.Thread(target=server.stderr.read)  # a log nobody reads would stop the server
            drain.start()
            yield found[0]
        finally:
            server.terminate()
        drain.join()


@pytest.fixture(params=["files", "s3"])
def assets(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assets:
    if request.param == "files":
        return FileAssets(tmp_path / "assets", floor_bytes=1)
    s3_from_environment(monkeypatch, request.getfixturevalue("s3_endpoint"))
    return ObjectAssets(f"s3://bucket/prefix/{uuid4()}")


def s3_from_environment(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def pattern(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(range(size % 251))


async def read(content: Content) -> bytes:
    return b"".join([chunk async for chunk in content])


async def test_what_was_written_is_read(assets: Assets) -> None:
    await assets.write(KEY, b"picture", "image/png")

    content = await assets.open(KEY)

    assert (content.size, await read(content)) == (7, b"picture")


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_a_write_says_the_size_and_the_hash_of_what_it_wrote(assets: Assets, size: int, tmp_path: Path) -> None:
    data = pattern(size)
    source = tmp_path / "source"
    source.write_bytes(data)
    expected = Stored(size, hashlib.sha256(data).hexdigest())

    from_bytes = await assets.write("from/bytes", data, "image/png")
    from_file = await assets.write("from/file", source, "image/png")

    assert from_bytes == from_file == expected
    assert await read(await assets.open("from/bytes")) == await read(await assets.open("from/file")) == data


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 1),
        (0, LARGE),
        (5, 5),
        (LARGE, LARGE),
        (LARGE, None),
        (LARGE - 1, None),
        (1 << 20, (1 << 20) + 1),
        (3, 6 << 20),
    ],
)
async def test_a_part_is_exactly_the_bytes_asked_for(assets: Assets, start: int, end: int | None) -> None:
    data = pattern(LARGE)
    await assets.write(KEY, data, "video/mp4")

    content = await assets.open(KEY, start, end)

    assert content.size == LARGE
    assert await read(content) == data[start:end]


async def test_a_file_is_handed_out_in_bounded_pieces(assets: Assets) -> None:
    await assets.write(KEY, pattern(LARGE), "video/mp4")

    sizes = [len(chunk) async for chunk in await assets.open(KEY)]

    assert max(sizes) <= 4 << 20


async def test_a_reader_may_stop_early(assets: Assets) -> None:
    await assets.write(KEY, pattern(LARGE), "video/mp4")

    async for _ in await assets.open(KEY):
        break

    assert await assets.exists(KEY)


async def test_a_file_that_is_not_there_is_unavailable_and_has_no_size(assets: Assets) -> None:
    assert not await assets.exists(KEY)
    with pytest.raises(AssetUnavailableError, match="not there"):
        await assets.open(KEY)
    with pytest.raises(AssetUnavailableError, match="not there"):
        await assets.size(KEY)


async def test_a_folder_of_files_is_no_file(assets: Assets) -> None:
    await assets.write(KEY, b"picture", "image/png")

    assert not await assets.exists("account/ab")
    with pytest.raises(AssetUnavailableError):
        await assets.size("account/ab")


async def test_a_deleted_file_is_gone_and_may_be_deleted_again(assets: Assets) -> None:
    await assets.write(KEY, b"picture", "image/png")

    await assets.delete(KEY)
    await assets.delete(KEY)

    assert not await assets.exists(KEY)


async def test_a_delete_takes_nothing_else_along(assets: Assets) -> None:
    await assets.write("account/ab/one", b"1", "image/png")
    await assets.write("account/ab/one.png", b"2", "image/png")

    await assets.delete("account/ab/one")

    assert await assets.size("account/ab/one.png") == 1


async def test_a_second_write_replaces_the_whole_file(assets: Assets) -> None:
    await assets.write(KEY, b"a long picture", "image/png")
    await assets.write(KEY, b"short", "image/png")

    assert await read(await assets.open(KEY)) == b"short"


async def test_many_writers_do_not_disturb_each_other(assets: Assets) -> None:
    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(assets.write, f"account/{number % 3:02}/{number}.png", bytes([number]) * 1000, "image/png")

    for number in range(40):
        assert await read(await assets.open(f"account/{number % 3:02}/{number}.png")) == bytes([number]) * 1000


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../b", ".hidden", "A", "a//b", ""])
async def test_a_key_the_server_cannot_have_made_reaches_no_storage(assets: Assets, key: str) -> None:
    with pytest.raises(ValueError, match="no asset key"):
        await assets.write(key, b"x", "image/png")
    for ask in (assets.open, assets.size, assets.exists, assets.delete):
        with pytest.raises(ValueError, match="no asset key"):
            await ask(key)


async def test_a_missing_source_is_an_unavailable_asset(assets: Assets, tmp_path: Path) -> None:
    with pytest.raises(AssetUnavailableError):
        await assets.write(KEY, tmp_path / "never-made", "image/png")

    assert not await assets.exists(KEY)


async def test_a_store_that_works_is_ready(assets: Assets) -> None:
    readiness = await assets.check()

    assert (readiness.is_ready, readiness.is_full, readiness.reason) == (True, False, "")


async def test_a_sweep_takes_no_finished_file(assets: Assets) -> None:
    await assets.write(KEY, b"picture", "image/png")

    assert await assets.sweep(datetime.now(UTC) + timedelta(days=1)) == 0  # noqa: TID251 - files bear the machine's time
    assert await assets.size(KEY) == 7


async def test_a_local_path_if_any_holds_the_file(assets: Assets) -> None:
    await assets.write(KEY, b"picture", "image/png")

    path = assets.local_path(KEY)

    assert path is None or path.read_bytes() == b"picture"


# --- what only a folder can do --------------------------------------------------------------------


async def test_a_folder_below_its_floor_says_full_and_still_writes(tmp_path: Path) -> None:
    assets = FileAssets(tmp_path / "assets", floor_bytes=1 << 60)

    readiness = await assets.check()
    await assets.write(KEY, b"picture", "image/png")

    assert (readiness.is_ready, readiness.is_full) == (False, True)
    assert "free" in readiness.reason
    assert await assets.size(KEY) == 7


async def test_a_folder_that_cannot_be_made_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    readiness = await FileAssets(tmp_path / "file" / "assets", floor_bytes=1).check()

    assert (readiness.is_ready, readiness.is_full) == (False, False)
    assert readiness.reason


async def test_a_sweep_removes_what_a_dead_writer_left_and_spares_the_living(tmp_path: Path) -> None:
    assets = FileAssets(tmp_path, floor_bytes=1)
    await assets.write(KEY, b"picture", "image/png")
    left = tmp_path / "account" / "ab" / ".job-asset.png.0123456789abcdef.part"
    left.write_bytes(b"pict")
    written_at = datetime.fromtimestamp(left.stat().st_mtime, UTC)

    assert await assets.sweep(written_at) == 0
    assert await assets.sweep(written_at + timedelta(microseconds=10)) == 1
    assert [path.name for path in (tmp_path / "account" / "ab").iterdir()] == ["job-asset.png"]


async def test_folders_and_files_are_the_servers_own(tmp_path: Path) -> None:
    assets = FileAssets(tmp_path / "assets", floor_bytes=1)
    await assets.write(KEY, b"picture", "image/png")

    modes = [(tmp_path / "assets" / part).stat().st_mode & 0o777 for part in ("", "account", "account/ab", KEY)]

    assert modes == [0o700, 0o700, 0o700, 0o600]


async def test_a_folder_removed_behind_our_back_is_made_again(tmp_path: Path) -> None:
    assets = FileAssets(tmp_path / "assets", floor_bytes=1)
    await assets.write(KEY, b"picture", "image/png")
    (tmp_path / "assets").rename(tmp_path / "elsewhere")

    await assets.write(KEY, b"again", "image/png")

    assert await read(await assets.open(KEY)) == b"again"


async def test_a_file_cut_short_behind_our_back_is_not_passed_off_as_whole(tmp_path: Path) -> None:
    assets = FileAssets(tmp_path, floor_bytes=1)
    await assets.write(KEY, b"picture", "image/png")
    content = await assets.open(KEY)
    (tmp_path / KEY).write_bytes(b"pict")

    with pytest.raises(AssetUnavailableError, match="shorter"):
        await read(content)


# --- what only an object store can do -------------------------------------------------------------


async def test_two_prefixes_of_a_bucket_are_two_stores(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_from_environment(monkeypatch, s3_endpoint)
    mine, theirs = ObjectAssets("s3://bucket/mine"), ObjectAssets("s3://bucket/theirs")

    await mine.write(KEY, b"picture", "image/png")

    assert (await mine.exists(KEY), await theirs.exists(KEY)) == (True, False)


async def test_an_object_bears_its_media_type(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_from_environment(monkeypatch, s3_endpoint)
    await ObjectAssets("s3://bucket/typed").write(KEY, b"picture", "image/png")

    bucket = from_url("s3://bucket", client_options={"allow_http": True})
    assert (await obstore.get_async(bucket, f"typed/{KEY}")).attributes["Content-Type"] == "image/png"


async def test_a_bucket_that_is_not_there_is_not_ready(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_from_environment(monkeypatch, s3_endpoint)

    readiness = await ObjectAssets("s3://no-such-bucket").check()

    assert not readiness.is_ready
    assert readiness.reason


async def test_a_store_that_does_not_answer_is_not_ready_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    s3_from_environment(monkeypatch, "http://127.0.0.1:1")

    with anyio.fail_after(10):
        readiness = await ObjectAssets("s3://bucket").check()

    assert (readiness.is_ready, readiness.is_full) == (False, False)


async def test_an_error_names_the_file_and_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    s3_from_environment(monkeypatch, "http://127.0.0.1:1")

    with pytest.raises(AssetUnavailableError) as raised:
        await ObjectAssets("s3://bucket").size(KEY)

    assert KEY in str(raised.value)
    assert "127.0.0.1" not in str(raised.value)
