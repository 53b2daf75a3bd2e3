"""The four numbers of a buyer: delivered, healthy, reserved, in use."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rackrate.app import fleet, leasing, tallies
from rackrate.core.access import Role
from rackrate.core.errors import Missing
from rackrate.core.ids import ContractId, CustomerId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.inventory import Node, NodeState
from rackrate.core.lease import LeaseClass
from rackrate.core.tally import Count, Tally
from tests.app.test_capacity import NODE, day, fresh, hold, sign
from tests.build import NOON, Built

ROBOTICS = CustomerId("robotics")


def numbers(built: Built, customer: CustomerId = ROBOTICS) -> Tally:
    return tallies.of_customer(built.world, built.admin, customer).total


def under_contract(built: Built, nodes: int, sku: SkuId = NODE) -> None:
    wish = leasing.Ask(
        ProjectId("robotics-train"),
        sku,
        nodes,
        klass=LeaseClass.CONTRACT,
        contract=ContractId("C-1"),
    )
    leasing.start(built.world, built.admin, wish)


def put(built: Built, *nodes: Node) -> None:
    with built.world.store.transaction() as tx:
        tx.fleet(SiteId("east"))
        tx.put(*nodes)


def node(built: Built, id: str) -> Node:
    return fleet.show_node(built.world, built.admin, NodeId(id)).node


def signed(nodes: int = 2) -> Built:
    """A contract that began today at midnight."""
    built = fresh()
    sign(built, "C-1", nodes, NOON, day(2027, 11, 1))
    return built


def test_two_nodes_are_reserved_delivered_and_sound_before_anything_runs() -> None:
    two = Count(2, 16)
    assert numbers(signed()) == Tally(two, two, two, Count())


def test_a_contract_that_has_not_begun_reserves_nothing_yet() -> None:
    built = fresh()
    sign(built, "C-1", 2, day(2027, 3, 1), day(2027, 11, 1))
    assert numbers(built) == Tally()
    built.clock.instant = day(2027, 3, 1)
    assert numbers(built).reserved == Count(2, 16)


def test_a_lease_is_in_use_with_the_gpus_that_it_holds() -> None:
    built = signed()
    under_contract(built, 1)
    assert numbers(built).in_use == Count(1, 8)
    under_contract(built, 3, SkuId("h100.1"))
    assert numbers(built).in_use == Count(2, 11), "three GPUs of a second node"


def test_what_runs_by_the_moment_is_in_use_of_the_customer_and_not_of_its_contract() -> None:
    built = signed()
    under_contract(built, 1)
    wish = leasing.Ask(ProjectId("robotics-train"), SkuId("h100.1"), 2)
    leasing.start(built.world, built.admin, wish)
    found = tallies.of_customer(built.world, built.admin, ROBOTICS)
    assert found.total.in_use == Count(2, 10)
    assert found.contracts[ContractId("C-1")].in_use == Count(1, 8)
    alone = tallies.of_contract(built.world, built.admin, ContractId("C-1"))
    assert alone == found.contracts[ContractId("C-1")]
    assert numbers(built, CustomerId("studio")) == Tally()


def test_a_node_that_drains_or_is_repaired_is_delivered_and_not_healthy() -> None:
    """All four nodes are theirs, so each one that fails is one of theirs."""
    built = signed(4)
    fleet.drain(built.world, built.admin, NodeId("h100-001"), "fan")
    assert (numbers(built).delivered.nodes, numbers(built).healthy.nodes) == (4, 3)
    put(built, replace(node(built, "h100-002"), state=NodeState.IN_REPAIR))
    assert (numbers(built).delivered.nodes, numbers(built).healthy.nodes) == (4, 2)


def test_while_there_is_a_sound_node_to_spare_nobody_is_given_the_broken_one() -> None:
    built = signed(1)
    fleet.drain(built.world, built.admin, NodeId("h100-001"), "fan")
    fleet.drain(built.world, built.admin, NodeId("h100-003"), "fan")
    assert numbers(built).healthy == Count(1, 8)


def test_a_node_that_has_not_come_is_reserved_and_not_delivered() -> None:
    built = signed(4)
    late = replace(
        node(built, "h100-004"), state=NodeState.IN_TRANSIT, ready=NOON + timedelta(days=3)
    )
    put(built, late)
    found = numbers(built)
    assert (found.reserved.nodes, found.delivered.nodes, found.healthy.nodes) == (4, 3, 3)


def test_where_a_pool_is_short_whoever_was_promised_first_comes_first() -> None:
    built = signed(2)
    sign(built, "C-2", 2, NOON + timedelta(days=1), day(2027, 11, 1))
    built.clock.instant = NOON + timedelta(days=2)
    for id in ("h100-001", "h100-003"):
        late = replace(node(built, id), state=NodeState.IN_TRANSIT, ready=NOON + timedelta(days=9))
        put(built, late)
    found = tallies.of_customer(built.world, built.admin, ROBOTICS)
    assert sum(one.delivered.nodes for one in found.contracts.values()) == 2
    for id in ("C-1", "C-2"):
        one = found.contracts[ContractId(id)]
        assert one.delivered.nodes <= one.reserved.nodes == 2


def test_a_hold_is_not_theirs_yet() -> None:
    built = fresh()
    hold(built, 2, NOON, day(2028, 3, 1), NOON + timedelta(days=14))
    assert numbers(built, CustomerId("studio")) == Tally()


def test_a_customer_sees_its_own_and_does_not_learn_of_others() -> None:
    built = signed()
    owner = built.actor("owner@robotics.example", Role.OWNER, "robotics")
    assert tallies.of_customer(built.world, owner, ROBOTICS).total.reserved == Count(2, 16)
    assert tallies.of_contract(built.world, owner, ContractId("C-1")).reserved == Count(2, 16)
    stranger = built.actor("owner@studio.example", Role.OWNER, "studio")
    for act in (
        lambda: tallies.of_customer(built.world, stranger, ROBOTICS),
        lambda: tallies.of_contract(built.world, stranger, ContractId("C-1")),
        lambda: tallies.of_contract(built.world, owner, ContractId("nope")),
    ):
        with pytest.raises(Missing):
            act()
