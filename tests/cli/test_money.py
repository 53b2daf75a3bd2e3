"""Contracts, invoices and the books from the command line, through a whole month."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from beancount import loader

from tests.cli.program import Program
from tests.cli.server import Server, serving

SIGN = (
    "contract", "sign", "--project", "robotics-train", "--sku", "h100.node", "--nodes", "2",
    "--from", "2027-01-01", "--until", "2029-01-01", "--monthly", "140000", "--prepayment", "20",
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    """A server for each test: months are closed in order, and once."""
    with serving() as one:
        yield one


def test_a_contract_is_signed_with_its_plan_and_its_first_invoice(rackrate: Program) -> None:
    signed = rackrate.ok(*SIGN, "--id", "rob-1")
    assert signed.startswith("rob-1 is signed: 2 x h100.node reserved")
    shown = rackrate.ok("contract", "show", "rob-1")
    assert "From        2027-01-01 00:00:00 Asia/Shanghai" in shown
    assert "All of it   3,360,000.00 CNY" in shown
    assert "2028-12     140,000.00 CNY   28,000.00 CNY    112,000.00 CNY" in shown
    assert "together  3,360,000.00 CNY  672,000.00 CNY  2,688,000.00 CNY" in shown
    invoice = rackrate("invoice", "list", "--output", "json").json["items"][0]
    assert invoice["gross"] == {"amount": "712320.00", "currency": "CNY"}


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--nodes", "5"], 1, "at most 4 of 5 nodes of h100.node can be promised"),
        (["--nodes", "-1"], 2, "invalid value for '--nodes'"),
        (["--sku", "h100.1"], 1, "is not whole nodes"),
        (["--from", "soon"], 2, "--from 'soon' is not a day as 2027-01-01"),
        (["--until", "2026-01-01"], 1, "end must be after start"),
        (["--monthly", "a lot"], 1, "[invalid]"),
        (["--currency", "USD"], 1, "robotics pays in CNY"),
    ],
)
def test_a_contract_that_cannot_be_is_refused(
    rackrate: Program, more: list[str], code: int, said: str
) -> None:
    done = rackrate(*SIGN, *more)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_month_is_previewed_closed_paid_and_in_the_books(
    rackrate: Program, server: Server, tmp_path: Path
) -> None:
    start = ("lease", "start", "--project", "studio-render", "--sku", "h100.1", "--count", "2")
    rackrate.ok(*start, "--wait")
    server.built.clock.instant = datetime(2026, 11, 23, 12, tzinfo=UTC)
    preview = rackrate.ok("invoice", "preview", "--customer", "studio", "--month", "2026-11")
    assert "48.000" in preview and "816.00 CNY" in preview and "not an invoice" in preview
    early = rackrate("invoice", "close", "--month", "2026-11")
    assert early.code == 1 and "[not_closed_yet]" in early.err
    server.built.clock.instant = datetime(2026, 12, 1, tzinfo=UTC)
    closed = rackrate.ok("invoice", "close", "--month", "2026-11")
    assert "2026-11 of example is closed." in closed and "EX-2026-000001" in closed
    assert rackrate.ok("invoice", "close", "--month", "2026-11") == closed
    shown = rackrate.ok("invoice", "show", "EX-2026-000001")
    assert "392.000" in shown and "6,664.00 CNY" in shown and "Tax       399.84 CNY" in shown
    paid = rackrate.ok("invoice", "pay", "EX-2026-000001")
    assert paid == "7,063.84 CNY paid on EX-2026-000001; 0.00 CNY is open\n"
    assert "[already_paid]" in rackrate("invoice", "pay", "EX-2026-000001", "--amount", "1").err
    assert "Assets:Bank" in rackrate.ok("ledger", "balance")
    assert "invoice/EX-2026-000001" in rackrate.ok("ledger", "entries")
    file = tmp_path / "books.beancount"
    file.write_text(rackrate.ok("ledger", "export", "--format", "beancount"))
    entries, errors, _ = loader.load_file(str(file))
    assert entries and not errors


def test_paying_twice_with_one_reference_is_paying_once(rackrate: Program) -> None:
    rackrate.ok(*SIGN)
    part = ("invoice", "pay", "EX-2026-000001", "--amount", "100.00", "--reference", "BANK-1")
    assert rackrate.ok(*part) == rackrate.ok(*part)
    row = rackrate("invoice", "show", "EX-2026-000001", "--output", "json").json
    assert row["paid"]["amount"] == "100.00"
    too_much = rackrate("invoice", "pay", "EX-2026-000001", "--amount", "712320.00")
    assert too_much.code == 1 and "[too_much_paid]" in too_much.err


def test_a_month_that_is_none_is_refused(rackrate: Program) -> None:
    for month in ("2026-13", "November", "2026-1"):
        done = rackrate("invoice", "preview", "--customer", "studio", "--month", month)
        assert done.code == 1 and done.err.count("\n") == 1
    assert "missing option '--month'" in rackrate("invoice", "preview").err
