"""The fleet as its operator sees it: what is free, what holds it, and draining."""

from dataclasses import replace

import pytest

from rackrate.app import catalogue, fleet, leasing, upkeep
from rackrate.app.fleet import SlotClass
from rackrate.core.access import Role
from rackrate.core.calendar import Claim, HolderKind
from rackrate.core.errors import Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.ids import ContractId, NodeId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Span
from rackrate.core.inventory import NODE_MOVES, Node, NodeState
from rackrate.core.lease import Lease, LeaseClass
from rackrate.core.slots import all_slots
from tests.app.operator_files import CONTRACT
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

EAST = SiteId("east")


def started(built: Built, sku: str = "h100.1", count: int = 1, contract: str = "") -> Lease:
    project = "robotics-train" if contract else "studio-render"
    return leasing.start(
        built.world,
        built.admin,
        leasing.Ask(
            ProjectId(project),
            SkuId(sku),
            count,
            klass=LeaseClass.CONTRACT if contract else LeaseClass.ON_DEMAND,
            contract=ContractId(contract) if contract else None,
        ),
    )


def stock(built: Built) -> dict[str, tuple[int, int, int]]:
    offered = catalogue.list_offerings(built.world, built.admin)
    return {
        each.sku.id: (each.stock.units, each.stock.nodes, each.stock.nodes_in_one_block)
        for each in offered
    }


def fresh() -> Built:
    return build(SMALL, CUSTOMERS)


def test_a_node_shows_its_leases_and_what_is_free() -> None:
    built = fresh()
    lease = started(built, count=3)
    view = fleet.show_node(built.world, built.admin, lease.members[0].node)
    assert view.leases == (lease.id,)
    assert view.free == 5
    assert view.slots == bytes([SlotClass.ON_DEMAND] * 3 + [SlotClass.FREE] * 5)
    assert not view.empty


def test_nodes_are_listed_by_name_site_state_and_page() -> None:
    built = fresh()
    fleet.drain(built.world, built.admin, NodeId("h100-002"), "fan")

    def names(**asked: object) -> list[str]:
        views = fleet.list_nodes(built.world, built.admin, **asked)  # type: ignore[arg-type]
        return [view.node.id for view in views]

    assert names() == ["h100-001", "h100-002", "h100-003", "h100-004"]
    assert names(state=NodeState.DRAINING) == ["h100-002"]
    assert names(site=EAST, after="h100-002", limit=1) == ["h100-003"]
    with pytest.raises(Missing):
        names(site=SiteId("west"))


def test_nothing_new_starts_on_a_drained_node_and_what_runs_stays_and_is_told() -> None:
    built = fresh()
    lease = started(built, count=2)
    node = lease.members[0].node
    drained = fleet.drain(built.world, built.admin, node, "fan 3")
    assert [each.id for each in drained.running] == [lease.id]
    assert drained.consequence == (
        f"no new lease starts on it; what runs stays until it ends: {lease.id}"
    )
    assert drained.view.slots == bytes([SlotClass.ON_DEMAND] * 2 + [SlotClass.DRAINING] * 6)
    assert drained.view.free == 0
    assert {started(built, count=8).members[0].node for _ in range(3)} == {
        *("h100-001", "h100-002", "h100-003", "h100-004")
    } - {node}
    with pytest.raises(Refused) as caught:
        started(built)
    assert caught.value.reason is Reason.NO_CAPACITY


def test_a_returned_node_is_offered_again() -> None:
    built = fresh()
    before = stock(built)
    fleet.drain(built.world, built.admin, NodeId("h100-001"), "fan")
    assert stock(built)["h100.1"] == (24, 3, 2)
    view = upkeep.return_node(built.world, built.admin, NodeId("h100-001"), "fan replaced")
    assert (view.node.state, view.node.note) == (NodeState.IN_SERVICE, "fan replaced")
    assert stock(built) == before


def test_draining_and_returning_twice_is_doing_it_once() -> None:
    built = fresh()
    node = NodeId("h100-001")
    for _ in range(2):
        assert fleet.drain(built.world, built.admin, node, "").view.node.state == "draining"
    for _ in range(2):
        assert upkeep.return_node(built.world, built.admin, node).node.state == "in_service"


def test_a_dry_run_tells_the_consequence_and_drains_nothing() -> None:
    built = fresh()
    lease = started(built)
    node = lease.members[0].node
    told = fleet.drain(built.world, built.admin, node, "", dry_run=True)
    assert lease.id in told.consequence
    assert fleet.show_node(built.world, built.admin, node).node.state == NodeState.IN_SERVICE


def test_a_drain_that_breaks_a_promise_says_by_how_many_nodes() -> None:
    built = build(SMALL, CUSTOMERS, CONTRACT)
    site = fleet.site_map(built.world, built.admin, EAST)
    promised = next(pool for pool in site.pools if pool.promised)
    node = next(node for node in site.nodes if node.pool == promised.id)
    drained = fleet.drain(built.world, built.admin, node.id, "")
    assert drained.short == 1
    assert drained.consequence.endswith("its pool is 1 node short of what is promised now")


