"""How long does a quote take, with everything that would do where it does not fit?

    python -m benchmarks.quote [0.1x] [1x] [10x]

1x has 1,000 pools of one chip, 10,000 contracts and 100,000 reservations, and a tenth as many at a
second site. Each question is asked through the use case: eligible, fits, priced, its payment plan,
of one line or of a ramp; where it does not fit also how many would, from when all of them, over two
blocks, at the other site, each with its price and whole value. Nothing is held, so every run finds
the same calendar. Beside it, in the same run: a plain loop over the bookings that answers only
"from when", by trying every instant at which a booking ends, pool by pool; of a tenth of the pools,
times ten.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from benchmarks.calendar import swept
from benchmarks.measure import keep, show
from benchmarks.synthetic import CHIP, DAY, LIMITS, NOW, SITE, SIZES, Ground, ground
from rackrate.app import quotes
from rackrate.app.asking import Line
from rackrate.app.quoting import Answer, Ask
from rackrate.app.world import World
from rackrate.core.calendar import Reservation
from rackrate.core.chips import Chip, Confidence
from rackrate.core.contract import CommitmentKind
from rackrate.core.contract_price import ContractPrice, Tier, contract_price_id
from rackrate.core.ids import CustomerId, ProjectId, SiteId, SkuId
from rackrate.core.inventory import Entity, Node, Sku
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Project
from rackrate.core.timeline import seconds
from rackrate.memory import MemoryStore
from rackrate.sim.world import OPERATOR, virtual_world

RUNS = {"0.1x": 51, "1x": 31, "10x": 11}
TARGET = {"size": "1x", "question": "each", "median_ms": 50.0}
FAR = replace(SITE, id=SiteId("far"), name="Far (simulated)")
NEAR_SKU, FAR_SKU = SkuId("h100.node"), SkuId("h100.far")
PROJECT = ProjectId("acme-lab")
FEWER = {"0.1x": "0.1x", "1x": "0.1x", "10x": "1x"}
START = NOW + 90 * DAY
BESIDE = (
    Line(CommitmentKind.ONE_OFF, title="Set-up", amount=Money(10_000_000, "CNY")),
    Line(CommitmentKind.SERVICE, title="Support", amount=Money(3_000_000, "CNY")),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A wish in words; 0 nodes are one more than is free on the day.

    A ramp has so many nodes `more` three months later (-1: to a tenth more than is free), a set-up
    fee, and a service by the month.
    """

    name: str
    nodes: int
    same_block: bool
    months: int
    more: int = 0


CASES = (
    Case("fits on one block", 4, True, 12),
    Case("a whole block, for three years", 64, True, 36),
    Case("one node more than is free", 0, False, 12),
    Case("more than there is", 900_000, False, 36),
    Case("a ramp that fits, with a fee and a service", 1, True, 36, 2),
    Case("a ramp to a whole block", 16, True, 36, 48),
    Case("a ramp to a tenth more than is free", 16, False, 12, -1),
)


def world_of(here: Ground, far: Ground) -> World:
    """Catalogue and customer as rows, and the two fleets as they were built."""
    world, _ = virtual_world(NOW, (SITE.id, FAR.id))
    assert isinstance(world.store, MemoryStore)
    chip = Chip(
        CHIP, "NVIDIA", "H100", Decimal(80), Decimal(989), None, 700, "", Confidence.SECONDARY
    )
    with world.store.transaction() as tx:
        tx.add(
            Entity(SITE.entity, "Example", "CN", "", "Asia/Shanghai", "CNY", "EX", "cn-service-6")
        )
        tx.add(SITE, FAR, chip)
        for sku, site in ((NEAR_SKU, SITE), (FAR_SKU, FAR)):
            tx.add(Sku(sku, site.id, CHIP, "A whole node", 8, True, LIMITS), price_of(sku))
        buyer = CustomerId("acme")
        tx.add(Customer(buyer, SITE.entity, "Acme", "CN", "", "Asia/Shanghai", "CNY"))
        tx.add(Project(PROJECT, buyer, "Lab"))
    # The rows of the fleets would be read into just these indexes.
    world.store._state.fleets.update({SITE.id: here.fleet, FAR.id: far.fleet})
    return world


