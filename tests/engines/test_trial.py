"""What a trial of isolation leaves behind when its control plane is killed is ended by the next."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rackrate.engines.local.engine import LocalEngine
from tests.build import SetClock

RUNGS = ("runc", "bubblewrap", "plain")
TRY = """
import sys
from rackrate.engines.local import ladder
ladder._look_around = lambda *_: (print("in the trial", flush=True), sys.stdin.read())
ladder.choose(sys.argv[1], sys.argv[2], "isolated")
"""


def workloads(root: Path) -> list[int]:
    """Processes that the kernel knows to be of a trial below this folder."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(str(root)) in told:
            found.append(int(process.name))
    return found


@pytest.mark.parametrize("rung", RUNGS)
def test_the_next_engine_ends_what_a_killed_one_was_trying(tmp_path: Path, rung: str) -> None:
    root = tmp_path / "engine"
    root.mkdir()
    killed = subprocess.Popen(
        [sys.executable, "-c", TRY, str(root), rung],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert killed.stdout is not None
    assert killed.stdin is not None
    assert killed.stdout.readline() == b"in the trial\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdin.close()
    killed.stdout.close()
    assert workloads(root), "the trial was to outlive its control plane"
    LocalEngine(root, SetClock(), isolation=rung)
    until = time.monotonic() + 10
    while workloads(root) and time.monotonic() < until:
        time.sleep(0.02)
    assert workloads(root) == []
    assert list(root.glob("trial-*")) == []
