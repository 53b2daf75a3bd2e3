"""What an engine is told to run for a lease, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rackrate.core.ids import CustomerId, LeaseId, NodeId, ProjectId
from rackrate.core.quick import quick
from rackrate.core.slots import Slots

MOST_GB = 10_000_000


@quick
@dataclass(frozen=True, slots=True)
class Member:
    """One node's share of a lease: `slots` of `node`. Ranks count from 0."""

    rank: int
    node: NodeId
    slots: Slots


@dataclass(frozen=True, slots=True)
class Mount:
    """The project's volume `name`, seen by the workload at the absolute path `path`.

    `gb` is its size as it is billed, in GB of 10^9 bytes; 0: not declared, and not billed.
    """

    name: str
    path: str
    gb: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.gb <= MOST_GB:
            raise ValueError(f"a volume has 1 to {MOST_GB:,} GB: {self.gb}")
        if not self.path.startswith("/") or ".." in self.path.split("/"):
            raise ValueError(f"not an absolute path: {self.path!r}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one member may use: CPU cores in thousandths, memory and disk in MiB."""

    milli_cpus: int
    memory_mib: int
    disk_mib: int

    def times(self, units: int) -> "Limits":
        """What so many units may use together."""
        if units == 1:
            return self
        return Limits(self.milli_cpus * units, self.memory_mib * units, self.disk_mib * units)


@dataclass(frozen=True, slots=True)
class Spec:
    """What the customer asked to run. An empty command keeps the lease open to log in to.

    `keys` are OpenSSH public keys of this lease beside the project's own; `ports` are the ports
    that the workload listens on.
    """

    image: str = ""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    volumes: tuple[Mount, ...] = ()
    keys: tuple[str, ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class Deployment:
    """A whole lease, as the engine is told it. `generation` grows with every change of mind."""

    lease: LeaseId
    generation: int
    project: ProjectId
    customer: CustomerId
    spec: Spec
    limits: Limits
    members: tuple[Member, ...]


class MemberPhase(StrEnum):
    """`ready` only after the member's health check has passed."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"


# What one member shows is the phase of all, the worst of them first.
_GRAVITY: Mapping[MemberPhase, int] = {
    MemberPhase.READY: 0,
    MemberPhase.STARTING: 1,
    MemberPhase.GONE: 2,
    MemberPhase.FAILED: 3,
}


@quick
@dataclass(frozen=True, slots=True)
class FoundMember:
    """What is known of one member. `since` is when the phase began, as well as is known.

    `devices` are the UUIDs that it really got; `isolation` names what contains it
    (`runc`, `bubblewrap`, `plain`, `simulated`).
    """

    rank: int
    phase: MemberPhase
    since: datetime
    reason: str = ""
    address: str = ""
    devices: tuple[str, ...] = ()
    isolation: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Found:
    """What the engine has of one lease. `seen` is the instant of this observation."""

    generation: int
    members: tuple[FoundMember, ...]
    seen: datetime

    @property
    def phase(self) -> MemberPhase:
        """All or none: a gang is ready when all are, and failed or gone as soon as one is."""
        worst = MemberPhase.READY if self.members else MemberPhase.GONE
        for member in self.members:
            phase = member.phase
            if phase is not worst and _GRAVITY[phase] > _GRAVITY[worst]:
                worst = phase
        return worst


@dataclass(frozen=True, slots=True)
class Entry:
    """How to run a program inside a member: prefix `argv` with this, in `cwd`, with `env` only.

    `home` is the folder that file transfers start in, as seen from inside.
    """

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    home: str
