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
