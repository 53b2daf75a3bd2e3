"""What every engine promises. A new engine adds one line to `ENGINES`, and writes no test."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rackrate.app.ports import Engine
from rackrate.core.errors import Unavailable
from rackrate.core.ids import CustomerId, LeaseId, NodeId, ProjectId
from rackrate.core.slots import Slots
from rackrate.core.workload import Deployment, Found, Limits, Member, MemberPhase, Spec
from rackrate.engines.local.engine import LocalEngine
from rackrate.sim.engine import SimEngine
from rackrate.sim.world import VirtualClock

SECONDS = 20.0
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
NODE = NodeId("node-1")
OLD = Deployment(
    lease=LeaseId("lse_000001"),
    generation=3,
    project=ProjectId("prj_000001"),
    customer=CustomerId("cus_000001"),
    spec=Spec(),
    limits=Limits(milli_cpus=1000, memory_mib=256, disk_mib=64),
    members=(Member(0, NODE, Slots.of([0])),),
)
NEW = replace(OLD, generation=4)
GANG = replace(
    OLD,
    lease=LeaseId("lse_000002"),
    members=(Member(0, NODE, Slots.of([0])), Member(1, NodeId("node-2"), Slots.of([1]))),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """An engine, and how to let a moment pass for it."""

    engine: Engine
    pass_time: Callable[[], None]

    def until(self, lease: LeaseId, reached: Callable[[Found | None], bool]) -> Found | None:
        deadline = time.monotonic() + SECONDS
        while not reached(found := self.engine.observe([lease]).get(lease)):
            assert time.monotonic() < deadline, f"still {found}"
            self.pass_time()
        return found

    def ready(self, deployment: Deployment) -> Found:
        self.engine.ensure(deployment)
        found = self.until(deployment.lease, lambda f: f is not None and f.phase != "starting")
        assert found is not None and found.phase is MemberPhase.READY, found
        return found

    def gone(self, deployment: Deployment) -> None:
        self.engine.release(deployment.lease, deployment.generation)
        self.until(deployment.lease, lambda found: found is None)


class RealClock:
    def now(self) -> datetime:
        return datetime.fromtimestamp(int(Path("/proc/self/stat").stat().st_mtime), UTC)


def local(isolation: str) -> Callable[[Path], Bench]:
    def make(root: Path) -> Bench:
        engine = LocalEngine(root / "engine", RealClock(), isolation=isolation)
        return Bench(engine, lambda: time.sleep(0.002))

    return make


def simulated(root: Path) -> Bench:
    clock = VirtualClock(NOON)
    return Bench(SimEngine(clock), lambda: clock.to(clock.now() + timedelta(seconds=1)))


ENGINES: dict[str, Callable[[Path], Bench]] = {
    "sim": simulated,
    "local-runc": local("runc"),
    "local-bubblewrap": local("bubblewrap"),
    "local-plain": local("plain"),
}
REAL = {name for name in ENGINES if name.startswith("local")}


@pytest.fixture(
    params=[pytest.param(n, marks=pytest.mark.real) if n in REAL else n for n in ENGINES]
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = ENGINES[request.param](tmp_path)
    yield bench
    found = bench.engine.observe()
    for lease in found:
        bench.engine.release(lease, 1000)
    for lease in found:
        bench.until(lease, lambda f: f is None)


def test_what_is_wanted_becomes_ready_and_says_what_contains_it(bench: Bench) -> None:
    found = bench.ready(OLD)
    assert found.generation == OLD.generation
    (member,) = found.members
    assert member.rank == 0 and member.isolation == bench.engine.isolation
    assert member.since <= found.seen


def test_a_gang_is_found_whole_and_in_the_order_of_its_ranks(bench: Bench) -> None:
    found = bench.ready(GANG)
    assert [member.rank for member in found.members] == [0, 1]


def test_asking_twice_changes_nothing(bench: Bench) -> None:
    first = bench.ready(OLD)
    again = bench.ready(OLD)
    assert again.members == first.members


def test_an_old_generation_never_wins(bench: Bench) -> None:
    bench.ready(NEW)
    bench.engine.ensure(replace(OLD, members=GANG.members))
    found = bench.engine.observe()[NEW.lease]
    assert found.generation == NEW.generation and len(found.members) == 1
    assert found.phase is MemberPhase.READY


def test_a_newer_wish_for_the_same_thing_keeps_what_runs(bench: Bench) -> None:
    first = bench.ready(OLD)
    second = bench.ready(NEW)
    assert second.generation == NEW.generation
    assert second.members == first.members


def test_a_newer_wish_for_another_thing_replaces_what_runs(bench: Bench) -> None:
    bench.ready(OLD)
    other = replace(NEW, members=(*NEW.members, Member(1, NODE, Slots.of([1]))))
    bench.engine.ensure(other)
    found = bench.until(
        OLD.lease, lambda f: f is not None and (f.generation, f.phase) == (4, MemberPhase.READY)
    )
    assert found is not None and len(found.members) == 2


def test_what_is_released_goes_and_its_generation_never_returns(bench: Bench) -> None:
    bench.ready(OLD)
    bench.gone(OLD)
    bench.engine.ensure(OLD)
    assert OLD.lease not in bench.engine.observe()
    bench.ready(NEW)


def test_releasing_an_older_generation_leaves_a_newer_one_alone(bench: Bench) -> None:
    bench.ready(NEW)
    bench.engine.release(OLD.lease, OLD.generation)
    assert bench.engine.observe()[NEW.lease].phase is MemberPhase.READY


def test_releasing_what_is_not_there_is_success_and_is_remembered(bench: Bench) -> None:
    bench.engine.release(OLD.lease, OLD.generation)
    bench.engine.ensure(OLD)
    assert OLD.lease not in bench.engine.observe()


def test_a_question_about_some_leases_is_answered_for_them_only(bench: Bench) -> None:
    bench.ready(OLD)
    bench.ready(GANG)
    assert set(bench.engine.observe()) == {OLD.lease, GANG.lease}
    assert set(bench.engine.observe([GANG.lease, LeaseId("lse_999999")])) == {GANG.lease}


def test_slots_are_clean_once_their_tenant_is_gone(bench: Bench) -> None:
    bench.ready(OLD)
    bench.gone(OLD)
    assert bench.engine.sanitise(NODE, Slots.of([0]))


def test_nobody_enters_what_is_not_there(bench: Bench) -> None:
    with pytest.raises(Unavailable):
        bench.engine.entry(LeaseId("lse_999999"), 0)
