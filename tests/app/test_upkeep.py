"""The life of a node in prose: repaired by a day, cleaned, retired, and what each breaks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app import breaches, electricity, fleet, leasing, upkeep
from rackrate.app.upkeep import Step
from rackrate.core.breach import Breach
from rackrate.core.errors import Invalid, Missing, Reason, Refused
from rackrate.core.ids import NodeId, ProjectId, RackId, SiteId, SkuId
from rackrate.core.inventory import Node, NodeState, Rack, Site
from tests.app.operator_files import CONTRACT
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

EAST, ONE = SiteId("east"), NodeId("h100-001")
NEXT_WEEK = NOON + timedelta(days=7)
REPAIR = Step(NodeState.IN_REPAIR, NEXT_WEEK, "fan 3")


def promised() -> Built:
    """Two nodes of one block are promised until 2029."""
    return build(SMALL, CUSTOMERS, CONTRACT)


def a_promised_node(built: Built) -> NodeId:
    site = fleet.site_map(built.world, built.admin, EAST)
    pool = next(pool for pool in site.pools if pool.promised)
    return next(node.id for node in site.nodes if node.pool == pool.id)


def move(built: Built, id: NodeId, step: Step, dry_run: bool = False) -> upkeep.Moved:
    return upkeep.move(built.world, built.admin, id, step, dry_run)


def broken(moved: upkeep.Moved) -> list[tuple[str, int, datetime, datetime]]:
    return [
        (each.short.reservation.holder, each.short.nodes, during.start, during.end)
        for each in moved.told.broken
        for during in [each.short.during]
    ]


def rows(built: Built, kind: type) -> list[Any]:
    with built.world.store.transaction() as tx:
        found: list[Any] = tx.find(kind)
    return found


def look(built: Built) -> tuple[Breach, ...]:
    with built.world.store.transaction() as tx:
        return breaches.look_at(built.world, tx, EAST)


def test_a_repair_has_a_day_and_breaks_what_is_promised_until_then() -> None:
    built = promised()
    node = a_promised_node(built)
    moved = move(built, node, REPAIR)
    assert (moved.view.node.state, moved.view.node.ready) == (NodeState.IN_REPAIR, NEXT_WEEK)
    assert broken(moved) == [("robotics-2026", 1, NOON, NEXT_WEEK)]
    (row,) = rows(built, Breach)
    assert row.cause == f"node {node} is in_repair, expected back on 2026-11-29"


def test_a_repair_whose_day_slips_breaks_more_and_one_that_ends_early_mends() -> None:
    built = promised()
    node = a_promised_node(built)
    move(built, node, REPAIR)
    later = NEXT_WEEK + timedelta(days=30)
    slipped = move(built, node, replace(REPAIR, expected=later))
    assert broken(slipped) == [("robotics-2026", 1, NOON, later)]
    assert [row.mended for row in rows(built, Breach)] == [NOON, None]
    built.clock.advance(timedelta(days=1))
    view = upkeep.return_node(built.world, built.admin, node)
    assert (view.node.state, view.node.ready) == (NodeState.IN_SERVICE, built.clock.now())
    assert all(row.mended is not None for row in rows(built, Breach))


def test_a_repair_that_is_not_back_on_its_day_is_told_by_the_next_look() -> None:
    built = promised()
    node = a_promised_node(built)
    move(built, node, REPAIR)
    built.clock.instant = NEXT_WEEK
    (row,) = look(built)
    assert row.cause == f"node {node} was not back by 2026-11-29"
    assert row.during.start == NEXT_WEEK
    assert look(built) == ()


def test_a_repair_without_a_day_or_with_a_past_one_is_refused() -> None:
    built = build(SMALL, CUSTOMERS)
    for step in (
        Step(NodeState.IN_REPAIR),
        Step(NodeState.IN_REPAIR, NOON),
        Step(NodeState.IN_REPAIR, NOON - timedelta(days=1)),
        Step(NodeState.CLEANING, NEXT_WEEK),
        Step(NodeState.DRAINING),
        Step(NodeState.IN_REPAIR, NEXT_WEEK, "two\nlines"),
    ):
        with pytest.raises(Invalid):
            move(built, ONE, step)
    with pytest.raises(Missing):
        move(built, NodeId("nope"), REPAIR)
    assert {node.state for node in rows(built, Node)} == {NodeState.IN_SERVICE}


@pytest.mark.parametrize("to", [NodeState.IN_REPAIR, NodeState.CLEANING, NodeState.RETIRED])
def test_only_an_empty_node_is_taken_away(to: NodeState) -> None:
    built = build(SMALL, CUSTOMERS)
    ask = leasing.Ask(ProjectId("studio-render"), SkuId("h100.1"), 1)
    lease = leasing.start(built.world, built.admin, ask)
    node = lease.members[0].node
    step = Step(to, NEXT_WEEK if to is NodeState.IN_REPAIR else None, force=True)
    with pytest.raises(Refused, match=f"it holds {lease.id}: drain it first") as caught:
        move(built, node, step)
    assert caught.value.reason is Reason.IN_USE
    assert caught.value.facts["holders"] == [lease.id]


def test_a_node_that_is_promised_is_not_retired_unless_forced_and_then_it_is_written_down() -> None:
    built = promised()
    node = a_promised_node(built)
    with pytest.raises(Refused, match=f"retiring {node} breaks 1 promise: 1 node of") as caught:
        move(built, node, Step(NodeState.RETIRED))
    assert caught.value.reason is Reason.BREAKS_PROMISE
    assert rows(built, Breach) == []
    asked = move(built, node, Step(NodeState.RETIRED), dry_run=True)
    assert broken(asked) != []
    assert rows(built, Breach) == []
    moved = move(built, node, Step(NodeState.RETIRED, note="sold", force=True))
    assert broken(moved) == broken(asked)
    assert [row.cause for row in rows(built, Breach)] == [
        f"node {node} went from in_service to retired"
    ]


def test_what_nobody_was_promised_is_retired_at_once_or_on_a_day() -> None:
    built = build(SMALL, CUSTOMERS)
    move(built, ONE, Step(NodeState.RETIRED))
    day = datetime(2027, 6, 1, tzinfo=UTC)
    planned = move(built, NodeId("h100-002"), Step(NodeState.RETIRED, day)).view.node
    assert (planned.state, planned.until) == (NodeState.IN_SERVICE, day)
    built.clock.instant = day
    look(built)
    state = fleet.show_node(built.world, built.admin, NodeId("h100-002")).node.state
    assert state is NodeState.DRAINING
    with pytest.raises(Refused, match="left on 2027-06-01"):
        upkeep.return_node(built.world, built.admin, NodeId("h100-002"))


def test_a_step_that_leads_nowhere_is_refused_with_where_it_may_go() -> None:
    built = build(SMALL, CUSTOMERS)
    move(built, ONE, Step(NodeState.RETIRED))
    with pytest.raises(Refused, match="from there it goes to: nowhere"):
        move(built, ONE, Step(NodeState.IN_SERVICE))
    with pytest.raises(Refused, match="from there it goes to"):
        move(built, NodeId("h100-002"), Step(NodeState.RACKED))


def test_a_repaired_node_is_cleaned_or_burnt_in_before_it_serves_again() -> None:
    built = build(SMALL, CUSTOMERS)
    move(built, ONE, REPAIR)
    move(built, ONE, Step(NodeState.BURN_IN))
    assert move(built, ONE, Step(NodeState.IN_SERVICE)).view.node.ready == NOON
    move(built, NodeId("h100-002"), Step(NodeState.CLEANING))
    assert move(built, NodeId("h100-002"), Step(NodeState.IN_SERVICE)).view.free == 8


def test_a_node_enters_no_rack_that_is_too_hot_for_it() -> None:
    built = build(SMALL, CUSTOMERS)
    with built.world.store.transaction() as tx:
        tx.add(Rack(RackId("r1"), EAST, Decimal(15)))
        for node in tx.find(Node):
            tx.put(replace(node, kw=Decimal(10)))
    move(built, ONE, Step(NodeState.IN_SERVICE, rack=RackId("r1")))
    with pytest.raises(Refused, match="rack r1 has 15 kW, and its nodes would draw 20 kW"):
        move(built, NodeId("h100-002"), Step(NodeState.IN_SERVICE, rack=RackId("r1")))
    (rack,) = electricity.show(built.world, built.admin, EAST).racks
    assert [rack.nodes, rack.used_kw] == [1, 10]


def test_a_site_shows_what_it_draws_of_what_it_has() -> None:
    built = build(SMALL, CUSTOMERS)
    with built.world.store.transaction() as tx:
        tx.put(replace(tx.get(Site, EAST), active_mw=Decimal("0.5"), pue=Decimal("1.3")))
        tx.put(replace(tx.get(Node, ONE), kw=Decimal(10)))
    seen = electricity.show(built.world, built.admin, EAST)
    assert [seen.nodes, seen.used_kw, seen.demand_kw, seen.limit_kw] == [4, 10, 13, 500]
    assert seen.unknown == ("h100-002", "h100-003", "h100-004")
