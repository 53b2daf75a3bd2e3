"""What tests of purchase orders share: an order, its slip, and what is told of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rackrate.app import breaches, procurement, sales
from rackrate.core.breach import Breach
from rackrate.core.contract import Contract
from rackrate.core.contract import Terms as Agreed
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    EntityId,
    ProjectId,
    PurchaseId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.inventory import pool_of
from rackrate.core.money import Money
from rackrate.core.purchase import Batch, PurchaseOrder, Terms
from rackrate.core.workload import Limits
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

EAST, PO = SiteId("east"), PurchaseId("po-7")
POOL = pool_of(BlockId("east-1"), ChipId("h100"), 8)
SERVER = Limits(192_000, 2_097_152, 28_672_000)


def day(month: int, number: int = 1, year: int = 2027) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def order(*batches: tuple[int, datetime], **other: Any) -> PurchaseOrder:
    """Servers like those of block east-1, two now and two later unless it is said otherwise."""
    coming = batches or ((2, day(2)), (2, day(4)))
    return PurchaseOrder(
        other.pop("id", PO), EntityId("example"), EAST, "Example Supplier", **{
            "terms": Terms.PURCHASE, "block": BlockId("east-1"), "chip": ChipId("h100"), "gpus": 8,
            "parts": 1, "capacity": SERVER, "kw": Decimal("10.2"),
            "price": Money(190_000_000, "CNY"), "ordered": NOON,
            "batches": tuple(Batch(i, *batch) for i, batch in enumerate(coming, 1)), **other,
        }
    )  # fmt: skip


def fresh(*batches: tuple[int, datetime], **other: Any) -> Built:
    built = build(SMALL, CUSTOMERS)
    procurement.place(built.world, built.admin, order(*batches, **other))
    return built


def sign(
    built: Built,
    id: str,
    nodes: int,
    start: datetime,
    end: datetime,
    terms: Agreed | None = None,
    same_block: bool = False,
) -> Contract:
    built.clock.advance(timedelta(seconds=1))
    offer = sales.Offer.of(
        ContractId(id), ProjectId("robotics-train"), SkuId("h100.node"), nodes,
        Interval(start, end), Money(1_000_000, "CNY"), Decimal(0), same_block=same_block,
    )  # fmt: skip
    return sales.sign(built.world, built.admin, replace(offer, terms=terms or Agreed()))


def slip(built: Built, batch: int, to: datetime, dry_run: bool = False) -> procurement.Changed:
    return procurement.slip(built.world, built.admin, PO, batch, to, dry_run)


def broken(told: breaches.Consequence) -> list[tuple[str, int, datetime, datetime]]:
    return [
        (each.short.reservation.holder, each.short.nodes, *_ends(each.short.during))
        for each in told.broken
    ]


def _ends(during: Interval) -> tuple[datetime, datetime]:
    return during.start, during.end


def rows(built: Built, kind: type) -> list[Any]:
    with built.world.store.transaction() as tx:
        found: list[Any] = tx.find(kind)
    return found


def look(built: Built) -> tuple[Breach, ...]:
    with built.world.store.transaction() as tx:
        return breaches.look_at(built.world, tx, EAST)


def free(built: Built, start: datetime, end: datetime) -> int:
    with built.world.store.transaction() as tx:
        calendar = tx.fleet(EAST).pools[POOL].calendar
        return calendar.available(Interval(start, end), built.clock.now())
