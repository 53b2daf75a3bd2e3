"""The engine's durable record of what it was told: written before anything is done."""

import fcntl
import json
import marshal
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rackrate.core.ids import CustomerId, LeaseId, NodeId, ProjectId
from rackrate.core.slots import Slots
from rackrate.core.workload import Deployment, Limits, Member, Mount, Spec
from rackrate.engines.local import folder as files
from rackrate.engines.local.plan import Plan

FIRST_USER = 0x7000_0000  # above what distributions and systemd hand out to users and containers
USERS_EACH = 65536
PROJECTS = 4096


@dataclass(frozen=True, slots=True)
class Record:
    """One generation of a lease, in its folder."""

    folder: str
    deployment: Deployment
    devices: dict[int, tuple[str, ...]]
    isolation: str
    private_network: bool

    @property
    def generation(self) -> int:
        """May have grown since: a newer wish for the same thing adopts what runs."""
        return files.generation(self.folder)


class Records:
    """The folders under `root`. Whoever changes them holds the lock."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        for name in ("leases", "released", "new", "trash", "logs", "projects", "images", "runc"):
            Path(root, name).mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(root, 0o700)
        self._read: dict[str, Record] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        with open(f"{self.root}/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def leases(self) -> list[LeaseId]:
        return sorted(LeaseId(name) for name in os.listdir(f"{self.root}/leases"))

    def of(self, lease: LeaseId) -> list[Record]:
        """Its generations that are still there, the newest last."""
        try:
            names = os.listdir(f"{self.root}/leases/{lease}")
        except FileNotFoundError:
            return []
        folders = [
            f"{self.root}/leases/{lease}/{n}" for n in sorted(filter(str.isdigit, names), key=int)
        ]
        return [record for each in folders if (record := self._load(each))]

    def _load(self, folder: str) -> Record | None:
        if folder not in self._read:
            text = files.read(f"{folder}/{files.RECORD}")
            if text is None:
                return None
            raw = json.loads(text)
            devices = {int(rank): tuple(each) for rank, each in raw["devices"].items()}
            self._read[folder] = Record(
                folder,
                _deployment(raw["deployment"]),
                devices,
                raw["isolation"],
                raw["private_network"],
            )
        return self._read[folder]

    def forget(self, present: set[str]) -> None:
        self._read = {key: value for key, value in self._read.items() if key in present}

    def write(self, plan: Plan, deployment: Deployment, devices: dict[int, tuple[str, ...]]) -> str:
        """On disk for good when this returns, and there as a whole or not at all."""
        name = f"{deployment.lease}.{deployment.generation}"
        passing = f"{self.root}/new/{name}"
        above = f"{self.root}/leases/{deployment.lease}"
        folder = f"{above}/{deployment.generation}"
        os.makedirs(passing, 0o711, exist_ok=True)
        raw = {
            "deployment": _raw(deployment),
            "devices": devices,
            "isolation": plan["isolation"],
            "private_network": plan["private_network"],
        }
        files.write(f"{passing}/{files.PLAN}", marshal.dumps(dict(plan)), durable=True)
        files.write(f"{passing}/{files.RECORD}", json.dumps(raw).encode(), durable=True)
        files.sync(passing)
        fresh = not os.path.exists(above)
        while True:
            os.makedirs(above, 0o700, exist_ok=True)
            try:
                os.rename(passing, folder)
            except FileNotFoundError:
                continue  # the last of an older generation went just now, and the folder with it
            break
        files.sync(above)
        if fresh:
            files.sync(os.path.dirname(above))
        return folder

    def adopt(self, record: Record, generation: int) -> None:
        files.write(f"{record.folder}/generation", str(generation).encode(), durable=True)
        files.sync(record.folder)

    def bury(self, lease: LeaseId, generation: int) -> None:
        """From now on no generation up to this one ever starts."""
        if files.released(self.root, lease) < generation:
            files.write(files.tombstone(self.root, lease), str(generation).encode(), durable=True)
            files.sync(f"{self.root}/released")

    def owner(self, project: ProjectId) -> int:
        """First of the range of host users that are the project's own, the same for ever."""
        path = f"{self.root}/projects/{project}/user"
        text = files.read(path)
        if text is not None:
            return int(text)
        taken = {int(each.read_text()) for each in Path(self.root, "projects").glob("*/user")}
        for i in range(PROJECTS):
            if (user := FIRST_USER + i * USERS_EACH) not in taken:
                os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
                files.write(path, str(user).encode(), durable=True)
                files.sync(os.path.dirname(path))
                return user
        raise OSError(f"all {PROJECTS} ranges of users are taken")


def same(one: Deployment, other: Deployment) -> bool:
    """Whether both ask for the same thing, whatever their generations."""
    left, right = _raw(one), _raw(other)
    return left | {"generation": 0} == right | {"generation": 0}


def _raw(deployment: Deployment) -> dict[str, Any]:
    spec, limits = deployment.spec, deployment.limits
    return {
        "lease": deployment.lease,
        "generation": deployment.generation,
        "project": deployment.project,
        "customer": deployment.customer,
        "limits": asdict(limits),
        "members": [[m.rank, m.node, str(m.slots)] for m in deployment.members],
        "image": spec.image,
        "command": list(spec.command),
        "env": dict(spec.env),
        "ports": list(spec.ports),
        "volumes": [[mount.name, mount.path, mount.gb] for mount in spec.volumes],
        "keys": list(spec.keys),
    }


def _deployment(raw: dict[str, Any]) -> Deployment:
    return Deployment(
        lease=LeaseId(raw["lease"]),
        generation=raw["generation"],
        project=ProjectId(raw["project"]),
        customer=CustomerId(raw["customer"]),
        spec=Spec(
            image=raw["image"],
            command=tuple(raw["command"]),
            env=raw["env"],
            ports=tuple(raw["ports"]),
            volumes=tuple(Mount(*each) for each in raw["volumes"]),
            keys=tuple(raw["keys"]),
        ),
        limits=Limits(**raw["limits"]),
        members=tuple(
            Member(rank, NodeId(node), Slots.parse(slots)) for rank, node, slots in raw["members"]
        ),
    )
