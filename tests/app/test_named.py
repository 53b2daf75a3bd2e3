"""Nodes that were named at a delivery: its contract goes there first, others only at the end."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import breaches, delivery, fleet, leasing, sales, tallies, upkeep
from rackrate.app.leasing import Ask
from rackrate.core.contract import Acceptance, Terms
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ContractId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.inventory import Node, NodeState
from rackrate.core.lease import LeaseClass
from tests.app.contract_shop import FIRST, K1, NODE, TRAIN, day, nodes, pools, shop, sign
from tests.build import Built

EAST = SiteId("east")


def handed_over(name: str) -> Built:
    """One node of a block of two is promised for a year, and it is this one."""
    built = shop()
    terms = Terms(acceptance=Acceptance.CUSTOMER)
    sign(built, nodes(1, 0, 12, "1000.00"), terms=terms)
    (pool,) = pools(built, FIRST)
    assert pool == "east-1/h100x8"
    delivery.deliver(built.world, built.admin, K1, 1, 1, [NodeId(name)])
    return built


def on_demand(built: Built, sku: str = "h100.1", count: int = 1) -> str:
    ask = Ask(ProjectId("studio-render"), SkuId(sku), count)
    return leasing.start(built.world, built.admin, ask).members[0].node


def under_contract(built: Built, sku: str = "h100.1") -> str:
    ask = Ask(TRAIN, SkuId(sku), klass=LeaseClass.CONTRACT, contract=K1)
    return leasing.start(built.world, built.admin, ask).members[0].node


def marked(built: Built) -> dict[str, str]:
    with built.world.store.transaction() as tx:
        return {node.id: node.named_for for node in tx.find(Node) if node.named_for}


def test_leases_of_a_contract_go_to_its_named_node_and_on_demand_goes_elsewhere_first() -> None:
    built = handed_over("h100-001")
    taken = [on_demand(built, NODE) for _ in range(3)]
    assert "h100-001" not in taken
    assert under_contract(built) == under_contract(built) == "h100-001"


def test_the_name_decides_and_not_the_order_of_nodes() -> None:
    built = handed_over("h100-002")
    assert under_contract(built) == "h100-002"


def test_where_its_named_node_is_drained_another_stands_in() -> None:
    built = handed_over("h100-002")
    fleet.drain(built.world, built.admin, NodeId("h100-002"), "fan")
    assert under_contract(built) == "h100-001"


def test_a_node_is_named_anew_until_the_batch_is_accepted() -> None:
    built = handed_over("h100-001")
    assert marked(built) == {"h100-001": "k1"}
    delivery.deliver(built.world, built.admin, K1, 1, 1, [NodeId("h100-002")])
    assert marked(built) == {"h100-002": "k1"}


def accepted(built: Built) -> None:
    delivery.accept(built.world, built.admin, K1, 1, 1)


def test_a_healthy_node_takes_the_place_of_one_that_failed_after_acceptance() -> None:
    built = handed_over("h100-001")
    accepted(built)
    before = sales.deliveries(built.world, built.admin, K1)[0]
    fleet.drain(built.world, built.admin, NodeId("h100-001"), "fan")
    built.clock.instant = day(1)
    counted = tallies.of_contract(built.world, built.admin, K1)
    assert (counted.delivered.nodes, counted.healthy.nodes) == (1, 0)
    done = delivery.replace_node(built.world, built.admin, K1, NodeId("h100-001"))
    assert (done.gone, done.came) == ("h100-001", "h100-002")
    assert marked(built) == {"h100-002": "k1"}
    after = sales.deliveries(built.world, built.admin, K1)[0]
    assert after == replace(before, names=(NodeId("h100-002"),))
    counted = tallies.of_contract(built.world, built.admin, K1)
    assert (counted.delivered.nodes, counted.healthy.nodes) == (1, 1)


def test_what_takes_a_node_away_says_whose_it_is_and_how_many_could_take_its_place() -> None:
    built = handed_over("h100-001")
    accepted(built)
    failing = NodeId("h100-001")
    said = "1 node of k1 is named here; 1 free node could take its place"
    for dry_run in (True, False):
        told = fleet.drain(built.world, built.admin, failing, "fan", dry_run)
        assert f"; {said}: rackrate contract replace k1 h100-001" in told.consequence
    for to in (NodeState.IN_REPAIR, NodeState.RETIRED):
        step = upkeep.Step(to, FIRST + timedelta(days=9) if to != "retired" else None, force=True)
        named = upkeep.move(built.world, built.admin, failing, step).named
        assert named is not None and named.said.startswith(said)
    other = fleet.drain(built.world, built.admin, NodeId("h100-002"), "fan", dry_run=True)
    assert "named" not in other.consequence


def test_where_none_is_free_nothing_is_renamed_and_how_many_could_is_said() -> None:
    built = handed_over("h100-001")
    accepted(built)
    with pytest.raises(Refused, match=r"h100-003 cannot take .* these could: h100-002") as caught:
        delivery.replace_node(built.world, built.admin, K1, NodeId("h100-001"), NodeId("h100-003"))
    assert caught.value.facts["nodes"] == 1
    fleet.drain(built.world, built.admin, NodeId("h100-002"), "fan")
    with pytest.raises(Refused, match="no node of east-1/h100x8 is in service, free") as caught:
        delivery.replace_node(built.world, built.admin, K1, NodeId("h100-001"))
    assert (caught.value.reason, caught.value.facts["nodes"]) == (Reason.NO_CAPACITY, 0)
    with pytest.raises(Refused, match="named in no batch of k1"):
        delivery.replace_node(built.world, built.admin, K1, NodeId("h100-004"))
    assert marked(built) == {"h100-001": "k1"}


def test_when_the_contract_is_over_its_node_is_a_node_like_others() -> None:
    built = handed_over("h100-001")
    with built.world.store.transaction() as tx:
        breaches.look_at(built.world, tx, EAST)
    assert marked(built) == {"h100-001": "k1"}
    built.clock.instant = day(12)
    with built.world.store.transaction() as tx:
        breaches.look_at(built.world, tx, EAST)
    assert marked(built) == {}


def test_a_node_that_is_to_be_drained_is_handed_over_last() -> None:
    built = shop()
    away = fleet.Away(FIRST + timedelta(days=9))
    fleet.drain(built.world, built.admin, NodeId("h100-001"), "fan", away=away)
    sign(built, nodes(1, 0, 12, "1000.00"))
    assert delivery.deliver(built.world, built.admin, K1, 1, 1).names == ("h100-002",)


def test_a_node_of_a_contract_that_is_over_is_handed_over_for_the_next() -> None:
    built = handed_over("h100-001")
    built.clock.instant = day(12)
    wanted = nodes(2, 12, 14, "1.00")
    terms = Terms(acceptance=Acceptance.CUSTOMER)
    project = ProjectId("studio-render")
    offer = sales.Offer(ContractId("k2"), project, (wanted,), Decimal(0), terms=terms)
    sales.sign(built.world, built.admin, offer)
    handed = delivery.deliver(built.world, built.admin, ContractId("k2"), 1, 1)
    assert handed.names == ("h100-001", "h100-002")
    assert marked(built) == {"h100-001": "k2", "h100-002": "k2"}
