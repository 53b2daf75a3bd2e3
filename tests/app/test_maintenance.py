"""Planned work on machines: it reserves nodes, breaks no promise, and can be called off."""

from datetime import UTC, datetime, timedelta

import pytest

from rackrate.app import leasing, maintenance
from rackrate.app.maintenance import Maintenance, Work
from rackrate.core.access import Role
from rackrate.core.errors import Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.ids import PoolId, ProjectId, SiteId
from rackrate.core.interval import Interval
from tests.app.test_capacity import NODE, NOTICE, asked, day, fresh, hold, sign
from tests.build import NOON, Built

EAST_1 = PoolId("east-1/h100x8")
MAY = Interval(day(2027, 5, 1), day(2027, 5, 3))


def plan(
    built: Built, nodes: int = 1, during: Interval = MAY, pool: PoolId | None = EAST_1
) -> Maintenance:
    site = SiteId("east") if pool is None else None
    work = Work(nodes, during, "switch firmware", pool, site)
    return maintenance.add(built.world, built.admin, work)


def test_it_takes_its_nodes_out_of_what_can_be_promised_for_its_time() -> None:
    built = fresh()
    made = plan(built, 2)
    assert made.pools == ((EAST_1, 2),) and made.nodes == 2
    assert asked(built, day(2027, 4, 1), day(2027, 6, 1)).least == 2
    assert asked(built, day(2027, 5, 3), day(2027, 6, 1)).least == 4
    assert maintenance.find(built.world, built.admin) == [made]


def test_it_is_refused_where_it_would_break_a_promise_with_how_many_and_from_when() -> None:
    built = fresh()
    sign(built, "C-1", 2, day(2027, 2, 1), day(2027, 8, 1))
    sign(built, "C-2", 2, day(2027, 2, 1), day(2027, 9, 1))
    with pytest.raises(Refused, match=r"all from 2027-0[89]-01 00:00 UTC") as caught:
        plan(built)
    assert caught.value.reason is Reason.BREAKS_PROMISE
    assert caught.value.facts["nodes"] == 0
    first = datetime.fromisoformat(str(caught.value.facts["earliest"]))
    assert maintenance.find(built.world, built.admin) == []
    assert plan(built, during=Interval(first, first + timedelta(days=2))).nodes == 1


def test_a_hold_is_a_promise_until_it_expires() -> None:
    built = fresh()
    expires = NOON + timedelta(days=14)
    hold(built, 2, day(2027, 3, 1), day(2028, 3, 1), expires)
    with pytest.raises(Refused):
        plan(built)
    built.clock.instant = expires
    assert plan(built).nodes == 1


def test_what_runs_on_demand_is_not_put_out_before_its_notice_is_over() -> None:
    built = fresh()
    leasing.start(built.world, built.admin, leasing.Ask(ProjectId("studio-render"), NODE, 2))
    soon = Interval(NOON + timedelta(days=1), NOON + timedelta(days=2))
    pools = [pool.id for pool in asked(built, NOON, NOON + NOTICE).pools if pool.least == 0]
    with pytest.raises(Refused, match="none of 1 node") as caught:
        plan(built, during=soon, pool=pools[0])
    assert caught.value.facts["earliest"] == (NOON + NOTICE).isoformat()


def test_a_running_lease_learns_that_maintenance_will_need_its_node() -> None:
    built = fresh()
    project = ProjectId("studio-render")
    lease = leasing.start(built.world, built.admin, leasing.Ask(project, NODE, 4))
    assert lease.safe_until is None
    plan(built, 2)
    told, _ = leasing.show(built.world, built.admin, lease.id)
    assert told.safe_until is not None and told.safe_until <= MAY.start


def test_the_spare_share_may_be_worked_on() -> None:
    built = fresh(site="spare_percent: 100")
    assert asked(built, day(2027, 5, 1), day(2027, 5, 3)).least == 0
    assert plan(built, 2).nodes == 2


def test_at_a_site_it_is_laid_on_as_few_blocks_as_can_be() -> None:
    built = fresh()
    assert plan(built, 3, pool=None).pools == ((EAST_1, 2), (PoolId("east-2/h100x8"), 1))
    with pytest.raises(Refused, match="at most 1 of 2 nodes of east"):
        plan(built, 2, pool=None)


def test_called_off_its_nodes_can_be_promised_again() -> None:
    built = fresh()
    made = plan(built, 3, pool=None)
    assert maintenance.remove(built.world, built.admin, made.id).nodes == 3
    assert asked(built, day(2027, 4, 1), day(2027, 6, 1)).least == 4
    with pytest.raises(Missing):
        maintenance.remove(built.world, built.admin, made.id)


def test_what_is_over_is_not_listed() -> None:
    built = fresh()
    plan(built)
    built.clock.instant = MAY.end
    assert maintenance.find(built.world, built.admin, SiteId("east")) == []


def test_a_contract_cannot_be_called_off_as_maintenance() -> None:
    built = fresh()
    sign(built, "C-1", 2, day(2027, 2, 1), day(2027, 8, 1))
    with pytest.raises(Missing):
        maintenance.remove(built.world, built.admin, "C-1")


def test_plans_that_make_no_sense_are_refused_and_nothing_changes() -> None:
    built = fresh()
    past = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    for work in (
        Work(0, MAY, "x", EAST_1),
        Work(-1, MAY, "x", EAST_1),
        Work(10**9, MAY, "x", EAST_1),
        Work(1, past, "x", EAST_1),
        Work(1, Interval(day(2027, 5, 1), day(2029, 5, 1)), "x", EAST_1),
        Work(1, MAY, "", EAST_1),
        Work(1, MAY, "two\nlines", EAST_1),
        Work(1, MAY, "x"),
        Work(1, MAY, "x", EAST_1, SiteId("east")),
    ):
        with pytest.raises(Invalid):
            maintenance.add(built.world, built.admin, work)
    for pool in ("nope/h100x8", "east-1/h200x8", "east-1"):
        with pytest.raises(Missing):
            maintenance.add(built.world, built.admin, Work(1, MAY, "x", PoolId(pool)))
    assert maintenance.find(built.world, built.admin) == []


def test_only_those_who_run_the_fleet_plan_work_on_it() -> None:
    built = fresh()
    fleet = built.actor("ops@compute.example", Role.FLEET)
    sales = built.actor("sales@compute.example", Role.SALES)
    made = maintenance.add(built.world, fleet, Work(1, MAY, "fans", EAST_1))
    assert maintenance.find(built.world, sales) == [made]
    with pytest.raises(Forbidden):
        maintenance.add(built.world, sales, Work(1, MAY, "fans", EAST_1))
    with pytest.raises(Forbidden):
        maintenance.remove(built.world, sales, made.id)
