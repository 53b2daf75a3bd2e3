"""The local engine for a user who is not root: bubblewrap's walls, or none."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ordinary import ROOT, as_user

HERE = Path(__file__)
SOMEBODY = 12345


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that somebody without rights can reach and owns, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="rackrate-test-") as folder:
        os.chmod(folder, 0o711)
        own = Path(folder, "engine")
        own.mkdir()
        if os.geteuid() == 0:
            os.chown(own, SOMEBODY, SOMEBODY)
        yield own


def as_nobody(home: Path, *isolation: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE.with_name("as_nobody.py")), str(home), *isolation]
    return subprocess.run(
        as_user(SOMEBODY, command),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}/src:{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("isolation", "chosen", "networks"),
    [((), "bubblewrap", True), (("bubblewrap",), "bubblewrap", True), (("plain",), "plain", False)],
)
def test_leases_run_are_entered_and_end_without_root(
    home: Path, isolation: tuple[str, ...], chosen: str, networks: bool
) -> None:
    done = as_nobody(home, *isolation)
    assert done.returncode == 0, done.stderr
    seen, enforced, greedy, volume = done.stdout.splitlines()
    cores = sorted(os.sched_getaffinity(0))
    assert seen.startswith("rank 1 sees ") and seen.endswith(f" {cores[1 % len(cores)]}"), seen
    assert ("sees 1 network(s)" in seen) is networks
    assert enforced.startswith(chosen) and "watched" in enforced
    assert "memory" in greedy
    assert volume == "volume: kept []"


def test_runc_says_that_it_needs_root(home: Path) -> None:
    done = as_nobody(home, "runc")
    assert done.returncode != 0 and "runc: needs root" in done.stderr
