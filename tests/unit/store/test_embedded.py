"""The pure parts of the embedded PostgreSQL: whom a folder keeps out, which socket folder is safe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from calotype.errors import DataFolderError
from calotype.store import embedded_socket
from calotype.store.embedded_making import last_line
from calotype.store.embedded_run_as import RunAs, blocker

US = RunAs(os.geteuid(), os.getegid(), Path("/nowhere"))
STRANGER = 4_000_000


@pytest.fixture
def long(tmp_path: Path) -> Iterator[Path]:
    """Return where the socket of a data folder with a long path would stand."""
    home = tmp_path / ("d" * 80)
    home.mkdir()
    place = home / "socket"
    yield place
    embedded_socket.forget(place)


def test_a_folder_closed_to_others_is_named_as_the_blocker(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    tmp_path.chmod(0o755)
    closed.chmod(0o700)

    named = blocker(closed / "data", STRANGER, STRANGER)

    assert named in {closed, *closed.parents}
    assert named is not None
    assert not named.stat().st_mode & stat.S_IXOTH


def test_its_owner_is_not_kept_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert blocker(tmp_path, tmp_path.stat().st_uid, STRANGER) != tmp_path


def test_a_group_that_may_pass_is_not_kept_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o710)

    assert blocker(tmp_path, STRANGER, tmp_path.stat().st_gid) != tmp_path


def test_a_short_data_folder_holds_the_socket_itself() -> None:
    assert embedded_socket._is_short(Path("/var/lib/calotype/database/socket"))


def test_two_long_data_folders_get_two_unguessable_socket_folders(long: Path) -> None:
    first = embedded_socket.claim(long, US)
    long.unlink()
    second = embedded_socket.claim(long, US)

    assert first != second
    first.rmdir()


def test_the_same_socket_folder_is_taken_again_after_it_was_removed(long: Path) -> None:
    first = embedded_socket.claim(long, US)
    embedded_socket.forget(long)

    assert embedded_socket.claim(long, US) == first


def test_a_recorded_socket_folder_that_others_may_enter_is_not_used(long: Path) -> None:
    squatted = embedded_socket.claim(long, US)
    squatted.chmod(0o777)

    assert embedded_socket.claim(long, US) != squatted

    squatted.rmdir()


def test_a_recorded_socket_folder_that_became_a_link_is_not_used(long: Path, tmp_path: Path) -> None:
    squatted = embedded_socket.claim(long, US)
    squatted.rmdir()
    squatted.symlink_to(tmp_path)

    assert embedded_socket.claim(long, US) != squatted

    squatted.unlink()


def test_a_folder_in_which_anyone_may_rename_is_not_safe_to_make_a_socket_folder_in(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    assert not embedded_socket._is_safe_above(tmp_path, US)


def test_the_same_folder_with_its_sticky_bit_is_safe(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    assert embedded_socket._is_safe_above(tmp_path, US)


def test_without_a_safe_place_a_long_path_is_refused(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_socket, "_places", list)

    with pytest.raises(DataFolderError, match="choose a shorter path"):
        embedded_socket.claim(long, US)


def test_a_programs_last_line_stands_inside_a_sentence() -> None:
    assert last_line("made\nFATAL:  no room.\n\n") == "FATAL:  no room"


def test_a_silent_program_is_said_to_be_silent() -> None:
    assert last_line("") == "it said nothing"
