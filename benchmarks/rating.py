"""How long does it take to rate and invoice a month of 10,000, 100,000 and 1,000,000 intervals?

    python -m benchmarks.rating [0.1x] [1x] [10x]

Of a thousand intervals a hundred leases ran, each ten times, for one customer with one contract.
Prices changed in the month, and every tenth customer has its own. The close meters each lease from
its log of events, rates it, adds the contract's instalment, and writes invoices, lines and
postings: one process, one thread, one transaction. Beside it a plain loop over the same intervals,
record by record, that knows nothing but seconds and two prices; both must owe the same to the cent.
`peak_gib` is of the whole process, with the events that it was given. With CLOUDKITTY_PYTHON, a
Python that has CloudKitty installed, its rating module rates the same records in the same run: what
the price of each is, without metering, lines, tax or invoices.
"""

import csv
import gc
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from benchmarks.measure import keep, show
from rackrate.app import billing, manifest, sales
from rackrate.app.world import World
from rackrate.core.ids import (
    ContractId,
    CustomerId,
    EntityId,
    LeaseId,
    NodeId,
    ProjectId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import InvoiceLine, LineKind
from rackrate.core.lease import EventKind, Lease, LeaseClass, LeaseEvent, Phase, Terms, Wanted
from rackrate.core.money import Money
from rackrate.core.slots import Slots
from rackrate.core.workload import Limits, Member, Spec
from rackrate.memory import MemoryStore
from rackrate.sim.engine import SimEngine
from rackrate.sim.world import OPERATOR, CountedIds, VirtualClock

SIZES = {"0.1x": 10_000, "1x": 100_000, "10x": 1_000_000}
TARGET = {"10x": {"seconds": 15, "peak_gib": 2}}
RUNS = 10
LEASES_EACH = 100
MONTH = Month(2026, 10)
FIRST, CHANGE = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 16, tzinfo=UTC)
SELLER, SITE, SKU = EntityId("example"), SiteId("site"), SkuId("h100.1")
BEFORE, AFTER, OWN = Decimal("17.00"), Decimal("15.30"), Decimal("13.77")
MONTHLY = Decimal("62050.00")
LIMITS = Limits(8_000, 65_536, 102_400)
CATALOGUE = """
{{kind: entity, name: example, title: Example Compute (sample), country: CN, time_zone: UTC,
 currency: CNY, invoice_series: EX, output_tax: cn-service-6}}
---
{{kind: chip, name: h100, vendor: NVIDIA, model: H100, source: benchmark, confidence: operator}}
---
{{kind: site, name: site, title: Site (simulated), entity: example, country: CN, time_zone: UTC,
 engine: sim, simulated: true}}
---
{{kind: block, name: block, site: site, fabric: 400G}}
---
{{kind: node, name: "node-{{:05}}", count: {customers}, site: site, block: block, chip: h100,
 gpus: 8, cpus: 192, memory_gib: 2048, disk_gib: 28000}}
---
{{kind: sku, name: h100.1, title: One GPU, site: site, chip: h100, slots: 1, cpus: 8,
 memory_gib: 64, disk_gib: 100}}
---
{{kind: sku, name: h100.node, title: One node, site: site, chip: h100, slots: 8, whole_node: true,
 cpus: 192, memory_gib: 2048, disk_gib: 28000}}
---
{{kind: price_book, currency: CNY, tax_included: false, effective: 2026-01-01, time_zone: UTC,
 per_slot_hour: {{h100.1: {{on_demand: 17.00}}}}}}
---
{{kind: price_book, currency: CNY, tax_included: false, effective: 2026-10-16, time_zone: UTC,
 per_slot_hour: {{h100.1: {{on_demand: 15.30}}}}}}
"""
CUSTOMER = """
---
{{kind: customer, name: c{number:04}, title: Example Buyer (sample), entity: example, country: CN,
 time_zone: UTC, currency: CNY}}
---
{{kind: project, name: p{number:04}, title: Work, customer: c{number:04}}}
"""
PRICE = """
---
{{kind: price_book, currency: CNY, tax_included: false, effective: 2026-09-15, time_zone: UTC,
 customer: c{number:04}, per_slot_hour: {{h100.1: {{on_demand: 13.77}}}}}}
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A world with customers, their contracts and prices, and leases that ran in the month."""

    world: World
    clock: VirtualClock
    customers: int


