"""Budgets: what counts, who may set them, when somebody is told, and what never stops."""

from datetime import timedelta

import pytest

from rackrate.app import budgets, leasing, loops
from rackrate.app.budgets import NewBudget
from rackrate.app.leasing import Ask
from rackrate.core.access import Role
from rackrate.core.errors import Forbidden, Invalid, Missing
from rackrate.core.ids import ProjectId, SkuId
from rackrate.core.lease import LeaseClass, Phase
from rackrate.core.outbox import Notification, Topic
from tests.app.money_shop import ROBOTICS, STUDIO, cny, open_shop
from tests.app.test_leasing import contract
from tests.app.test_leasing import shop as contracts
from tests.build import Built

TRAIN, RENDER = ProjectId("robotics-train"), ProjectId("studio-render")
GPU, NODE = SkuId("h100.1"), SkuId("h100.node")


def passes(built: Built, hours: float = 0) -> None:
    built.clock.advance(timedelta(hours=hours))
    leader = loops.lead(built.world, "test")
    assert leader is not None
    for _ in range(3):
        loops.provision(built.world, leader)


def told(built: Built) -> list[tuple[str, str]]:
    with built.world.store.transaction() as tx:
        rows = [row for row in tx.find(Notification) if row.topic.startswith("budget.")]
    return [(row.topic, row.facts["percent"]) for row in rows]


def test_each_share_is_told_once_and_what_is_only_told_runs_on() -> None:
    built = open_shop().built
    new = NewBudget(ROBOTICS, None, cny("180.20"))
    budgets.set_budget(built.world, built.admin, new)
    leasing.start(built.world, built.admin, Ask(TRAIN, GPU))
    leasing.start(built.world, built.admin, Ask(RENDER, GPU, 8))
    passes(built)
    for _ in range(24):
        passes(built, 0.5)
    assert told(built) == [(Topic.BUDGET_REACHED, level) for level in ("50", "80", "100")]
    (lease,) = leasing.find(built.world, built.admin, leasing.Filter(customer=ROBOTICS))
    assert lease.phase is Phase.RUNNING
    budgets.set_budget(built.world, built.admin, new)
    passes(built, 1)
    assert len(told(built)) == 3


def test_a_budget_that_is_used_up_stops_what_is_on_demand_and_never_a_contract() -> None:
    built = contracts()
    k1 = contract(built, nodes=3)
    wish = Ask(TRAIN, NODE, 3, klass=LeaseClass.CONTRACT, contract=k1)
    kept = leasing.start(built.world, built.admin, wish)
    sold = leasing.start(built.world, built.admin, Ask(TRAIN, GPU))
    other = leasing.start(built.world, built.admin, Ask(RENDER, GPU))
    new = NewBudget(ROBOTICS, None, cny("1.00"), stop=True, grace=timedelta(hours=2))
    budgets.set_budget(built.world, built.admin, new)
    passes(built)
    passes(built, 1)
    assert told(built)[0][0] is Topic.BUDGET_STOPS
    passes(built, 1.9)
    assert leasing.show(built.world, built.admin, sold.id)[0].phase is Phase.RUNNING
    passes(built, 0.2)
    found = [leasing.show(built.world, built.admin, id)[0] for id in (kept.id, sold.id, other.id)]
    assert [lease.phase for lease in found] == [Phase.RUNNING, Phase.STOPPED, Phase.RUNNING]


def test_owners_and_finance_set_budgets_of_their_own_projects_in_their_own_currency() -> None:
    built = open_shop().built
    owner = built.actor("owner@robotics.example", Role.OWNER, ROBOTICS)
    member = built.actor("dev@robotics.example", Role.MEMBER, ROBOTICS, TRAIN)
    own = NewBudget(ROBOTICS, TRAIN, cny("10"))
    assert budgets.set_budget(built.world, owner, own).id == "robotics:robotics-train"
    with pytest.raises(Forbidden):
        budgets.set_budget(built.world, member, own)
    with pytest.raises(Missing):
        budgets.set_budget(built.world, owner, NewBudget(STUDIO, None, cny("10")))
    with pytest.raises(Missing):
        budgets.set_budget(built.world, owner, NewBudget(ROBOTICS, RENDER, cny("10")))
    with pytest.raises(Invalid):
        budgets.set_budget(built.world, owner, NewBudget(ROBOTICS, None, cny("0")))
    assert [each.id for each in budgets.find(built.world, owner)] == ["robotics:robotics-train"]
    budgets.remove(built.world, owner, "robotics:robotics-train")
    assert budgets.find(built.world, owner) == []