def price_of(sku: SkuId) -> ContractPrice:
    tiers = tuple(
        Tier(months, nodes, Decimal(80_000 - 100 * months - 10 * nodes))
        for months in (1, 6, 12, 24, 36, 60)
        for nodes in (1, 8, 16, 64, 256)
    )
    id, basis = contract_price_id(sku, "CNY", NOW - DAY), "per node and calendar month, before VAT"
    return ContractPrice(id, sku, "CNY", NOW - DAY, False, basis, Decimal(5), tiers)


def wish(case: Case, here: Ground, run: int) -> Ask:
    """Another day each time, so that nothing is remembered from the last."""
    nodes, start, more = case.nodes or _free(here, case, run) + 1, START + run * DAY, case.more
    if more < 0:
        more = _free(here, replace(case, more=0), run) * 11 // 10 - nodes
    return Ask(
        NEAR_SKU,
        nodes,
        start,
        case.months,
        project=PROJECT,
        same_block=case.same_block,
        prepayment_percent=Decimal(20),
        lines=(Line(sku=NEAR_SKU, nodes=more, start=start + 90 * DAY, months=case.months), *BESIDE)
        if more
        else (),
    )


def _free(here: Ground, case: Case, run: int) -> int:
    world = world_of(here, here)
    asked = replace(wish(replace(case, nodes=10**6), here, run))
    short = quotes.ask(world, OPERATOR, asked).short
    assert short is not None
    return short.nodes


def plain(here: Ground, case: Case, length: timedelta) -> None:
    """From when all of it fits, by trying every end of a booking: what a table of bookings does."""
    nodes: dict[str, list[Node]] = {}
    for node in here.nodes:
        nodes.setdefault(node.pool, []).append(node)
    held: dict[str, list[Reservation]] = {}
    for one in here.reservations:
        held.setdefault(one.pool, []).append(one)
    for pool in sorted(nodes):
        for start in sorted({one.during.end for one in held[pool] if one.during.end > START}):
            room = swept(nodes[pool], held[pool], NOW, seconds(start), seconds(start + length))
            if room >= case.nodes:
                break


def measure(size: str) -> Iterator[dict[str, Any]]:
    here, far = ground(size), ground(FEWER[size])
    world = world_of(here, far)
    few = ground("0.1x")
    for case in CASES:
        took: list[float] = []
        asked = [wish(case, here, run) for run in range(RUNS[size] + 1)]
        answer: Answer = quotes.ask(world, OPERATOR, asked.pop())
        for one in asked:
            began = time.perf_counter()
            answer = quotes.ask(world, OPERATOR, one)
            took.append(1000 * (time.perf_counter() - began))
        took.sort()
        yield {
            "size": size,
            "reservations": len(here.reservations),
            "question": case.name,
            "fits": answer.fits,
            "alternatives": len(answer.alternatives),
            "median_ms": round(statistics.median(took), 2),
            "p95_ms": round(took[int(len(took) * 0.95)], 2),
        }
    began = time.perf_counter()
    plain(few, CASES[1], 1096 * DAY)
    loop = round(1000 * (time.perf_counter() - began) * SIZES[size] / SIZES["0.1x"], 1)
    yield {
        "size": size,
        "reservations": len(here.reservations),
        "question": "none: a plain loop, from when only",
        "fits": False,
        "alternatives": 0,
        "median_ms": loop,
        "p95_ms": loop,
    }


def main(sizes: list[str]) -> None:
    rows = [row for size in sizes or list(SIZES) for row in measure(size)]
    show(rows)
    keep("quote", "How long does a quote take, with all its alternatives?", TARGET, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
