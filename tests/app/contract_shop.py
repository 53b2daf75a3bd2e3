"""A small operator with one customer's contract `k1`, for what is told of contracts in prose."""

from datetime import datetime
from decimal import Decimal

import pytest

from rackrate.app import billing, books, sales
from rackrate.app.amending import Change, amend
from rackrate.core.calendar import Reservation
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    Contract,
    Terms,
)
from rackrate.core.errors import Refused
from rackrate.core.ids import ContractId, EntityId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Line, LineKind
from rackrate.core.ledger import Account
from rackrate.core.money import Money
from tests.build import CUSTOMERS, SMALL, Built, build

SHANGHAI = "Asia/Shanghai"
SELLER, TRAIN, K1 = EntityId("example"), ProjectId("robotics-train"), ContractId("k1")
NODE, NEWER = SkuId("h100.node"), SkuId("b300.node")
NOVEMBER = Month(2026, 11)
FIRST = NOVEMBER.interval(SHANGHAI).start

# Two more nodes, of a newer chip, in a block of their own.
NEW_CHIP = """
kind: chip
name: b300
vendor: NVIDIA
model: B300
source: a test
confidence: secondary
---
kind: block
name: east-new
site: east
fabric: 800G
---
kind: node
name: b300-{:03}
count: 2
site: east
block: east-new
chip: b300
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
---
kind: sku
name: b300.node
title: B300, a whole node
site: east
chip: b300
slots: 8
whole_node: true
cpus: 192
memory_gib: 2048
disk_gib: 28000
"""


def day(month: int) -> datetime:
    """The start of so many months after November 2026."""
    return NOVEMBER.plus(month).interval(SHANGHAI).start


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def nodes(count: int, start: int, end: int, monthly: str, same_block: bool = False) -> Commitment:
    during = Interval(day(start), day(end))
    amount = cny(monthly)
    return Commitment(1, CommitmentKind.CAPACITY, "", during, amount, NODE, None, count, same_block)


def shop() -> Built:
    return build(SMALL, CUSTOMERS, NEW_CHIP, now=FIRST)


def sign(
    built: Built, *wanted: Commitment, percent: int = 20, terms: Terms | None = None
) -> Contract:
    commitments = wanted or (nodes(2, 0, 36, "1000.00"),)
    offer = sales.Offer(K1, TRAIN, commitments, Decimal(percent), False, "", terms or Terms())
    return sales.sign(built.world, built.admin, offer)


def change(built: Built, asked: Change) -> Contract:
    return amend(built.world, built.admin, K1, asked, "agreed by letter")


def close(built: Built, month: Month) -> None:
    built.clock.instant = max(built.clock.instant, month.interval(SHANGHAI).end)
    billing.close(built.world, built.admin, SELLER, month)


def close_until(built: Built, month: int) -> None:
    for number in range(month):
        close(built, NOVEMBER.plus(number))


def invoiced(built: Built) -> list[Line]:
    issued = billing.find(built.world, built.admin)
    return [e.line for i in issued for e in billing.show(built.world, built.admin, i.id)[1]]


def of_kind(built: Built, kind: LineKind) -> list[str]:
    return [str(line.net.amount) for line in reversed(invoiced(built)) if line.kind is kind]


def balance(built: Built, account: Account) -> Decimal:
    found = books.balances(built.world, built.admin, SELLER)
    return sum((b.amount.amount for b in found if b.account is account), Decimal(0))


def reserved(built: Built, at: datetime) -> int:
    """Nodes that are promised to the contract; what is held for its right to renew is beside it."""
    with built.world.store.transaction() as tx:
        held = tx.find(Reservation, holder="k1")
    return sum(r.nodes for r in held if r.during.contains(at) and not r.renews)


def held(built: Built) -> list[tuple[int, datetime, datetime]]:
    """What is on the calendar now for its right to renew: nodes, from, to."""
    right = sales.right_to_renew(built.world, built.admin, K1)
    rows = () if right is None else right.held
    return sorted((r.nodes, r.during.start, r.during.end) for r in rows)


def other(built: Built, count: int, start: int, end: int, id: str = "k2") -> Contract:
    """Somebody else's contract."""
    wanted = (nodes(count, start, end, "1.00"),)
    offer = sales.Offer(ContractId(id), ProjectId("studio-render"), wanted, Decimal(0))
    return sales.sign(built.world, built.admin, offer)


def pools(built: Built, at: datetime) -> dict[str, int]:
    """Where the contract's nodes are at an instant."""
    with built.world.store.transaction() as tx:
        held = tx.find(Reservation, holder="k1")
    return {r.pool: r.nodes for r in held if r.during.contains(at) and not r.renews}


def refusal(built: Built, asked: Change) -> Refused:
    before = sales.show(built.world, built.admin, K1)
    with pytest.raises(Refused) as caught:
        change(built, asked)
    assert sales.show(built.world, built.admin, K1) == before
    return caught.value
