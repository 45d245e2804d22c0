from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calotype.errors import DataFolderError
from calotype.jobs.ids import new_id
from calotype.worker.scratch import Scratch

HOLD = """
import sys, time
from pathlib import Path
from calotype.worker.scratch import Scratch
with Scratch(Path(sys.argv[1])) as scratch:
    print(scratch._folder, flush=True)
    time.sleep(600)
"""


def test_an_attempt_has_an_empty_folder_that_goes_with_it(tmp_path: Path) -> None:
    job_id = new_id()
    with Scratch(tmp_path / "scratch") as scratch:
        with scratch.of(job_id, 1) as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / "file").touch()
        with scratch.of(job_id, 1) as again:
            assert list(again.iterdir()) == []

        assert not folder.exists()
    assert list((tmp_path / "scratch").iterdir()) == []


@contextmanager
def holder(root: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that holds a scratch folder, and the folder."""
    command = [sys.executable, "-c", HOLD, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_the_folder_of_a_killed_worker_is_removed_by_the_next_one_and_no_other(tmp_path: Path) -> None:
    with holder(tmp_path) as (dead, left), holder(tmp_path) as (_, kept):
        dead.kill()
        dead.wait()

        with Scratch(tmp_path):
            assert (left.exists(), kept.exists()) == (False, True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataFolderError, match="file"), Scratch(tmp_path / "file" / "scratch"):
        pass
