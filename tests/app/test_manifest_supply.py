"""Files that say what is on its way, what it draws, and what may be kept of it."""

from decimal import Decimal

import pytest

from rackrate.app import procurement
from rackrate.app.procurement import Part
from rackrate.core.ids import NodeId, PurchaseId
from rackrate.core.inventory import Node, NodeState, Rack, Site
from rackrate.core.purchase import PurchaseOrder
from tests.app.operator_files import refusal, rows
from tests.build import CUSTOMERS, SMALL, Built, build

ORDER = """
kind: purchase_order
name: po-7
supplier: Example Servers (sample)
entity: example
site: east
terms: purchase
block: east-1
chip: h100
gpus: 8
cpus: 192
memory_gib: 2048
disk_gib: 28000
kw: 10.2
currency: CNY
price_per_node: 1900000.00
time_zone: Asia/Shanghai
ordered: 2026-11-01
batches:
  - {nodes: 2, expected: 2027-02-01}
  - {nodes: 1, expected: 2027-03-01}
node_names: h100
first: 5
"""
SITE = "simulated: true\n"
POWER = SITE + "contracted_mw: 0.2\nactive_mw: 0.05\npue: 1.25\n"


def small(old: str = "", new: str = "") -> str:
    assert not old or old in SMALL
    return SMALL.replace(old, new)


def fresh() -> Built:
    return build(SMALL, CUSTOMERS)


def test_an_order_in_a_file_makes_its_nodes_and_twice_is_once() -> None:
    built = fresh()
    (change,) = built.apply(ORDER).changes
    assert (change.kind, change.id) == ("purchase_order", "po-7")
    assert built.apply(ORDER).changes == ()
    nodes = {id: node for id, node in rows(built, Node).items() if node.order}
    assert sorted(nodes) == ["h100-005", "h100-006", "h100-007"]
    assert {node.state for node in nodes.values()} == {NodeState.ORDERED}
    assert nodes["h100-007"].batch == 2


def test_what_has_become_of_an_order_is_not_undone_by_its_file() -> None:
    built = fresh()
    built.apply(ORDER)
    part = Part(1, nodes=(NodeId("h100-005"),))
    procurement.advance(built.world, built.admin, PurchaseId("po-7"), part, NodeState.IN_SERVICE)
    assert built.apply(ORDER).changes == ()
    assert len(rows(built, PurchaseOrder)["po-7"].batches) == 3
    (change,) = built.apply(ORDER.replace("Example Servers", "Example Machines")).changes
    assert [field.name for field in change.fields] == ["supplier"]
    assert len(rows(built, PurchaseOrder)["po-7"].batches) == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("price_per_node: 1900000.00", "price_per_node: 1.00", "`price` of 'po-7' cannot change"),
        ("gpus: 8", "gpus: 4", "`gpus` of 'po-7' cannot change: it is placed"),
    ],
)
def test_what_was_ordered_does_not_change(old: str, new: str, said: str) -> None:
    built = fresh()
    built.apply(ORDER)
    assert said in refusal(built, ORDER.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("block: east-1", "block: nowhere", "no block is called 'nowhere'"),
        ("site: east", "site: west", "no site is called 'west'"),
        ("terms: purchase", "terms: borrowed", "'borrowed' is unknown"),
        ("terms: purchase", "terms: lease_in", "what is leased in ends on a day"),
        ("nodes: 2,", "nodes: 0,", "0 is not from 1 to 20,000"),
        ("nodes: 2,", "nodes: -2,", "-2 is not from 1 to 20,000"),
        ("nodes: 2,", "nodes: 900000,", "900,000 is not from 1 to 20,000"),
        ("expected: 2027-02-01", "expected: 2026-10-01", "before it was ordered"),
        ("expected: 2027-02-01", "expected: soon", "'soon' is not a date"),
        ("kw: 10.2", "kw: 0", "0 is not from 0.001 to 100000"),
        ("first: 5", "first: 4", "a node is called 'h100-004' already"),
        ("first: 5", "serves: [nobody]", "no contract is called 'nobody'"),
        ("first: 5", "colour: red", "unknown field `colour`"),
        ("price_per_node: 1900000.00", "price_per_node: -1", "-1 is not from 0"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused_by_its_line(
    old: str, new: str, said: str
) -> None:
    assert said in refusal(fresh(), ORDER.replace(old, new))


def test_a_site_has_power_and_shares_and_a_node_its_rack_and_draw() -> None:
    rack = "---\nkind: rack\nname: tank-{}\ncount: 2\nsite: east\nkw: 500\n---\nkind: block"
    text = small(SITE, SITE + "contracted_mw: 20\nactive_mw: 12.5\npue: 1.08\nspare_percent: 3\n")
    text = text.replace("---\nkind: block", rack, 1)
    text = text.replace("gpus: 8\n", "gpus: 8\nrack: tank-{}\nnodes_per_rack: 2\nkw: 10.2\n", 1)
    built = build(text)
    site = rows(built, Site)["east"]
    assert (site.contracted_mw, site.active_mw) == (Decimal(20), Decimal("12.5"))
    assert [site.pue, site.spare_percent] == [Decimal("1.08"), Decimal(3)]
    assert {rack.kw for rack in rows(built, Rack).values()} == {Decimal(500)}
    assert [(node.rack, node.kw) for node in rows(built, Node).values()] == [
        ("tank-1", Decimal("10.2")),
        ("tank-1", Decimal("10.2")),
        ("tank-2", Decimal("10.2")),
        ("tank-2", Decimal("10.2")),
    ]
    assert built.apply(text).changes == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (SITE, SITE + "active_mw: 2\ncontracted_mw: 1\n", "more than `contracted_mw`"),
        (SITE, SITE + "pue: 0.9\n", "0.9 is not from 1 to 10"),
        (SITE, SITE + "active_mw: -1\n", "-1 is not from 0.001"),
        (SITE, SITE + "spare_percent: 60\nmoment_percent: 60\n", "not be more than 100"),
        ("gpus: 8\n", "gpus: 8\nrack: nowhere\n", "no rack is called 'nowhere'"),
        ("gpus: 8\n", "gpus: 8\nnodes_per_rack: 4\n", "needs a `rack` beside it"),
    ],
)
def test_power_that_cannot_be_is_refused(old: str, new: str, said: str) -> None:
    assert said in refusal(build(), small(old, new))


def test_nodes_beyond_what_their_site_has_are_not_applied() -> None:
    """50 kW are connected: with a PUE of 1.25 that feeds three servers of 10.2 kW, not four."""
    text = small(SITE, POWER).replace("gpus: 8\n", "gpus: 8\nkw: 10.2\n", 1)
    said = refusal(build(), text)
    assert "site east has 50 kW, and its nodes would draw 40.8 kW, times a PUE of 1.25" in said
    assert "3 more nodes of 10.2 kW fit" in said
    build(text.replace("count: 4", "count: 3"))


def test_what_is_ordered_draws_nothing_until_it_is_there() -> None:
    text = small(SITE, POWER).replace("gpus: 8\n", "gpus: 8\nkw: 10.2\n", 1)
    built = build(text.replace("count: 4", "count: 3"), CUSTOMERS)
    assert len(built.apply(ORDER).changes) == 1
