"""`rackrate price` as a salesperson uses it: what holds, for whom, and what has no price."""

from tests.cli.program import Program

BOOK = """
kind: price_book
currency: CNY
tax_included: false
effective: 2099-01-01
time_zone: UTC
customer: robotics
month_hours: 730
basis: a year's agreement
per_node_month: {h100.node: {on_demand: 62050.00}}
"""


def test_a_price_to_come_is_listed_with_its_unit_its_customer_and_its_basis(
    rackrate: Program,
) -> None:
    (rackrate.home / "agreed.yaml").write_text(BOOK)
    rackrate.ok("apply", "-f", str(rackrate.home / "agreed.yaml"), "--yes")
    listed = rackrate.on_terminal(200, "price", "list", "--at", "2099-06-01T00:00:00Z")
    (row,) = [line for line in listed.splitlines() if "62050.00" in line]
    assert "node-month of 730 h" in row and "robotics" in row and "a year's agreement" in row
    assert "slot-hour" in listed


def test_a_price_check_fails_with_a_sentence_for_each_thing_that_is_wrong(
    rackrate: Program,
) -> None:
    whole = rackrate("price", "check")
    assert whole.code == 0 and "No gaps, no overlaps" in whole.out
    book = BOOK.replace("currency: CNY", "currency: SEK").replace("customer: robotics\n", "")
    (rackrate.home / "nobody.yaml").write_text(book)
    rackrate.ok("apply", "-f", str(rackrate.home / "nobody.yaml"), "--yes")
    found = rackrate("price", "check")
    assert found.code == 1
    assert "currency: there are prices in SEK, in which nobody pays" in found.out
    assert rackrate("price", "check", "--output", "json").json["items"][0]["fault"] == "currency"


INDEX = """
kind: price_index
name: example-h100
title: Example H100 index (sample)
currency: CNY
unit: gpu_hour
tax_included: false
source: Example Index (sample data)
time_zone: UTC
values: [{from: 2026-01-01, value: 10.00}]
---
kind: price_book
currency: CNY
tax_included: false
effective: 2099-01-01
time_zone: UTC
rules: {h100.1: {spot: {index: example-h100, times: 0.9, cap: 12.00}}}
"""


def test_an_index_is_published_with_the_prices_that_follow_and_what_is_to_come_is_listed(
    rackrate: Program,
) -> None:
    (rackrate.home / "index.yaml").write_text(INDEX)
    rackrate.ok("apply", "-f", str(rackrate.home / "index.yaml"), "--yes")
    said = rackrate.ok("price", "index", "publish", "example-h100", "20")
    assert "example-h100 is 20 from" in said
    assert "h100.1 spot is 12.00 CNY a GPU-hour from 2099-01-01" in said
    refused = rackrate(
        "price", "index", "publish", "example-h100", "21", "--from", "2026-01-01T00:00Z"
    )
    assert refused.code == 1 and "never edited" in refused.err
    assert "12.00" in rackrate.ok("price", "list", "--scheduled")
    assert "Example Index (sample data)" in rackrate.ok("price", "index", "show", "example-h100")
