"""Nodes that were named at a delivery: its contract goes there first, others only at the end."""

from datetime import timedelta
from decimal import Decimal

from rackrate.app import breaches, delivery, fleet, leasing, sales
from rackrate.app.leasing import Ask
from rackrate.core.contract import Acceptance, Terms
from rackrate.core.ids import ContractId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.inventory import Node
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
