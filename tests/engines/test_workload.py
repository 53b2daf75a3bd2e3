"""What a workload on this machine sees, and what holds it in."""

import http.client
import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from rackrate.core.errors import Unavailable
from rackrate.core.slots import Slots
from rackrate.core.workload import Limits, MemberPhase, Mount, Spec
from tests.engines.bench import RUNGS, WALLED, Bench, engine_at, lease, shell

on_every_rung = pytest.mark.parametrize("bench", RUNGS, indirect=True)
behind_walls = pytest.mark.parametrize("bench", WALLED, indirect=True)


def inside(bench: Bench, number: int, *words: str) -> str:
    """What a program says that runs inside a lease that is ready."""
    entry = bench.engine.entry(lease(number).lease, 0)
    command = [*entry.argv, *words]
    done = subprocess.run(
        command, env=dict(entry.env), cwd=entry.cwd, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@on_every_rung
def test_the_best_isolation_is_chosen_and_every_rung_can_be_asked_for(bench: Bench) -> None:
    assert bench.ready(lease(1))[0].isolation == bench.engine.isolation
    best = engine_at(bench.root.parent / "best")
    assert best.isolation == ("runc" if os.geteuid() == 0 else "bubblewrap")


@on_every_rung
def test_a_workload_gets_its_own_environment_and_nothing_of_ours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACKRATE_DATABASE", "postgresql://secret")
    spec = Spec(command=("env",), env={"MODEL": "a 'quoted' value", "RACKRATE_LEASE": "forged"})
    bench.ends(lease(1, spec=spec, members=2))
    said = bench.until_said(lease(1), "RACKRATE_RANK=1", rank=1)
    lines = set(said.splitlines())
    assert {"MODEL=a 'quoted' value", "RACKRATE_LEASE=lse_000001", "RACKRATE_RANK=1"} <= lines
    assert {"RACKRATE_MEMBERS=2", "MASTER_ADDR=127.0.0.1", "CUDA_VISIBLE_DEVICES="} <= lines
    assert "secret" not in said
    bench.ready(lease(2, spec=Spec(env={"MODEL": "a 'quoted' value"})))
    entered = inside(bench, 2, "env")
    assert "MODEL=a 'quoted' value\n" in entered and "secret" not in entered


@on_every_rung
def test_a_loader_variable_of_the_customer_never_reaches_our_launcher(
    bench: Bench, tmp_path: Path
) -> None:
    bench.ready(lease(1, spec=Spec(env={"LD_PRELOAD": "/evil.so"})))
    entry = bench.engine.entry(lease(1).lease, 0)
    assert "LD_PRELOAD" not in entry.env
    assert not any("evil" in word for word in entry.argv)


@behind_walls
def test_a_workload_sees_no_other_lease_no_data_of_ours_and_no_process(bench: Bench) -> None:
    secret = bench.root.parent / "control-plane-data"
    secret.mkdir()
    (secret / "token").write_text("secret")
    bench.ready(lease(1, "sleep", "1000"))
    bench.ready(lease(2))
    assert "No such file" in inside(bench, 2, "ls", str(secret))
    assert "No such file" in inside(bench, 2, "ls", str(bench.root))
    assert "sleep\n1000" not in inside(
        bench, 2, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
    )
    assert inside(bench, 2, "sh", "-c", "ls /proc | grep -c '^[0-9]'").strip() in {"3", "4", "5"}
    assert "root:x:0:0:root:/root" in inside(bench, 2, "cat", "/etc/passwd")
    assert "No such file" in inside(bench, 2, "cat", "/etc/shadow")
    assert "Read-only" in inside(bench, 2, "touch", "/usr/bin/mine")
    assert inside(bench, 2, "sh", "-c", "grep -c : /proc/net/dev") == "1\n"


@behind_walls
def test_root_inside_is_nobody_outside(bench: Bench) -> None:
    bench.ready(lease(1))
    inside(bench, 1, "touch", "mine")
    mine = Path(bench.root, "leases", lease(1).lease, "1/0/root/root/mine")
    assert inside(bench, 1, "id", "-u") == "0\n"
    assert mine.stat().st_uid >= 0x7000_0000
    for danger in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"):
        assert "written" not in inside(bench, 1, "sh", "-c", f"echo x > {danger} && echo written")
    assert "mounted" not in inside(bench, 1, "sh", "-c", "mount -t tmpfs x /mnt && echo mounted")


@on_every_rung
def test_folders_of_leases_are_for_our_eyes_only(bench: Bench) -> None:
    bench.ready(lease(1))
    for path in (bench.root, bench.root / "leases", bench.root / "leases" / lease(1).lease):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@on_every_rung
def test_memory_beyond_the_limit_is_not_to_be_had(bench: Bench) -> None:
    limits = Limits(milli_cpus=1000, memory_mib=64, disk_mib=64)
    greedy = bench.ends(lease(1, "tail", "/dev/zero", limits=limits))
    assert (greedy.phase, greedy.reason) == (MemberPhase.FAILED, "ran out of memory")
    quiet = lease(2, *shell("head -c 20m /dev/zero | tail | wc -c"), limits=limits)
    assert bench.ends(quiet).reason == "finished"


@on_every_rung
def test_a_share_of_a_core_is_no_more_than_that(bench: Bench) -> None:
    limits = Limits(milli_cpus=200, memory_mib=64, disk_mib=64)
    script = "timeout 1 sh -c 'while :; do :; done'; times | tail -1"
    busy = lease(1, *shell(script), limits=limits)
    assert bench.ends(busy).reason == "finished"
    minutes, seconds = bench.said(busy).split()[0].rstrip("s").split("m")
    assert 60 * int(minutes) + float(seconds) < 0.6


@on_every_rung
def test_a_cpu_slot_is_a_core_of_its_own(bench: Bench) -> None:
    bench.ends(lease(1, "grep", "Cpus_allowed_list", "/proc/self/status", members=2))
    cores = sorted(os.sched_getaffinity(0))
    for rank in (0, 1):
        allowed = bench.until_said(lease(1), "\n", rank).split()[-1]
        assert allowed == str(cores[rank % len(cores)])


@on_every_rung
def test_disk_beyond_the_limit_fails_the_member(bench: Bench) -> None:
    script = "for i in 1 2 3 4; do head -c 30000000 /dev/zero > f$i; done; echo full; sleep 1000"
    member = bench.ends(lease(1, *shell(script)))
    assert member.phase is MemberPhase.FAILED
    assert member.reason.startswith("used ") and member.reason.endswith("more than its 64 MiB")
    one = lease(2, *shell("head -c 90000000 /dev/zero > f; ls -l f | cut -d' ' -f5"))
    bench.ends(one)
    assert bench.said(one).split()[-1] == str(64 << 20)


@behind_walls
def test_a_volume_outlives_leases_and_is_seen_by_its_project_only(bench: Bench) -> None:
    data = (Mount("data", "/data"),)
    write = Spec(command=shell("echo kept > /data/file; echo $RACKRATE_VOLUME_DATA"), volumes=data)
    assert bench.ends(lease(1, spec=write)).reason == "finished"
    assert bench.said(lease(1)) == "/data\n"
    bench.gone(lease(1))
    read = Spec(command=shell("cat /data/file"), volumes=data)
    bench.ends(lease(2, spec=read))
    assert bench.said(lease(2)) == "kept\n"
    assert bench.ends(lease(3, spec=read, project="prj_000002")).reason.startswith("exit code 1")


@behind_walls
def test_a_volume_cannot_be_laid_over_the_system(bench: Bench) -> None:
    for path in ("/usr/bin", "/proc", "/", "/etc/rackrate"):
        member = bench.ends(lease(1, spec=Spec(volumes=(Mount("data", path),))))
        assert member.phase is MemberPhase.FAILED and "such as /data" in member.reason
        bench.gone(lease(1))
        bench = Bench(
            engine_at(bench.root.parent / path.strip("/"), bench.engine.isolation), bench.root
        )


@pytest.mark.parametrize("bench", ["plain"], indirect=True)
def test_plain_processes_have_volumes_but_no_mounts(bench: Bench) -> None:
    member = bench.ends(lease(1, spec=Spec(volumes=(Mount("data", "/data"),))))
    assert member.phase is MemberPhase.FAILED and "RACKRATE_VOLUME_NAME" in member.reason
    script = 'echo kept > "$RACKRATE_VOLUME_DATA/file"'
    spec = Spec(command=shell(script), volumes=(Mount("data", "/volumes/data"),))
    assert bench.ends(lease(2, spec=spec)).reason == "finished"
    assert (bench.root / "projects/prj_000001/volumes/data/file").read_text() == "kept\n"


@on_every_rung
def test_what_a_lease_leaves_is_wiped_but_for_its_log(bench: Bench) -> None:
    bench.ready(lease(1, *shell("echo hello > file; echo said; sleep 1000")))
    bench.until_said(lease(1), "said")
    bench.gone(lease(1))
    assert not [path for path in (bench.root / "leases").rglob("*") if path.is_file()]
    found = subprocess.run(
        ["grep", "-r", "--include=file", "hello", bench.root], capture_output=True, check=False
    )
    assert found.stdout == b""
    assert bench.said(lease(1)) == "said\n"


@on_every_rung
def test_a_daemon_that_left_its_parent_ends_with_its_lease(bench: Bench) -> None:
    script = "setsid sh -c 'trap \"\" TERM HUP; echo $$; exec sleep 3141592' & wait; sleep 1000"
    bench.ready(lease(1, *shell(script)))
    bench.until_said(lease(1), "\n")
    assert left("sleep 3141592")
    bench.gone(lease(1))
    assert not left("sleep 3141592")


def left(words: str) -> bool:
    found = subprocess.run(["pgrep", "-fx", words], capture_output=True, check=False)
    return found.returncode == 0


@on_every_rung
def test_how_a_command_ends_is_how_its_member_ends(bench: Bench) -> None:
    endings = {
        "exit 0": (MemberPhase.GONE, "finished"),
        "echo fine; echo trouble >&2; exit 3": (MemberPhase.FAILED, "exit code 3: trouble"),
        "kill -9 $$": (MemberPhase.FAILED, "killed by signal 9"),
    }
    for number, (script, (phase, reason)) in enumerate(endings.items()):
        member = bench.ends(lease(number, *shell(script)))
        assert member.phase is phase and member.reason.startswith(reason), member


@on_every_rung
def test_an_unknown_image_is_refused_with_those_there_are(bench: Bench) -> None:
    (bench.root / "images/pytorch-2").mkdir()
    member = bench.ends(lease(1, spec=Spec(image="pytorch")))
    assert member.phase is MemberPhase.FAILED
    assert member.reason == "no image 'pytorch' here; there are: host, pytorch-2"
    member = bench.ends(lease(2, spec=Spec(image="../../leases")))
    assert member.reason.startswith("no image")


@behind_walls
def test_an_image_is_the_root_file_system(bench: Bench) -> None:
    image = bench.root / "images/tiny"
    make_image(image)
    bench.ready(lease(1, spec=Spec(image="tiny", command=shell("cat /etc/motd; exec sleep 1000"))))
    assert bench.until_said(lease(1), "\n") == "a tiny image\n"
    assert "not found" in inside(bench, 1, "perl", "-v")
    assert inside(bench, 1, "sh", "-c", "echo mine > /etc/motd; cat /etc/motd") == "mine\n"
    assert (image / "etc/motd").read_text() == "a tiny image\n"


def make_image(image: Path) -> None:
    """The smallest root file system that this machine's own programs make."""
    for folder in ("usr/bin", "etc", "root", "tmp", "usr/lib", "usr/lib64"):
        (image / folder).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (image / name).symlink_to(f"usr/{name}")
    for program in ("sh", "cat", "sleep", "env"):
        real = Path(shutil.which(program) or "").resolve()
        shutil.copy(real, image / "usr/bin" / program)
        listed = subprocess.run(["ldd", real], capture_output=True, text=True, check=True).stdout
        for word in listed.split():
            if word.startswith("/"):
                target = image / "usr" / word.removeprefix("/usr").lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(word).resolve(), target)
    (image / "etc/motd").write_text("a tiny image\n")


