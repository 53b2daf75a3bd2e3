"""Orders in prose: what is bought is in the calendar at once, and a late truck breaks a promise."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import breaches, fleet, procurement
from rackrate.app.procurement import Part
from rackrate.core.access import Role
from rackrate.core.breach import Breach
from rackrate.core.calendar import Reservation
from rackrate.core.errors import Conflict, Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.ids import (
    BlockId,
    ContractId,
    EntityId,
    PurchaseId,
)
from rackrate.core.inventory import Node, NodeState, Site
from rackrate.core.money import Money
from rackrate.core.purchase import Batch, PurchaseOrder, Terms
from tests.app.ordering import (
    EAST,
    PO,
    POOL,
    broken,
    day,
    free,
    fresh,
    order,
    rows,
    sign,
    slip,
)
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

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


# -- power that a site could ever give -----------------------------------------------------------


def powered(**change: Any) -> Built:
    """The four nodes draw 10 kW each; at the PUE of 1.25 they take 50 kW of the site's 100."""
    built = build(SMALL, CUSTOMERS)
    stated = {"active_mw": Decimal("0.06"), "contracted_mw": Decimal("0.1"), **change}
    with built.world.store.transaction() as tx:
        fleet = tx.fleet(EAST)
        site = replace(tx.get(Site, EAST), pue=Decimal("1.25"), **stated)
        tx.put(site, *(replace(node, kw=Decimal(10)) for node in fleet.nodes))
    return built


def place(built: Built, *batches: tuple[int, datetime], **other: Any) -> None:
    procurement.place(built.world, built.admin, order(*batches, **{"kw": Decimal(10), **other}))


def test_what_could_never_be_powered_is_not_ordered_and_nothing_is_sold_on_it() -> None:
    built = powered()
    with pytest.raises(Refused) as caught:
        place(built, (8, day(2)), kw=Decimal(99_999))
    assert caught.value.reason is Reason.NO_POWER
    assert caught.value.facts == {"used_kw": "1000040", "limit_kw": "100", "nodes": 0}
    assert rows(built, PurchaseOrder) == []
    assert free(built, day(3), day(4)) == 2


def test_the_refusal_says_what_would_be_drawn_and_how_many_such_nodes_would_fit() -> None:
    built = powered()
    with pytest.raises(Refused) as caught:
        place(built, (3, day(2)), (2, day(4)))
    assert caught.value.detail == (
        "site east has 100 kW contracted, and with all that is on its way its nodes would draw "
        "90 kW from 2027-04-01 on, times a PUE of 1.25 is 112.5 kW; 4 more nodes of 10 kW fit"
    )
    place(built, (3, day(2)), (1, day(4)))


def test_what_is_on_its_way_already_has_its_power_too() -> None:
    built = powered()
    place(built, (3, day(2)))
    with pytest.raises(Refused, match="1 more node of 10 kW fits"):
        place(built, (2, day(4)), id=PurchaseId("po-8"), names="po-8")


def test_an_order_may_come_to_a_site_that_is_still_being_connected() -> None:
    """It is the power that is active now which a node needs to enter burn-in."""
    built = powered()
    place(built, (4, day(2)))
    with pytest.raises(Refused, match="has 60 kW, and its nodes would draw 80 kW"):
        procurement.advance(built.world, built.admin, PO, Part(1), NodeState.BURN_IN)
    connected = powered(contracted_mw=None)
    with pytest.raises(Refused, match="site east has 60 kW, and with all that is on its way"):
        place(connected, (4, day(2)))
    place(powered(contracted_mw=None, active_mw=None), (4, day(2)), kw=Decimal(99_999))


def test_what_is_leased_in_gives_its_power_back_and_a_slip_may_not_come_before_that() -> None:
    built = powered()
    place(built, (4, day(2)), terms=Terms.LEASE_IN, until=day(8))
    other = {"id": PurchaseId("po-8"), "names": "po-8"}
    with pytest.raises(Refused, match="0 more nodes of 10 kW fit"):
        place(built, (4, day(7)), **other)
    place(built, (4, day(8)), **other)
    second = (built.world, built.admin, PurchaseId("po-8"), 1)
    for dry_run in (True, False):
        with pytest.raises(Refused, match="would draw 120 kW from 2027-07-31") as caught:
            procurement.slip(*second, day(7, 31), dry_run)
        assert caught.value.reason is Reason.NO_POWER
    assert {node.ready for node in rows(built, Node) if node.order == "po-8"} == {day(8)}
    procurement.slip(*second, day(9))


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


def test_a_customer_learns_nothing_of_orders_and_contracts_by_asking() -> None:
    built = fresh()
    owner = built.actor("owner@example.org", Role.OWNER, "studio")
    for act in (
        lambda: procurement.place(built.world, owner, order(serves=(ContractId("x"),))),
        lambda: procurement.serve(built.world, owner, PO, [ContractId("x")]),
        lambda: procurement.serve(built.world, owner, PurchaseId("none"), []),
        lambda: procurement.show(built.world, owner, PO),
        lambda: breaches.show(built.world, owner),
    ):
        with pytest.raises(Forbidden):
            act()


def test_nodes_that_are_as_far_already_are_refused_with_where_they_are() -> None:
    built = fresh()
    procurement.advance(built.world, built.admin, PO, Part(1), NodeState.RACKED)
    with pytest.raises(Refused, match="batch 1 is racked: no node of it has racked"):
        procurement.advance(built.world, built.admin, PO, Part(1), NodeState.RACKED)
