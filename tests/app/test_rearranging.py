"""Until nodes are handed over a promise may lie on another block: as an operator does it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rackrate.app import delivery, fleet, procurement, rearranging, sales, upkeep
from rackrate.app.amending import Renew, amend
from rackrate.core.access import Role
from rackrate.core.breach import Breach
from rackrate.core.calendar import Reservation
from rackrate.core.contract import Renewal, Terms
from rackrate.core.errors import Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.ids import BlockId, ChipId, ContractId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState, pool_of
from rackrate.core.purchase import PurchaseOrder
from tests.app.ordering import EAST, PO, POOL, day, fresh, rows, sign, slip
from tests.build import NOON, Built

OTHER = pool_of(BlockId("east-2"), ChipId("h100"), 8)
NODE = SkuId("h100.node")


def promised(built: Built) -> dict[tuple[str, str], int]:
    return {(held.holder, held.pool): held.nodes for held in rows(built, Reservation)}


def late() -> Built:
    """Five nodes of block 1 are sold from May, of which two have not come: the truck is late."""
    built = fresh((3, day(2)))
    sign(built, "one", 5, day(5), day(5, year=2028))
    assert promised(built) == {("one", POOL): 5}
    slip(built, 1, day(9))
    return built


def test_a_late_order_is_mended_by_laying_what_is_short_on_another_block() -> None:
    built = late()
    shown = rearranging.mend(built.world, built.admin, EAST, dry_run=True)
    assert [(move.nodes, move.to) for move in shown.moves] == [(2, OTHER)]
    assert promised(built) == {("one", POOL): 5}, "shown is not done"
    done = rearranging.mend(built.world, built.admin, EAST)
    assert (done.moves, done.short_before, done.done) == (shown.moves, (POOL,), True)
    assert promised(built) == {("one", POOL): 3, ("one", OTHER): 2}
    assert done.short_after == (POOL,), "block 1 has two, block 2 two, and five are promised"
    left = [row for row in rows(built, Breach) if row.unmended]
    assert [(row.nodes, row.holder) for row in left] == [(1, "one")]
    assert left[0].cause.startswith("po-7 batch 1 slipped"), "for the reason that it was before"


def test_what_stays_short_says_why_nothing_more_of_it_can_make_way() -> None:
    built = late()
    shown = rearranging.mend(built.world, built.admin, EAST, dry_run=True)
    assert shown.why == {POOL: "one: no other block has room for more of it"}
    built.clock.instant = day(5)
    begun = rearranging.mend(built.world, built.admin, EAST)
    why = "one: begun, handed over, dedicated, tied to what is, or no contract"
    assert (begun.moves, begun.why) == ((), {POOL: why})


def test_when_the_truck_comes_after_all_nothing_is_short_and_nothing_moves() -> None:
    built = late()
    slip(built, 1, day(3))
    assert rearranging.mend(built.world, built.admin, EAST).moves == ()


def test_what_was_handed_over_stays_where_it_is() -> None:
    """Three of five are sold; four on one block would need two of them to move."""
    built = fresh((3, day(2)))
    sign(built, "one", 3, day(5), day(5, year=2028))
    room = rearranging.Room(NODE, 4, Interval(day(6), day(9)))
    plan = rearranging.clear(built.world, built.admin, room, dry_run=True)
    assert [(move.nodes, move.to) for move in plan.moves] == [(2, OTHER)]
    built.clock.advance(day(4, 28) - built.clock.now())
    procurement.advance(built.world, built.admin, PO, procurement.Part(1), NodeState.IN_SERVICE)
    delivery.deliver(built.world, built.admin, ContractId("one"), 1, 1)
    with pytest.raises(Refused, match="delivered, or fits nowhere else") as caught:
        rearranging.clear(built.world, built.admin, room)
    assert caught.value.reason is Reason.NO_CAPACITY
    assert promised(built) == {("one", POOL): 3}


def test_a_block_is_cleared_for_a_promise_that_needs_one_fabric() -> None:
    """Each block has one of its two nodes promised; two on one fabric fit once one has moved."""
    built = fresh((1, day(2, year=2030)))
    sign(built, "one", 1, day(5), day(9))
    with built.world.store.transaction() as tx:
        held = tx.find(Reservation)[0]
        other = OTHER if held.pool == POOL else POOL
        id = f"two/1/{other}"
    sign(built, "two", 1, day(5), day(9))
    with built.world.store.transaction() as tx:
        tx.fleet(EAST)
        second = next(row for row in tx.find(Reservation) if row.holder == "two")
        tx.remove(Reservation, second.id)
        tx.put(replace(second, id=id, pool=other))
    room = rearranging.Room(NODE, 2, Interval(day(6), day(8)))
    plan = rearranging.clear(built.world, built.admin, room)
    assert [move.nodes for move in plan.moves] == [1]
    assert sorted(promised(built).values()) == [1, 1]
    assert len({pool for _, pool in promised(built)}) == 1


RIGHT = Terms(renewal=Renewal(12, day(5, year=2028) - timedelta(days=1)))


def kept(built: Built) -> dict[tuple[str, int], int]:
    """Promises by pool, and by the commitment that they would renew."""
    return {(held.pool, held.renews): held.nodes for held in rows(built, Reservation)}


def test_what_may_be_renewed_goes_where_its_nodes_go() -> None:
    """Two of five nodes come late and are laid on the other block: so are two of its renewal."""
    built = fresh((3, day(2)))
    sign(built, "one", 5, day(5), day(5, year=2028), RIGHT)
    assert kept(built) == {(POOL, 0): 5, (POOL, 1): 5}
    slip(built, 1, day(9))
    plan = rearranging.mend(built.world, built.admin, EAST)
    assert [(move.nodes, move.to) for move in plan.moves] == [(2, OTHER), (2, OTHER)]
    assert kept(built) == {(POOL, 0): 3, (POOL, 1): 3, (OTHER, 0): 2, (OTHER, 1): 2}


def test_the_right_of_who_has_begun_goes_alone_to_where_it_would_be_renewed() -> None:
    """Its own block loses a node after the term: what is held for then is held on the other."""
    built = fresh((1, day(2, year=2030)))
    sign(built, "one", 2, day(5), day(5, year=2028), RIGHT)
    ((pool, _),) = [key for key in kept(built) if not key[1]]
    built.clock.instant = day(6)
    node = next(n for n in rows(built, Node) if n.pool == pool)
    leaves = upkeep.Step(NodeState.RETIRED, day(6, year=2028), force=True)
    upkeep.move(built.world, built.admin, node.id, leaves)
    plan = rearranging.mend(built.world, built.admin, EAST)
    other = OTHER if pool == POOL else POOL
    assert [(move.nodes, move.to, move.reservation.renews) for move in plan.moves] == [
        (1, other, 1)
    ]
    assert kept(built) == {(pool, 0): 2, (pool, 1): 1, (other, 1): 1}
    right = sales.right_to_renew(built.world, built.admin, ContractId("one"))
    assert right is not None and (right.nodes, right.elsewhere) == (2, 1)
    renewed = amend(built.world, built.admin, ContractId("one"), Renew())
    assert [(each.nodes, each.anew) for each in renewed.commitments[1:]] == [(1, False), (1, True)]


@pytest.mark.parametrize(
    ("room", "error"),
    [
        (rearranging.Room(NODE, 0, Interval(day(6), day(8))), Invalid),
        (rearranging.Room(NODE, 10**9, Interval(day(6), day(8))), Invalid),
        (rearranging.Room(NODE, 1, Interval(NOON - timedelta(days=1), day(8))), Invalid),
        (rearranging.Room(SkuId("h100.1"), 1, Interval(day(6), day(8))), Invalid),
        (rearranging.Room(SkuId("nothing"), 1, Interval(day(6), day(8))), Missing),
        (rearranging.Room(NODE, 99, Interval(day(6), day(8))), Refused),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_moves(
    room: rearranging.Room, error: type[Exception]
) -> None:
    built = late()
    before = promised(built)
    with pytest.raises(error):
        rearranging.clear(built.world, built.admin, room)
    assert promised(built) == before
    assert fleet.list_sites(built.world, built.admin)
    assert rows(built, PurchaseOrder)


def test_only_who_runs_the_fleet_may_move_promises() -> None:
    built = late()
    with pytest.raises(Missing):
        rearranging.mend(built.world, built.admin, SiteId("nowhere"))
    for role in (Role.VIEWER, Role.SALES):
        with pytest.raises(Forbidden):
            rearranging.mend(built.world, built.actor(f"{role}@example.org", role), EAST)


def test_no_block_is_cleared_for_more_nodes_than_the_largest_has() -> None:
    built = fresh((3, day(2)))
    room = rearranging.Room(NODE, 17, Interval(day(6), day(9)))
    with pytest.raises(Refused, match=r"17 nodes of h100.node over .*: the largest block has 5$"):
        rearranging.clear(built.world, built.admin, room)
