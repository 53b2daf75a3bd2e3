"""Files of an operator: read strictly, refused with their line, applied as one or not at all."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.app import sales
from rackrate.app.manifest import (
    Action,
    Detected,
    DetectedGpu,
    apply,
    local_site_manifest,
)
from rackrate.core.access import Role, Verb
from rackrate.core.calendar import Reservation
from rackrate.core.chips import Chip
from rackrate.core.contract import Contract
from rackrate.core.errors import Forbidden, Invalid, Missing, Reason, Refused
from rackrate.core.ids import ContractId, EntityId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Block, Entity, Node, NodeState, Site, Sku
from rackrate.core.money import Money
from rackrate.core.parties import Audit, Customer, Principal
from rackrate.core.pricing import Price
from tests.app.operator_files import CONTRACT, everything, rows
from tests.build import CUSTOMERS, EXAMPLES, NOON, SMALL, build

DEMO = sorted((EXAMPLES / "demo").glob("*.yaml"))


# -- what is applied ----------------------------------------------------------------------------


def test_a_file_becomes_the_rows_that_it_declares() -> None:
    built = build(SMALL, CUSTOMERS)
    nodes = rows(built, Node)
    assert list(nodes) == ["h100-001", "h100-002", "h100-003", "h100-004"]
    node = nodes["h100-003"]
    assert (node.block, node.gpus, node.capacity.memory_mib) == ("east-2", 8, 2048 * 1024)
    price = rows(built, Price)["h100.1/on_demand/CNY/2025-12-31T16:00:00Z"]
    assert str(price.amount) == "17.00"
    assert price.notice == timedelta(days=7)
    assert rows(built, Site)["east"] == Site(
        SiteId("east"),
        EntityId("example"),
        "East (simulated)",
        "CN",
        "Asia/Shanghai",
        "sim",
        True,
    )


def test_applying_twice_changes_nothing() -> None:
    built = build(SMALL, CUSTOMERS, CONTRACT)
    before = everything(built)
    assert built.apply(SMALL, CUSTOMERS, CONTRACT).changes == ()
    assert everything(built) == before


def test_the_demo_operator_can_be_applied_twice_and_has_1024_gpus() -> None:
    built = build()
    built.apply_files(*DEMO)
    assert built.apply_files(*DEMO).changes == ()
    nodes = list(rows(built, Node).values())
    assert sum(node.gpus for node in nodes if node.state is NodeState.IN_SERVICE) == 1024
    assert sum(node.gpus for node in nodes if node.state is NodeState.ORDERED) == 192
    assert {node.chip for node in nodes} == {"h100", "h800", "h20", "a800", "ascend-910b"}
    blocks = {block: sum(node.block == block for node in nodes) for block in rows(built, Block)}
    assert blocks.pop("north-h20-3") == 8
    assert set(blocks.values()) == {16}
    assert all(site.simulated for site in rows(built, Site).values())
    contract = rows(built, Contract)["robotics-2026"]
    assert contract.during.start < NOON - timedelta(days=300)
    assert contract.during.end > NOON + timedelta(days=700)


def test_every_sku_of_the_demo_has_a_price_and_every_name_says_that_it_is_a_sample() -> None:
    built = build()
    built.apply_files(*DEMO)
    priced = {price.sku for price in rows(built, Price).values()}
    assert priced == set(rows(built, Sku))
    for party in (*rows(built, Customer).values(), *rows(built, Entity).values()):
        assert party.name.startswith("Example ") and "(sample)" in party.name


@pytest.mark.parametrize(("nodes", "blocks"), [(352, 11), (60, 4)])
def test_the_fleets_for_replays_have_the_size_that_they_are_named_after(
    nodes: int, blocks: int
) -> None:
    built = build(now=datetime(2017, 8, 1, tzinfo=UTC))
    built.apply_files(EXAMPLES / "fleets" / f"philly-{nodes}.yaml")
    assert len(rows(built, Node)) == nodes
    assert len(rows(built, Block)) == blocks
    assert list(rows(built, Price)) == ["gpu.1/on_demand/CNY/2017-01-01T00:00:00Z"]


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 16),
    st.decimals(0, 1000, places=4, allow_nan=False),
)
def test_whatever_is_applied_is_there_and_applying_it_again_changes_nothing(
    count: int, per_block: int, gpus: int, rate: Decimal
) -> None:
    blocks = -(-count // per_block)
    text = (
        SMALL.replace("count: 2", f"count: {blocks}")
        .replace("count: 4", f"count: {count}")
        .replace("nodes_per_block: 2", f"nodes_per_block: {per_block}")
        .replace("gpus: 8", f"gpus: {gpus}")
        .replace("slots: 8", f"slots: {gpus}")
        .replace("17.00", str(rate))
    )
    built = build(text)
    nodes = list(rows(built, Node).values())
    assert len(nodes) == count
    assert {node.gpus for node in nodes} == {gpus}
    assert [node.block for node in nodes] == [f"east-{1 + i // per_block}" for i in range(count)]
    price = rows(built, Price)["h100.1/on_demand/CNY/2025-12-31T16:00:00Z"]
    assert price.amount == rate
    assert built.apply(text).changes == ()


def test_a_dry_run_says_what_would_change_and_changes_nothing() -> None:
    built = build(SMALL)
    before = everything(built)
    applied = built.apply(SMALL.replace("memory_gib: 2048", "memory_gib: 1024"), dry_run=True)
    assert everything(built) == before
    assert [(change.action, change.id) for change in applied.changes] == [
        *((Action.CHANGE, f"h100-{number:03}") for number in range(1, 5)),
        (Action.CHANGE, "h100.node"),
    ]
    (change,) = applied.changes[0].fields
    assert (change.name, change.old, change.new) == (
        "capacity",
        "192 cpus, 2048 GiB memory, 28000 GiB disk",
        "192 cpus, 1024 GiB memory, 28000 GiB disk",
    )


def test_what_files_leave_out_stays() -> None:
    built = build(SMALL)
    assert built.apply(SMALL.replace("count: 4", "count: 2")).changes == ()
    assert len(rows(built, Node)) == 4


def test_applying_does_not_put_a_draining_node_back_into_service() -> None:
    built = build(SMALL)
    with built.world.store.transaction() as tx:
        tx.put(tx.get(Node, "h100-001").move(NodeState.DRAINING, "fan"))
    assert built.apply(SMALL).changes == ()
    built.apply(SMALL.replace("cpus: 192", "cpus: 190"))
    node = rows(built, Node)["h100-001"]
    assert (node.state, node.note, node.capacity.milli_cpus) == (
        NodeState.DRAINING,
        "fan",
        190_000,
    )


def test_a_later_price_supersedes_and_the_old_one_stays() -> None:
    built = build(SMALL)
    built.apply(SMALL.replace("2026-01-01", "2027-01-01").replace("17.00", "15.00"))
    assert len(rows(built, Price)) == 6


def test_each_document_leaves_a_row_in_the_audit_log() -> None:
    built = build(SMALL)
    log = list(rows(built, Audit).values())
    assert {(row.verb, row.target) for row in log} >= {
        (Verb.FLEET_WRITE, "node/h100-{:03}"),
        (Verb.CATALOGUE_WRITE, "sku/h100.node"),
        (Verb.SYSTEM_WRITE, "entity/example"),
    }
    assert {row.outcome for row in log} == {"done"}


def test_a_contract_is_signed_and_reserves_its_nodes() -> None:
    built = build(SMALL, CUSTOMERS, CONTRACT)
    held = list(rows(built, Reservation).values())
    assert sum(row.nodes for row in held) == 2
    contract = rows(built, Contract)["robotics-2026"]
    assert contract.monthly_at(NOON, "Asia/Shanghai") == Money(14_000_000, "CNY")


def test_a_contract_that_cannot_be_kept_undoes_the_whole_file() -> None:
    built = build()
    with pytest.raises(Refused) as caught:
        built.apply(SMALL, CUSTOMERS, CONTRACT.replace("nodes: 2", "nodes: 5"))
    assert caught.value.reason is Reason.NO_CAPACITY
    assert caught.value.detail.startswith("3.yaml:2: at most 4 of 5 nodes")
    assert rows(built, Node) == {} and rows(built, Customer) == {}


def test_one_person_may_be_a_member_of_many_things() -> None:
    member = "kind: member\nemail: Ann@robotics.example\nrole: owner\ncustomer: {}\n"
    built = build(SMALL, CUSTOMERS)
    built.apply(member.format("robotics") + "---\n" + member.format("studio"))
    assert "ann@robotics.example" in rows(built, Principal)
    assert built.apply(member.format("robotics")).changes == ()
    assert built.apply(member.format("robotics").replace("Ann", "ann")).changes == ()


# -- who may apply ------------------------------------------------------------------------------


def test_a_customer_may_not_apply_and_is_written_down() -> None:
    built = build(SMALL, CUSTOMERS)
    owner = built.actor("ann@robotics.example", Role.OWNER, "robotics")
    with pytest.raises(Forbidden):
        apply(built.world, owner, [("mine.yaml", SMALL)])
    last = list(rows(built, Audit).values())[-1]
    assert (last.principal, last.target, last.outcome) == (
        "ann@robotics.example",
        "apply/mine.yaml",
        "not_allowed",
    )


@pytest.mark.parametrize(
    ("role", "text"),
    [
        (Role.FLEET, SMALL.replace("17.00", "1.00").replace("2026-01-01", "2027-01-01")),
        (Role.SALES, SMALL.replace("cpus: 192", "cpus: 191")),
        (Role.FINANCE, CUSTOMERS.replace("Example Studio", "Example Atelier")),
        (Role.SALES, "kind: member\nemail: me@example.com\nrole: admin\n"),
        (Role.SALES, CUSTOMERS.replace("currency: CNY\n", "currency: CNY\nof_operator: true\n")),
    ],
)
def test_each_kind_of_change_takes_its_own_right(role: Role, text: str) -> None:
    built = build(SMALL, CUSTOMERS)
    actor = built.actor("me@example.com", role)
    before = everything(built)
    with pytest.raises(Forbidden):
        apply(built.world, actor, [("1.yaml", text)])
    with pytest.raises(Forbidden):
        apply(built.world, actor, [("1.yaml", text)], dry_run=True)
    assert everything(built) == before


# -- this machine -------------------------------------------------------------------------------


def test_a_machine_without_gpus_is_sold_by_the_core_and_says_so() -> None:
    built = build()
    built.apply_files(*DEMO)
    text = local_site_manifest(Detected("My.Host_1", 6, 24_000, 100_000))
    built.apply(text)
    sku = rows(built, Sku)["cpu.1"]
    assert sku.name == "Local: one CPU core of this machine, no GPU"
    assert sku.limits.milli_cpus == 1000
    node = rows(built, Node)["local-my-host-1"]
    assert node.gpus == 6 and sku.limits.memory_mib * 6 <= node.capacity.memory_mib < 24_000
    site = rows(built, Site)["local"]
    assert not site.simulated
    assert built.apply(text).changes == ()


def test_a_machine_with_gpus_is_sold_by_the_gpu() -> None:
    built = build()
    built.apply_files(*DEMO)
    card = DetectedGpu('NVIDIA "H200": {x}', 143_771)
    found = Detected("", 16, 128_000, 64_000, (card, card))
    text = local_site_manifest(found)
    built.apply(text)
    node = rows(built, Node)["local-this-machine"]
    assert (node.gpus, node.chip) == (2, "nvidia-h200-x")
    assert "gpu.1" in rows(built, Sku)


def test_gpus_that_differ_are_sold_as_what_they_are() -> None:
    built = build()
    built.apply_files(*DEMO)
    gpus = (DetectedGpu("Tesla A", 80_000), DetectedGpu("Tesla B", 16_000))
    built.apply(local_site_manifest(Detected("h", 16, 128_000, 64_000, gpus)))
    assert rows(built, Node)["local-h"].gpus == 2
    model = rows(built, Chip)["mixed-gpus"].model
    assert model == "mixed, a lease gets any of: 1 x Tesla A, 1 x Tesla B"


def test_signing_through_the_door_is_signing() -> None:
    """What a file signs is what `sales.sign` signs, given the same offer."""
    files, code = build(SMALL, CUSTOMERS, CONTRACT), build(SMALL, CUSTOMERS)
    start = datetime(2025, 12, 31, 16, tzinfo=UTC)
    sales.sign(
        code.world,
        code.admin,
        sales.Offer.of(
            ContractId("robotics-2026"),
            ProjectId("robotics-train"),
            SkuId("h100.node"),
            2,
            Interval(start, datetime(2028, 12, 31, 16, tzinfo=UTC)),
            Money(14_000_000, "CNY"),
            Decimal(20),
            False,
            "Two H100 nodes",
        ),
    )
    assert everything(files) == everything(code)


def test_an_empty_file_and_no_file_are_told_apart() -> None:
    assert build().apply("# nothing\n---\n").changes == ()
    built = build()
    with pytest.raises(Invalid, match="at least one file"):
        apply(built.world, built.admin, [])
    with pytest.raises(Missing):
        sales.show(built.world, built.admin, ContractId("none"))
