"""What becomes of an order in prose: it arrives, is cancelled, leased back, or does not come."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import procurement
from rackrate.app.procurement import Part
from rackrate.core.breach import Breach
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.ids import (
    NodeId,
    PurchaseId,
    RackId,
)
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState, Rack, Site
from rackrate.core.money import Money
from rackrate.core.purchase import PurchaseOrder, Terms
from tests.app.ordering import (
    EAST,
    PO,
    POOL,
    broken,
    day,
    free,
    fresh,
    look,
    order,
    rows,
    sign,
    slip,
)
from tests.build import NOON

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
    assert "at most 3 of 4 nodes of " in caught.value.detail
    assert f"; all from {day(9):%Y-%m-%d %H:%M} UTC" in caught.value.detail


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
