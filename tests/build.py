"""A deterministic world for tests: a clock that is set, ids that count, a store in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from rackrate.app import identity
from rackrate.app.manifest import Applied, apply
from rackrate.app.ports import Engine, Store
from rackrate.app.world import Settings, World
from rackrate.core.access import Actor, Role
from rackrate.core.ids import CustomerId, PrincipalId, ProjectId, SiteId
from rackrate.memory import MemoryStore
from rackrate.sim.engine import SimEngine

EXAMPLES = Path(__file__).parent.parent / "examples"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass(slots=True)
class SetClock:
    """Stands still until a test moves it."""

    instant: datetime = NOON

    def now(self) -> datetime:
        return self.instant

    def advance(self, by: timedelta) -> datetime:
        self.instant += by
        return self.instant


@dataclass(slots=True)
class CountingIds:
    """`lse_000001`, `lse_000002`, …: each prefix counts by itself, so one kind moves no other."""

    _counts: "dict[str, count[int]]" = field(default_factory=dict)

    def new(self, prefix: str) -> str:
        return f"{prefix}_{next(self._counts.setdefault(prefix, count(1))):06}"

    def secret(self) -> str:
        return f"secret{next(self._counts.setdefault('secret', count(1))):034}"


@dataclass(frozen=True, slots=True)
class Built:
    """A world with the parts that a test moves, and its administrator."""

    world: World
    clock: SetClock
    ids: CountingIds
    admin: Actor

    def apply(self, *texts: str, dry_run: bool = False) -> Applied:
        """Apply YAML texts as the administrator; they are called `1.yaml`, `2.yaml`, …"""
        files = [(f"{i}.yaml", text) for i, text in enumerate(texts, 1)]
        return apply(self.world, self.admin, files, dry_run)

    def apply_files(self, *paths: Path) -> Applied:
        return apply(self.world, self.admin, [(path.name, path.read_text()) for path in paths])

    def actor(
        self,
        email: str,
        role: Role,
        customer: str | None = None,
        project: str | None = None,
    ) -> Actor:
        """Somebody new, with one role."""
        whose = None if customer is None else CustomerId(customer)
        where = None if project is None else ProjectId(project)
        identity.grant(self.world, self.admin, email, role, whose, where)
        with self.world.store.transaction() as tx:
            return identity.actor_of(tx, PrincipalId(email))


def build(
    *texts: str,
    store: Store | None = None,
    engines: Mapping[SiteId, Engine] | None = None,
    now: datetime = NOON,
    settings: Settings | None = None,
) -> Built:
    """A world in which these YAML texts have been applied; site `east` is simulated."""
    clock, ids = SetClock(now), CountingIds()
    world = World(
        MemoryStore() if store is None else store,
        {SiteId("east"): SimEngine(clock)} if engines is None else engines,
        clock,
        ids,
        settings or Settings(),
    )
    assert identity.bootstrap(world) is not None
    with world.store.transaction() as tx:
        admin = identity.actor_of(tx, identity.ADMIN)
    built = Built(world, clock, ids, admin)
    if texts:
        built.apply(*texts)
    return built


# A small operator with everything: 4 nodes of 8 GPUs in two blocks, prices, two customers.
SMALL = """
kind: entity
name: example
title: Example Compute (sample)
country: CN
time_zone: Asia/Shanghai
currency: CNY
invoice_series: EX
output_tax: cn-service-6
---
kind: site
name: east
title: East (simulated)
entity: example
country: CN
time_zone: Asia/Shanghai
engine: sim
simulated: true
---
kind: chip
name: h100
vendor: NVIDIA
model: H100 SXM5 80 GB
memory_gb: 80
bf16_dense_tflops: 989
source: a test
confidence: secondary
---
kind: block
name: east-{}
count: 2
site: east
fabric: 400G
---
kind: node
name: h100-{:03}
count: 4
site: east
block: east-{}
nodes_per_block: 2
chip: h100
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: sku
name: h100.1
title: H100, one GPU
site: east
chip: h100
slots: 1
cpus: 24
memory_gib: 256
disk_gib: 3500
---
kind: sku
name: h100.node
title: H100, a whole node
site: east
chip: h100
slots: 8
whole_node: true
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_slot_hour:
  h100.1: {on_demand: 17.00, spot: 8.50}
  h100.node: {on_demand: 16.00}
"""

CUSTOMERS = """
kind: customer
name: robotics
title: Example Robotics (sample)
entity: example
country: CN
time_zone: Asia/Shanghai
currency: CNY
---
kind: project
name: robotics-train
title: Training
customer: robotics
---
kind: customer
name: studio
title: Example Studio (sample)
entity: example
country: CN
time_zone: Asia/Shanghai
currency: CNY
---
kind: project
name: studio-render
title: Rendering
customer: studio
"""
