"""Nodes, sites and the catalogue from the command line."""

from tests.cli.program import Program


def test_a_node_is_drained_and_returned(rackrate: Program) -> None:
    drained = rackrate.ok("node", "drain", "h100-004", "--note", "fan 3 is loud")
    assert drained.startswith("no new lease starts on it")
    listed = rackrate.ok("node", "list", "--state", "draining")
    assert "h100-004" in listed and "fan 3 is loud" in listed and "h100-001" not in listed
    assert rackrate.ok("node", "return", "h100-004").startswith("h100-004 is in_service, 8 of 8")


def test_a_node_shows_who_holds_what_of_it(rackrate: Program) -> None:
    start = ("lease", "start", "--project", "studio-render", "--sku", "h100.1", "--count", "3")
    row = rackrate(*start, "--wait", "--output", "json").json
    shown = rackrate.ok("node", "show", row["members"][0]["node"])
    assert f"0-2    {row['id']}  lease, on_demand  2026-11-22 20:00:00 Asia/Shanghai" in shown
    assert "Free now  5 of 8 slots" in shown


def test_draining_may_be_only_asked_about(rackrate: Program) -> None:
    rackrate.ok("node", "drain", "h100-003", "--dry-run")
    assert rackrate("node", "show", "h100-003", "--output", "json").json["state"] == "in_service"


def test_a_node_that_is_retired_does_not_come_back(rackrate: Program) -> None:
    broken = ("node", "move", "h100-004", "--to", "in_repair", "--expected", "2027-03-01")
    assert "in_repair, back 2027-03-01" in rackrate.ok(*broken)
    asked = rackrate.ok("node", "move", "h100-004", "--to", "retired", "--dry-run")
    assert asked.startswith("h100-004 would be retired\n")
    later = ("node", "move", "h100-003", "--to", "retired", "--expected", "2027-03-01", "--dry-run")
    assert rackrate.ok(*later).startswith(
        "h100-003 would be in_service, leaves 2027-03-01 00:00:00 Asia/Shanghai\n"
    )


def test_chips_keep_dense_and_sparse_apart_and_say_where_numbers_are_from(
    rackrate: Program,
) -> None:
    heads, row = rackrate.ok("chip", "list").splitlines()
    assert "DENSE BF16 TFLOPS" in heads and "SPARSE BF16 TFLOPS" in heads
    assert "989" in row and "not stated" in row and "secondary" in row and "a test" in row


def test_what_is_simulated_says_so(rackrate: Program) -> None:
    assert "simulated" in rackrate.ok("site", "list")
    assert all("(simulated)" in row for row in rackrate.ok("sku", "list").splitlines()[1:])


def test_skus_show_stock_and_price_and_the_price_book_its_dates(rackrate: Program) -> None:
    assert "17.00 CNY on_demand, 8.50 CNY spot" in rackrate.ok("sku", "list")
    prices = rackrate.ok("price", "list", "--at", "2026-06-01T00:00:00Z")
    assert "2026-01-01 00:00:00 Asia/Shanghai" in prices
    assert rackrate.ok("price", "list", "--at", "2020-01-01T00:00:00Z").startswith("The price book")


def test_what_is_not_there_says_where_to_look(rackrate: Program) -> None:
    assert rackrate("node", "show", "nope").err == (
        "rackrate: no node 'nope'; see: rackrate node list [missing]\n"
    )
    assert "[invalid]" in rackrate("node", "list", "--state", "broken").err
    assert rackrate.ok("node", "list", "--chip", "h200").startswith("No such nodes.")


def test_the_audit_log_shows_what_was_refused(rackrate: Program) -> None:
    rackrate("lease", "start", "--project", "studio-render", "--sku", "h100.1", "--count", "8000")
    newest = rackrate.ok("audit", "list", "--limit", "1").splitlines()[1]
    assert "lease.write" in newest and "no_capacity" in newest and "admin" in newest
