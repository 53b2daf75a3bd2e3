"""Control groups of this machine, version 1, 2 or both: which hold a workload in, and how."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rackrate.core.workload import Limits

PERIOD_US = 100_000
FILES = {
    1: {"cpu": "cpu.cfs_quota_us", "memory": "memory.limit_in_bytes", "pids": "pids.max"},
    2: {"cpu": "cpu.max", "memory": "memory.max", "pids": "pids.max"},
}


@dataclass(frozen=True, slots=True)
class Groups:
    """By controller, the folder under which we may make groups; empty where we may not."""

    version: int
    folders: Mapping[str, str]

    def of(self, name: str) -> list[str]:
        """The folders of the group `name`."""
        return sorted({f"{folder}/{name}" for folder in self.folders.values()})

    def memory(self, name: str) -> str:
        return f"{self.folders['memory']}/{name}" if "memory" in self.folders else ""

    def limits(self, name: str, limits: Limits) -> list[tuple[str, str]]:
        """What to write into which file, in this order."""
        quota = limits.milli_cpus * PERIOD_US // 1000
        memory = limits.memory_mib << 20
        values = {
            "cpu": f"{quota} {PERIOD_US}" if self.version == 2 else str(quota),
            "memory": str(memory),
            "pids": str(processes(limits)),
        }
        if not quota:
            del values["cpu"]
        if not memory:
            del values["memory"]
        return [
            (f"{self.folders[controller]}/{name}/{FILES[self.version][controller]}", value)
            for controller, value in values.items()
            if controller in self.folders
        ]


def processes(limits: Limits) -> int:
    """How many processes and threads a member may have: enough for any honest training job."""
    return max(4096, limits.milli_cpus)


def detect(mounts: str = "/proc/self/mounts") -> Groups:
    """Found by trying: make a group, look for its limit file, take it away again."""
    one: dict[str, str] = {}
    two: dict[str, str] = {}
    for line in Path(mounts).read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup":
            for controller in FILES[1].keys() & set(options.split(",")):
                if _usable(folder, FILES[1][controller]):
                    one[controller] = folder
        elif kind == "cgroup2":
            for controller in FILES[2]:
                with contextlib.suppress(OSError):
                    Path(folder, "cgroup.subtree_control").write_text(f"+{controller}")
                if _usable(folder, FILES[2][controller]):
                    two[controller] = folder
    return Groups(1, one) if len(one) >= len(two) else Groups(2, two)


def _usable(folder: str, file: str) -> bool:
    trial = Path(folder, f"rackrate-trial-{os.getpid()}")
    try:
        trial.mkdir(exist_ok=True)
        usable = os.access(trial / file, os.W_OK)
        trial.rmdir()
    except OSError:
        return False
    return usable
