"""A node that is drained for a while: what it breaks, what absorbs it, and how it comes back."""

from datetime import datetime, timedelta

import pytest

from rackrate.app import breaches, capacity, fleet, giveway, leasing, upkeep
from rackrate.app.fleet import Away, Drained
from rackrate.app.upkeep import Step
from rackrate.core.breach import Breach
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import NodeId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from tests.app.test_upkeep import EAST, a_promised_node, look, move, promised, rows
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

MONDAY, FRIDAY = NOON + timedelta(days=8), NOON + timedelta(days=12)
WEEK = Away(MONDAY, FRIDAY)


def drain(built: Built, id: NodeId, away: Away = WEEK, dry_run: bool = False) -> Drained:
    return fleet.drain(built.world, built.admin, id, "new fans", dry_run, away)


def short(drained: Drained) -> list[tuple[str, int, datetime, datetime]]:
    return [
        (each.short.reservation.holder, each.short.nodes, during.start, during.end)
        for each in drained.told.broken
        for during in [each.short.during]
    ]


def node_of(built: Built, id: NodeId) -> Node:
    return fleet.show_node(built.world, built.admin, id).node


def promise_one(built: Built, of: str) -> None:
    """One node of this node's block is promised for a month from now on."""
    with built.world.store.transaction() as tx:
        pool, during = tx.get(Node, of).pool, Interval(NOON, NOON + timedelta(days=30))
        kind = ReservationKind.CONTRACT
        tx.add(Reservation("k/1/pool", EAST, pool, 1, during, kind, "k"))


def supply(built: Built, at: datetime) -> int:
    """How many nodes of the first block the calendar counts on at an instant."""
    with built.world.store.transaction() as tx:
        pool = tx.fleet(EAST).pools[tx.get(Node, "h100-001").pool]
    return pool.calendar.available(Interval(at, at + timedelta(hours=1)), built.clock.now())


def test_a_drain_that_is_planned_is_asked_about_written_down_begun_and_over() -> None:
    """The fans of a node are changed from Monday to Friday. Both nodes of its block are sold."""
    built = promised()
    id = a_promised_node(built)
    asked = drain(built, id, dry_run=True)
    assert short(asked) == [("robotics-2026", 1, MONDAY, FRIDAY)]
    assert [(room.pool, room.nodes) for room in asked.told.broken[0].mends.rooms] == [
        ("east-2/h100x8", 2) if id < "h100-003" else ("east-1/h100x8", 2)
    ]
    assert rows(built, Breach) == [] and node_of(built, id).drained is None
    told = drain(built, id)
    assert short(told) == short(asked)
    assert told.consequence == (
        "no new lease starts on it from 2026-11-30 until 2026-12-04, and it is empty; "
        "its pool is 1 node short of what is promised then"
    )
    (row,) = rows(built, Breach)
    assert row.cause == f"node {id} is drained from 2026-11-30 until 2026-12-04"
    assert node_of(built, id).state is NodeState.IN_SERVICE
    built.clock.instant = MONDAY
    assert look(built) == ()
    assert node_of(built, id).state is NodeState.DRAINING
    back = move(built, id, Step(NodeState.IN_SERVICE))
    assert [each.id for each in back.told.mended] == [row.id]
    assert (back.view.node.drained, back.view.node.back) == (None, None)


def test_a_plan_is_called_off_before_it_begins() -> None:
    built = promised()
    id = a_promised_node(built)
    drain(built, id)
    assert [row.holder for row in move(built, id, Step(NodeState.IN_SERVICE)).told.mended]
    built.clock.instant = MONDAY
    look(built)
    assert node_of(built, id).state is NodeState.IN_SERVICE


def test_of_a_node_that_is_drained_without_a_day_nobody_knows_when_it_is_back() -> None:
    built = promised()
    id = a_promised_node(built)
    told = drain(built, id, Away())
    (during,) = [each.short.during for each in told.told.broken]
    assert during.start == NOON and during.end.year == 2028
    built.clock.advance(timedelta(days=1))
    again = drain(built, id, Away(until=FRIDAY))
    assert short(again) == [("robotics-2026", 1, built.clock.now(), FRIDAY)]
    assert (node_of(built, id).drained, node_of(built, id).back) == (NOON, FRIDAY)
    repaired = move(built, id, Step(NodeState.IN_REPAIR, FRIDAY))
    assert (repaired.told.broken, len(repaired.told.still)) == ((), 1)


