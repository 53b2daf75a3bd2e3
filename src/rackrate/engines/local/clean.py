"""The end of a lease on this machine: nothing of it runs, and nothing of it stays but its log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time

from rackrate.engines.local import folder as files
from rackrate.engines.local import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rackrate.engines.local.plan import MemberPlan, Plan

PATIENCE_SECONDS = 10.0
LOGS_KEPT = 1000


def after_death(folder: str, plan: Plan, why: str) -> None:
    """Clear up after a supervisor that died, or never was: one of us at a time."""
    with open(f"{folder}/cleaning", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        kill(plan)
        for rank in plan["ranks"]:
            if files.status(folder, rank)[0] not in files.FINAL:
                os.makedirs(f"{folder}/{rank}", exist_ok=True)
                files.put_status(folder, rank, "gone", 0, why)
        if files.released(plan["root"], plan["lease"]) >= files.generation(folder):
            wipe(folder, plan)


def kill(plan: Plan) -> None:
    """End every process of the lease, whoever its parent is by now."""
    for each in plan["members"]:
        if each["container"]:
            subprocess.run(
                [*plan["runc"], "delete", "--force", each["container"]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
    until = time.monotonic() + PATIENCE_SECONDS
    while pids := _left(plan):
        kernel.send(pids, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if time.monotonic() > until:
            raise TimeoutError(f"{plan['lease']}: processes {pids} do not die")
        time.sleep(0.005)
    for each in plan["members"]:
        _remove_groups(each)


def _left(plan: Plan) -> list[int]:
    """Processes of the lease: below us, in its control groups, or marked with its cookie."""
    found = kernel.descendants(os.getpid())
    for each in plan["members"]:
        for group in each["cgroups"]:
            found += [int(pid) for pid in (files.read(f"{group}/cgroup.procs") or b"").split()]
    if plan["isolation"] == "plain":
        mark = plan["cookie"].encode()
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read():
                        found.append(int(name))
    return [pid for pid in found if kernel.started(pid)]


def _remove_groups(each: MemberPlan) -> None:
    for group in each["cgroups"]:
        for _ in range(100):
            try:
                os.rmdir(group)
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.005)
            else:
                break


def wipe(folder: str, plan: Plan) -> None:
    """Take the files away, the record last: a folder that has one is not yet clean."""
    kill(plan)
    kept = f"{plan['root']}/logs"
    for rank in plan["ranks"]:
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{folder}/{rank}/log", f"{kept}/{plan['lease']}.{rank}")
        shutil.rmtree(f"{folder}/{rank}", ignore_errors=True)
        if os.path.exists(f"{folder}/{rank}"):
            raise OSError(f"{folder}/{rank} cannot be removed")
    _prune(kept)
    gone = f"{plan['root']}/trash/{plan['lease']}.{os.path.basename(folder)}"
    shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, gone)
    shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(folder))


def _prune(kept: str) -> None:
    names = os.listdir(kept)
    if len(names) > LOGS_KEPT:
        names.sort(key=lambda name: os.stat(f"{kept}/{name}").st_mtime)
        for name in names[: len(names) - LOGS_KEPT]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{kept}/{name}")