def open_shop(intervals: int) -> Shop:
    clock, customers = VirtualClock(FIRST - timedelta(days=20)), intervals // RUNS // LEASES_EACH
    world = World(MemoryStore(), {SITE: SimEngine(clock)}, clock, CountedIds())
    text = CATALOGUE.format(customers=customers) + "".join(
        CUSTOMER.format(number=number) for number in range(customers)
    )
    own = "".join(PRICE.format(number=number) for number in range(0, customers, 10))
    manifest.apply(world, OPERATOR, [("catalogue.yaml", text), ("own.yaml", own)])
    clock.to(FIRST)
    for number in range(customers):
        _sign(world, number)
    return Shop(world, clock, customers)


def _sign(world: World, number: int) -> None:
    months = Interval(FIRST, datetime(2028, 10, 1, tzinfo=UTC))
    offer = sales.Offer.of(
        ContractId(f"k{number:04}"),
        ProjectId(f"p{number:04}"),
        SkuId("h100.node"),
        1,
        months,
        Money.parse(str(MONTHLY), "CNY"),
        Decimal(20),
    )
    sales.sign(world, OPERATOR, offer)


def runs(number: int) -> Iterator[tuple[datetime, datetime]]:
    """When a lease ran: ten times, with a gap after each, from a start of its own."""
    at = FIRST + timedelta(seconds=number * 7_919 % 1_000_000)
    for turn in range(RUNS):
        length = 600 + (number * 104_729 + turn * 15_485_863) % 100_000
        yield at, at + timedelta(seconds=length)
        at += timedelta(seconds=length + 60 + turn)


def story(number: int) -> tuple[Lease, list[LeaseEvent]]:
    """A lease of one to eight GPUs with the log of its ten runs."""
    id, whose, slots = LeaseId(f"lse_{number:08}"), number // LEASES_EACH, number % 8 + 1
    terms = Terms(
        id,
        CustomerId(f"c{whose:04}"),
        ProjectId(f"p{whose:04}"),
        SITE,
        SKU,
        LeaseClass.ON_DEMAND,
        None,
        count=slots,
        nodes=1,
        slots=slots,
        limits=LIMITS,
        spec=Spec(),
    )
    members = (Member(0, NodeId("node-00001"), Slots((1 << slots) - 1)),)
    times = list(runs(number))
    told = [(times[0][0], EventKind.REQUESTED), (times[0][0], EventKind.STARTING)]
    for start, end in times:
        told += [(start, EventKind.RUNNING), (end, EventKind.INTERRUPTED)]
    told += [(times[-1][1], EventKind.END_REQUESTED), (times[-1][1], EventKind.STOPPING)]
    told.append((times[-1][1], EventKind.ENDED))
    events = [
        LeaseEvent(id, seq, at, at, kind, "", members if seq == 1 else ())
        for seq, (at, kind) in enumerate(told, 1)
    ]
    # As the fold of the log would be, which is not what is measured.
    row = Lease(
        id, terms.customer, terms.project, terms, Wanted.ENDED, Phase.ENDED, 1, len(events),
        events[-1].at, events[0].at, (), ended=events[-1].at,
    )  # fmt: skip
    return row, events


def fill(shop: Shop) -> None:
    with shop.world.store.transaction() as tx:
        for number in range(shop.customers * LEASES_EACH):
            lease, events = story(number)
            tx.record(lease, *events)
    shop.clock.to(FIRST + timedelta(days=40))


