"""What can be promised, as a salesperson asks it: from when, how much, on which block, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import capacity, leasing, maintenance, sales
from rackrate.app.capacity import Calendar, Question, Unit
from rackrate.core.access import Role
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.errors import Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.giveway import CHANGEOVER
from rackrate.core.ids import (
    ChipId,
    ContractId,
    CustomerId,
    NodeId,
    PoolId,
    ProjectId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money
from rackrate.core.stack import MarkKind
from rackrate.core.timeline import instant
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

NODE = SkuId("h100.node")
NOTICE = timedelta(days=7) + CHANGEOVER


def day(year: int, month: int, of_month: int = 1) -> datetime:
    return datetime(year, month, of_month, tzinfo=UTC)


def asked(built: Built, start: datetime, end: datetime, **more: object) -> Calendar:
    question = Question(Interval(start, end), **{"sku": NODE, **more})  # type: ignore[arg-type]
    return capacity.show(built.world, built.admin, question)


def sign(built: Built, id: str, nodes: int, start: datetime, end: datetime) -> None:
    offer = sales.Offer.of(
        ContractId(id),
        ProjectId("robotics-train"),
        NODE,
        nodes,
        Interval(start, end),
        Money(10_000_000, "CNY"),
        Decimal(0),
    )
    sales.sign(built.world, built.admin, offer)


def hold(built: Built, nodes: int, start: datetime, end: datetime, expires: datetime) -> None:
    with built.world.store.transaction() as tx:
        tx.fleet(SiteId("east"))
        tx.add(
            Reservation(
                "Q-1/x",
                SiteId("east"),
                PoolId("east-1/h100x8"),
                nodes,
                Interval(start, end),
                ReservationKind.HOLD,
                "Q-1",
                CustomerId("studio"),
                expires,
            )
        )


def levels(found: Calendar, use: str) -> list[tuple[datetime, int]]:
    """The level of one use at every instant at which anything changes."""
    times = [instant(int(time)) for time in found.total.times]
    line = found.total.supply if use == "supply" else found.total.uses[use]
    return list(zip(times, line.tolist(), strict=True))


def fresh(site: str = "") -> Built:
    small = SMALL.replace("simulated: true", f"simulated: true\n{site}") if site else SMALL
    return build(small, CUSTOMERS)


def order(built: Built, nodes: int, ready: datetime) -> None:
    """So many more nodes are on their way to the second block."""
    with built.world.store.transaction() as tx:
        tx.fleet(SiteId("east"))
        like = tx.get(Node, "h100-004")
        for number in range(nodes):
            id = NodeId(f"h100-new-{number}")
            tx.add(replace(like, id=id, state=NodeState.IN_TRANSIT, ready=ready))


def test_an_empty_fleet_can_all_be_promised_and_the_largest_block_is_told_apart() -> None:
    found = asked(fresh(), day(2027, 3, 1), day(2030, 3, 1))
    assert (found.least, found.one_block) == (4, 2)
    assert [(pool.id, pool.nodes, pool.least) for pool in found.pools] == [
        ("east-1/h100x8", 2, 2),
        ("east-2/h100x8", 2, 2),
    ]
    assert levels(found, "free") == [(day(2027, 3, 1), 4)]


def test_a_contract_takes_its_nodes_from_its_first_day_to_its_last() -> None:
    built = fresh()
    sign(built, "C-1", 2, day(2027, 6, 1), day(2028, 6, 1))
    found = asked(built, day(2027, 3, 1), day(2029, 3, 1))
    assert levels(found, "contract") == [
        (day(2027, 3, 1), 0),
        (day(2027, 6, 1), 2),
        (day(2028, 6, 1), 0),
    ]
    assert (found.least, found.one_block) == (2, 2)
    assert asked(built, day(2027, 3, 1), day(2027, 6, 1)).least == 4, (
        "it ends as the contract begins"
    )
    said = [(mark.at, mark.kind, mark.what, mark.nodes) for mark in found.marks]
    assert said == [
        (day(2027, 6, 1), MarkKind.STARTS, "C-1", 2),
        (day(2028, 6, 1), MarkKind.ENDS, "C-1", 2),
    ]
    assert found.customers == {"robotics": "Example Robotics (sample)"}


def test_nodes_that_are_on_their_way_can_be_promised_from_their_day() -> None:
    built = fresh()
    order(built, 2, day(2027, 6, 1))
    found = asked(built, day(2027, 3, 1), day(2028, 3, 1))
    assert levels(found, "supply") == [(day(2027, 3, 1), 4), (day(2027, 6, 1), 6)]
    assert (found.least, found.one_block) == (4, 2)
    assert asked(built, day(2027, 6, 1), day(2028, 3, 1)).one_block == 4
    assert [(m.kind, m.nodes) for m in found.marks] == [(MarkKind.DELIVERY, 2)]


def test_a_hold_is_in_the_way_to_the_second_of_its_expiry() -> None:
    built = fresh()
    expires = NOON + timedelta(days=14)
    hold(built, 2, day(2027, 3, 1), day(2028, 3, 1), expires)
    window = day(2027, 3, 1), day(2028, 3, 1)
    assert asked(built, *window).least == 2
    assert asked(built, *window).total.uses["hold"].tolist() == [2]
    built.clock.instant = expires - timedelta(seconds=1)
    assert asked(built, *window).least == 2
    built.clock.instant = expires
    assert asked(built, *window).least == 4


def test_what_runs_on_demand_is_a_forecast_until_its_notice_is_over() -> None:
    built = fresh()
    leasing.start(built.world, built.admin, leasing.Ask(ProjectId("studio-render"), NODE, 2))
    found = asked(built, NOON, day(2027, 3, 1))
    assert levels(found, "on_demand") == [(NOON, 2), (NOON + NOTICE, 0)]
    assert levels(found, "free") == [(NOON, 2), (NOON + NOTICE, 4)]
    assert (found.told, found.least) == (NOON + NOTICE, 2)
    assert asked(built, NOON + NOTICE, day(2027, 3, 1)).least == 4


def test_nodes_on_which_only_spot_runs_are_told_apart_from_those_on_demand() -> None:
    built = fresh()
    project = ProjectId("studio-render")
    for klass, count in ((LeaseClass.ON_DEMAND, 5), (LeaseClass.SPOT, 3), (LeaseClass.SPOT, 6)):
        wish = leasing.Ask(project, SkuId("h100.1"), count, klass=klass)
        leasing.start(built.world, built.admin, wish)
    found = asked(built, NOON, NOON + timedelta(days=1))
    assert (found.total.uses["on_demand"].tolist(), found.total.uses["spot"].tolist()) == ([1], [2])


def test_spare_is_promised_to_nobody_and_headroom_only_to_the_moment() -> None:
    """Of two nodes each block keeps one: a quarter of each is rounded up to whole nodes."""
    built = fresh(site="spare_percent: 25")
    found = asked(built, day(2027, 3, 1), day(2028, 3, 1))
    assert found.total.uses["spare"].tolist() == [2]
    assert (found.least, found.one_block) == (2, 1)
    built = fresh(site="moment_percent: 50")
    found = asked(built, day(2027, 3, 1), day(2028, 3, 1))
    assert (found.total.uses["headroom"].tolist(), found.least) == ([2], 2)


def test_what_runs_on_demand_fills_the_headroom_first() -> None:
    built = fresh(site="moment_percent: 50")
    leasing.start(built.world, built.admin, leasing.Ask(ProjectId("studio-render"), NODE, 1))
    found = asked(built, NOON, NOON + timedelta(days=1))
    assert found.total.uses["on_demand"].tolist() == [1]
    assert found.total.uses["headroom"].tolist() == [1]
    assert found.least == 2, "the node that runs is one of those kept for it"


def test_the_same_capacity_in_nodes_gpus_and_pflops() -> None:
    built = fresh()
    window = day(2027, 3, 1), day(2028, 3, 1)
    in_nodes, in_gpus, in_pflops = (asked(built, *window, unit=unit) for unit in Unit)
    assert (in_nodes.figure(in_nodes.least), in_gpus.figure(in_gpus.least)) == (4, 32)
    assert in_pflops.figure(in_pflops.least) == Decimal("31.648"), "32 GPUs of 989 TFLOPS"
    assert in_gpus.one_block == 16 and in_gpus.total.supply.tolist() == [32]


def test_pflops_of_a_chip_that_nobody_states_are_refused_and_nodes_are_not() -> None:
    built = build(SMALL.replace("bf16_dense_tflops: 989\n", ""), CUSTOMERS)
    with pytest.raises(Refused, match="nobody states BF16 dense TFLOPS of h100") as caught:
        asked(built, day(2027, 3, 1), day(2028, 3, 1), unit=Unit.PFLOPS)
    assert caught.value.reason is Reason.NOT_STATED
    assert asked(built, day(2027, 3, 1), day(2028, 3, 1)).least == 4


def test_a_chip_is_asked_about_at_one_site_or_at_all() -> None:
    built = fresh()
    window = day(2027, 3, 1), day(2028, 3, 1)
    assert asked(built, *window, sku=None, chip=ChipId("h100")).least == 4
    one = asked(built, *window, sku=None, chip=ChipId("h100"), site=SiteId("east"))
    assert (one.least, [site.id for site in one.sites]) == (4, ["east"])
    assert asked(built, *window, sku=SkuId("h100.1")).least == 4, "nodes, whatever a unit is"


def test_more_promises_than_nodes_stand_above_the_supply() -> None:
    built = fresh()
    sign(built, "C-1", 4, day(2027, 3, 1), day(2028, 3, 1))
    with built.world.store.transaction() as tx:
        fleet = tx.fleet(SiteId("east"))
        fleet.pools[PoolId("east-1/h100x8")].calendar.drop_node(fleet.nodes[0].id)
        found = asked(built, day(2027, 3, 1), day(2028, 3, 1))
        assert (found.total.short.tolist(), found.least) == ([1], 0)
        assert found.total.uses["contract"].tolist() == [4] and found.total.supply.tolist() == [3]


def test_questions_that_make_no_sense_are_refused_with_what_is_wrong() -> None:
    built = fresh()
    window = day(2027, 3, 1), day(2028, 3, 1)
    for wrong, said in (
        ({"sku": None}, "name a SKU, or a chip"),
        ({"chip": ChipId("h100")}, "name a SKU, or a chip"),
        ({"site": SiteId("west")}, "is sold at east, not at west"),
    ):
        with pytest.raises(Invalid, match=said):
            asked(built, *window, **wrong)
    with pytest.raises(Invalid, match="30 years"):
        asked(built, day(2027, 3, 1), day(2060, 3, 1))
    with pytest.raises(Missing):
        asked(built, *window, sku=SkuId("nope"))


def test_only_who_works_for_the_operator_sees_the_calendar() -> None:
    built = fresh()
    question = Question(Interval(day(2027, 3, 1), day(2028, 3, 1)), NODE)
    for role in (Role.SALES, Role.FLEET, Role.VIEWER, Role.FINANCE):
        clerk = built.actor(f"{role}@compute.example", role)
        assert capacity.show(built.world, clerk, question).least == 4
    buyer = built.actor("owner@robotics.example", Role.OWNER, "robotics")
    with pytest.raises(Forbidden):
        capacity.show(built.world, buyer, question)


def test_maintenance_is_in_the_calendar_as_what_it_is() -> None:
    built = fresh()
    during = Interval(day(2027, 5, 1), day(2027, 5, 3))
    work = maintenance.Work(1, during, "switch firmware", PoolId("east-1/h100x8"))
    done = maintenance.add(built.world, built.admin, work)
    found = asked(built, day(2027, 4, 1), day(2027, 6, 1))
    assert levels(found, "maintenance") == [
        (day(2027, 4, 1), 0),
        (day(2027, 5, 1), 1),
        (day(2027, 5, 3), 0),
    ]
    assert found.least == 3
    assert [mark.what for mark in found.marks] == [done.id, done.id]
