"""A contract from the command line: amended, delivered, accepted, renewed, ended."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import Server, serving

SIGNED = """
kind: contract
name: ramp
title: A ramp (sample)
project: robotics-train
currency: CNY
time_zone: Asia/Shanghai
prepayment_percent: 20
tax_included: false
lines:
  - {sku: h100.node, nodes: 1, start: 2026-12-01, end: 2028-12-01, monthly: 70000.00}
  - sku: h100.node
    nodes: 2
    start: 2027-06-01
    end: 2028-12-01
    monthly: 138000.00
    deliveries: [{nodes: 1, due: 2027-06-01}, {nodes: 1, due: 2027-07-01}]
  - {kind: service, title: Support, start: 2026-12-01, end: 2028-12-01, monthly: 5000.00}
  - {kind: one_off, title: Set-up, start: 2026-12-01, amount: 20000.00}
terms:
  acceptance: customer
  may_shrink_percent: 50
  renewal: {months: 12, decide_by: 2028-06-01, price_percent: 95}
  early_end: {fee_percent: 30, notice_days: 90}
  damages: {percent_per_day: 0.5, cap_percent: 20}
  upgrade: {chip: h100, not_before: 2027-12-01, credit_percent: 12.5}
  jurisdiction: [CN]
  payment: {every: quarter, when: advance}
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(SMALL, CUSTOMERS, SIGNED) as one:
        yield one


def test_what_is_signed_is_shown_with_its_terms_and_deliveries(rackrate: Program) -> None:
    shown = rackrate.ok("contract", "show", "ramp")
    for said in (
        "1 x h100.node", "2 x h100.node", "Support", "20,000.00 CNY  once", "2/2",
        "12 months at 95 %, to be decided by 2028-06-01 00:00:00 Asia/Shanghai",
        "for 30 % of what is then not delivered, 90 days ahead",
        "0.5 % of a month a day, at most 20 %", "50 % of the nodes",
        "to h100 from 2027-12-01, credit 12.5 % of what the old ones would have cost",
        "Prepayment     860,800.00 CNY, 20 %",
        "Delivered in   CN", "Accepted by    customer", "every quarter, in advance", "INVOICED IN",
        "Held for it    3 nodes from 2028-12-01 00:00:00 Asia/Shanghai to 2029-12-01 00:00:00",
    ):  # fmt: skip
        assert said in shown, said
    assert "1 x h100.node, 2 x h100.node and 2 more" in rackrate.ok("contract", "list")


def test_what_use_comes_to_at_least_counts_to_all_of_it(rackrate: Program) -> None:
    rackrate.ok(
        "contract", "sign-use", "--id", "hours", "--project", "robotics-train",
        "--minimum", "1000", "--rate", "h100.1=12.00", "--prepayment", "25",
        "--from", "2026-12-01", "--until", "2027-03-01",
    )  # fmt: skip
    shown = rackrate.ok("contract", "show", "hours")
    assert "3,000.00 CNY, with its minimums of use" in shown and "750.00 CNY, 25 %" in shown


def test_a_contract_is_amended_and_says_what_is_due(rackrate: Program) -> None:
    more = rackrate.ok(
        "contract", "amend", "ramp", "more", "--sku", "h100.node", "--nodes", "1",
        "--from", "2027-01-01", "--until", "2028-01-01", "--monthly", "70000",
    )  # fmt: skip
    assert more == (
        "ramp, amendment 1: more: 1 x h100.node, from 2027-01-01 00:00:00 Asia/Shanghai; "
        "prepayment 168,000.00 CNY\n"
    )
    fewer = rackrate.ok(
        "contract", "amend", "ramp", "fewer", "--commitment", "2", "--nodes", "1",
        "--from", "2028-01-01", "--note", "by letter",
    )  # fmt: skip
    assert "from 2 to 1 x h100.node" in fewer
    longer = rackrate.ok(
        "contract", "amend", "ramp", "extend", "--commitment", "3", "--until", "2029-01-01"
    )
    assert "Support until 2028-12-31 16:00 UTC" in longer
    assert "amendment 4: 12 months more at 95 percent" in rackrate.ok("contract", "renew", "ramp")
    shown = rackrate.ok("contract", "show", "ramp")
    assert "Held for it    nothing more: it was used" in shown
    assert " more: 1 x h100.node" in shown and "more: more:" not in shown


def test_what_an_amendment_changes_is_shown_before_it_is_agreed(rackrate: Program) -> None:
    """One of two nodes goes back, and with it one of those that may be renewed."""
    shown = rackrate.ok(
        "contract", "amend", "ramp", "fewer", "--commitment", "2", "--nodes", "1",
        "--from", "2028-01-01", "--dry-run",
    )  # fmt: skip
    midnight = "00:00:00 Asia/Shanghai"
    node = "commitment 5, 1 x h100.node"
    ends, renewed = f"2028-12-01 {midnight}", f"2029-12-01 {midnight}"
    assert shown.splitlines()[1:] == [
        f"  ends early: commitment 2, 2 x h100.node, at 2028-01-01 {midnight}",
        f"  comes: {node}, 2028-01-01 {midnight} to {ends}, 69,000.00 CNY a month",
        f"  held for the right to renew: 2 nodes from {ends} to {renewed}",
        "Nothing is changed.",
    ]
    assert "Held for it    3 nodes" in rackrate.ok("contract", "show", "ramp")


