"""The four numbers of a buyer: delivered, healthy, reserved, in use."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import delivery, fleet, leasing, sales, tallies
from rackrate.core.access import Role
from rackrate.core.contract import Acceptance, Commitment, CommitmentKind, Terms
from rackrate.core.errors import Missing
from rackrate.core.ids import ContractId, CustomerId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Node, NodeState
from rackrate.core.lease import Lease, LeaseClass, Phase
from rackrate.core.money import Money
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


# -- nodes that are handed over by name -------------------------------------------------------


def handing_over(
    batches: tuple[int, ...], acceptance: Acceptance = Acceptance.CUSTOMER, id: str = "C-1"
) -> Built:
    """Promised since today at noon, to be handed over in batches that are due at once."""
    built = fresh()
    promise(built, batches, acceptance, id)
    return built


def promise(built: Built, batches: tuple[int, ...], acceptance: Acceptance, id: str) -> None:
    wanted = Commitment(
        1, CommitmentKind.CAPACITY, "", Interval(NOON, day(2027, 11, 1)),
        Money.parse("1000.00", "CNY"), NODE, None, sum(batches),
    )  # fmt: skip
    offer = sales.Offer(
        ContractId(id), ProjectId("robotics-train"), (wanted,), Decimal(0),
        terms=Terms(acceptance=acceptance), batches={1: tuple((count, NOON) for count in batches)},
    )  # fmt: skip
    sales.sign(built.world, built.admin, offer)


def deliver(built: Built, number: int, *names: str, id: str = "C-1") -> None:
    named = [NodeId(name) for name in names]
    delivery.deliver(built.world, built.admin, ContractId(id), 1, number, named)


def three(built: Built) -> tuple[int, int, int]:
    found = numbers(built)
    return found.reserved.nodes, found.delivered.nodes, found.healthy.nodes


def test_a_batch_that_was_never_delivered_is_neither_delivered_nor_healthy() -> None:
    """Three named nodes were delivered and accepted; the batch of one was not, though it stands
    ready in the pool.
    """
    built = handing_over((3, 1))
    assert three(built) == (4, 0, 0)
    deliver(built, 1, "h100-001", "h100-002", "h100-003")
    assert three(built) == (4, 3, 3)
    owner = built.actor("owner@robotics.example", Role.OWNER, "robotics")
    delivery.accept(built.world, owner, ContractId("C-1"), 1, 1)
    assert three(built) == (4, 3, 3)
    assert numbers(built).delivered == Count(3, 24)
    deliver(built, 2, "h100-004")
    assert three(built) == (4, 4, 4)


def test_a_named_node_in_repair_is_not_healthy_though_another_node_stands_idle() -> None:
    built = handing_over((1,))
    deliver(built, 1, "h100-001")
    put(built, replace(node(built, "h100-001"), state=NodeState.IN_REPAIR))
    assert three(built) == (1, 1, 0)
    put(built, replace(node(built, "h100-001"), state=NodeState.RETIRED))
    assert three(built) == (1, 0, 0)


def test_a_lease_that_fails_on_a_named_node_makes_it_unhealthy() -> None:
    built = handing_over((2, 2))
    deliver(built, 1)
    under_contract(built, 4)
    assert three(built) == (4, 2, 2)
    with built.world.store.transaction() as tx:
        (lease,) = tx.find(Lease, customer=ROBOTICS)
        tx.put(replace(lease, phase=Phase.INTERRUPTED))
    assert three(built) == (4, 2, 0)


def test_where_no_acceptance_is_asked_names_count_once_one_batch_has_them() -> None:
    built = handing_over((3, 1), Acceptance.NONE)
    assert three(built) == (4, 4, 4), "nothing is handed over: what the pool has for them"
    deliver(built, 1, "h100-001", "h100-002", "h100-003")
    assert three(built) == (4, 3, 3)


def test_nodes_that_were_named_for_one_contract_are_not_another_ones() -> None:
    built = handing_over((2,))
    deliver(built, 1, "h100-001", "h100-002")
    promise(built, (2,), Acceptance.NONE, "C-2")
    put(built, replace(node(built, "h100-003"), state=NodeState.IN_REPAIR))
    found = tallies.of_customer(built.world, built.admin, ROBOTICS).contracts
    first, second = found[ContractId("C-1")], found[ContractId("C-2")]
    assert (first.delivered.nodes, first.healthy.nodes) == (2, 2)
    assert (second.delivered.nodes, second.healthy.nodes) == (2, 1)
    alone = tallies.of_contract(built.world, built.admin, ContractId("C-2"))
    assert alone == second
