"""Replay: a trace's jobs through the use cases of production, on a virtual clock, in memory."""

import gc
import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from rackrate.app import billing, leasing, loops, manifest
from rackrate.app.loops import Leader
from rackrate.app.world import World
from rackrate.core.access import Actor, Grant, Role
from rackrate.core.errors import Invalid, Refused
from rackrate.core.ids import CustomerId, LeaseId, PrincipalId, ProjectId, SkuId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity, Node, Site, Sku
from rackrate.core.parties import Customer, Project
from rackrate.sim.engine import SimEngine
from rackrate.sim.report import Recorder, Report
from rackrate.sim.traces import Job
from rackrate.sim.world import OPERATOR, VirtualClock, virtual_world

Progress = Callable[[int, int], None]
A_STEP = 500


@dataclass(frozen=True, slots=True)
class Ground:
    """What the jobs run on: the SKU of one GPU that they ask for, and how large its nodes are."""

    entity: Entity
    sku: SkuId
    node_slots: int
    gpus: int


def replay(
    jobs: Sequence[Job],
    fleet: Sequence[tuple[str, str]],
    progress: Progress | None = None,
) -> Report:
    """Run every job and bill every month. A job that does not fit is refused, and not tried again.

    `fleet` are manifests (name, text). The end of the trace is the end of its last job.
    """
    return replayed(jobs, fleet, progress)[1]


def replayed(
    jobs: Sequence[Job],
    fleet: Sequence[tuple[str, str]],
    progress: Progress | None = None,
) -> tuple[World, Report]:
    """`replay`, with the world as it is afterwards: every row of it, for who wants to look."""
    world, clock = virtual_world(jobs[0].at - timedelta(days=1), ())
    manifest.apply(world, OPERATOR, fleet, dry_run=False)
    ground = _ground(world, clock)
    leader = loops.lead(world, "replay")
    assert leader is not None
    run = _Run(world, clock, ground, leader, Recorder(ground.gpus, jobs[0].at))
    run.tenants(sorted({job.tenant for job in jobs}))
    with _looked_at_once():
        for done, job in enumerate(jobs):
            run.until(job.at)
            run.start(job)
            if done % A_STEP == 0:
                _keep_what_is_new()
                if progress is not None:
                    progress(done, len(jobs))
        run.finish()
    if progress is not None:
        progress(len(jobs), len(jobs))
    return world, run.recorder.report(world, ground.entity)


@contextmanager
def _looked_at_once() -> Iterator[None]:
    """Rows stay until the end, and there are millions: the collector need not look at them again.

    That takes a fifth off the time. What is garbage is still found, in `_keep_what_is_new`.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()


def _keep_what_is_new() -> None:
    gc.collect(0)
    gc.freeze()


def shape(gpus: int, node_slots: int) -> tuple[int, int]:
    """(nodes, slots on each): as few nodes as can be, all alike.

    12 GPUs on nodes of 8 are 2 x 6; 13 are 13 x 1, since a gang's members are equal.
    """
    nodes = -(-gpus // node_slots)
    while gpus % nodes:
        nodes += 1
    return nodes, gpus // nodes


class _Run:
    """The state of one replay: who is running until when, and which month is next to close."""

    def __init__(
        self,
        world: World,
        clock: VirtualClock,
        ground: Ground,
        leader: Leader,
        recorder: Recorder,
    ) -> None:
        self.world = world
        self.clock = clock
        self.ground = ground
        self.leader = leader
        self.recorder = recorder
        self.actors: dict[str, Actor] = {}
        self.running: list[tuple[datetime, LeaseId, int, str]] = []
        self.month = Month.of(clock.now(), ground.entity.time_zone)
        self.month_end = self.month.interval(ground.entity.time_zone).end
        self.used = 0

    def tenants(self, names: Sequence[str]) -> None:
        """Each tenant of the trace becomes a customer with one project."""
        entity = self.ground.entity
        with self.world.store.transaction() as tx:
            for name in names:
                customer = CustomerId(name)
                tx.put(
                    Customer(
                        customer,
                        entity.id,
                        f"Tenant {name} of the trace",
                        entity.country,
                        "",
                        entity.time_zone,
                        entity.currency,
                    ),
                    Project(ProjectId(name), customer, name),
                )
                principal = PrincipalId(name)
                grant = Grant(f"{name}:owner:{name}", principal, Role.OWNER, customer)
                self.actors[name] = Actor(principal, (grant,))

    def start(self, job: Job) -> None:
        nodes, slots = shape(job.gpus, self.ground.node_slots)
        wish = leasing.Ask(ProjectId(job.tenant), self.ground.sku, slots, nodes)
        try:
            lease = leasing.start(self.world, self.actors[job.tenant], wish)
        except Refused as refusal:
            self.recorder.refused(refusal.reason, job)
            return
        self._settle()
        heapq.heappush(
            self.running,
            (job.at + timedelta(seconds=job.seconds), lease.id, job.gpus, job.tenant),
        )
        self.used += job.gpus
        self.recorder.uses(job.at, self.used)

    def until(self, instant: datetime) -> None:
        """Let time pass: leases end, and months are closed when they are over."""
        while True:
            at = self.running[0][0] if self.running else instant
            if min(at, instant) >= self.month_end:
                self._close_month()
            elif at <= instant and self.running:
                self._end()
            else:
                break
        self.clock.to(instant)

    def finish(self) -> None:
        """End what still runs, at its own time, and close the last month."""
        while self.running:
            self.until(self.running[0][0])
        self.until(self.month_end)

    def _end(self) -> None:
        at, lease, gpus, tenant = heapq.heappop(self.running)
        self.clock.to(at)
        leasing.end(self.world, self.actors[tenant], lease)
        self._settle()
        self.used -= gpus
        self.recorder.uses(at, self.used)

    def _settle(self) -> None:
        hinted = self.world.hints.take()
        unsettled = loops.provision(self.world, self.leader, hinted)
        assert not unsettled, f"the pretended engine leaves nothing to wait for: {unsettled}"

    def _close_month(self) -> None:
        self.clock.to(self.month_end)
        invoices = billing.close(self.world, OPERATOR, self.ground.entity.id, self.month)
        if invoices:
            self.recorder.closed(self.month, invoices)
        self.month = self.month.plus(1)
        self.month_end = self.month.interval(self.ground.entity.time_zone).end


def _ground(world: World, clock: VirtualClock) -> Ground:
    """Read what was applied, and give every site an engine that pretends."""
    with world.store.transaction() as tx:
        sites, skus, nodes = tx.find(Site), tx.find(Sku), tx.find(Node)
        entities = tx.find(Entity)
    singles = [sku for sku in skus if not sku.whole_node and sku.slots == 1]
    if len(entities) != 1 or len(singles) != 1 or not nodes:
        raise Invalid("fleet", "a replay wants one entity, nodes, and one SKU of a single slot")
    for site in sites:
        engines = world.engines
        assert isinstance(engines, dict)
        engines[site.id] = SimEngine(clock)
    of_sku = [node for node in nodes if node.chip == singles[0].chip]
    return Ground(
        entities[0],
        singles[0].id,
        min(node.slots for node in of_sku),
        sum(node.slots for node in of_sku),
    )
