"""The private server belongs to its data folder, whatever happens to processes around it."""

import contextlib
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rackrate.core.errors import Refused, Unavailable
from rackrate.db import owner, postmaster
from rackrate.db.embedded import SETTINGS, Embedded
from rackrate.db.remove import remove
from tests.conftest import new_data_folder
from tests.ordinary import as_user

PATIENCE_SECONDS = 30.0
# Starts a server as the control plane does, says so, and waits to be killed.
CONTROL_PLANE = """
import signal, sys
from pathlib import Path
from rackrate.db.embedded import SETTINGS, Embedded
server = Embedded(Path(sys.argv[1]))
try:
    print(server.start(), flush=True)
    signal.pause()
except KeyboardInterrupt:
    server.stop()
"""

# Root is let into every folder, but this server knows only its owner.
STRANGER = "import psycopg, sys; psycopg.connect(sys.argv[1])"


def postmaster_pid(server: Embedded) -> int:
    return int((server.cluster / "postmaster.pid").read_text().split()[0])


def write(dsn: str, value: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def kept(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        return [n for (n,) in connection.execute("SELECT n FROM kept ORDER BY n").fetchall()]


def show(dsn: str, name: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def wait_until_gone(pid: int) -> None:
    """Until it is no more, or a zombie."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_alive(pid):
        assert time.monotonic() < deadline, f"{pid} lives on"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder whose server was started once and stopped, to be copied: initdb takes long."""
    folder = new_data_folder()
    server = Embedded(folder)
    server.start()
    server.stop()
    yield folder
    remove(folder)


@pytest.fixture
def copied(made: Path, data: Path) -> Path:
    subprocess.run(["cp", "-a", made, data], check=True)
    return data


@pytest.fixture
def server(copied: Path) -> Iterator[Embedded]:
    server = Embedded(copied)
    server.start()
    yield server
    server.stop()


def control_plane(data: Path, uid: int | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CONTROL_PLANE, str(data)]
    process = subprocess.Popen(
        command if uid is None else as_user(uid, command),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert "dbname=rackrate" in process.stdout.readline()
    return process


def reap(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(timeout=PATIENCE_SECONDS)


def test_what_was_written_is_there_after_a_clean_stop_and_start(server: Embedded) -> None:
    write(server.dsn, 1)
    server.stop()
    assert not server.running()
    assert kept(server.start()) == [1]
    assert server.running()


def test_a_cluster_is_durable_checked_in_utc_and_sorts_the_same_everywhere(
    server: Embedded,
) -> None:
    assert show(server.dsn, "fsync") == "on"
    assert show(server.dsn, "data_checksums") == "on"
    assert show(server.dsn, "TimeZone") == "UTC"
    assert show(server.dsn, "server_encoding") == "UTF8"
    with psycopg.connect(server.dsn) as connection:
        locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'rackrate'"
        assert connection.execute(locale).fetchone() == ("b", "C.UTF-8")


def test_nobody_comes_in_but_through_a_private_folder(server: Embedded) -> None:
    assert show(server.dsn, "listen_addresses") == ""
    rules = (server.cluster / "pg_hba.conf").read_text()
    assert rules == "local all all peer map=owner\n"
    folder = postmaster.socket_folder(server.cluster)
    assert folder is not None
    for private in (folder, server.cluster):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / ".s.PGSQL.5432").stat().st_mode) == 0o700
    assert folder.stat().st_uid == server.cluster.stat().st_uid


def test_the_server_listens_on_no_port(server: Embedded) -> None:
    inodes = set()
    for pid in postmaster.processes(server.cluster):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(link)
            if target.startswith("socket:["):
                inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    tables = [Path("/proc/net/tcp").read_text(), Path("/proc/net/tcp6").read_text()]
    listening = {
        line.split()[9] for table in tables for line in table.splitlines()[1:] if " 0A " in line
    }
    assert inodes
    assert not inodes & listening


def test_two_control_planes_never_share_a_data_folder(server: Embedded) -> None:
    with pytest.raises(Refused) as refusal:
        Embedded(server.data).start()
    assert f"is in use by process {os.getpid()}" in refusal.value.detail
    assert "\n" not in refusal.value.detail
    assert server.running()


def test_others_may_look_while_one_holds_the_folder(server: Embedded) -> None:
    reader = Embedded(server.data)
    assert reader.running()
    assert show(reader.dsn, "fsync") == "on"


def test_a_server_that_was_killed_is_started_again_with_all_that_it_acknowledged(
    server: Embedded,
) -> None:
    for value in range(3):
        write(server.dsn, value)
        pid = postmaster_pid(server)
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        # Nobody has waited for its end: the pid exists, and must not be taken for a server.
        assert Path(f"/proc/{pid}").exists()
        assert not server.running()
        server.start()
    assert kept(server.dsn) == [0, 1, 2]


def test_children_that_outlive_a_killed_server_do_not_keep_it_from_starting(
    server: Embedded,
) -> None:
    write(server.dsn, 1)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        child = connection.info.backend_pid
        os.kill(child, signal.SIGSTOP)
        os.kill(postmaster_pid(server), signal.SIGKILL)
        assert kept(server.start()) == [1]
    assert child not in postmaster.processes(server.cluster)


def test_a_kill_of_the_control_plane_leaves_the_server_for_the_next_one(copied: Path) -> None:
    first = control_plane(copied)
    os.kill(first.pid, signal.SIGKILL)
    reap(first)
    server = Embedded(copied)
    assert server.running()
    pid = postmaster_pid(server)
    write(server.start(), 1)
    assert postmaster_pid(server) == pid
    server.stop()
    wait_until_gone(pid)


def test_ctrl_c_at_the_terminal_stops_the_server_in_order_and_not_by_itself(copied: Path) -> None:
    plane = control_plane(copied)
    server = Embedded(copied)
    pid = postmaster_pid(server)
    assert os.getpgid(pid) != os.getpgid(plane.pid)
    os.killpg(os.getpgid(plane.pid), signal.SIGINT)
    assert reap(plane) == 0
    wait_until_gone(pid)
    log = (server.cluster.parent / "log").read_text()
    assert "database system was not properly shut down" not in log
    write(server.start(), 1)
    assert "not properly shut down" not in (server.cluster.parent / "log").read_text()
    server.stop()


def test_a_pid_file_that_names_somebody_else_is_no_obstacle(server: Embedded) -> None:
    write(server.dsn, 1)
    lines = (server.cluster / "postmaster.pid").read_text().splitlines()
    server.stop()
    lines[0] = str(os.getpid())
    (server.cluster / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert not server.running()
    assert kept(server.start()) == [1]


def test_a_socket_that_somebody_deleted_is_made_again(server: Embedded) -> None:
    write(server.dsn, 1)
    pid = postmaster_pid(server)
    folder = postmaster.socket_folder(server.cluster)
    assert folder is not None
    for file in folder.iterdir():
        file.unlink()
    assert not server.running()
    assert kept(server.start()) == [1]
    assert postmaster_pid(server) != pid


def test_a_data_folder_with_a_long_path_gets_its_socket_elsewhere(data: Path) -> None:
    server = Embedded(data / ("a" * 60) / ("b" * 60))
    for parent in (data, server.data.parent):
        parent.mkdir(mode=0o711)
    write(server.start(), 1)
    folder = postmaster.socket_folder(server.cluster)
    assert folder is not None
    assert not folder.is_relative_to(data)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert kept(server.start()) == [1]
    server.stop()


def test_a_cluster_of_another_version_is_refused_with_the_way_out(server: Embedded) -> None:
    server.stop()
    (server.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(Refused, match=r"made by PostgreSQL 17 .* `rackrate backup`"):
        server.start()


def test_an_interrupted_first_start_is_begun_again(data: Path) -> None:
    half = data / "postgres.new" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = Embedded(data)
    write(server.start(), 1)
    assert not half.parent.exists()
    server.stop()


def test_what_keeps_it_from_starting_is_said_in_its_own_words(copied: Path) -> None:
    server = Embedded(copied, {"shared_buffers": "many"})
    with pytest.raises(Unavailable, match="invalid value for parameter"):
        server.start()
    server = Embedded(copied)
    write(server.start(), 1)
    server.stop()


AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="cannot run on this machine: only root can become somebody else"
)


@AS_ROOT
def test_root_s_server_runs_as_a_user_that_owns_nothing_else(server: Embedded) -> None:
    uid = server.cluster.stat().st_uid
    assert uid != 0
    assert Path(f"/proc/{postmaster_pid(server)}").stat().st_uid == uid
    status = Path(f"/proc/{postmaster_pid(server)}/status").read_text()
    assert f"Groups:\t{' '}" in status or "Groups:\t\n" in status


@AS_ROOT
def test_a_folder_that_the_server_cannot_reach_is_only_where_one_finds_it(
    tmp_path: Path,
) -> None:
    """As under /root: the files lie elsewhere, and the data folder leads to them."""
    tmp_path.chmod(0o700)
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    server = Embedded(tmp_path / "data")
    write(server.start(), 1)
    assert (tmp_path / "data" / "postgres").is_symlink()
    assert server.cluster.is_relative_to(owner.HOMES)
    server.stop()
    assert kept(server.start()) == [1]
    server.stop()
    home = server.cluster.parent
    remove(server.data)
    assert not home.exists()


@AS_ROOT
def test_an_ordinary_user_has_a_server_too(data: Path) -> None:
    data.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    plane = control_plane(data, nobody.pw_uid)
    server = Embedded(data)
    assert Path(f"/proc/{postmaster_pid(server)}").stat().st_uid == nobody.pw_uid
    assert subprocess.run([sys.executable, "-c", STRANGER, server.dsn], check=False).returncode == 1
    os.killpg(plane.pid, signal.SIGINT)
    assert reap(plane) == 0


def test_a_server_whose_connections_are_all_taken_is_left_alone(copied: Path) -> None:
    server = Embedded(copied, {**SETTINGS, "max_connections": "4"})
    dsn = server.start()
    pid = postmaster_pid(server)
    with contextlib.ExitStack() as taken:
        for _ in range(4):
            taken.enter_context(psycopg.connect(dsn))
        assert server.running()
        with pytest.raises(Unavailable, match="too many clients"):
            server.start()
        assert postmaster_pid(server) == pid
        with pytest.raises(Refused, match="in use"):
            Embedded(copied).start()
    server.stop()