def plain(customers: int) -> tuple[int, float]:
    """What is owed in cents, record by record: a loop that knows seconds and prices."""
    records = [
        (number, number % 8 + 1, start, end)
        for number in range(customers * LEASES_EACH)
        for start, end in runs(number)
    ]
    began = time.perf_counter()
    sums: dict[tuple[int, Decimal], Decimal] = {}
    for number, slots, start, end in records:
        own = OWN if number // LEASES_EACH % 10 == 0 else None
        for price, since, until in (
            (BEFORE, start, min(end, CHANGE)),
            (AFTER, max(start, CHANGE), end),
        ):
            seconds = int((until - since).total_seconds())
            if seconds > 0:
                key = number, own or price
                sums[key] = sums.get(key, Decimal(0)) + (own or price) * seconds * slots
    cent, hour = Decimal("0.01"), 3600
    owed = sum(int((each / hour).quantize(cent, ROUND_HALF_UP) * 100) for each in sums.values())
    return owed, time.perf_counter() - began


def cloudkitty(customers: int, python: str) -> tuple[Decimal, float]:
    """What CloudKitty's rating module makes of the records, cut where the price changes."""
    peer = Path(__file__).parent / "peers" / "cloudkitty_rating.py"
    with tempfile.TemporaryDirectory() as folder:
        records, tariffs = Path(folder, "records.csv"), Path(folder, "tariffs.csv")
        with tariffs.open("w", newline="") as file:
            csv.writer(file).writerows([("before", BEFORE), ("after", AFTER), ("own", OWN)])
        with records.open("w", newline="") as file:
            csv.writer(file).writerows(_cut(customers))
        given = [python, "-W", "ignore", str(peer), str(records), str(tariffs)]
        said = subprocess.run(given, check=True, capture_output=True, text=True).stdout.split()
    return Decimal(said[-2]), float(said[-1])


def _cut(customers: int) -> Iterator[tuple[int, int, int, str]]:
    """Lease, slots, seconds and tariff of each record."""
    for number in range(customers * LEASES_EACH):
        own = number // LEASES_EACH % 10 == 0
        for start, end in runs(number):
            pieces = (("before", start, min(end, CHANGE)), ("after", max(start, CHANGE), end))
            for tariff, since, until in (("own", start, end),) if own else pieces:
                if since < until:
                    seconds = int((until - since).total_seconds())
                    yield number, number % 8 + 1, seconds, tariff


def measure(size: str) -> Iterator[dict[str, Any]]:
    shop = open_shop(SIZES[size])
    fill(shop)
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    invoices = billing.close(shop.world, OPERATOR, SELLER, MONTH)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    with shop.world.store.transaction() as tx:
        lines = [each.line for each in tx.find(InvoiceLine)]
    used = sum(line.net.minor for line in lines if line.kind is LineKind.USAGE)
    assert len(invoices) == shop.customers
    owed, loop = plain(shop.customers)
    assert used == owed, f"the plain loop owes {owed}, the invoices {used}"
    row = {"size": size, "intervals": SIZES[size], "leases": shop.customers * LEASES_EACH}
    row["contracts"] = shop.customers
    yield {
        **row, "how": "closing the month", "lines": len(lines), "seconds": round(seconds, 2),
        "cpu_s": round(cpu, 2), "peak_gib": round(peak, 2),
    }  # fmt: skip
    yield {
        **row, "how": "a plain loop, record by record", "lines": 0, "seconds": round(loop, 2),
        "cpu_s": round(loop, 2), "peak_gib": 0,
    }  # fmt: skip
    python = os.environ.get("CLOUDKITTY_PYTHON")
    if python:
        sum_of_all, took = cloudkitty(shop.customers, python)
        assert abs(sum_of_all * 100 - owed) < len(lines), "CloudKitty's prices are others"
        yield {
            **row, "how": "CloudKitty, rating only", "lines": 0, "seconds": round(took, 2),
            "cpu_s": round(took, 2), "peak_gib": 0,
        }  # fmt: skip


def main(sizes: list[str]) -> None:
    rows = [row for size in sizes or list(SIZES) for row in measure(size)]
    show(rows)
    keep("rating", "How long does it take to rate and invoice a month of usage?", TARGET, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
