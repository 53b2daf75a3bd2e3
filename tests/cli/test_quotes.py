"""Quotes from the command line: asked, held, refused with what would do, signed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.test_quotes import H20, PRICES
from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import Server, serving

CREATE = (
    "quote", "create", "--customer", "robotics", "--sku", "h100.node", "--count", "2",
    "--same-block", "--from", "2027-03-01", "--months", "36", "--prepayment", "20",
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(SMALL, H20, CUSTOMERS, PRICES) as one:
        yield one


def test_a_quote_is_asked_created_listed_extended_and_signed(rackrate: Program) -> None:
    asked = rackrate.ok(*CREATE, "--dry-run")
    assert "Fits         yes" in asked
    assert rackrate.ok("quote", "list") == "No quotes. Make one with: rackrate quote create\n"
    made = rackrate.ok(*CREATE, "--expires", "14d")
    assert "Quote        quo_000001" in made
    assert "Price        60,000.00 CNY a node, from 36 months and 1 node" in made
    assert "Basis        per node and calendar month, before VAT, power and cooling incl" in made
    assert "A month      120,000.00 CNY, before tax" in made
    assert "All of it    4,320,000.00 CNY" in made
    assert "Prepayment   864,000.00 CNY" in made
    assert "Instalments  36 x 96,000.00 CNY" in made
    assert "Held         2 in east-1/h100x8 until 2026-12-06 20:00:00 Asia/Shanghai" in made
    longer = rackrate.ok("quote", "extend", "quo_000001", "--until", "2026-12-20")
    assert longer == "quo_000001 holds its nodes until 2026-12-20 00:00:00 Asia/Shanghai\n"
    signed = rackrate.ok("quote", "sign", "quo_000001", "--contract", "rob-27")
    assert signed.startswith("quo_000001 is signed as rob-27")
    assert "signed" in rackrate.ok("quote", "list")
    assert rackrate("contract", "show", "rob-27", "-o", "json").json["prepayment"] == {
        "amount": "864000.00",
        "currency": "CNY",
    }
    again = rackrate("quote", "sign", "quo_000001")
    assert again.code == 1
    assert "cannot be signed: it is signed as contract rob-27 since" in again.err


def test_a_price_above_the_list_is_told_as_such(rackrate: Program) -> None:
    asked = rackrate.ok(*CREATE, "--dry-run", "--monthly", "120000.01")
    assert "% above the list" in asked and "% off" not in asked
    wrong = rackrate(*CREATE, "--monthly", "1e30")
    assert "write it as a decimal, such as 1234.50" in wrong.err and "pattern" not in wrong.err


def test_what_does_not_fit_is_refused_with_what_would_do(rackrate: Program) -> None:
    done = rackrate(*CREATE, "--count", "3")
    assert done.code == 1
    assert done.err.splitlines() == [
        (
            "rackrate: 3 nodes of h100.node on one block cannot be promised from 2027-03-01 to "
            "2030-03-01: at most 2 can; no date for all of them within the calendar "
            "[no_capacity]"
        ),
        (
            "  fewer: 2 x h100.node at east on one block from 2027-03-01 to 2030-03-01: "
            "120,000.00 CNY a month, 4,320,000.00 CNY in all"
        ),
        (
            "  blocks: 3 x h100.node at east over 2 blocks from 2027-03-01 to 2030-03-01: "
            "165,000.00 CNY a month, 5,940,000.00 CNY in all"
        ),
        (
            "  other: 16 x h20.node at east on one block from 2027-03-01 to 2030-03-01 at the same "
            "time, 79 % of the dense FLOPS of what was asked for: 400,000.00 CNY a month, "
            "14,400,000.00 CNY in all"
        ),
    ]
    table = rackrate.ok(*CREATE, "--count", "3", "--dry-run")
    assert "over blocks" in table
    assert "another, 79 % of the FLOPS asked for" in table
    assert "no date for all of them within the calendar" in " ".join(table.split())


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--until", "2028-01-01"], 2, "say --months or --until, one of the two"),
        (["--months", "6"], 1, "contract prices of h100.node in CNY begin at 12 months and 1 node"),
        (["--count", "0"], 2, "invalid value for '--count'"),
        (["--count", "10000000"], 1, "[invalid]"),
        (["--from", "2020-03-01"], 1, "is over; quote from today on"),
        (["--sku", "h100.1"], 1, "is not whole nodes"),
        (["--sku", "h100.nod"], 1, "no sku 'h100.nod'; see: rackrate sku list"),
        (["--expires", "soon"], 2, "--expires 'soon' is not a length as 14d, 36h or 90m"),
        (["--expires", "91d"], 1, "[invalid]"),
        (["--discount", "101"], 1, "[invalid]"),
        (["--customer", "nobody"], 1, "no customer 'nobody'"),
    ],
)
def test_a_quote_that_cannot_be_is_refused(
    rackrate: Program, more: list[str], code: int, said: str
) -> None:
    done = rackrate(*CREATE, *more)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_quote_carries_the_terms_of_a_file(rackrate: Program, tmp_path: Path) -> None:
    terms = tmp_path / "terms.yaml"
    terms.write_text(
        "terms:\n"
        "  acceptance: health\n"
        "  dedicated: true\n"
        "  jurisdiction: [CN]\n"
        "  damages: {percent_per_day: 0.5, cap_percent: 10}\n"
        "  renewal: {months: 12, decide_by: 2029-12-01}\n"
        "  payment: {every: quarter, when: arrears, prepaid: last}\n"
    )
    made = rackrate.ok(*CREATE, "--terms", str(terms))
    for line in (
        "Accepted by    health",
        "Late delivery  0.5 % of a month a day, at most 10 %",
        "Renewal        12 months at 100 %, to be decided by 2029-12-01 00:00:00 Asia/Shanghai",
        "Delivered in   CN",
        "Blocks         of its own",
        "Invoiced       every quarter, in arrears",
        "Prepaid        the last months",
    ):
        assert line in made
    assert made in rackrate.ok("quote", "show", "quo_000001")
    terms.write_text("acceptance: someday")
    assert "terms.acceptance" in rackrate(*CREATE, "--terms", str(terms)).err
    terms.write_text("nothing")
    assert (
        "is not terms such as `acceptance: health`" in rackrate(*CREATE, "--terms", str(terms)).err
    )


def test_withdrawing_twice_says_that_it_was_withdrawn_before(rackrate: Program) -> None:
    rackrate.ok(*CREATE)
    first = rackrate.ok("quote", "withdraw", "quo_000001")
    assert first == "quo_000001 is withdrawn, and its 2 nodes are free\n"
    again = rackrate.ok("quote", "withdraw", "quo_000001")
    assert again.startswith("quo_000001 was withdrawn before, at 2026-11-22 ")
    assert "free" not in again


RAMP = (
    "quote", "create", "--customer", "robotics", "--sku", "h20.node", "--count", "4",
    "--from", "2027-03-01", "--months", "36", "--then", "12@2027-06-01",
    "--line", "kind: one_off, title: Set-up, amount: 80000.00",
    "--line", "{kind: service, title: 'Support, day and night', monthly: 12000}",
    "--prepayment", "20",
)  # fmt: skip
SAME = """
customer: robotics
prepayment_percent: 20
time_zone: Asia/Shanghai
lines:
- {sku: h20.node, nodes: 4, start: 2027-03-01, end: 2030-03-01}
- {sku: h20.node, nodes: 8, start: 2027-06-01, months: 33}
- {kind: one_off, title: Set-up, start: 2027-03-01, amount: 80000.00}
- {kind: service, title: "Support, day and night", start: 2027-03-01, months: 36, monthly: 12000}
"""


def test_a_ramp_with_a_fee_and_a_service_is_one_quote_and_a_file_says_the_same(
    rackrate: Program, tmp_path: Path
) -> None:
    asked = rackrate.ok(*RAMP, "--dry-run")
    assert "Fits         yes" in asked
    assert "Nodes        4 from 2027-03-01, 12 from 2027-06-01" in asked
    # 36 x 100,000 + 33 x 200,000 + 80,000 + 36 x 12,000.
    assert "A month      312,000.00 CNY at most, before tax" in asked
    assert "All of it    10,712,000.00 CNY" in asked
    assert "Prepayment   2,142,400.00 CNY" in asked
    assert "Basis        lines 1, 2: per node and calendar month, before VAT" in asked
    rows = [line.split() for line in asked.splitlines() if line.strip()[:1].isdigit()]
    assert [row[:5] for row in rows[:2]] == [
        ["1", "4", "x", "h20.node", "east"],
        ["2", "8", "x", "h20.node", "east"],
    ]
    file = tmp_path / "quote.yaml"
    file.write_text(SAME)
    assert rackrate.ok("quote", "create", "-f", str(file), "--dry-run") == asked
    made = rackrate.ok("quote", "create", "-f", str(file), "--name", "Ramp")
    assert "Held         line 1: 4 in slow-1/h20x8; line 2: 8 in slow-1/h20x8 until 2026-" in made
    assert made in rackrate.ok("quote", "show", "quo_000001")
    assert "12 x h20.node, 4 lines" in rackrate.ok("quote", "list")
    rackrate.ok("quote", "sign", "quo_000001", "--contract", "rob-27")
    contract = rackrate("contract", "show", "rob-27", "-o", "json").json
    assert [each["what"] for each in contract["commitments"]] == [
        "4 x h20.node", "8 x h20.node", "Set-up", "Support, day and night",
    ]  # fmt: skip


def test_a_line_that_does_not_fit_is_named_with_what_would_do_for_the_whole(
    rackrate: Program,
) -> None:
    done = rackrate(*RAMP, "--then", "20@2027-09-01")
    first, *instead = done.err.splitlines()
    assert first == (
        "rackrate: line 3: 8 nodes of h20.node cannot be promised from 2027-09-01 to 2030-03-01 "
        "beside lines 1 and 2: at most 4 can; no date for the whole quote within the calendar "
        "[no_capacity]"
    )
    assert instead[0].startswith("  fewer: 4 x h20.node at east from 2027-03-01 to 2030-03-01, 8 x")
    assert "and 4 x h20.node at east from 2027-09-01" in instead[0]
    table = rackrate.ok(*RAMP, "--then", "20@2027-09-01", "--dry-run")
    assert "4 of 8" in table
    assert "4 x h20.node + 8 x h20.node + 4 x h20.node" in " ".join(table.split())


WRONG: tuple[tuple[list[str], int, str], ...] = (
    (["--then", "12@2027-06-01"], 2, "--then '12@2027-06-01' is not after what is before it"),
    (["--then", "0@2028-06-01"], 2, "is not nodes from a day on, as 64@2027-06-01"),
    (["--then", "20@soon"], 2, "--then 'soon' is not a day"),
    (["--then", "20@2031-01-01"], 1, "line 3, until: is not after the start"),
    (["--line", "Support"], 2, "--line 'Support' is not a line such as"),
    (["--line", "kind: service, monthly: 3"], 1, "[invalid]"),
    (["--line", "nods: 3"], 1, "--line: 'nods' is unknown; known are kind, title, sku, nodes"),
    (["--line", "sku: h20.node, nodes: -3"], 1, "[invalid]"),
    (["--monthly", "3"], 2, "--monthly is the price of one line"),
    (["--line", "kind: one_off, title: A, amount: 1, monthly: 1"], 1, "say monthly or amount"),
    (["--sku", "h20.nod"], 1, "no sku 'h20.nod'"),
)


def test_a_line_that_cannot_be_is_refused(rackrate: Program) -> None:
    for more, code, said in WRONG:
        done = rackrate(*RAMP, *more)
        assert said in done.err, more
        assert (done.code, done.out) == (code, ""), more
    assert rackrate.ok("quote", "list") == "No quotes. Make one with: rackrate quote create\n"


def test_fewer_nodes_again_end_what_came_last(rackrate: Program) -> None:
    asked = rackrate.ok(
        *RAMP[:12], "--then", "12@2027-06-01", "--then", "8@2029-06-01", "--dry-run"
    )
    assert "4 from 2027-03-01, 12 from 2027-06-01, 8 from 2029-06-01" in asked


def test_a_file_that_is_no_quote_is_refused(rackrate: Program, tmp_path: Path) -> None:
    file = tmp_path / "quote.yaml"
    for text, said in (
        ("[]", "is not a quote with `lines:`"),
        ("kind: contract", "is a contract, and no quote"),
        ("lines: 3", "lines is not a list of lines"),
        (SAME.replace("nodes: 4", "nods: 4"), "line 1: 'nods' is unknown"),
        (SAME + "currency: USD", "the customer pays in CNY"),
        (SAME.replace("start: 2027-06-01", "start: 2031-06-01").replace("months: 33",
         "end: 2030-03-01"), "end must be after start"),
        (SAME.replace("nodes: 4", "nodes: many"), "[invalid]"),
    ):  # fmt: skip
        file.write_text(text)
        done = rackrate("quote", "create", "-f", str(file))
        assert said in done.err, text
        assert done.out == "" and "Value error" not in done.err


def test_a_length_that_no_line_would_take_is_refused(rackrate: Program, tmp_path: Path) -> None:
    file = tmp_path / "quote.yaml"
    file.write_text(
        SAME.replace("- {kind: one_off, title: Set-up, start: 2027-03-01, amount: 80000.00}\n", "")
    )
    for option in (("--months", "7"), ("--until", "2029-01-01")):
        done = rackrate("quote", "create", "-f", str(file), *option)
        assert done.code == 2
        assert f"{option[0]} is for lines that say no length" in done.err