@behind_walls
def test_members_of_a_gang_reach_each_other_and_nobody_else_does(bench: Bench) -> None:
    serve = "exec python3 -m http.server --bind 127.0.0.1 8000"
    ask = "until echo > /dev/tcp/$MASTER_ADDR/8000; do sleep 0.05; done; echo reached; sleep 1000"
    script = f"[ $RACKRATE_RANK = 0 ] && {serve}; {ask}"
    bench.ready(lease(1, "bash", "-c", script, members=2))
    bench.until_said(lease(1), "reached", rank=1)
    bench.ready(lease(2))
    assert "refused" in inside(bench, 2, "bash", "-c", "echo > /dev/tcp/127.0.0.1/8000")


@on_every_rung
def test_nobody_enters_a_member_that_has_ended(bench: Bench) -> None:
    bench.ends(lease(1, "true"))
    with pytest.raises(Unavailable, match="is gone, not ready: finished"):
        bench.engine.entry(lease(1).lease, 0)


@on_every_rung
def test_a_log_is_read_from_any_byte_and_is_bounded(bench: Bench) -> None:
    bench.ends(lease(1, *shell("printf 0123456789")))
    assert bench.engine.logs(lease(1).lease, 0, 3, 4) == b"3456"
    assert bench.engine.logs(lease(1).lease, 0, 10, 4) == b""


