"""Power and cooling: what may enter service, and what the answer says where it may not."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rackrate.core.chips import Chip, Confidence
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import BlockId, ChipId, EntityId, NodeId, RackId, SiteId
from rackrate.core.inventory import Node, NodeState, Rack, Site
from rackrate.core.power import SitePower, check_power, node_kw, site_power
from rackrate.core.workload import Limits

SITE = Site(
    SiteId("east"), EntityId("example"), "East", "CN", "Asia/Shanghai", "sim", True,
    contracted_mw=Decimal(2), active_mw=Decimal("0.25"), pue=Decimal("1.25"),
)  # fmt: skip
H100 = Chip(ChipId("h100"), "NVIDIA", "H100", None, None, None, 700, "a test", Confidence.SECONDARY)
UNKNOWN = replace(H100, id=ChipId("mystery"), power_w=None)
DAY = datetime(2027, 1, 1, tzinfo=UTC)
CHIPS = {chip.id: chip for chip in (H100, UNKNOWN)}


def node(
    number: int,
    kw: str | None = None,
    rack: str | None = None,
    state: NodeState = NodeState.IN_SERVICE,
    gpus: int = 8,
    chip: str = "h100",
) -> Node:
    return Node(
        NodeId(f"n{number}"), SITE.id, BlockId("east-1"), ChipId(chip), gpus, 1, Limits(1, 1, 1),
        state, rack=None if rack is None else RackId(rack), kw=None if kw is None else Decimal(kw),
    )  # fmt: skip


def drawn(*nodes: Node, racks: tuple[Rack, ...] = (), site: Site = SITE) -> SitePower:
    return site_power(site, racks, nodes, CHIPS)


def refused(before: SitePower, after: SitePower, one: str | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        check_power(before, after, None if one is None else Decimal(one))
    assert caught.value.reason is Reason.NO_POWER
    return caught.value


def test_a_node_draws_what_it_says_or_what_its_gpus_do_with_what_is_around_them() -> None:
    assert node_kw(node(1, "10.2"), H100) == Decimal("10.2")
    assert node_kw(node(1), H100) == Decimal("10.192")
    assert node_kw(node(1, chip="mystery"), UNKNOWN) is None


def test_a_site_draws_what_its_nodes_do_times_its_pue() -> None:
    seen = drawn(node(1, "10"), node(2, "10"), node(3, chip="mystery"))
    assert [seen.used_kw, seen.demand_kw, seen.limit_kw, seen.free_kw] == [20, 25, 250, 180]
    assert seen.unknown == ("n3",)


def test_what_is_not_there_yet_or_no_more_draws_nothing() -> None:
    away = (NodeState.ORDERED, NodeState.IN_TRANSIT, NodeState.RACKED, NodeState.RETIRED)
    for state in away:
        gone = replace(node(1, "10"), ready=DAY, state=state)
        assert drawn(gone).used_kw == 0
    for state in set(NodeState) - {*away}:
        assert drawn(replace(node(1, "10"), ready=DAY, state=state)).used_kw == 10


def test_what_is_connected_counts_and_not_only_what_is_contracted() -> None:
    twenty = [node(i, "10") for i in range(20)]
    check_power(drawn(), drawn(*twenty))
    error = refused(drawn(*twenty), drawn(*twenty, node(21, "10"), node(22, "10")), "10")
    assert error.detail == (
        "site east has 250 kW, and its nodes would draw 220 kW, times a PUE of 1.25 is 275 kW; "
        "0 more nodes of 10 kW fit"
    )
    assert error.facts == {"used_kw": "275", "limit_kw": "250", "nodes": 0}


def test_the_answer_says_how_many_such_nodes_still_fit() -> None:
    before = drawn(*(node(i, "10") for i in range(14)))
    after = drawn(*(node(i, "10") for i in range(27)))
    assert refused(before, after, "10").facts["nodes"] == 6


def test_a_site_that_states_no_limit_has_none() -> None:
    free = replace(SITE, active_mw=None, contracted_mw=None)
    assert drawn(site=free).limit_kw is None
    check_power(drawn(site=free), drawn(node(1, "90000"), site=free))


def test_a_rack_of_72_gpus_as_one_node_or_as_18_nodes_is_the_same_heat() -> None:
    """One cabinet of 132 kW: entered as one machine of 72 GPUs, or as 18 trays of 4."""
    rack = Rack(RackId("nvl-1"), SITE.id, Decimal(132))
    whole = node(1, "132", "nvl-1", gpus=72)
    trays = [node(i, "7.3", "nvl-1", gpus=4) for i in range(18)]
    for nodes in ([whole], trays):
        check_power(drawn(racks=(rack,)), drawn(*nodes, racks=(rack,)))
        assert refused(
            drawn(*nodes, racks=(rack,)), drawn(*nodes, node(99, "7.3", "nvl-1"), racks=(rack,))
        ).detail.startswith("rack nvl-1 has 132 kW, and its nodes would draw ")


def test_a_tank_of_500_kw_takes_as_many_servers_as_it_cools() -> None:
    tank = Rack(RackId("tank-1"), SITE.id, Decimal(500))
    big = replace(SITE, active_mw=Decimal(2))
    forty_nine = [node(i, "10.2", "tank-1") for i in range(49)]
    check_power(drawn(site=big, racks=(tank,)), drawn(*forty_nine, site=big, racks=(tank,)))
    error = refused(
        drawn(*forty_nine, site=big, racks=(tank,)),
        drawn(*forty_nine, node(50, "10.2", "tank-1"), site=big, racks=(tank,)),
        "10.2",
    )
    assert error.detail == (
        "rack tank-1 has 500 kW, and its nodes would draw 510 kW; 0 more nodes of 10.2 kW fit"
    )
    # The PUE is the site's: a tank cools what its servers draw.
    assert drawn(*forty_nine, site=big, racks=(tank,)).racks[0].free_kw == Decimal("0.2")


def test_what_is_over_the_limit_already_may_stay_and_shrink_but_not_grow() -> None:
    over = [node(i, "10") for i in range(30)]
    check_power(drawn(*over), drawn(*over))
    check_power(drawn(*over), drawn(*over[:-1]))
    refused(drawn(*over), drawn(*over, node(31, "1")))
    rack = Rack(RackId("r"), SITE.id, Decimal(5))
    hot = node(1, "10", "r")
    check_power(drawn(hot, racks=(rack,)), drawn(hot, node(2, "1"), racks=(rack,)))