def test_a_right_that_could_not_be_kept_is_told_as_such(rackrate: Program) -> None:
    """Two of four nodes leave after the term, and three were held for its renewal."""
    for node in ("h100-001", "h100-002"):
        rackrate.ok("node", "move", node, "--to", "retired", "--expected", "2028-12-15", "--force")
    assert "right to renew ramp of robotics  1 node" in rackrate.ok("capacity", "breaches")


def test_what_an_early_end_costs_is_shown_first(rackrate: Program) -> None:
    shown = rackrate.ok("contract", "end", "ramp", "--at", "2027-12-01", "--dry-run")
    assert shown.startswith("ramp would have amendment 1: ends 2027-11-30") and "fee " in shown
    assert "\n  due at once: 766,800.00 CNY, Fee" in shown
    assert shown.endswith("\nNothing is changed.\n")
    assert "to be decided by" in rackrate.ok("contract", "show", "ramp")
    assert "amendment 1" in rackrate.ok("contract", "end", "ramp", "--at", "2027-12-01")
    assert "to be decided by" not in rackrate.ok("contract", "show", "ramp")


def test_what_an_amendment_lacks_is_said_before_anything_is_asked(rackrate: Program) -> None:
    lacks = rackrate("contract", "amend", "ramp", "more", "--sku", "h100.node")
    assert (lacks.code, lacks.out) == (2, "")
    assert "more needs --from, --monthly, --nodes, --until" in lacks.err
    beyond = rackrate("contract", "amend", "ramp", "extend", "--commitment", "1", "--until",
                      "2029-01-01", "--sku", "h100.node")  # fmt: skip
    assert beyond.code == 2 and "extend takes no --sku" in beyond.err


def test_a_refusal_says_the_number_that_would_do(rackrate: Program) -> None:
    short = rackrate(
        "contract", "amend", "ramp", "more", "--sku", "h100.node", "--nodes", "9",
        "--from", "2027-07-01", "--until", "2028-01-01", "--monthly", "1",
    )  # fmt: skip
    assert short.code == 1 and "at most 1 of 9 nodes of h100.node" in short.err
    assert short.err.rstrip().endswith("[no_capacity]")
    early = rackrate("contract", "end", "ramp", "--at", "2026-12-15")
    assert early.code == 1 and "[not_agreed]" in early.err


def test_a_batch_is_handed_over_late_and_accepted(rackrate: Program, server: Server) -> None:
    early = rackrate("contract", "deliver", "ramp", "2/1")
    assert early.code == 1 and "[too_early]" in early.err
    server.built.clock.instant = datetime(2026, 12, 10, tzinfo=UTC)
    done = rackrate.ok("contract", "deliver", "ramp", "1/1", "--node", "h100-002")
    assert done == "ramp/1/1 is delivered, 10 days late: 3,500.00 CNY: h100-002\n"
    assert rackrate.ok("contract", "accept", "ramp", "1/1") == (
        "ramp/1/1 is accepted; it is billed from 2026-12-10 08:00:00 Asia/Shanghai on\n"
    )
    again = rackrate("contract", "accept", "ramp", "1/1")
    assert again.code == 1 and "[wrong_state]" in again.err
    assert "is not a delivery as 1/2" in rackrate("contract", "accept", "ramp", "first").err


def test_a_node_that_failed_after_acceptance_is_replaced(rackrate: Program, server: Server) -> None:
    server.built.clock.instant = datetime(2026, 12, 1, tzinfo=UTC)
    rackrate.ok("contract", "deliver", "ramp", "1/1", "--node", "h100-002")
    rackrate.ok("contract", "accept", "ramp", "1/1")
    told = rackrate.ok("node", "drain", "h100-002", "--note", "a fan")
    assert "free node could take its place: rackrate contract replace ramp h100-002" in told
    moved = rackrate.ok(
        *("node", "move", "h100-002", "--to", "in_repair", "--expected", "2026-12-20"), "--dry-run"
    )
    assert "1 node of ramp is named here; " in moved
    assert rackrate.ok("contract", "replace", "ramp", "h100-002") == (
        "h100-001 is named in the place of h100-002 in ramp/1/1\n"
    )
    again = rackrate("contract", "replace", "ramp", "h100-001", "--with", "h100-002")
    assert again.code == 1 and "[no_capacity]" in again.err


def test_what_is_accepted_before_its_term_is_billed_from_the_term_on(
    rackrate: Program, server: Server
) -> None:
    server.built.clock.instant = datetime(2027, 5, 20, tzinfo=UTC)
    rackrate.ok("contract", "deliver", "ramp", "2/1")
    assert rackrate.ok("contract", "accept", "ramp", "2/1") == (
        "ramp/2/1 is accepted; it is billed from 2027-06-01 00:00:00 Asia/Shanghai on\n"
    )


def test_an_early_end_says_its_fee(rackrate: Program) -> None:
    said = rackrate.ok("contract", "end", "ramp", "--at", "2027-06-01")
    assert said.startswith("ramp, amendment 1: ends 2027-05-31 16:00 UTC")
    assert "; fee " in said
    shown = rackrate.ok("contract", "show", "ramp")
    rows = [line.split() for line in shown.splitlines()]
    # Six months of a node and of support, and the set-up: 470,000, a fifth of it prepaid. The
    # other 766,800 of the 860,800 that were prepaid go back.
    assert ["together", "470,000.00", "CNY", "94,000.00", "CNY", "376,000.00", "CNY"] in rows
    assert ["goes", "back", "at", "the", "end", "766,800.00", "CNY"] in rows
    assert "fee 1,150,200.00 CNY" in shown