@on_every_rung
def test_a_port_that_a_lease_names_is_reached_at_the_address_found(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ("python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", str(port))
    wanted = lease(1, spec=Spec(command=command, ports=(port,)))
    address = bench.ready(wanted)[0].address
    bench.until_said(wanted, "Serving HTTP")
    host, _, outer = address.partition(":")
    assert (int(outer) == port) is (bench.engine.isolation == "plain")
    for _ in range(3):
        connection = http.client.HTTPConnection(host, int(outer), timeout=20)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200 and b"Directory listing" in answer.read()
        connection.close()
    bench.gone(wanted)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(outer))).close()


@on_every_rung
def test_a_lease_knows_its_devices_and_its_slots_are_not_clean_while_it_runs(bench: Bench) -> None:
    members = bench.ready(lease(1, members=2))
    cores = sorted(os.sched_getaffinity(0))
    for member in members:
        (device,) = member.devices
        assert device.startswith("CPU-")
        assert device.endswith(f"-{cores[member.rank % len(cores)]}")
    here = lease(1).members[0].node
    assert not bench.engine.sanitise(here, Slots.of([1, 2]))
    assert bench.engine.sanitise(here, Slots.of([2]))
    bench.gone(lease(1))
    assert bench.engine.sanitise(here, Slots.of([0, 1]))
    assert bench.engine.logs(lease(7).lease, 0, 0, 100) == b""
