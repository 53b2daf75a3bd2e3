"""How long does closing a month of 10,000 and 100,000 leases take, in memory and on PostgreSQL?

    python -m benchmarks.month_close [1x] [10x]

The leases of 100 customers ran and ended in the month. Closing meters each from its events, rates
it, and writes invoices, their lines and postings in one transaction. Beside it, as the least that
any program could do: a plain loop over the same leases that adds up what each owes.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from benchmarks.measure import keep, show
from rackrate.app import billing, manifest
from rackrate.app.ports import Store
from rackrate.app.world import World
from rackrate.core.ids import CustomerId, EntityId, LeaseId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Month
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Terms, fold
from rackrate.core.parties import Customer, Project
from rackrate.core.slots import Slots
from rackrate.core.workload import Limits, Member, Spec
from rackrate.memory import MemoryStore
from rackrate.sim.world import OPERATOR, CountedIds, VirtualClock

LEASES = {"1x": 10_000, "10x": 100_000}
TARGET = {"10x": {"store": "postgresql", "seconds": 20}}
CUSTOMERS = 100
AT_ONCE = 5_000
MONTH = Month(2026, 10)
FIRST = datetime(2026, 10, 1, tzinfo=UTC)
SELLER = EntityId("example")
PER_HOUR = Decimal("17.00")
CATALOGUE = f"""
{{kind: entity, name: {SELLER}, title: Example Compute (sample), country: CN, time_zone: UTC,
 currency: CNY, invoice_series: EX, output_tax: cn-service-6}}
---
{{kind: chip, name: h100, vendor: NVIDIA, model: H100, source: benchmark, confidence: operator}}
---
{{kind: site, name: site, title: Site (simulated), entity: {SELLER}, country: CN, time_zone: UTC,
 engine: sim, simulated: true}}
---
{{kind: sku, name: h100.1, title: One GPU, site: site, chip: h100, slots: 1, cpus: 8,
 memory_gib: 64, disk_gib: 100}}
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: UTC
per_slot_hour: {{h100.1: {{on_demand: {PER_HOUR}}}}}
"""
STORY = (
    EventKind.REQUESTED,
    EventKind.STARTING,
    EventKind.RUNNING,
    EventKind.END_REQUESTED,
    EventKind.STOPPING,
    EventKind.ENDED,
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A world with nothing in it but customers, a price and leases that have ended."""

    world: World
    clock: VirtualClock


def open_shop(store: Store) -> Shop:
    clock = VirtualClock(FIRST)
    world = World(store, {}, clock, CountedIds())
    manifest.apply(world, OPERATOR, [("catalogue.yaml", CATALOGUE)], dry_run=False)
    with store.transaction() as tx:
        for number in range(CUSTOMERS):
            id, project = CustomerId(f"c{number:03}"), ProjectId(f"p{number:03}")
            tx.put(Customer(id, SELLER, "Example Buyer (sample)", "CN", "", "UTC", "CNY"))
            tx.put(Project(project, id, "Work"))
    return Shop(world, clock)


def story(number: int) -> tuple[Lease, list[LeaseEvent]]:
    """A lease of one GPU that ran for a while in the month, with its six events."""
    id = LeaseId(f"lse_{number:08}")
    customer = number % CUSTOMERS
    terms = Terms(
        id,
        CustomerId(f"c{customer:03}"),
        ProjectId(f"p{customer:03}"),
        SiteId("site"),
        SkuId("h100.1"),
        LeaseClass.ON_DEMAND,
        None,
        count=1,
        nodes=1,
        slots=1,
        limits=Limits(8000, 65536, 102400),
        spec=Spec(),
    )
    start = FIRST + timedelta(seconds=number * 7919 % 2_000_000)
    end = start + timedelta(seconds=600 + number * 104_729 % 500_000)
    members = (Member(0, NodeId("node"), Slots(1)),)
    events = [
        LeaseEvent(id, seq, start if seq < 4 else end, end, kind, "", members if seq == 1 else ())
        for seq, kind in enumerate(STORY, 1)
    ]
    return fold(terms, events), events


def fill(shop: Shop, leases: int) -> None:
    for first in range(0, leases, AT_ONCE):
        with shop.world.store.transaction() as tx:
            for number in range(first, min(first + AT_ONCE, leases)):
                lease, events = story(number)
                tx.record(lease, *events)
    shop.clock.to(FIRST + timedelta(days=40))


def close(shop: Shop, leases: int) -> dict[str, Any]:
    began, cpu = time.perf_counter(), time.process_time()
    invoices = billing.close(shop.world, OPERATOR, SELLER, MONTH)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert len(invoices) == CUSTOMERS
    net = sum(invoice.net.minor for invoice in invoices)
    assert net == plain(leases)[0], "the plain loop owes another sum"
    return {"invoices": len(invoices), "seconds": round(seconds, 2), "cpu_s": round(cpu, 2)}


def plain(leases: int) -> tuple[int, float]:
    """What is owed in cents, by a loop that knows nothing but seconds and the price."""
    stories = [story(number)[1] for number in range(leases)]
    began = time.perf_counter()
    cents = 0
    for events in stories:
        seconds = int((events[3].at - events[2].at).total_seconds())
        owed = (PER_HOUR * seconds / 3600).quantize(Decimal("0.01"), ROUND_HALF_UP)
        cents += int(owed * 100)
    return cents, time.perf_counter() - began


@contextmanager
def postgresql() -> Iterator[Store]:
    """The embedded server with its own settings (fsync on), in a folder that goes with it."""
    from rackrate.db.embedded import Embedded
    from rackrate.db.schema import migrate
    from rackrate.db.store import PostgresStore

    folder = Path(tempfile.mkdtemp(prefix="rackrate-bench-"))
    folder.chmod(0o711)
    server = Embedded(folder / "data")
    try:
        dsn = server.start()
        migrate(dsn)
        with PostgresStore(dsn) as store:
            yield store
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def memory() -> Iterator[Store]:
    yield MemoryStore()


def measure(size: str) -> Iterator[dict[str, Any]]:
    leases = LEASES[size]
    for name, opened in (("memory", memory), ("postgresql", postgresql)):
        with opened() as store:
            shop = open_shop(store)
            fill(shop, leases)
            yield {"size": size, "store": name, "leases": leases, **close(shop, leases)}
    seconds = round(plain(leases)[1], 2)
    row = {"size": size, "store": "none: a plain loop", "leases": leases}
    yield {**row, "invoices": 0, "seconds": seconds, "cpu_s": seconds}


def main(sizes: list[str]) -> None:
    rows = [row for size in sizes or list(LEASES) for row in measure(size)]
    show(rows)
    keep("month_close", "How long does closing a month take?", TARGET, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
