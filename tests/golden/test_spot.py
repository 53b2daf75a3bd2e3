"""An afternoon of spot on four nodes, two of them lent by a contract, in prose.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from rackrate.app import indices, leasing, sales
from rackrate.app.leasing import Ask
from rackrate.core.ids import ContractId, IndexId, ProjectId, SkuId
from rackrate.core.interval import Interval, zone
from rackrate.core.lease import EventKind, LeaseClass, Phase
from tests.app.money_shop import SHANGHAI, STUDIO, Shop, cny, open_shop
from tests.golden.telling import done, subjects

GOLDEN = Path(__file__).with_name("spot.txt")
TRAIN, RENDER = ProjectId("robotics-train"), ProjectId("studio-render")
GPU, NODE, INDEX = SkuId("h100.1"), SkuId("h100.node"), IndexId("example-h100")
CONTRACT = ContractId("robotics-2026")
Told = tuple[str, Callable[[Shop], object]]
FILES = """
kind: price_index
name: example-h100
title: Example H100 index (sample)
currency: CNY
unit: gpu_hour
tax_included: false
source: Example Index (sample data)
time_zone: Asia/Shanghai
values: [{from: 2026-10-01, value: 10.00}]
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-11-02
time_zone: Asia/Shanghai
rules: {h100.1: {spot: {index: example-h100, times: 0.9, floor: 5.00, cap: 12.00}}}
"""


def sign(shop: Shop) -> object:
    now = shop.built.clock.now()
    during = Interval(now, now + timedelta(days=365))
    offer = sales.Offer.of(CONTRACT, TRAIN, NODE, 2, during, cny("90000.00"), Decimal(0))
    return sales.sign(shop.built.world, shop.built.admin, offer)


def start(shop: Shop, klass: LeaseClass, count: int = 1) -> object:
    asks = {
        LeaseClass.SPOT: Ask(RENDER, GPU, count, klass=klass),
        LeaseClass.ON_DEMAND: Ask(TRAIN, NODE, count),
        LeaseClass.CONTRACT: Ask(TRAIN, NODE, count, klass=klass, contract=CONTRACT),
    }
    return leasing.start(shop.built.world, shop.built.admin, asks[klass])


def spot(shop: Shop) -> None:
    for _ in range(4):
        start(shop, LeaseClass.SPOT, 8)


def publish(shop: Shop, value: str) -> object:
    now = shop.built.clock.now()
    return indices.publish(shop.built.world, shop.built.admin, INDEX, Decimal(value), now)


def pass_by(shop: Shop, minutes: int) -> object:
    return shop.built.clock.advance(timedelta(minutes=minutes))


def end(shop: Shop) -> None:
    for lease in leasing.find(shop.built.world, shop.built.admin, leasing.Filter(live=True)):
        leasing.end(shop.built.world, shop.built.admin, lease.id)


STORY: tuple[Told, ...] = (
    (
        "Spot is nine tenths of an index that stands at 10.00, at least 5.00 and at most 12.00.",
        lambda s: s.built.apply(FILES),
    ),
    ("Robotics signs for two of the four nodes, and uses neither.", sign),
    (
        "The nodes of a contract that has just begun are its own: spot has only the other two.",
        spot,
    ),
    ("Two days later they are lent, since nobody uses them.", lambda s: pass_by(s, 2880)),
    ("Studio takes what there is.", spot),
    ("An hour later the index is published as 16.00: from now on spot is 12.00, its cap.",
     lambda s: (pass_by(s, 60), publish(s, "16.00"))),
    (("A quarter of an hour later Robotics starts a node on demand: none is sold on demand while "
     "two are its contract's, and spot is on the others. It waits."),
     lambda s: (pass_by(s, 15), start(s, LeaseClass.ON_DEMAND))),
    ("Four minutes later it still waits, and no new spot takes its place.",
     lambda s: (pass_by(s, 4), start(s, LeaseClass.SPOT))),
    ("A minute later the notice is over.", lambda s: pass_by(s, 1)),
    ("Robotics uses a node of its contract.", lambda s: start(s, LeaseClass.CONTRACT)),
    ("Five minutes later it has it.", lambda s: pass_by(s, 5)),
    ("The index falls to 3.00: spot is 5.00, its floor, for another hour.",
     lambda s: (publish(s, "3.00"), pass_by(s, 60))),
    ("All that runs is ended.", end),
)  # fmt: skip


def tell(shop: Shop, said: str, act: Callable[[Shop], object], known: set[str]) -> list[str]:
    text = done(shop, said, act)
    text += subjects(shop, known, STUDIO, ("lease.",))
    return [*text, f"    {running(shop)}"]


def running(shop: Shop) -> str:
    found = []
    leases = leasing.find(shop.built.world, shop.built.admin, leasing.Filter(live=True))
    for lease in sorted(leases, key=lambda each: each.id):
        state = "waits" if lease.waits else "runs" if lease.phase is Phase.RUNNING else lease.phase
        until = f" until {lease.until.astimezone(zone(SHANGHAI)):%H:%M}" if lease.until else ""
        found.append(f"{lease.id} ({lease.terms.klass}) {state}{until}")
    return "; ".join(found) or "nothing runs"


def billed(shop: Shop) -> list[str]:
    """Studio's invoice, line by line, with the hours of its GPUs; and why each lease ended."""
    text = []
    for invoice in shop.close():
        for line in shop.lines(invoice.id) if invoice.customer == STUDIO else ():
            hours = Decimal(line.quantity) / 3_600_000
            text.append(f"{line.lease}: {hours:.4f} GPU-hours at {line.rate} = {line.net}")
    leases = leasing.find(shop.built.world, shop.built.admin, leasing.Filter(customer=STUDIO))
    for lease in sorted(leases, key=lambda each: each.id):
        _, events = leasing.show(shop.built.world, shop.built.admin, lease.id)
        asked = next(each for each in events if each.kind is EventKind.END_REQUESTED)
        text.append(f"{lease.id} ended: {asked.cause}")
    return text


def test_an_afternoon_of_spot_reads_as_it_did() -> None:
    shop, known = open_shop(), set[str]()
    text = [line for what in STORY for line in tell(shop, *what, known)]
    told = "\n".join([*text, "What Studio is billed:", *(f"    {x}" for x in billed(shop))]) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()
