"""A dedicated block is its contract's alone, whatever comes to it later."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import breaches, fleet, leasing, procurement, upkeep
from rackrate.app.amending import End, Fewer, More, preview
from rackrate.app.leasing import Ask
from rackrate.app.upkeep import Step
from rackrate.core.calendar import Reservation
from rackrate.core.contract import EarlyEnd, Terms
from rackrate.core.errors import Refused
from rackrate.core.ids import BlockId, ChipId, EntityId, NodeId, ProjectId, PurchaseId, SiteId
from rackrate.core.inventory import Node, NodeState
from rackrate.core.money import Money
from rackrate.core.purchase import Batch, PurchaseOrder
from rackrate.core.purchase import Terms as Bought
from tests.app.contract_shop import (
    FIRST,
    K1,
    NODE,
    change,
    day,
    nodes,
    other,
    pools,
    reserved,
    shop,
    sign,
)
from tests.build import Built

EAST = SiteId("east")


def dedicated(count: int = 1, start: int = 0, end: int = 12) -> Built:
    """One node of the first block of two, for a year, and the rest of the block with it."""
    built = shop()
    sign(built, nodes(count, start, end, "1000.00"), terms=Terms(dedicated=True))
    return built


def grown(built: Built, come: datetime) -> PurchaseOrder:
    """Two nodes are ordered for the block that is dedicated."""
    (pool,) = pools(built, day(1))
    block = BlockId(pool.partition("/")[0])
    with built.world.store.transaction() as tx:
        like = next(node for node in tx.find(Node) if node.pool == pool)
    order = PurchaseOrder(
        PurchaseId("po-1"), EntityId("example"), EAST, "Example Supplier", Bought.PURCHASE, block,
        ChipId("h100"), 8, 1, like.capacity, None, Money.parse("1000.00", "CNY"), FIRST,
        (Batch(1, 2, come),), (), names="new", first=1,
    )  # fmt: skip
    return procurement.place(built.world, built.admin, order).order


def kept(built: Built, at: datetime) -> int:
    """Nodes that are kept from everybody else beside those of the contract."""
    with built.world.store.transaction() as tx:
        held = tx.find(Reservation, holder="k1/private")
    return sum(row.nodes for row in held if row.during.contains(at))


def test_nodes_that_come_later_are_kept_from_everybody_else_from_their_day_on() -> None:
    """Two nodes come in month 3. Others have the second block's two nodes, and nothing of these."""
    built = dedicated()
    assert [kept(built, day(month)) for month in (0, 4, 11)] == [1, 1, 1]
    order = grown(built, day(3))
    assert [kept(built, day(month)) for month in (0, 2, 3, 11)] == [1, 1, 3, 3]
    with pytest.raises(Refused, match="at most 2 of 3 nodes") as caught:
        other(built, 3, 4, 6)
    assert caught.value.facts["nodes"] == 2
    moved = procurement.slip(built.world, built.admin, order.id, 1, day(5)).told
    assert moved.broken == ()
    assert [kept(built, day(month)) for month in (3, 4, 5)] == [1, 1, 3]
    assert other(built, 3, 12, 14, "k3").id == "k3"  # When the contract is over, all of it is free.


def test_on_demand_does_not_start_on_nodes_that_came_later() -> None:
    built = dedicated()
    order = grown(built, day(3))
    built.clock.instant = day(3) - timedelta(days=1)
    part = procurement.Part(1)
    procurement.advance(built.world, built.admin, order.id, part, NodeState.IN_SERVICE)
    ask = Ask(ProjectId("studio-render"), NODE, 1)
    for _ in range(2):
        leasing.start(built.world, built.admin, ask)
    with pytest.raises(Refused) as caught:
        leasing.start(built.world, built.admin, ask)
    assert caught.value.facts["nodes_free"] == 0


def test_its_owner_may_have_them_by_an_amendment() -> None:
    built = dedicated()
    grown(built, day(3))
    wanted = nodes(3, 4, 12, "3000.00", same_block=True)
    shown = preview(built.world, built.admin, K1, More((wanted,)))
    assert shown.contract.commitments[-1].nodes == 3
    assert kept(built, day(4)) == 3
    change(built, More((wanted,)))
    assert (len(pools(built, day(5))), reserved(built, day(5))) == (1, 4)
    assert [kept(built, day(month)) for month in (3, 4, 11)] == [3, 0, 0]


def test_what_its_owner_gives_back_stays_in_its_block_until_the_contract_ends() -> None:
    built = shop()
    terms = Terms(dedicated=True, may_shrink_percent=Decimal(50), early_end=EarlyEnd(Decimal(0)))
    sign(built, nodes(2, 0, 12, "1000.00"), terms=terms)
    assert kept(built, day(5)) == 0
    change(built, Fewer(1, 1, day(4)))
    assert [kept(built, day(month)) for month in (3, 4, 11)] == [0, 1, 1]
    change(built, End(day(6)))
    assert [kept(built, day(month)) for month in (5, 6)] == [1, 0]


def test_a_node_that_breaks_there_is_taken_from_the_rest_and_breaks_no_promise() -> None:
    built = dedicated(start=0)
    (pool,) = pools(built, day(1))
    with built.world.store.transaction() as tx:
        mine = sorted(node.id for node in tx.find(Node) if node.pool == pool)
    asked = fleet.drain(built.world, built.admin, mine[0], "fan", dry_run=True)
    assert (asked.told.broken, asked.short) == ((), 0)
    fleet.drain(built.world, built.admin, mine[0], "fan")
    back = FIRST + timedelta(days=7)
    step = Step(NodeState.IN_REPAIR, back)
    assert upkeep.move(built.world, built.admin, mine[0], step).told.broken == ()
    assert [kept(built, at) for at in (FIRST, back)] == [0, 1]
    (broken,) = fleet.drain(built.world, built.admin, mine[1], "fan").told.broken
    assert (broken.short.reservation.holder, broken.short.nodes) == ("k1", 1)
    built.clock.instant = back
    with built.world.store.transaction() as tx:
        breaches.look_at(built.world, tx, EAST)  # It is not back, and there is nothing to keep.
    assert kept(built, back) == 0
    upkeep.return_node(built.world, built.admin, NodeId(mine[0]))
    upkeep.return_node(built.world, built.admin, NodeId(mine[1]))
    assert kept(built, back) == 1


def test_nodes_that_a_file_adds_to_the_block_are_kept_at_once() -> None:
    built = dedicated()
    (pool,) = pools(built, day(1))
    text = NEW.format(block=pool.partition("/")[0])
    built.apply(text)
    assert kept(built, day(1)) == 2


NEW = """
kind: node
name: more-{{:03}}
count: 1
site: east
block: {block}
chip: h100
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
"""
