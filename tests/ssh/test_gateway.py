"""The gateway, judged by OpenSSH's own ssh, scp, sftp and rsync."""

import asyncio
import fcntl
import os
import pty
import re
import select
import signal
import stat
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from rackrate.ssh.door import parse
from rackrate.ssh.gateway import open_gateway
from tests.ssh.conftest import Client, make_key

SECONDS = 20.0


def test_a_command_runs_inside_and_its_exit_code_comes_back(client: Client) -> None:
    answer = client.ssh("echo $RACKRATE_LEASE; echo trouble >&2; exit 7")
    assert (answer.code, answer.out, answer.err) == (7, b"lse_000001\n", "trouble\n")


def test_a_member_of_a_gang_is_entered_by_its_rank(client: Client) -> None:
    client.user = "lse_000001+1"
    assert client.ssh("echo $RACKRATE_RANK").out == b"1\n"
    client.user = "lse_000001+7"
    answer = client.ssh("true")
    assert answer.code != 0


def test_input_of_any_size_goes_in_and_comes_out_unchanged(client: Client) -> None:
    data = os.urandom(3_000_000)
    answer = client.ssh("cat", stdin=data)
    assert answer.code == 0 and answer.out == data


def test_a_killed_program_is_reported_as_a_failure(client: Client) -> None:
    assert client.ssh("kill -9 $$").code in (137, 255)


def test_variables_that_the_client_sends_are_set_inside(client: Client) -> None:
    answer = client.ssh("echo $LC_TEST", options=("-o", "SetEnv=LC_TEST='a b'"))
    assert answer.out.strip() == b"'a b'" or answer.out.strip() == b"a b"


def test_a_terminal_has_size_job_control_and_an_exit_code(client: Client) -> None:
    said, code = on_terminal(
        client, ["stty size", "tput cols", "sleep 60 & jobs; kill %1", "exit 5"]
    )
    assert "30 100" in said and "sleep 60" in said, said
    assert "job control" not in said and "cannot set terminal" not in said, said
    assert code == 5


def on_terminal(client: Client, lines: list[str]) -> tuple[str, int]:
    """What a person at a terminal of 30 lines and 100 columns sees."""
    words = ["ssh", "-tt", "-p", str(client.port), *client.options, client.address]
    pid, master = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        subprocess.run(["stty", "rows", "30", "cols", "100"], check=True)
        os.execvp(words[0], words)
    for line in lines:
        os.write(master, line.encode() + b"\n")
    said = b""
    while data := read(master):
        said += data
    return said.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def read(master: int) -> bytes:
    """What comes next; nothing at the end. Linux says EIO once the other end is closed."""
    assert select.select([master], [], [], SECONDS)[0], "nothing more comes"
    try:
        return os.read(master, 65536)
    except OSError:
        return b""


def test_a_terminal_follows_the_window_and_passes_on_an_interrupt(client: Client) -> None:
    words = ["ssh", "-tt", "-p", str(client.port), *client.options, client.address]
    words.append(
        'echo up; until [ "$(stty size)" = "41 132" ]; do :; done; echo big; exec sleep 60'
    )
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(words[0], words)
    until_read(master, rb"up")
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 132, 0, 0))
    until_read(master, rb"big")
    os.write(master, b"\x03")
    while read(master):
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (130, 255)
    os.close(master)


def until_read(master: int, pattern: bytes) -> bytes:
    said, deadline = b"", time.monotonic() + SECONDS
    while not re.search(pattern, said):
        assert time.monotonic() < deadline, said
        said += read(master)
    return said


def test_files_go_both_ways_by_scp_in_both_its_protocols(client: Client, tmp_path: Path) -> None:
    data = os.urandom(1_500_000)
    (tmp_path / "there").write_bytes(data)
    for protocol in ("-s", "-O"):
        scp = ("scp", "-q", protocol, "-P", str(client.port), *client.options)
        up = client.run(*scp, f"{tmp_path}/there", f"{client.address}:dataset{protocol}")
        assert up.code == 0, up.err
        down = client.run(*scp, f"{client.address}:dataset{protocol}", f"{tmp_path}/back{protocol}")
        assert down.code == 0, down.err
        assert (tmp_path / f"back{protocol}").read_bytes() == data


