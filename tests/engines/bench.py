"""A local engine for a test, and words to drive it with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rackrate.core.ids import CustomerId, LeaseId, NodeId, ProjectId
from rackrate.core.slots import Slots
from rackrate.core.workload import (
    Deployment,
    Found,
    FoundMember,
    Limits,
    Member,
    MemberPhase,
    Spec,
)
from rackrate.engines.local.engine import LocalEngine

SECONDS = 20.0
RUNGS = ("runc", "bubblewrap", "plain")
WALLED = ("runc", "bubblewrap")
LIMITS = Limits(milli_cpus=1000, memory_mib=256, disk_mib=64)


class RealClock:
    """The kernel's clock, read from a file that it makes anew at each look."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(int(Path("/proc/self/stat").stat().st_mtime), UTC)


def lease(
    number: int,
    *command: str,
    generation: int = 1,
    project: str = "prj_000001",
    limits: Limits = LIMITS,
    members: int = 1,
    spec: Spec | None = None,
) -> Deployment:
    return Deployment(
        lease=LeaseId(f"lse_{number:06d}"),
        generation=generation,
        project=ProjectId(project),
        customer=CustomerId("cus_000001"),
        spec=spec or Spec(command=command),
        limits=limits,
        members=tuple(Member(i, NodeId("here"), Slots.of([i])) for i in range(members)),
    )


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


@dataclass(frozen=True, slots=True)
class Bench:
    engine: LocalEngine
    root: Path

    def again(self) -> "Bench":
        """What a control plane has after it died and was started again."""
        return Bench(engine_at(self.root, self.engine.isolation), self.root)

    def until(self, wanted: Deployment, reached: Callable[[Found | None], bool]) -> Found | None:
        deadline = time.monotonic() + SECONDS
        while not reached(found := self.engine.observe([wanted.lease]).get(wanted.lease)):
            assert time.monotonic() < deadline, f"still {found}"
            time.sleep(0.002)
        return found

    def phase(self, wanted: Deployment, *phases: MemberPhase) -> tuple[FoundMember, ...]:
        found = self.until(wanted, lambda f: f is not None and f.phase in phases)
        assert found is not None
        return found.members

    def ready(self, wanted: Deployment) -> tuple[FoundMember, ...]:
        self.engine.ensure(wanted)
        members = self.phase(wanted, MemberPhase.READY, MemberPhase.FAILED, MemberPhase.GONE)
        assert all(member.phase is MemberPhase.READY for member in members), members
        return members

    def ends(self, wanted: Deployment) -> FoundMember:
        """How its first member ended."""
        self.engine.ensure(wanted)
        return self.phase(wanted, MemberPhase.FAILED, MemberPhase.GONE)[0]

    def gone(self, wanted: Deployment) -> None:
        self.engine.release(wanted.lease, wanted.generation)
        self.until(wanted, lambda found: found is None)

    def said(self, wanted: Deployment, rank: int = 0) -> str:
        return self.engine.logs(wanted.lease, rank, 0, 1 << 20).decode()

    def until_said(self, wanted: Deployment, text: str, rank: int = 0) -> str:
        deadline = time.monotonic() + SECONDS
        while text not in (said := self.said(wanted, rank)):
            assert time.monotonic() < deadline, f"only said {said!r}"
            time.sleep(0.005)
        return said

    def close(self) -> None:
        found = self.engine.observe()
        for each in found:
            self.engine.release(each, 1000)
        deadline = time.monotonic() + SECONDS
        while self.engine.observe():
            assert time.monotonic() < deadline, self.engine.observe()
            time.sleep(0.005)


def engine_at(root: Path, isolation: str | None = None) -> LocalEngine:
    return LocalEngine(root, RealClock(), isolation=isolation, grace_seconds=1)
