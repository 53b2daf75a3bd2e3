"""GPUs through NVML, played by a library of our own; and CPU cores where there are none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rackrate.core.slots import Slots
from rackrate.core.workload import Limits
from rackrate.engines.local.cgroups import Groups
from rackrate.engines.local.cgroups import detect as detect_groups
from rackrate.engines.local.devices import Cpus, detect

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A folder with the library, and a file for what each of its GPUs holds."""
    library = tmp_path / "stub/libnvidia-ml.so.1"
    library.parent.mkdir()
    source = HERE / "nvml_stub.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-o", library, source], check=True)
    for gpu in range(8):
        (library.parent / str(gpu)).write_text("4")
    return library.parent


def test_gpus_are_found_handed_out_by_uuid_and_checked_before_the_next_tenant(
    stub: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, HERE / "with_gpus.py", tmp_path / "engine"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}/src:{ROOT}",
            "LD_LIBRARY_PATH": str(stub),
            "NVML_STUB": str(stub),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    first, second = (f"GPU-00000000-0000-0000-0000-{gpu:012}" for gpu in (0, 1))
    assert told == {
        "models": ["NVIDIA H100 80GB HBM3"],
        "gpus": 8,
        "memory_mib": 81559,
        "devices": [[first], [second]],
        "env": told["env"],
        "clean": [True, False, True, False],
        "lost": ["failed", told["lost"][1]],
    }
    assert set(told["env"]) == {
        f"CUDA_VISIBLE_DEVICES={second}",
        f"NVIDIA_VISIBLE_DEVICES={second}",
    }
    assert told["lost"][1].startswith(f"GPU {second} does not answer: ")


def test_a_machine_without_gpus_sells_its_cores(tmp_path: Path) -> None:
    machine = detect(tmp_path)
    assert {device.kind for device in machine.devices} <= {"cpu", "gpu"}
    assert machine.cpus >= 1 and machine.memory_mib > 256 and machine.disk_mib > 0


def test_slots_beyond_the_last_core_begin_again_at_the_first() -> None:
    cores = Cpus("here")
    count = len(cores.all)
    assert cores.of(Slots.of([0])) == cores.of(Slots.of([count])) == (cores.all[0],)
    assert cores.of(Slots.of(range(count))) == cores.all
    assert cores.all[0].uuid == f"CPU-here-{min(os.sched_getaffinity(0))}"


def test_a_machine_whose_control_groups_are_not_ours_has_none(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    for kind, options in (("cgroup", "rw,memory"), ("cgroup2", "rw"), ("tmpfs", "rw")):
        mounts.write_text(f"none {tmp_path}/not-there {kind} {options} 0 0\n")
        assert detect_groups(str(mounts)).folders == {}


def test_both_versions_of_control_groups_are_understood(tmp_path: Path) -> None:
    limits = Limits(milli_cpus=1500, memory_mib=64, disk_mib=0)
    one = Groups(1, {"cpu": "/c", "memory": "/m", "pids": "/p"}).limits("x", limits)
    assert ("/c/x/cpu.cfs_quota_us", "150000") in one
    assert ("/m/x/memory.limit_in_bytes", str(64 << 20)) in one
    two = Groups(2, dict.fromkeys(("cpu", "memory", "pids"), "/g"))
    assert two.of("x") == ["/g/x"] and two.memory("x") == "/g/x"
    assert ("/g/x/cpu.max", "150000 100000") in two.limits("x", limits)
