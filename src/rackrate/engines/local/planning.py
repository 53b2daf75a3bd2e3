"""From what a lease should be to what its supervisor does: one plan for each isolation."""

import os
import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rackrate.core.workload import Deployment, Limits, Member, Mount, Spec
from rackrate.engines.local import bundle, kernel, rootfs
from rackrate.engines.local.cgroups import Groups
from rackrate.engines.local.devices import Device
from rackrate.engines.local.folder import STAGE
from rackrate.engines.local.plan import MemberPlan, Plan

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEPT_PATHS = ("/proc", "/sys", "/dev", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/run", "/etc")
OPEN_FILES = 65536
PLAIN_VOLUMES = "/volumes/"

# What every member runs first: the health check inside its own walls, then the word that it is
# ready on handle 3, which it closes before anything of the customer's starts.
HEALTH = """
[ -w "$HOME" ] && cd "$HOME" || { echo "the home folder $HOME is not writable" >&2; exit 97; }
if [ -n "$RACKRATE_GPUS" ] && command -v nvidia-smi >/dev/null; then
  nvidia-smi -i "$RACKRATE_GPUS" --query-gpu=uuid --format=csv,noheader >/dev/null || exit 97
fi
printf ready >&3 || exit 97
exec 3>&-
"""
# As process 1 of its own: reaps what others leave, and ends when told to.
FIRST = f"""trap stop=1 TERM
{HEALTH}
if [ $# -eq 0 ]; then
  while [ -z "$stop" ]; do sleep 3600 & wait $!; done
  exit 0
fi
( trap - INT QUIT; exec "$@" ) & child=$!
exec >/dev/null 2>&1
while :; do
  wait "$child"; code=$?
  kill -0 "$child" 2>/dev/null || exit "$code"
done
"""
# Where the launcher or the supervisor reaps already.
LAST = f"""{HEALTH}
[ $# -eq 0 ] && exec sleep infinity
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine offers to every lease, found once at start."""

    root: str
    isolation: str
    network: str
    groups: Groups
    programs: Mapping[str, str]
    grace_seconds: int = 10
    log_mib: int = 64
    tag: str = ""


def plan(host: Host, deployment: Deployment, owner: int, devices: Mapping[int, tuple[Device, ...]],
         fault: str) -> Plan:  # fmt: skip
    """Everything the supervisor does, decided now; `fault` if it cannot start at all."""
    fault = fault or refusal(host, deployment.spec)
    binds = [(lease_folder(host, deployment), "lease")] + [
        (volume_folder(host, deployment, mount.name), f"volume{i}")
        for i, mount in enumerate(deployment.spec.volumes)
    ]
    return {
        "root": host.root,
        "lease": deployment.lease,
        "isolation": host.isolation,
        "boot": kernel.boot(),
        "owner": owner,
        "binds": binds,
        "users": _users(owner) if host.isolation == "plain" and owner >= 0 else b"",
        "private_network": private_network(host),
        "ports": list(deployment.spec.ports) if private_network(host) else [],
        "cookie": cookie(host, deployment),
        "grace_seconds": host.grace_seconds,
        "log_bytes": host.log_mib << 20,
        "runc": [host.programs.get("runc", ""), "--root", f"{host.root}/runc"],
        "fault": fault,
        "members": []
        if fault
        else [
            _member(host, deployment, owner, _place(host, deployment, owner, member, used))
            for member in deployment.members
            for used in [devices[member.rank]]
        ],
        "ranks": [member.rank for member in deployment.members],
    }


def _users(owner: int) -> bytes:
    """This machine's users and the tenant: programs such as sftp-server refuse who has no name."""
    home = f"{STAGE}/lease/0/root"
    tenant = f"tenant:x:{owner}:{owner}:a tenant of Rackrate:{home}:{rootfs.shell('')}\n"
    return Path("/etc/passwd").read_bytes() + tenant.encode()


def private_network(host: Host) -> bool:
    """A plain process shares the machine's network: it has no walls that could keep it out."""
    return host.network == "isolated" and host.isolation != "plain"


def cookie(host: Host, deployment: Deployment) -> str:
    return f"RACKRATE_COOKIE={host.tag}.{deployment.lease}.{deployment.generation}."


def lease_folder(host: Host, deployment: Deployment) -> str:
    return f"{host.root}/leases/{deployment.lease}/{deployment.generation}"


def volume_folder(host: Host, deployment: Deployment, name: str) -> str:
    return f"{host.root}/projects/{deployment.project}/volumes/{name}"


def image_folder(host: Host, image: str) -> str:
    return "" if image in rootfs.HOST_IMAGES else f"{host.root}/images/{image}"


def refusal(host: Host, spec: Spec) -> str:
    """Why this cannot run here, in words for the customer; empty if it can."""
    images = sorted(os.listdir(f"{host.root}/images"))
    if spec.image not in (*rootfs.HOST_IMAGES, *images):
        return f"no image {spec.image!r} here; there are: {', '.join(['host', *images])}"
    if host.isolation == "plain" and spec.image not in rootfs.HOST_IMAGES:
        return "plain processes cannot change their root file system; leave the image empty"
    for name, value in spec.env.items():
        if not VARIABLE.fullmatch(name) or "\0" in value:
            return f"{name!r} cannot be an environment variable"
    if any("\0" in word for word in spec.command):
        return "the command holds a zero byte"
    for mount in spec.volumes:
        if wrong := _wrong_place(host, mount.path):
            return f"volume {mount.name!r} cannot be mounted at {mount.path}: {wrong}"
    return ""


def _wrong_place(host: Host, path: str) -> str:
    clean = os.path.normpath(path)
    if host.isolation == "plain":
        return (
            ""
            if clean.startswith(PLAIN_VOLUMES)
            else "plain processes have no mounts of their own; use a path under "
            f"{PLAIN_VOLUMES} and find it in RACKRATE_VOLUME_NAME"
        )
    if clean == "/" or any(clean == kept or clean.startswith(f"{kept}/") for kept in KEPT_PATHS):
        return "that place belongs to the system; use one such as /data"
    return ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one member lives: its share of the lease, and how its launcher sees its folders."""

    member: Member
    devices: tuple[Device, ...]
    name: str
    base: str
    image: str
    volumes: tuple[tuple[str, Mount], ...]


def _place(host: Host, deployment: Deployment, owner: int, member: Member,
           devices: tuple[Device, ...]) -> Place:  # fmt: skip
    """As root, folders are staged where the tenant's own users can reach them."""
    staged = owner >= 0
    folder = lease_folder(host, deployment)
    return Place(
        member=member,
        devices=devices,
        name=f"rackrate-{host.tag}-{deployment.lease}-{deployment.generation}-{member.rank}",
        base=f"{STAGE}/lease/{member.rank}" if staged else f"{folder}/{member.rank}",
        image=image_folder(host, deployment.spec.image),
        volumes=tuple(
            (f"{STAGE}/volume{i}" if staged else volume_folder(host, deployment, mount.name), mount)
            for i, mount in enumerate(deployment.spec.volumes)
        ),
    )


def _inside(host: Host, deployment: Deployment, place: Place) -> bundle.Inside:
    env = environment(host, deployment, place.member, place.devices)
    if host.isolation == "plain":
        env |= {"HOME": f"{place.base}/root"}
        env |= dict([cookie(host, deployment).split("=")])
        env |= {volume_variable(mount.name): source for source, mount in place.volumes}
    first = FIRST if host.isolation == "runc" else LAST
    return bundle.Inside(
        host=deployment.lease.replace("_", "-"),
        args=("/bin/sh", "-c", first, "rackrate", *deployment.spec.command),
        env=env,
        shared=[*rootfs.read_only(place.image), *_system(place.devices)],
        volumes=[(source, mount.path) for source, mount in place.volumes],
        device_files=_device_files(place.devices),
        limits=deployment.limits,
        cpus=[device.index for device in place.devices if device.kind == "cpu"],
    )


def _member(host: Host, deployment: Deployment, owner: int, place: Place) -> MemberPlan:
    inside, limits = _inside(host, deployment, place), deployment.limits
    made = host.isolation != "plain"
    by_runc = host.isolation == "runc"
    return {
        "rank": place.member.rank,
        "copy": place.image,
        "folders": rootfs.FOLDERS if made else [(".rackrate", 0o700)],
        "links": rootfs.links(place.image) if made else [],
        "files": rootfs.files(place.image, inside.host, inside.env, host.network)
        if made
        else [(".rackrate/env", rootfs.environment(inside.env).encode())],
        "beside": _beside(host, inside, owner, place),
        "argv": _argv(host, inside, place),
        "env": {"PATH": PATH} if made else dict(inside.env),
        "drop": owner >= 0 and not by_runc,
        "cgroups": [] if by_runc else host.groups.of(place.name),
        "limits": [] if by_runc else host.groups.limits(place.name, limits),
        "cpus": list(inside.cpus),
        "rlimits": _rlimits(host, limits),
        "container": place.name if by_runc else "",
        "memory_group": host.groups.memory(place.name),
        "disk_bytes": limits.disk_mib << 20,
        "memory_bytes": 0 if "memory" in host.groups.folders else limits.memory_mib << 20,
    }


def environment(host: Host, deployment: Deployment, member: Member,
                devices: tuple[Device, ...]) -> dict[str, str]:  # fmt: skip
    """The customer's variables under ours. Nothing of the control plane's own gets in."""
    gpus = ",".join(device.uuid for device in devices if device.kind == "gpu")
    env = {"PATH": PATH, "LANG": "C.UTF-8"} | dict(deployment.spec.env)
    env |= {
        "HOME": "/root",
        "SHELL": rootfs.shell(image_folder(host, deployment.spec.image)),
        "CUDA_VISIBLE_DEVICES": gpus,
        "NVIDIA_VISIBLE_DEVICES": gpus or "void",
        "RACKRATE_LEASE": deployment.lease,
        "RACKRATE_RANK": str(member.rank),
        "RACKRATE_MEMBERS": str(len(deployment.members)),
        "RACKRATE_DEVICES": ",".join(device.uuid for device in devices),
    }
    if gpus:
        env["RACKRATE_GPUS"] = gpus
    if len(deployment.members) > 1:
        env = {"MASTER_PORT": "29500"} | env | {"MASTER_ADDR": "127.0.0.1"}
    return env | {volume_variable(mount.name): mount.path for mount in deployment.spec.volumes}


def volume_variable(name: str) -> str:
    return "RACKRATE_VOLUME_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def _system(devices: tuple[Device, ...]) -> list[str]:
    """What programs read of the hardware; more of it where a GPU must be found on its bus."""
    gpu = any(device.kind == "gpu" for device in devices)
    names = ("devices", "bus", "class", "module") if gpu else ("devices/system",)
    return [f"/sys/{name}" for name in names if os.path.exists(f"/sys/{name}")]


def _device_files(devices: tuple[Device, ...]) -> list[str]:
    own = [f"/dev/nvidia{device.index}" for device in devices if device.kind == "gpu"]
    if own:
        own += ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"]
    return [path for path in own if Path(path).is_char_device()]


def _rlimits(host: Host, limits: Limits) -> list[tuple[int, int]]:
    """Set on the launcher, and inherited: inside a user namespace they can only be lowered."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    allowed = OPEN_FILES if files == resource.RLIM_INFINITY else min(files, OPEN_FILES)
    found = [(resource.RLIMIT_NOFILE, allowed)]
    if limits.disk_mib:
        found.append((resource.RLIMIT_FSIZE, limits.disk_mib << 20))
    if limits.memory_mib and "memory" not in host.groups.folders:
        found.append((resource.RLIMIT_DATA, limits.memory_mib << 20))
    return found


def _argv(host: Host, inside: bundle.Inside, place: Place) -> list[str]:
    if host.isolation == "runc":
        return [
            *(host.programs["runc"], "--root", f"{host.root}/runc", "run", "--detach"),
            *("--bundle", place.base, "--pid-file", f"{place.base}/pid", "--preserve-fds", "1"),
            *("--no-new-keyring", place.name),
        ]
    if host.isolation == "bubblewrap":
        return [host.programs["bwrap"], "--args", "5", "--", *inside.args]
    return list(inside.args)


def _beside(host: Host, inside: bundle.Inside, owner: int, place: Place) -> list[tuple[str, bytes]]:
    if host.isolation == "runc":
        return [("config.json", bundle.config(inside, owner, place.name))]
    if host.isolation == "bubblewrap":
        words = _bubble(inside, place.base)
        return [("args", b"".join(word.encode() + b"\0" for word in words))]
    return []


def _bubble(inside: bundle.Inside, base: str) -> list[str]:
    """bubblewrap's own arguments, passed on a handle: `ps` shows no customer's secrets."""
    return [
        *("--unshare-user", "--uid", "0", "--gid", "0", "--unshare-pid", "--unshare-ipc"),
        *("--unshare-uts", "--unshare-cgroup-try", "--hostname", inside.host),
        *("--die-with-parent", "--json-status-fd", "4", "--clearenv"),
        *(word for pair in inside.env.items() for word in ("--setenv", *pair)),
        *("--bind", f"{base}/root", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"),
        *(word for path in inside.shared for word in ("--ro-bind", path, path)),
        *(word for path in inside.device_files for word in ("--dev-bind", path, path)),
        *(word for source, path in inside.volumes for word in ("--bind", source, path)),
    ]
