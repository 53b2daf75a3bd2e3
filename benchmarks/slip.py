"""How long does it take to say whose promises a late truck breaks, and what would mend them?

    python -m benchmarks.slip [0.1x] [1x] [10x]

1x has 1,000 pools, 10,000 contracts and 100,000 reservations. A purchase order of six nodes for one
block comes a year late: its whole use case is timed, with the rows that it writes and reads, from
the question "what would happen" (dry run) to the slip itself. Each slip is of another block. Beside
it, in the same run, a plain loop over every reservation of the site, once as it was and once as it
is, which finds the blocks that are short and nothing more.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks.calendar import plain
from benchmarks.measure import keep, show
from benchmarks.synthetic import (
    ARRIVING,
    CHIP,
    CUSTOMERS,
    DAY,
    KW,
    LIMITS,
    NOW,
    SITE,
    SIZES,
    YEARS_5,
    Ground,
    ground,
)
from rackrate.app import procurement
from rackrate.app.world import World
from rackrate.core.access import Actor, Grant, Role
from rackrate.core.contract import Commitment, CommitmentKind, Contract
from rackrate.core.ids import (
    ContractId,
    CustomerId,
    PrincipalId,
    ProjectId,
    PurchaseId,
    SkuId,
)
from rackrate.core.inventory import Block, Node
from rackrate.core.money import Money
from rackrate.core.purchase import Batch, PurchaseOrder
from rackrate.core.purchase import Terms as Bought
from rackrate.memory import MemoryStore
from rackrate.sim.world import CountedIds, VirtualClock

RUNS = {"0.1x": 50, "1x": 50, "10x": 50}
TARGET = {"size": "1x", "act": "slip", "median_ms": 200.0}
LATE = 365 * DAY
ADMIN = PrincipalId("admin")
ACTOR = Actor(ADMIN, (Grant("admin", ADMIN, Role.ADMIN),))


def order(number: int, nodes: list[Node]) -> PurchaseOrder:
    first = nodes[0]
    assert first.ready is not None
    return PurchaseOrder(
        PurchaseId(f"po{number:05}"),
        SITE.entity,
        SITE.id,
        "Example Supplier (sample)",
        Bought.PURCHASE,
        first.block,
        CHIP,
        8,
        1,
        LIMITS,
        KW,
        Money(200_000_000, "CNY"),
        NOW - DAY,
        (Batch(1, ARRIVING, first.ready),),
    )


def contract(id: str, number: int) -> Contract:
    every = Commitment(
        1,
        CommitmentKind.CAPACITY,
        "",
        YEARS_5,
        Money(7_000_000, "CNY"),
        SkuId("h100.node"),
        SITE.id,
        1,
    )
    customer = CustomerId(f"c{number % CUSTOMERS:03}")
    signed = NOW - (number % 300) * DAY
    project = ProjectId(customer)
    zero = every.amount.amount * 0
    return Contract(
        ContractId(id), SITE.entity, customer, project, "CNY", (every,), zero, False, signed
    )


def world(there: Ground) -> tuple[World, list[PurchaseId]]:
    """The ground in a store, with an order for each block's nodes that are to come."""
    store = MemoryStore()
    coming: dict[str, list[Node]] = {}
    for node in there.nodes:
        if node.ready is not None:
            coming.setdefault(node.block, []).append(node)
    orders = [order(number, nodes) for number, nodes in enumerate(coming.values())]
    of_block = {one.block: one.id for one in orders}
    with store.transaction() as tx:
        tx.add(SITE, *(Block(block, SITE.id, "") for block in of_block), *orders)
        tx.add(
            *(
                replace(node, order=of_block[node.block], batch=1) if node.ready else node
                for node in there.nodes
            )
        )
        holders = sorted({held.holder for held in there.reservations})
        tx.add(*(contract(id, number) for number, id in enumerate(holders)), *there.reservations)
    return World(store, {}, VirtualClock(NOW), CountedIds()), [one.id for one in orders]


def timed(there: World, orders: list[PurchaseId], dry_run: bool) -> tuple[dict[str, Any], int]:
    took, broken = [], 0
    for id in orders:
        with there.store.transaction() as tx:
            day = tx.get(PurchaseOrder, id).batches[0].expected + LATE
        began = time.perf_counter()
        changed = procurement.slip(there, ACTOR, id, 1, day, dry_run)
        took.append(1000 * (time.perf_counter() - began))
        broken += len(changed.told.broken)
    took.sort()
    median, p95 = statistics.median(took), took[int(len(took) * 0.95)]
    return {"median_ms": round(median, 2), "p95_ms": round(p95, 2)}, broken


def measure(size: str) -> Iterator[dict[str, Any]]:
    there = ground(size)
    began = time.perf_counter()
    before = plain(there, NOW, YEARS_5)
    late = {node.id for node in there.nodes if node.ready and node.block == there.nodes[0].block}
    moved = [
        replace(node, ready=node.ready + LATE) if node.id in late and node.ready else node
        for node in there.nodes
    ]
    after = plain(replace(there, nodes=tuple(moved)), NOW, YEARS_5)
    peer = 1000 * (time.perf_counter() - began)
    assert before[1:] == after[1:]
    built, orders = world(there)
    orders = orders[:: max(1, len(orders) // RUNS[size])][: RUNS[size]]
    row = {"size": size, "contracts": there.contracts, "reservations": len(there.reservations)}
    for act, dry_run in (("dry run", True), ("slip", False)):
        took, broken = timed(built, orders, dry_run)
        over = round(peer / took["median_ms"])
        each = round(broken / len(orders), 1)
        yield {**row, "act": act, "broken_each": each, **took, "peer_over": over}
    loop = {"median_ms": round(peer, 2), "p95_ms": round(peer, 2)}
    yield {**row, "act": "a plain loop", "broken_each": 0, **loop, "peer_over": 1}


def main(sizes: list[str]) -> None:
    rows = [row for size in sizes or list(SIZES) for row in measure(size)]
    show(rows)
    keep("slip", "Whose promises does a late order break, and what would mend them?", TARGET, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