def test_a_drain_without_an_end_takes_the_place_of_one_with_an_end_and_says_so() -> None:
    built = build(SMALL, CUSTOMERS)
    id = NodeId("h100-001")
    drain(built, id)
    planned = drain(built, id, Away(MONDAY))
    assert planned.consequence == (
        "no new lease starts on it from 2026-11-30 on, "
        "instead of from 2026-11-30 until 2026-12-04, and it is empty"
    )
    assert (node_of(built, id).drained, node_of(built, id).back) == (MONDAY, None)
    drain(built, id, Away(until=FRIDAY))
    begun = drain(built, id, Away())
    assert "from 2026-11-22 on, instead of from 2026-11-22 until" in begun.consequence
    assert (node_of(built, id).drained, node_of(built, id).back) == (NOON, None)
    assert "instead" not in drain(built, id, Away()).consequence


def test_a_node_that_is_not_back_on_its_day_is_told_by_the_next_look() -> None:
    built = promised()
    id = a_promised_node(built)
    drain(built, id, Away(until=FRIDAY))
    built.clock.instant = FRIDAY
    (row,) = look(built)
    assert row.cause == f"node {id} was not back by 2026-12-04" and row.during.start == FRIDAY
    assert look(built) == ()


def test_what_is_drained_is_not_promised_meanwhile_and_is_again_from_its_day() -> None:
    built = build(SMALL, CUSTOMERS)
    drain(built, NodeId("h100-001"))
    hour = timedelta(hours=1)
    days = (NOON, MONDAY - hour, MONDAY, FRIDAY - hour, FRIDAY)
    assert [supply(built, day) for day in days] == [2, 2, 1, 1, 2]
    question = capacity.Question(Interval(MONDAY, FRIDAY), SkuId("h100.node"))
    assert capacity.show(built.world, built.admin, question).least == 3


def test_the_spare_node_absorbs_a_drain() -> None:
    """One of a block's two nodes is promised: draining one breaks nothing, the second would."""
    built = build(SMALL, CUSTOMERS)
    first, second = NodeId("h100-001"), NodeId("h100-002")
    promise_one(built, first)
    assert short(drain(built, first)) == []
    assert [count for _, count, *_ in short(drain(built, second))] == [1]


def test_what_runs_on_a_drained_node_stays_and_takes_no_promise_from_others() -> None:
    """On demand has one node of a block, a contract the other: the drained one costs nobody."""
    built = build(SMALL, CUSTOMERS)
    ask = leasing.Ask(ProjectId("studio-render"), SkuId("h100.1"), 3)
    lease = leasing.start(built.world, built.admin, ask)
    id = lease.members[0].node
    promise_one(built, id)
    assert short(drain(built, id, Away(), dry_run=True)) == []
    assert short(drain(built, id, Away())) == []
    with built.world.store.transaction() as tx:
        giveway.tell(built.world, tx, EAST)
        breaches.look_at(built.world, tx, EAST)
    shown, _ = leasing.show(built.world, built.admin, lease.id)
    assert (shown.until, shown.members[0].node) == (None, id)
    assert rows(built, Breach) == []


@pytest.mark.parametrize(
    ("away", "why"),
    [
        (Away(NOON - timedelta(days=1)), "leave it out for now"),
        (Away(MONDAY, MONDAY), "is not after it is drained"),
        (Away(until=NOON), "is not after it is drained"),
        (Away(MONDAY, FRIDAY + timedelta(days=90)), "leaves on 2026-12-22, before that"),
        (Away(FRIDAY + timedelta(days=90)), "leaves on 2026-12-22, before that"),
    ],
)
def test_days_that_cannot_be_are_refused_and_nothing_is_changed(away: Away, why: str) -> None:
    built = build(SMALL, CUSTOMERS)
    id = NodeId("h100-001")
    move(built, id, Step(NodeState.RETIRED, NOON + timedelta(days=30)))
    before = node_of(built, id)
    with pytest.raises(Invalid, match=why):
        drain(built, id, away)
    assert node_of(built, id) == before


def test_what_is_drained_already_is_not_drained_later() -> None:
    built = build(SMALL, CUSTOMERS)
    id = NodeId("h100-001")
    drain(built, id, Away())
    with pytest.raises(Refused, match="is draining already: return it first") as caught:
        drain(built, id)
    assert caught.value.reason is Reason.WRONG_STATE
    upkeep.return_node(built.world, built.admin, id)
    drain(built, id)


def test_applying_a_file_again_leaves_a_plan_as_it_is() -> None:
    built = build(SMALL, CUSTOMERS)
    id = NodeId("h100-001")
    drain(built, id)
    planned = node_of(built, id)
    built.apply(SMALL.replace("cpus: 192", "cpus: 96"))
    now = node_of(built, id)
    assert (now.drained, now.back, now.note) == (planned.drained, planned.back, "new fans")
