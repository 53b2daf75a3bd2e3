"""The engine for real processes on this machine."""

import contextlib
import os
import signal
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rackrate.core.errors import Reason, Refused, Unavailable
from rackrate.core.ids import LeaseId, NodeId, is_name
from rackrate.core.slots import Slots
from rackrate.core.workload import Deployment, Entry, Found, FoundMember, MemberPhase
from rackrate.engines.local import devices as hardware
from rackrate.engines.local import doors, kernel, ladder, planning, spawn
from rackrate.engines.local import folder as files
from rackrate.engines.local.plan import Plan
from rackrate.engines.local.records import Record, Records, same

if TYPE_CHECKING:
    from rackrate.app.ports import Clock


GRACE_SECONDS = 10


class LocalEngine:
    """Runs leases as processes of this machine, held in by the best isolation that works on it.

    A lease has a network of its own, which its members share and which leads nowhere: nothing
    outside can be reached, or reach it, but through the doors that its supervisor opens on this
    machine's loopback for the ports that the lease names, and through the SSH gateway. With
    `network="host"`, and for plain processes, it is the machine's.

    Each lease has a folder and a supervisor: a process that outlives this one. All that is known
    is in the folders, so that a new engine over the same root finds everything again.
    """

    name = "local"

    def __init__(
        self,
        root: Path,
        clock: "Clock",
        devices: hardware.Devices | None = None,
        isolation: str | None = None,
        network: str = "isolated",
        grace_seconds: int = GRACE_SECONDS,
    ) -> None:
        self._records = Records(root.resolve())
        self._clock = clock
        self._devices = devices or hardware.find()
        host = ladder.choose(self._records.root, isolation, network)
        self._host = replace(host, grace_seconds=grace_seconds)
        self.isolation = self._host.isolation
        self._supervisors: dict[str, spawn.Child] = {}
        self._mutex = threading.RLock()
        self.observe()

    @property
    def enforced(self) -> Mapping[str, str]:
        """How each limit is really held on this machine."""
        return ladder.enforced(self._host)

    def ensure(self, deployment: Deployment) -> None:
        if not is_name(deployment.lease) or not is_name(deployment.project):
            raise Refused(Reason.INVALID, f"not a name: {deployment.lease!r}")
        with self._mutex, self._records.locked():
            lease, generation = deployment.lease, deployment.generation
            if generation <= files.released(self._records.root, lease):
                return
            present = self._records.of(lease)
            newest = present[-1] if present else None
            if newest and newest.generation >= generation:
                return
            if newest and same(newest.deployment, deployment) and self._lives(newest):
                self._records.adopt(newest, generation)
                return
            if newest:
                self._end(lease, newest.generation)
            self._supervise(self._write(deployment))

    def _write(self, deployment: Deployment) -> str:
        """The plan, decided and on disk: from here on it starts, whoever lives or dies."""
        used = {m.rank: self._devices.of(m.slots) for m in deployment.members}
        fault = next(filter(None, map(self._devices.fault, used.values())), "")
        owner = self._records.owner(deployment.project) if os.geteuid() == 0 else -1
        for mount in deployment.spec.volumes:
            if not is_name(mount.name):
                fault = fault or f"not a name for a volume: {mount.name!r}"
            else:
                _volume(planning.volume_folder(self._host, deployment, mount.name), owner)
        plan = planning.plan(self._host, deployment, owner, used, fault)
        uuids = {rank: tuple(device.uuid for device in each) for rank, each in used.items()}
        return self._records.write(plan, deployment, uuids)

    def release(self, lease: LeaseId, generation: int) -> None:
        with self._mutex, self._records.locked():
            self._end(lease, generation)

    def _end(self, lease: LeaseId, generation: int) -> None:
        self._records.bury(lease, generation)
        for record in self._records.of(lease):
            if record.generation <= generation:
                self._stop(record)

    def _stop(self, record: Record) -> None:
        """Tell its supervisor; or start one, which finds it released and clears up."""
        holder = files.holder(record.folder)
        if holder and holder[1]:
            kernel.send([holder[0]], signal.SIGTERM)
        else:
            self._supervise(record.folder)

    def _supervise(self, folder: str) -> None:
        """Start a supervisor. One too many does no harm: only the first can claim the folder."""
        child = self._supervisors.get(folder)
        if child and child.running():
            return
        self._supervisors[folder] = spawn.supervisor(folder)

    def observe(self, only: Collection[LeaseId] | None = None) -> Mapping[LeaseId, Found]:
        with self._mutex:
            leases = self._records.leases() if only is None else sorted(only)
            found: dict[LeaseId, Found] = {}
            present: set[str] = set()
            for lease in leases:
                records = self._records.of(lease)
                present |= {record.folder for record in records}
                for record in reversed(records):
                    with contextlib.suppress(FileNotFoundError):  # it went while we looked
                        self._recover(record)
                        found.setdefault(lease, self._found(record))
            if only is None:
                self._records.forget(present)
                self._reap(present)
            return found

    def _reap(self, present: set[str]) -> None:
        for folder, child in list(self._supervisors.items()):
            if not child.running() and folder not in present:
                del self._supervisors[folder]

    def _recover(self, record: Record) -> None:
        """Carry on where a control plane or a supervisor died."""
        holder = files.holder(record.folder)
        unfinished = any(phase not in files.FINAL for phase in self._phases(record))
        released = record.generation <= files.released(self._records.root, record.deployment.lease)
        if holder and holder[1]:
            if released:
                kernel.send([holder[0]], signal.SIGTERM)
        elif released or unfinished:
            self._supervise(record.folder)

    @staticmethod
    def _phases(record: Record) -> list[str]:
        return [files.status(record.folder, m.rank)[0] for m in record.deployment.members]

    def _lives(self, record: Record) -> bool:
        return not any(phase in files.FINAL for phase in self._phases(record))

    def _found(self, record: Record) -> Found:
        now = self._clock.now()
        generation = record.generation
        stopping = generation <= files.released(self._records.root, record.deployment.lease)
        members = []
        for member in record.deployment.members:
            phase, _, _, reason, since = files.status(record.folder, member.rank)
            if since == 0.0:
                since = _written(record.folder)
            members.append(
                FoundMember(
                    rank=member.rank,
                    phase=MemberPhase.GONE if stopping else MemberPhase(phase),
                    since=min(now, datetime.fromtimestamp(int(since), UTC)),
                    reason=reason or ("stopping" if stopping else ""),
                    address=self._address(record),
                    devices=record.devices[member.rank],
                    isolation=record.isolation,
                )
            )
        return Found(generation, tuple(members), now)

    def _address(self, record: Record) -> str:
        """Where its ports can be reached, as `IP:PORT,IP:PORT` in the order they were named in."""
        if record.private_network:
            return files.address(record.folder)
        return ",".join(f"127.0.0.1:{port}" for port in record.deployment.spec.ports)

    @staticmethod
    def _plan(record: Record) -> Plan:
        return cast("Plan", files.plan(record.folder))

    def sanitise(self, node: NodeId, slots: Slots) -> bool:
        with self._mutex:
            for lease in self._records.leases():
                for record in self._records.of(lease):
                    held = [m for m in record.deployment.members if m.node == node]
                    if any(len(m.slots & slots) for m in held):
                        self._recover(record)
                        return False
        return self._devices.clean(self._devices.of(slots))

    def logs(self, lease: LeaseId, rank: int, after: int, limit: int) -> bytes:
        records = self._records.of(lease) if is_name(lease) else []
        folder = records[-1].folder if records else ""
        path = f"{folder}/{rank}/log" if folder else f"{self._records.root}/logs/{lease}.{rank}"
        try:
            with open(path, "rb") as file:
                return os.pread(file.fileno(), limit, after)
        except FileNotFoundError:
            return b""

    def entry(self, lease: LeaseId, rank: int) -> Entry:
        records = self._records.of(lease) if is_name(lease) else []
        if not records:
            raise Unavailable(f"{lease} does not run here")
        record = records[-1]
        holder = files.holder(record.folder)
        phase, pid, ticks, reason, _ = files.status(record.folder, rank)
        inside = holder and holder[1] and pid and kernel.started(pid) == ticks
        if phase != "ready" or holder is None or not inside:
            why = f": {reason}" if reason else ""
            raise Unavailable(f"member {rank} of {lease} is {phase}, not ready{why}")
        plan = self._plan(record)
        member = next(each for each in plan["members"] if each["rank"] == rank)
        return doors.entry(self._host, plan, member, pid, holder[0])


def _volume(path: str, owner: int) -> None:
    if not os.path.isdir(path):
        os.makedirs(path, 0o700)
        if owner >= 0:
            os.chown(path, owner, owner)


def _written(folder: str) -> float:
    return os.stat(f"{folder}/{files.RECORD}").st_mtime
