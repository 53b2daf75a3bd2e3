"""Quotes in the words of those who sell: what fits is held, and what does not has alternatives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import quotes, sales
from rackrate.app.quoting import Ask
from rackrate.core.access import Actor, Role
from rackrate.core.alternatives import Way
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Forbidden, Invalid, Missing, RackrateError, Reason, Refused
from rackrate.core.ids import ChipId, ContractId, CustomerId, ProjectId, QuoteId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.core.quote import QuoteState
from tests.build import CUSTOMERS, SMALL, Built, build

NODE, SLOW = SkuId("h100.node"), SkuId("h20.node")
ROBOTICS, TRAIN = CustomerId("robotics"), ProjectId("robotics-train")
STUDIO = CustomerId("studio")
MARCH = datetime(2027, 2, 28, 16, tzinfo=UTC)  # The first of March in Shanghai.
PRICES = """
kind: contract_price
sku: h100.node
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT, power and cooling included
floor_percent: 5
effective: 2026-01-01
time_zone: Asia/Shanghai
tiers:
- {months: 12, nodes: 1, amount: 70000.00}
- {months: 12, nodes: 3, amount: 68000.00}
- {months: 36, nodes: 1, amount: 60000.00}
- {months: 36, nodes: 3, amount: 55000.00}
---
kind: contract_price
sku: h20.node
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT, power and cooling included
floor_percent: 5
effective: 2026-01-01
time_zone: Asia/Shanghai
tiers:
- {months: 12, nodes: 1, amount: 25000.00}
"""
# A second chip with a sixth of the FLOPS, in one block of 16 nodes.
H20 = """
kind: chip
name: h20
vendor: NVIDIA
model: H20 96 GB
bf16_dense_tflops: 148
source: a test
confidence: secondary
---
kind: block
name: slow-1
site: east
fabric: 400G
---
kind: node
name: h20-{:03}
count: 16
site: east
block: slow-1
chip: h20
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: sku
name: h20.node
title: H20, a whole node
site: east
chip: h20
slots: 8
whole_node: true
cpus: 192
memory_gib: 2048
disk_gib: 28000
"""


def shop() -> Built:
    """Two blocks of two H100 nodes each, one of 16 H20 nodes, and contract prices of both."""
    return build(SMALL, H20, CUSTOMERS, PRICES)


def wish(nodes: int = 2, **other: object) -> Ask:
    plain = Ask(NODE, nodes, MARCH, months=36, customer=ROBOTICS, prepayment_percent=Decimal(20))
    return replace(plain, **other)  # type: ignore[arg-type]


def seller(built: Built) -> Actor:
    return built.actor("sales@compute.example", Role.SALES)


def free(built: Built, sku: SkuId = NODE) -> int:
    """How many nodes of the SKU's chip could be promised for March 2027, now."""
    with built.world.store.transaction() as tx:
        pools = tx.fleet(SiteId("east")).pools_of(ChipId(sku.split(".")[0]))
        window = Interval(MARCH, MARCH + timedelta(days=31))
        return sum(pool.calendar.available(window, built.clock.now()) for pool in pools)


def refused(act: object, *args: object) -> RackrateError:
    with pytest.raises(RackrateError) as caught:
        act(*args)  # type: ignore[operator]
    return caught.value
