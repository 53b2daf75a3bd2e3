"""A workload outlives the control plane, is found again, and is never started twice."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rackrate.core.workload import MemberPhase, Mount, Spec
from rackrate.engines.local import folder as files
from rackrate.engines.local import kernel
from tests.engines.bench import RUNGS, SECONDS, Bench, lease, shell

VOLUME = (Mount("starts", "/volumes/starts"),)
COUNT_ME = 'echo "$RACKRATE_LEASE" >> "$RACKRATE_VOLUME_STARTS/log"; exec sleep 1000'
KILLS = 20
SEED = int(os.environ.get("RACKRATE_SEED", "1"))


def starts(bench: Bench) -> list[str]:
    """The leases that were started, once for each time."""
    log = bench.root / "projects/prj_000001/volumes/starts/log"
    return log.read_text().split() if log.exists() else []


def supervisors(bench: Bench) -> list[int]:
    """Processes that supervise something under this root."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(str(bench.root).encode()) for word in words):
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("bench", RUNGS, indirect=True)
def test_killing_the_control_plane_at_any_instant_starts_a_workload_exactly_once(
    bench: Bench,
) -> None:
    chance = random.Random(SEED)
    spec = Spec(command=shell(COUNT_ME), volumes=VOLUME)
    for number in range(KILLS):
        wanted = lease(number, spec=spec)
        control_plane = os.fork()
        if control_plane == 0:
            bench.engine.ensure(wanted)
            signal.pause()
        time.sleep(chance.uniform(0, 0.03))  # not a wait: the instant at which it dies
        os.kill(control_plane, signal.SIGKILL)
        os.waitpid(control_plane, 0)
        bench = bench.again() if number % 5 == 0 else bench
        bench.ready(wanted)
    until(lambda: len(starts(bench)) >= KILLS)
    assert sorted(starts(bench)) == [lease(n).lease for n in range(KILLS)]


@pytest.mark.parametrize("bench", RUNGS, indirect=True)
def test_a_new_engine_finds_what_the_old_one_started(bench: Bench) -> None:
    wanted = lease(1, spec=Spec(command=shell(COUNT_ME), volumes=VOLUME))
    before = bench.ready(wanted)
    fresh = bench.again()
    (found,) = fresh.engine.observe().values()
    assert found.members == before
    fresh.ready(wanted)
    until(lambda: bool(starts(bench)))
    assert starts(bench) == [wanted.lease]
    fresh.gone(wanted)
    assert wanted.lease not in bench.engine.observe()


@pytest.mark.parametrize("bench", ["plain"], indirect=True)
def test_many_control_planes_at_once_start_it_once(bench: Bench) -> None:
    wanted = lease(1, spec=Spec(command=shell(COUNT_ME), volumes=VOLUME))
    crowd = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            bench.engine.ensure(wanted)
            bench.engine._supervise(f"{bench.root}/leases/{wanted.lease}/1")
            os._exit(0)
        crowd.append(pid)
    for pid in crowd:
        os.waitpid(pid, 0)
    bench.ready(wanted)
    until(lambda: bool(starts(bench)))
    until(lambda: len(supervisors(bench)) == 1)
    assert starts(bench) == [wanted.lease]


@pytest.mark.parametrize("bench", RUNGS, indirect=True)
def test_a_dead_supervisor_means_gone_and_leaves_no_process(bench: Bench) -> None:
    mark = f"{time.monotonic_ns() % 10**9}"
    wanted = lease(1, "sleep", f"1000.{mark}")
    bench.ready(wanted)
    holder = files.holder(f"{bench.root}/leases/{wanted.lease}/1")
    assert holder is not None and holder[1]
    os.kill(holder[0], signal.SIGKILL)
    (member,) = bench.phase(wanted, MemberPhase.GONE)
    until(lambda: not running(f"1000.{mark}"))
    bench.until(wanted, lambda f: f is not None and f.members[0].reason != "")
    (member,) = bench.phase(wanted, MemberPhase.GONE)
    assert member.reason == "its supervisor was killed"
    bench.engine.ensure(wanted)
    assert bench.phase(wanted, MemberPhase.GONE)
    bench.gone(wanted)
    until(lambda: not supervisors(bench))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def running(word: str) -> bool:
    found = subprocess.run(
        ["pgrep", "-f", word.replace(".", "[.]")], capture_output=True, check=False
    )
    return found.returncode == 0


@pytest.mark.parametrize("bench", ["plain"], indirect=True)
def test_a_process_that_got_the_number_of_a_dead_one_is_not_mistaken_for_it(bench: Bench) -> None:
    wanted = lease(1)
    bench.ready(wanted)
    claim = Path(bench.root, "leases", wanted.lease, "1", "claim")
    genuine = claim.read_text()
    pid, ticks, boot = genuine.split()
    claim.write_text(f"{pid} {int(ticks) + 1} {boot}")
    assert files.holder(str(claim.parent)) == (int(pid), False)
    claim.write_text(f"{pid} {ticks} another-boot")
    assert files.holder(str(claim.parent)) == (int(pid), False)
    claim.write_text(genuine)
    assert files.holder(str(claim.parent)) == (int(pid), True)
    assert kernel.started(int(pid)) == int(ticks)


@pytest.mark.parametrize("bench", RUNGS, indirect=True)
def test_a_workload_is_told_to_stop_and_has_time_to_save(bench: Bench) -> None:
    script = (
        "trap 'echo saved > \"$RACKRATE_VOLUME_STARTS/log\"; exit 0' TERM; echo up; sleep 60 & wait"
    )
    wanted = lease(1, spec=Spec(command=shell(script), volumes=VOLUME))
    bench.ready(wanted)
    bench.until_said(wanted, "up")
    bench.gone(wanted)
    assert starts(bench) == ["saved"]


@pytest.mark.parametrize("bench", RUNGS, indirect=True)
def test_a_replacement_starts_only_once_what_it_replaces_is_gone(bench: Bench) -> None:
    log = 'echo "$0" >> "$RACKRATE_VOLUME_STARTS/log"'
    save = 'sleep 0.8; echo old ends >> "$RACKRATE_VOLUME_STARTS/log"; exit'
    script = f"trap '{save}' TERM; echo up; sleep 60 & wait"
    old = lease(1, spec=Spec(command=shell(script), volumes=VOLUME))
    bench.ready(old)
    bench.until_said(old, "up")
    command = ("/bin/sh", "-c", f"{log}; sleep 1000", "new begins")
    bench.engine.ensure(lease(1, generation=2, spec=Spec(command=command, volumes=VOLUME)))
    until(lambda: "begins" in starts(bench))
    assert starts(bench) == ["old", "ends", "new", "begins"]