def test_sftp_lists_makes_and_removes(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    batch = ["mkdir d", f"put {tmp_path}/a d/b", "rename d/b d/c", "ls d"]
    batch += [f"get d/c {tmp_path}/c", "rm d/c", "rmdir d"]
    (tmp_path / "batch").write_text("\n".join(batch))
    sftp = ("sftp", "-P", str(client.port), *client.options, "-b", f"{tmp_path}/batch")
    answer = client.run(*sftp, client.address)
    assert answer.code == 0, answer.err
    assert b"d/c" in answer.out and (tmp_path / "c").read_bytes() == b"hello"


def test_rsync_copies_a_tree_and_deletes_what_went(client: Client, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/file").write_bytes(os.urandom(100_000))
    (source / "old").write_text("old")
    shell = " ".join(["ssh", "-p", str(client.port), *client.options])
    rsync = ("rsync", "-a", "--delete", "-e", shell)
    assert client.run(*rsync, f"{source}/", f"{client.address}:tree/").code == 0
    (source / "old").unlink()
    assert client.run(*rsync, f"{source}/", f"{client.address}:tree/").code == 0
    assert client.run(*rsync, f"{client.address}:tree/", f"{back}/").code == 0
    assert sorted(p.name for p in back.rglob("*")) == ["deep", "er", "file"]
    assert (back / "deep/er/file").read_bytes() == (source / "deep/er/file").read_bytes()


def test_a_foreign_key_an_unknown_lease_and_a_password_are_turned_away(
    client: Client, tmp_path: Path
) -> None:
    client.user = "lse_999999"
    assert client.ssh("true").code == 255
    client.user = "lse_000001"
    (tmp_path / "key").unlink()
    (tmp_path / "key.pub").unlink()
    make_key(tmp_path / "key")
    answer = client.ssh("true")
    assert answer.code == 255 and "Permission denied (publickey)" in answer.err


def test_a_lease_that_does_not_run_says_what_to_do(client: Client) -> None:
    client.house.stopped = {"lse_000001"}
    answer = client.ssh("true")
    assert answer.code == 1
    assert "lse_000001 is stopped; start it with: rackrate lease start" in answer.err


def test_no_port_is_forwarded_and_no_agent(client: Client) -> None:
    answer = client.ssh("true", options=("-W", "127.0.0.1:22"))
    assert answer.code != 0 and "prohibited" in answer.err
    answer = client.ssh("true", options=("-R", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes"))
    assert answer.code != 0 and "forwarding failed" in answer.err
    assert client.ssh("echo [$SSH_AUTH_SOCK]", options=("-A",)).out == b"[]\n"


def test_what_a_client_left_behind_ends_when_it_goes(client: Client) -> None:
    mark = f"31{time.monotonic_ns() % 10**6}"
    words = ["ssh", "-p", str(client.port), *client.options, client.address, f"sleep {mark}"]
    ssh = subprocess.Popen(words, stdin=subprocess.PIPE)
    until_running(f"sleep {mark}$", True)
    ssh.send_signal(signal.SIGKILL)
    ssh.communicate()
    until_running(f"^sleep {mark}$", False)


def test_a_gateway_that_closes_hangs_up_and_leaves_nothing_running(client: Client) -> None:
    mark = f"32{time.monotonic_ns() % 10**6}"
    words = ["ssh", "-p", str(client.port), *client.options, client.address, f"sleep {mark}"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as ssh:
        until_running(f"^sleep {mark}$", True)
        client.close()
        assert ssh.wait(SECONDS) in (129, 255)
    until_running(f"^sleep {mark}$", False)


def until_running(pattern: str, wanted: bool) -> None:
    deadline = time.monotonic() + SECONDS
    while (
        subprocess.run(["pgrep", "-f", pattern], capture_output=True, check=False).returncode == 0
    ) is not wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_host_key_stays_and_is_for_our_eyes_only(client: Client) -> None:
    path = client.folder / "host_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def again() -> str:
        gateway = await open_gateway(client.house, "127.0.0.1", 0, path)
        await gateway.close()
        return gateway.host_key

    assert asyncio.run(again()) == client.gateway.host_key


@pytest.mark.parametrize(
    ("user", "meant"),
    [("lse_1", ("lse_1", 0)), ("lse_1+3", ("lse_1", 3)), ("lse_1+x", ("lse_1+x", 0))],
)
def test_a_user_name_names_a_lease_and_perhaps_a_rank(user: str, meant: tuple[str, int]) -> None:
    assert parse(user) == meant
