"""Orders in prose: what is bought is in the calendar at once, and a late truck breaks a promise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import breaches, fleet, procurement, sales
from rackrate.app.procurement import Part
from rackrate.core.access import Role
from rackrate.core.breach import Breach
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import Contract
from rackrate.core.errors import Conflict, Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    EntityId,
    NodeId,
    ProjectId,
    PurchaseId,
    RackId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState, Rack, Site, pool_of
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
        PO, EntityId("example"), EAST, "Example Supplier", **{
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


def sign(built: Built, id: str, nodes: int, start: datetime, end: datetime) -> Contract:
    built.clock.advance(timedelta(seconds=1))
    return sales.sign(
        built.world,
        built.admin,
        sales.Offer.of(
            ContractId(id), ProjectId("robotics-train"), SkuId("h100.node"), nodes,
            Interval(start, end), Money(1_000_000, "CNY"), Decimal(0),
        ),
    )  # fmt: skip


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


# -- placing ------------------------------------------------------------------------------------


def test_what_is_ordered_can_be_sold_from_the_days_that_it_is_expected() -> None:
    built = fresh()
    assert free(built, day(1), day(2)) == 2
    assert free(built, day(2), day(4)) == 4
    assert free(built, day(4), day(12)) == 6
    contract = sign(built, "big", 6, day(5), day(5, year=2028))
    assert contract.id == "big"


def test_what_is_on_its_way_is_not_on_the_map_until_it_is_racked() -> None:
    built = fresh()
    assert len(fleet.site_map(built.world, built.admin, EAST).nodes) == 4
    procurement.advance(built.world, built.admin, PO, Part(1), NodeState.RACKED)
    seen = fleet.site_map(built.world, built.admin, EAST)
    assert seen.counts[fleet.SlotClass.ARRIVING] == 16


def test_what_is_leased_in_is_capacity_until_it_goes_back() -> None:
    built = fresh(
        (2, day(2)), terms=Terms.LEASE_IN, until=day(8), conditions="back in working order"
    )
    assert free(built, day(2), day(8)) == 4
    assert free(built, day(2), day(9)) == 2
    with pytest.raises(Refused) as caught:
        sign(built, "long", 6, day(3), day(9))
    assert caught.value.facts["nodes"] == 4


def test_an_order_is_placed_once_and_its_nodes_are_new() -> None:
    built = fresh()
    with pytest.raises(Conflict, match="purchase order po-7 is already there"):
        procurement.place(built.world, built.admin, order())
    other = replace(order(), id=PurchaseId("po-8"), names="po-7")
    with pytest.raises(Conflict, match="po-7-001"):
        procurement.place(built.world, built.admin, other)
    assert len(rows(built, PurchaseOrder)) == 1
    assert len(rows(built, Node)) == 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batches": (Batch(1, 2, NOON - timedelta(days=1)),)}, "before it was ordered"),
        ({"batches": ()}, "at least one batch"),
        ({"batches": (Batch(1, 1, day(2)), Batch(1, 1, day(3)))}, "its own number"),
        ({"batches": tuple(Batch(i, 20_000, day(2)) for i in (1, 2))}, "more than 20,000 nodes"),
        ({"price": Money(-1, "CNY")}, "a price of"),
        ({"kw": Decimal(0)}, "0 kW"),
        ({"until": day(9)}, "what is leased in ends on a day"),
        ({"terms": Terms.LEASE_IN}, "what is leased in ends on a day"),
        ({"terms": Terms.LEASE_IN, "until": day(3)}, "when its lease-in has ended"),
    ],
)
def test_an_order_that_cannot_be_meant_cannot_be_made(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(order(), **change)


@pytest.mark.parametrize("count", [0, -3, 20_001])
def test_a_batch_has_a_number_of_nodes_that_exists(count: int) -> None:
    with pytest.raises(ValueError, match="is not 1 to 20,000 nodes"):
        Batch(1, count, day(2))


def test_an_order_for_what_is_not_there_is_refused_and_nothing_is_made() -> None:
    built = build(SMALL, CUSTOMERS)
    for wrong, kind in (
        (order(block=BlockId("nowhere")), Missing),
        (order(ordered=NOON + timedelta(days=1), batches=(Batch(1, 1, day(2)),)), Invalid),
        (replace(order(), entity=EntityId("other")), Invalid),
        (order(serves=(ContractId("none"),)), Missing),
        (order((1, NOON), ordered=NOON), Invalid),
    ):
        with pytest.raises(kind):
            procurement.place(built.world, built.admin, wrong)
    assert rows(built, PurchaseOrder) == []
    assert len(rows(built, Node)) == 4


def test_who_may_only_sell_places_no_order() -> None:
    built = build(SMALL, CUSTOMERS)
    seller = built.actor("sales@example.org", Role.SALES)
    with pytest.raises(Forbidden):
        procurement.place(built.world, seller, order())


# -- slipping -----------------------------------------------------------------------------------


def test_a_late_batch_tells_at_once_whose_promise_it_breaks_and_writes_it_down() -> None:
    built = fresh()
    sign(built, "old", 2, day(1), day(1, year=2028))
    sign(built, "new", 4, day(3), day(3, year=2028))
    told = slip(built, 1, day(4, 20)).told
    # Block east-2 took two; two are short until the second batch comes, on the first of April.
    assert broken(told) == [("new", 2, day(3), day(4))]
    written = rows(built, Breach)
    assert [(row.holder, row.nodes, row.customer, row.cause) for row in written] == [
        ("new", 2, "robotics", "po-7 batch 1 slipped from 2027-02-01 to 2027-04-20")
    ]


def test_the_answer_before_the_click_is_the_one_after_it_and_changes_nothing() -> None:
    built = fresh()
    sign(built, "big", 6, day(3), day(3, year=2028))
    asked = slip(built, 1, day(6), dry_run=True)
    assert asked.dry_run
    assert rows(built, Breach) == []
    assert free(built, day(2), day(3)) == 4
    assert broken(slip(built, 1, day(6)).told) == broken(asked.told) != []


def test_an_earlier_day_mends() -> None:
    built = fresh()
    sign(built, "big", 6, day(3), day(3, year=2028))
    slip(built, 1, day(6))
    told = slip(built, 1, day(2, 10)).told
    assert told.broken == ()
    assert [row.holder for row in told.mended] == ["big"]
    assert [row.mended for row in rows(built, Breach)] == [built.clock.now()]
    assert breaches.show(built.world, built.admin) == ()
    assert len(breaches.show(built.world, built.admin, all_of_them=True)) == 1


def test_for_whom_the_late_order_was_placed_goes_short_first() -> None:
    built = fresh((2, day(2)))
    sign(built, "served", 3, day(3), day(3, year=2028))
    sign(built, "later", 1, day(3), day(3, year=2028))
    assert broken(slip(built, 1, day(6), dry_run=True).told)[0][0] == "later"
    procurement.serve(built.world, built.admin, PO, [ContractId("served")])
    assert {each[0] for each in broken(slip(built, 1, day(6)).told)} == {"served"}


def test_what_is_in_service_does_not_slip_and_no_day_in_the_past_is_told() -> None:
    built = fresh()
    procurement.advance(built.world, built.admin, PO, Part(1), NodeState.IN_SERVICE)
    for batch, to, kind in (
        (1, day(6), Refused),
        (2, NOON, Invalid),
        (2, NOON - timedelta(days=1), Invalid),
        (9, day(6), Missing),
    ):
        with pytest.raises(kind):
            slip(built, batch, to)
    leased = fresh((2, day(2)), terms=Terms.LEASE_IN, until=day(8))
    with pytest.raises(Invalid, match="goes back on 2027-08-01"):
        slip(leased, 1, day(8))


def test_each_broken_promise_says_what_would_mend_it() -> None:
    built = fresh()
    procurement.place(
        built.world,
        built.admin,
        replace(order((3, day(3, 10))), id=PurchaseId("po-8"), block=BlockId("east-2")),
    )
    sign(built, "big", 4, day(2, 2), day(12))
    (pool,) = {row.pool for row in rows(built, Reservation)}
    assert pool == POOL
    (each,) = slip(built, 1, day(4)).told.broken
    assert [(room.pool, room.nodes) for room in each.mends.rooms] == [("east-2/h100x8", 2)]
    assert [(coming.order, coming.nodes) for coming in each.mends.arriving] == [("po-8", 3)]


# -- arriving -----------------------------------------------------------------------------------


def test_a_batch_arrives_step_by_step_and_serves_from_the_moment_that_it_is_in_service() -> None:
    built = fresh()
    for state in (NodeState.IN_TRANSIT, NodeState.RACKED, NodeState.BURN_IN):
        view = procurement.advance(built.world, built.admin, PO, Part(1), state).view
        assert view.batches[0].states == {state: 2}
        assert free(built, NOON, day(2)) == 2
    procurement.advance(built.world, built.admin, PO, Part(1), NodeState.IN_SERVICE)
    assert free(built, NOON, day(2)) == 4
    assert {node.ready for node in rows(built, Node) if node.batch == 1} == {NOON}


def test_what_is_left_behind_of_a_batch_becomes_one_that_may_slip_by_itself() -> None:
    built = fresh((4, day(2)))
    view = procurement.advance(
        built.world, built.admin, PO, Part(1, count=3), NodeState.IN_SERVICE
    ).view
    assert [(b.batch.number, b.batch.nodes, b.arriving) for b in view.batches] == [
        (1, 3, 0),
        (2, 1, 1),
    ]
    assert slip(built, 2, day(5)).view.batches[1].batch.expected == day(5)


def test_nodes_of_a_batch_may_be_named() -> None:
    built = fresh((3, day(2)))
    part = Part(1, nodes=(NodeId("po-7-002"),))
    procurement.advance(built.world, built.admin, PO, part, NodeState.RACKED)
    states = {node.id: node.state for node in rows(built, Node) if node.order}
    assert states == {"po-7-001": "ordered", "po-7-002": "racked", "po-7-003": "ordered"}


@pytest.mark.parametrize(
    ("part", "to", "kind"),
    [
        (Part(1, count=3), NodeState.RACKED, Invalid),
        (Part(1, count=0), NodeState.RACKED, Invalid),
        (Part(1, nodes=(NodeId("h100-001"),)), NodeState.RACKED, Invalid),
        (Part(1), NodeState.ORDERED, Invalid),
        (Part(1), NodeState.IN_REPAIR, Invalid),
        (Part(7), NodeState.RACKED, Missing),
    ],
)
def test_an_arrival_that_cannot_be_is_refused(
    part: Part, to: NodeState, kind: type[Exception]
) -> None:
    built = fresh()
    before = rows(built, Node)
    with pytest.raises(kind):
        procurement.advance(built.world, built.admin, PO, part, to)
    assert rows(built, Node) == before


def test_a_rack_that_would_be_too_hot_keeps_nodes_out_of_burn_in() -> None:
    built = fresh((3, day(2)))
    with built.world.store.transaction() as tx:
        tx.add(Rack(RackId("tank"), EAST, Decimal(25)))
    act = (built.world, built.admin, PO, Part(1))
    procurement.advance(*act, NodeState.RACKED, RackId("tank"))
    with pytest.raises(Refused) as caught:
        procurement.advance(*act, NodeState.BURN_IN)
    assert caught.value.reason is Reason.NO_POWER
    assert caught.value.facts["nodes"] == 2
    part = Part(1, count=2)
    procurement.advance(built.world, built.admin, PO, part, NodeState.IN_SERVICE)
    assert {node.state for node in rows(built, Node) if node.batch == 2} == {NodeState.RACKED}


def test_nothing_enters_service_beyond_what_the_site_has() -> None:
    built = fresh((3, day(2)))
    with built.world.store.transaction() as tx:
        site = replace(tx.get(Site, EAST), active_mw=Decimal("0.03"), pue=Decimal("1.2"))
        tx.put(site)
    with pytest.raises(Refused, match="site east has 30 kW") as caught:
        procurement.advance(built.world, built.admin, PO, Part(1), NodeState.IN_SERVICE)
    assert caught.value.facts["nodes"] == 2
    assert {node.state for node in rows(built, Node) if node.order} == {NodeState.ORDERED}


# -- cancelling, leasing back, and time ---------------------------------------------------------


def test_a_cancelled_batch_that_breaks_a_promise_is_refused_unless_it_is_forced() -> None:
    built = fresh()
    sign(built, "big", 6, day(3), day(3, year=2028))
    with pytest.raises(Refused, match="breaks 1 promise") as caught:
        procurement.cancel(built.world, built.admin, PO, 1)
    assert caught.value.reason is Reason.BREAKS_PROMISE
    assert rows(built, Breach) == []
    told = procurement.cancel(built.world, built.admin, PO, 1, force=True).told
    assert broken(told) != []
    assert len(rows(built, Breach)) == len(told.broken)
    assert [b.cancelled for b in rows(built, PurchaseOrder)[0].batches] == [True, False]
    with pytest.raises(Refused, match="is cancelled"):
        slip(built, 1, day(6))


def test_what_came_of_a_cancelled_batch_stays() -> None:
    built = fresh((3, day(2)))
    procurement.advance(
        built.world, built.admin, PO, Part(1, nodes=(NodeId("po-7-001"),)), NodeState.IN_SERVICE
    )
    view = procurement.cancel(built.world, built.admin, PO, 2).view
    assert [(b.batch.nodes, b.batch.cancelled) for b in view.batches] == [(1, False), (2, True)]
    assert view.order.nodes == 1
    assert free(built, NOON, day(9)) == 3


def test_an_order_mends_what_is_broken_from_the_moment_that_it_is_placed() -> None:
    built = fresh((2, day(2)))
    sign(built, "big", 4, day(3), day(3, year=2028))
    slip(built, 1, day(6))
    more = replace(order((2, day(2, 20))), id=PurchaseId("po-8"))
    procurement.place(built.world, built.admin, more)
    assert [row.mended for row in rows(built, Breach)] == [built.clock.now()]


def test_a_hold_that_expires_mends_and_the_next_look_says_so() -> None:
    built = fresh((1, day(2)))
    hold = Reservation(
        "h", EAST, POOL, 3, Interval(day(3), day(9)), ReservationKind.HOLD, "q", None, day(1)
    )
    with built.world.store.transaction() as tx:
        tx.add(hold)
    assert broken(slip(built, 1, day(12)).told) == [("q", 1, day(3), day(9))]
    built.clock.instant = day(1)
    look(built)
    assert [row.mended for row in rows(built, Breach)] == [day(1)]


def test_nodes_may_be_leased_back_to_the_supplier_and_are_then_nobody_elses() -> None:
    built = fresh()
    back = procurement.lease_back(
        built.world, built.admin, PO, 3, Interval(day(5), day(9)), Money(9_000_000, "CNY")
    )
    (held,) = rows(built, Reservation)
    assert (held.kind, held.holder, held.nodes) == (ReservationKind.LEASE_BACK, back.id, 3)
    assert free(built, day(5), day(9)) == 3
    with pytest.raises(Refused) as caught:
        procurement.lease_back(
            built.world, built.admin, PO, 4, Interval(day(5), day(9)), Money(0, "CNY")
        )
    assert caught.value.facts["nodes"] == 3


def test_a_day_that_passes_without_its_truck_is_written_down_by_the_next_look() -> None:
    built = fresh((4, day(2)))
    sign(built, "big", 6, day(3), day(3, year=2028))
    assert look(built) == ()
    built.clock.instant = day(2) - timedelta(seconds=1)
    assert look(built) == ()
    built.clock.instant = day(2)
    (row,) = look(built)
    assert (row.holder, row.nodes, row.at) == ("big", 4, day(2))
    assert row.cause == "4 nodes of po-7 batch 1 did not come by 2027-02-01"
    assert look(built) == ()
    assert procurement.show(built.world, built.admin, PO).late
    procurement.advance(built.world, built.admin, PO, Part(1), NodeState.IN_SERVICE)
    assert [row.mended for row in rows(built, Breach)] == [day(2)]


def test_what_was_leased_in_is_offered_to_nobody_once_its_day_has_come() -> None:
    built = fresh((1, day(2)), terms=Terms.LEASE_IN, until=day(8))
    procurement.advance(built.world, built.admin, PO, Part(1), NodeState.IN_SERVICE)
    built.clock.instant = day(8)
    look(built)
    (node,) = [node for node in rows(built, Node) if node.order]
    assert (node.state, node.note) == (NodeState.DRAINING, "to be given back")
