"""The ladder of isolation, from strong to none: the best rung that a trial shows to hold here."""

import dataclasses
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rackrate.core.errors import Unavailable
from rackrate.core.ids import CustomerId, LeaseId, NodeId, ProjectId
from rackrate.core.slots import Slots
from rackrate.core.workload import Deployment, Limits, Member, Spec
from rackrate.engines.local import cgroups, doors, planning, spawn
from rackrate.engines.local import folder as files
from rackrate.engines.local.planning import Host
from rackrate.engines.local.records import Records

RUNGS = ("runc", "bubblewrap", "plain")
NEEDS = {
    "runc": ("runc", "nsenter"),
    "bubblewrap": ("bwrap", "nsenter"),
    "plain": ("nsenter", "setpriv", "taskset"),
}
TRIAL_SECONDS = 5.0
TRIAL = LeaseId("trial")
_HELD: set[tuple[str, str]] = set()
SEEN_FROM_INSIDE = """
[ ! -e "$0" ] || { echo "the folder of the engine is visible inside"; exit 1; }
[ "$(ls /proc | grep -c '^[0-9]')" -lt 12 ] || { echo "other processes are visible"; exit 1; }
if touch /usr/.rackrate-trial 2>/dev/null; then echo "/usr is writable"; exit 1; fi
[ "$2" = host ] || [ "$(grep -c : /proc/net/dev)" = 1 ] ||
  { echo "the network of the machine is visible"; exit 1; }
touch "$HOME/trial"
"""


def _tag(root: str) -> str:
    """Tells this engine's control groups and containers from those of another root."""
    return hashlib.sha256(root.encode()).hexdigest()[:8]


def choose(root: str, isolation: str | None, network: str) -> Host:
    """The rung asked for, or the best; each is tried with a real workload before it is trusted."""
    if isolation is not None and isolation not in RUNGS:
        raise ValueError(f"no isolation {isolation!r}; there are: {', '.join(RUNGS)}")
    sweep(Path(root))
    tried = []
    for rung in RUNGS if isolation is None else (isolation,):
        host = _host(root, rung, network)
        why = _lacks(host) or _trial_once(host)
        if not why:
            return host
        tried.append(f"{rung}: {why}")
    raise Unavailable(f"no isolation works on this machine ({'; '.join(tried)})")


def _host(root: str, rung: str, network: str) -> Host:
    names = {name for needed in NEEDS.values() for name in needed}
    paths = {name: shutil.which(name, path=planning.PATH) for name in names}
    return Host(
        root=root,
        isolation=rung,
        network=network,
        groups=cgroups.detect(),
        programs={name: path for name, path in paths.items() if path},
        tag=_tag(root),
    )


def _lacks(host: Host) -> str:
    missing = [name for name in NEEDS[host.isolation] if name not in host.programs]
    if missing:
        return f"{', '.join(missing)} not installed"
    if host.isolation == "runc" and os.geteuid() != 0:
        return "needs root"
    return ""


def enforced(host: Host) -> Mapping[str, str]:
    """How each limit is held: by the kernel, or by the supervisor's watching."""
    kernel = f"control groups, version {host.groups.version}"
    held = host.groups.folders
    return {
        "cpu": kernel if "cpu" in held else "pinned where cores are sold, else not at all",
        "memory": kernel if "memory" in held else "watched every two seconds, and RLIMIT_DATA",
        "processes": kernel if "pids" in held else "not at all",
        "disk": "watched every two seconds or slower, and RLIMIT_FSIZE",
    }


def _trial_once(host: Host) -> str:
    """The machine does not change under us: one trial is enough for a rung that holds."""
    key = (host.isolation, host.network)
    if key in _HELD:
        return ""
    why = trial(host)
    if not why:
        _HELD.add(key)
    return why


def trial(host: Host) -> str:
    """Run a member, and from inside it look for what must not be seen. Why it fails, or nothing."""
    with tempfile.TemporaryDirectory(dir=host.root, prefix="trial-") as scratch:
        tried = dataclasses.replace(host, root=scratch, tag=_tag(scratch), grace_seconds=0)
        records = Records(Path(scratch))
        deployment = Deployment(
            lease=TRIAL,
            generation=1,
            project=ProjectId("trial"),
            customer=CustomerId("trial"),
            spec=Spec(),
            limits=Limits(1000, 256, 64),
            members=(Member(0, NodeId("trial"), Slots(1)),),
        )
        owner = records.owner(deployment.project) if os.geteuid() == 0 else -1
        plan = planning.plan(tried, deployment, owner, {0: ()}, "")
        folder = records.write(plan, deployment, {0: ()})
        supervisor = spawn.supervisor(folder)
        try:
            phase, pid, _, reason, _ = _settled(folder)
            if phase != "ready":
                return reason or f"the trial stayed {phase} for {TRIAL_SECONDS:.0f} s"
            way = doors.entry(tried, plan, plan["members"][0], pid, supervisor.pid)
            return _look_around(way.argv, way.env, tried)
        finally:
            _end(records, folder, supervisor)


def sweep(root: Path) -> None:
    """End what a trial left behind when its control plane was killed: nobody else would."""
    for scratch in root.glob("trial-*"):
        records = Records(scratch)
        for record in records.of(TRIAL):
            _end(records, record.folder)
        shutil.rmtree(scratch, ignore_errors=True)


def _end(records: Records, folder: str, child: spawn.Child | None = None) -> None:
    """Release the trial: by its supervisor, or by another one if that is dead."""
    records.bury(TRIAL, 1)
    holder = files.holder(folder)
    if holder is not None and holder[1]:
        os.kill(holder[0], signal.SIGTERM)
    elif child is None:
        child = spawn.supervisor(folder)
    until = time.monotonic() + TRIAL_SECONDS
    while time.monotonic() < until:
        if not (os.path.exists(folder) if child is None else child.running()):
            return
        time.sleep(0.005)


def _settled(folder: str) -> tuple[str, int, int, str, float]:
    until = time.monotonic() + TRIAL_SECONDS
    while (status := files.status(folder, 0))[0] == "starting" and time.monotonic() < until:
        time.sleep(0.005)
    return status


def _look_around(argv: tuple[str, ...], env: Mapping[str, str], tried: Host) -> str:
    script = "true" if tried.isolation == "plain" else SEEN_FROM_INSIDE
    looked = subprocess.run(
        [*argv, "/bin/sh", "-c", script, tried.root, "", tried.network],
        env=dict(env),
        stdin=subprocess.DEVNULL,  # the terminal of whoever started us is not the trial's
        capture_output=True,
        timeout=TRIAL_SECONDS,
        check=False,
    )
    said = (looked.stdout + looked.stderr).decode(errors="replace").strip()
    return "" if looked.returncode == 0 else f"the trial failed: {said or looked.returncode}"
