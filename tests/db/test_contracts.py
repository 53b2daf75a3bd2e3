"""A contract's whole life on PostgreSQL: the same answers as in memory, and the same books."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import billing, books, delivery, sales
from rackrate.app.amending import Change, End, Extend, Fewer, More, amend
from rackrate.app.ports import Store
from rackrate.core.access import Role
from rackrate.core.calendar import Reservation
from rackrate.core.contract import (
    Acceptance,
    Commitment,
    CommitmentKind,
    Damages,
    Delivery,
    EarlyEnd,
    Renewal,
    Terms,
)
from rackrate.core.errors import Refused
from rackrate.core.ids import ContractId, EntityId, ProjectId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.money import Money
from rackrate.db.store import PostgresStore
from rackrate.memory import MemoryStore
from tests.build import CUSTOMERS, SMALL, Built, build

SHANGHAI, K1 = "Asia/Shanghai", ContractId("k1")
NOVEMBER = Month(2026, 11)
TERMS = Terms(
    Acceptance.CUSTOMER,
    Renewal(2, NOVEMBER.plus(10).interval(SHANGHAI).start),
    early_end=EarlyEnd(Decimal(30)),
    damages=Damages(Decimal("0.5"), Decimal(20)),
    may_shrink_percent=Decimal(50),
)


@pytest.fixture
def postgres(database: str) -> Iterator[Store]:
    with PostgresStore(database) as store:
        yield store


def day(month: int) -> datetime:
    return NOVEMBER.plus(month).interval(SHANGHAI).start


def nodes(count: int, start: int, end: int, monthly: str) -> Commitment:
    amount = Money.parse(monthly, "CNY")
    during = Interval(day(start), day(end))
    kind = CommitmentKind.CAPACITY
    return Commitment(1, kind, "", during, amount, SkuId("h100.node"), None, count)


def live(store: Store) -> Built:
    """Signed, delivered late in two batches, accepted, amended three times, ended early, closed."""
    built = build(SMALL, CUSTOMERS, store=store, now=day(0))
    wanted = nodes(2, 1, 13, "2000.00")
    late = ((1, day(1)), (1, day(1) + timedelta(days=5)))
    project = ProjectId("robotics-train")
    offer = sales.Offer(K1, project, (wanted,), Decimal(20), terms=TERMS, batches={1: late})
    sales.sign(built.world, built.admin, offer)
    owner = built.actor("o@robotics.example", Role.OWNER, "robotics")
    changes: dict[int, Change] = {
        3: More((nodes(2, 4, 13, "2200.00"),)),
        5: Fewer(1, 1, day(7)),
        6: Extend(3, day(15)),
        9: End(day(11)),
    }
    for month in range(12):
        built.clock.instant = day(month) + timedelta(days=10)
        if month in changes:
            amend(built.world, built.admin, K1, changes[month])
        if month in (1, 2):
            delivery.deliver(built.world, built.admin, K1, 1, month)
            delivery.accept(built.world, owner, K1, 1, month)
        built.clock.instant = day(month + 1)
        billing.close(built.world, built.admin, EntityId("example"), NOVEMBER.plus(month))
    return built


def told(built: Built) -> dict[str, Any]:
    """Everything that came of it."""
    issued = billing.find(built.world, built.admin)
    with built.world.store.transaction() as tx:
        held, batches = tx.find(Reservation), tx.find(Delivery)
    return {
        "contract": sales.show(built.world, built.admin, K1),
        "lines": [billing.show(built.world, built.admin, one.id)[1] for one in issued],
        "journal": books.journal(built.world, built.admin, EntityId("example")),
        "held": sorted((each.id, each.nodes, each.during) for each in held),
        "batches": batches,
    }


def test_a_contract_s_life_is_the_same_on_both_stores(postgres: Store) -> None:
    here, there = told(live(MemoryStore())), told(live(postgres))
    for what, expected in here.items():
        assert there[what] == expected, what
    assert here["contract"][0].ended == day(11)


def test_an_amendment_that_is_refused_leaves_nothing_behind(postgres: Store) -> None:
    built = live(postgres)
    before = told(built)
    with pytest.raises(Refused):
        amend(built.world, built.admin, K1, More((nodes(1, 20, 30, "1.00"),)))
    assert told(built) == before


def test_a_customer_s_transaction_sees_no_deliveries_of_others(postgres: Store) -> None:
    built = live(postgres)
    other = built.actor("o@studio.example", Role.OWNER, "studio")
    with built.world.store.transaction() as tx:
        tx.confine(next(iter(other.customers)))
        assert tx.find(Delivery) == []