@pytest.mark.parametrize("state", NodeState)
@pytest.mark.parametrize("to", NodeState)
def test_a_node_goes_only_where_its_table_says(state: NodeState, to: NodeState) -> None:
    with fresh().world.store.transaction() as tx:
        node = replace(tx.get(Node, "h100-001"), state=state, ready=NOON)
    if state == to or to in NODE_MOVES[state]:
        assert node.move(to, "why").state == to
    else:
        with pytest.raises(Refused) as caught:
            node.move(to, "why")
        assert caught.value.reason is Reason.WRONG_STATE


def test_a_retired_node_does_not_come_back() -> None:
    built = fresh()
    with built.world.store.transaction() as tx:
        node = tx.get(Node, "h100-001").move(NodeState.DRAINING, "")
        tx.put(node.move(NodeState.RETIRED, "sold"))
    with pytest.raises(Refused, match="from there it goes to: nowhere"):
        upkeep.return_node(built.world, built.admin, NodeId("h100-001"))


def test_stock_keeps_what_is_promised() -> None:
    assert stock(fresh()) == {"h100.1": (32, 4, 2), "h100.node": (4, 4, 2)}
    built = build(SMALL, CUSTOMERS, CONTRACT)
    assert stock(built) == {"h100.1": (16, 2, 2), "h100.node": (2, 2, 2)}
    started(built, count=3)
    assert stock(built) == {"h100.1": (13, 2, 2), "h100.node": (1, 1, 1)}
    started(built, "h100.node", contract="robotics-2026")
    assert stock(built)["h100.1"] == (13, 2, 2)


def test_what_stock_offers_can_be_had_and_no_more() -> None:
    built = build(SMALL, CUSTOMERS, CONTRACT)
    for _ in range(stock(built)["h100.1"][0]):
        started(built)
    assert stock(built)["h100.1"] == (0, 0, 0)
    with pytest.raises(Refused):
        started(built)


def test_the_map_has_a_byte_for_every_slot() -> None:
    built = build(SMALL, CUSTOMERS, CONTRACT)
    on_demand = started(built, count=3).members[0].node
    kept = started(built, "h100.node", contract="robotics-2026").members[0].node
    cleaned = next(
        node.id
        for node in fleet.site_map(built.world, built.admin, EAST).nodes
        if node.id not in (on_demand, kept)
    )
    with built.world.store.transaction() as tx:
        cleaning = HolderKind.CLEANING
        tx.add(Claim("x", EAST, cleaned, all_slots(2), Span(NOON), cleaning, "lse_9"))
    site = fleet.site_map(built.world, built.admin, EAST)
    assert len(site.slots) == 32
    parts = {node.id: site.slots[i * 8 : i * 8 + 8] for i, node in enumerate(site.nodes)}
    assert parts[on_demand] == bytes([SlotClass.ON_DEMAND] * 3 + [SlotClass.FREE] * 5)
    assert parts[kept] == bytes([SlotClass.CONTRACT] * 8)
    assert parts[cleaned] == bytes([SlotClass.CLEANING] * 2 + [SlotClass.FREE] * 6)
    assert {use: count for use, count in site.counts.items() if count} == {
        SlotClass.CONTRACT: 8,
        SlotClass.ON_DEMAND: 3,
        SlotClass.CLEANING: 2,
        SlotClass.FREE: 19,
    }
    assert sum(pool.promised for pool in site.pools) == 2
    assert sum(pool.untouched for pool in site.pools) == 1


def test_prices_are_those_in_force_at_an_instant() -> None:
    built = build(SMALL)
    built.apply(SMALL.replace("2026-01-01", "2027-01-01").replace("17.00", "15.00"))
    now = catalogue.list_prices(built.world, built.admin, NOON, SkuId("h100.1"))
    assert [str(price.amount) for price in now] == ["17.00", "8.50"]
    later = catalogue.list_prices(built.world, built.admin, NOON.replace(year=2027))
    assert [str(price.amount) for price in later] == ["15.00", "8.50", "16.00"]
    assert len(catalogue.list_prices(built.world, built.admin)) == 6
    assert catalogue.list_prices(built.world, built.admin, NOON.replace(year=2020)) == []


def test_a_customer_sees_the_catalogue_and_not_the_fleet() -> None:
    built = fresh()
    owner = built.actor("ann@studio.example", Role.OWNER, "studio")
    assert [sku.id for sku in catalogue.list_skus(built.world, owner)] == ["h100.1", "h100.node"]
    assert catalogue.list_offerings(built.world, owner)[0].stock.units == 32
    (chip,) = catalogue.list_chips(built.world, owner)
    assert catalogue.show_chip(built.world, owner, chip.id) == chip
    with pytest.raises(Forbidden):
        fleet.list_nodes(built.world, owner)
    with pytest.raises(Forbidden):
        fleet.site_map(built.world, owner, EAST)
    with pytest.raises(Forbidden):
        fleet.drain(built.world, owner, NodeId("h100-001"), "")


def test_a_note_is_one_line() -> None:
    built = fresh()
    for note in ("a\nb", "x" * 501):
        with pytest.raises(Invalid):
            fleet.drain(built.world, built.admin, NodeId("h100-001"), note)
