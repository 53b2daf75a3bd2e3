"""Orders from the command line: placed, in the calendar, late, and what that breaks."""

from collections.abc import Iterator

import pytest

from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import Server, serving

PLACE = (
    *("purchase", "place", "--id", "po-7", "--supplier", "Example Supplier", "--block", "east-1"),
    *("--chip", "h100", "--batch", "2@2027-02-01", "--batch", "2@2027-04-01", "--price", "1900000"),
    *("--kw", "10.2"),
)
SIGN = (
    *("contract", "sign", "--project", "robotics-train", "--sku", "h100.node", "--nodes", "6"),
    *("--from", "2027-03-01", "--until", "2028-03-01", "--monthly", "420000.00", "--id", "big"),
)

SECOND_SITE = """
kind: site
name: west
title: West (simulated)
entity: example
country: CN
time_zone: Asia/Shanghai
engine: sim
simulated: true
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(SMALL, CUSTOMERS) as one:
        yield one


def test_a_day_that_cannot_be_is_said_as_it_was_typed(rackrate: Program) -> None:
    past = rackrate(*PLACE, "--batch", "1@2020-02-01")
    assert "batch 3 is expected on 2020-02-01, before it was ordered, 2026-11-22" in past.err
    past = rackrate(*PLACE, "--batch", "1@2026-10-01", "--ordered", "2026-09-01")
    assert "batch 3 is expected on 2026-10-01, a past day" in past.err
    over = rackrate(*PLACE, "--until", "2027-03-01")
    assert "expected on 2027-04-01, when its lease-in has ended, 2027-03-01" in over.err


def test_a_late_truck_is_told_with_the_promise_that_it_breaks_and_what_would_mend_it(
    rackrate: Program,
) -> None:
    assert rackrate(*SIGN).code == 1
    assert rackrate.ok(*PLACE) == "po-7 is placed: 4 nodes are in east-1/h100x8's calendar\n"
    rackrate.ok(*SIGN)
    rackrate.ok("purchase", "serve", "po-7", "big")
    assert rackrate.ok("capacity", "breaches") == "Every promise is covered by the supply.\n"

    asked = rackrate.ok("purchase", "slip", "po-7", "1", "--to", "2027-03-20", "--dry-run")
    assert "Nothing is changed" in asked and "This breaks 1 promise:" in asked
    assert rackrate.ok("capacity", "breaches") == "Every promise is covered by the supply.\n"

    told = rackrate.ok("purchase", "slip", "po-7", "1", "--to", "2027-03-20")
    assert "This breaks 1 promise:" in told
    assert "contract big of robotics  2 nodes  2027-03-01  2027-03-20" in told
    listed = rackrate.ok("capacity", "breaches")
    assert "contract big of robotics  2 nodes  2027-03-01  2027-03-20" in listed

    why = "  east-1/h100x8: big: "
    assert why in rackrate.ok("capacity", "mend")

    mended = rackrate.ok("purchase", "slip", "po-7", "1", "--to", "2027-02-20")
    assert "This breaks no promise." in mended and "Mended" in mended
    assert rackrate.ok("capacity", "breaches") == "Every promise is covered by the supply.\n"
    assert "big" in rackrate.ok("capacity", "breaches", "--all")


def test_what_a_supplier_calls_off_is_forced_and_written_down(rackrate: Program) -> None:
    rackrate.ok(*PLACE)
    rackrate.ok(*SIGN)
    refused = rackrate("purchase", "cancel", "po-7", "1")
    assert refused.code == 1
    assert "breaks 1 promise" in refused.err and "say --force if it is so" in refused.err
    assert "This breaks 1 promise:" in rackrate.ok("purchase", "cancel", "po-7", "1", "--force")
    assert "contract big of robotics" in rackrate.ok("capacity", "breaches")


def test_the_site_is_the_one_where_the_block_is(rackrate: Program) -> None:
    rackrate.ok("apply", "--yes", "-f", "-", given=SECOND_SITE)
    assert "4 nodes are in east-1/h100x8" in rackrate.ok(*PLACE)
    unknown = [word if word != "east-1" else "nowhere" for word in PLACE]
    assert "--site is needed: east, west" in rackrate(*unknown).err


def test_a_batch_arrives_in_part(rackrate: Program) -> None:
    rackrate.ok(*PLACE)
    shown = rackrate.ok("purchase", "advance", "po-7", "1", "--to", "in_service", "--count", "1")
    assert "in_service" in shown
    listed = rackrate.ok("purchase", "list")
    assert "3 to come" in listed and "2027-02-01" in listed
    assert "po-7-001" in rackrate.ok("node", "list", "--state", "in_service")
    refused = rackrate("purchase", "slip", "po-7", "1", "--to", "2027-03-01")
    assert "is in service already" in refused.err and refused.code == 1


def test_what_cannot_be_meant_is_refused_with_what_can(rackrate: Program) -> None:
    rackrate.ok(*PLACE)
    assert "already there" in rackrate(*PLACE).err
    assert "has passed" in rackrate("purchase", "slip", "po-7", "1", "--to", "2020-01-01").err
    said = "po-7 has no batch 9; it has 1 and 2"
    assert said in rackrate("purchase", "slip", "po-7", "9", "--to", "2028-01-01").err
    assert "price: " in rackrate(*PLACE, "--price", "-1").err
    assert "not as 16@2027-03-01" in rackrate(*PLACE[:10], "--batch", "many", *PLACE[14:]).err
    assert "rackrate purchase list" in rackrate("purchase", "show", "--help").out


def test_a_repair_has_a_day_and_a_site_shows_what_it_draws(rackrate: Program) -> None:
    said = rackrate.ok("node", "move", "h100-003", "--to", "in_repair", "--expected", "2026-12-24")
    assert said.startswith("h100-003 is in_repair, back 2026-12-24 00:00:00 Asia/Shanghai\n")
    refused = rackrate("node", "move", "h100-004", "--to", "in_repair")
    assert "say when the node will be back from repair" in refused.err
    shown = rackrate.ok("site", "show", "east")
    assert "Nodes use   0 kW, 4 that draw power" in shown
    assert "Not stated  4 nodes" in shown


def test_what_is_leased_back_to_the_supplier_is_in_the_calendar(rackrate: Program) -> None:
    rackrate.ok(*PLACE)
    back = ("purchase", "lease-back", "po-7", "--nodes", "2", "--from", "2027-05-01")
    said = rackrate.ok(*back, "--until", "2027-08-01", "--monthly", "90000.00")
    assert "2 nodes of east-1/h100x8 are the supplier's" in said
    when = ("--from", "2027-03-01", "--months", "12")
    assert "LEASED BACK" in rackrate.ok("capacity", "show", "--sku", "h100.node", *when)
    assert "for 90,000.00 CNY a month" in rackrate.ok("purchase", "show", "po-7")
