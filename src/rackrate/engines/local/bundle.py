"""The bundle that runc starts a member from: an OCI configuration in JSON."""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rackrate.core.workload import Limits
from rackrate.engines.local import cgroups

RANGE = 65536
CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP"),
        *("NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
    )
]
# Kernel interfaces with a history of holes that no training job needs.
DENIED = [
    *("add_key", "bpf", "delete_module", "finit_module", "init_module", "kexec_file_load"),
    *("kexec_load", "keyctl", "open_by_handle_at", "perf_event_open", "request_key", "swapoff"),
    *("swapon", "userfaultfd", "reboot", "settimeofday", "clock_settime", "acct"),
]
MASKED = [
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"),
]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


@dataclass(frozen=True, slots=True)
class Inside:
    """What a member's sandbox holds, whoever builds it."""

    host: str
    args: Sequence[str]
    env: Mapping[str, str]
    shared: Sequence[str]
    volumes: Sequence[tuple[str, str]]
    device_files: Sequence[str]
    limits: Limits
    cpus: Sequence[int]


def config(inside: Inside, owner: int, group: str) -> bytes:
    process = {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": list(inside.args),
        "env": [f"{name}={value}" for name, value in inside.env.items()],
        "cwd": "/root",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
        "noNewPrivileges": True,
        "oomScoreAdj": 0,
    }
    mapping = [{"containerID": 0, "hostID": owner, "size": RANGE}]
    linux = {
        "uidMappings": mapping,
        "gidMappings": mapping,
        "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "user", "cgroup")],
        "cgroupsPath": f"/{group}",
        "resources": _resources(inside),
        "devices": [_device(path) for path in inside.device_files],
        "seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": DENIED, "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
        },
        "maskedPaths": MASKED,
        "readonlyPaths": READ_ONLY,
    }
    return json.dumps(
        {
            "ociVersion": "1.0.2",
            "process": process,
            "root": {"path": "root", "readonly": False},
            "hostname": inside.host,
            "mounts": _mounts(inside),
            "linux": linux,
        }
    ).encode()


def _resources(inside: Inside) -> dict[str, object]:
    limits = inside.limits
    rules: list[dict[str, object]] = [{"allow": False, "access": "rwm"}]
    for path in inside.device_files:
        device = _device(path)
        rules.append(
            {"allow": True, "type": "c", "access": "rw"}
            | {key: device[key] for key in ("major", "minor")}
        )
    cpu: dict[str, object] = {}
    if limits.milli_cpus:
        cpu["period"] = cgroups.PERIOD_US
        cpu["quota"] = limits.milli_cpus * cgroups.PERIOD_US // 1000
    if inside.cpus:
        cpu["cpus"] = ",".join(map(str, inside.cpus))
    found: dict[str, object] = {
        "devices": rules,
        "pids": {"limit": cgroups.processes(limits)},
        "cpu": cpu,
    }
    if limits.memory_mib:
        found["memory"] = {"limit": limits.memory_mib << 20}
    return found


def _device(path: str) -> dict[str, object]:
    number = os.stat(path).st_rdev
    assert stat.S_ISCHR(os.stat(path).st_mode), path
    return {
        "path": path,
        "type": "c",
        "major": os.major(number),
        "minor": os.minor(number),
        "fileMode": 0o666,
        "uid": 0,
        "gid": 0,
    }


def _mounts(inside: Inside) -> list[dict[str, object]]:
    def mount(where: str, kind: str, source: str, *options: str) -> dict[str, object]:
        return {"destination": where, "type": kind, "source": source, "options": list(options)}

    shm = f"size={max(64, inside.limits.memory_mib // 2)}m"
    return [
        mount("/proc", "proc", "proc"),
        mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=64k"),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            *("nosuid", "noexec", "newinstance"),
            *("ptmxmode=0666", "mode=0620", "gid=5"),
        ),
        mount("/dev/shm", "tmpfs", "shm", "nosuid", "nodev", "mode=1777", shm),
        mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        mount("/run", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=755", "size=64m"),
        *(mount(path, "bind", path, "bind", "ro", "nosuid", "nodev") for path in inside.shared),
        *(
            mount(path, "bind", source, "bind", "rw", "nosuid", "nodev")
            for source, path in inside.volumes
        ),
    ]
