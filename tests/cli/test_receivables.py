"""Money that comes in, credits that two people make, and what is late, from the command line."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.cli.program import Program
from tests.cli.server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


@pytest.fixture
def li(rackrate: Program, server: Server) -> Program:
    """A second person in finance."""
    rackrate.ok("member", "add", "li@example.org", "--role", "finance")
    token = rackrate.ok("token", "create", "laptop", "--for", "li@example.org").strip()
    return Program(rackrate.home, {"RACKRATE_URL": server.url, "RACKRATE_TOKEN": token})


def test_a_month_s_receivables(rackrate: Program, li: Program, server: Server) -> None:
    assert "Nothing is open." in rackrate.ok("receivable", "age")
    for what in ("Set-up=100.00", "Moving=50.00"):
        write = ("draft", "lines", "--customer", "studio", "--line", what, "--reason", "agreed")
        wrote = rackrate.ok(*write)
        draft = wrote.split()[0]
        assert "somebody else approves it" in wrote
        refused = rackrate("draft", "approve", draft)
        assert refused.code == 1 and "somebody else has to approve it" in refused.err
        assert "it goes on the invoice of" in li.ok("draft", "approve", draft)
        assert "is issued" in rackrate.ok("draft", "issue", draft)
    receive = ("payment", "receive", "--customer", "studio", "--reference", "wire 1")
    assert "[too_much_paid]" in rackrate(*receive, "--amount", "200").err
    held = rackrate.ok(*receive, "--amount", "200", "--keep-rest")
    assert "Left       41.00 CNY" in held and "EX-2026-000002" in held
    payment = rackrate("payment", "list", "-o", "json").json["items"][0]["id"]
    released = rackrate.ok("payment", "release", payment, "--invoice", "EX-2026-000001")
    assert "Left       147.00 CNY" in released
    named = ("payment", "allocate", payment, "--invoice", "EX-2026-000001=6.00")
    assert "Left       141.00 CNY" in rackrate.ok(*named)
    out = rackrate.ok("payment", "pay-back", payment, "--reference", "out", "--amount", "41")
    assert out == f"41.00 CNY of {payment} paid back\n"
    credit = rackrate.ok(
        "draft", "credit", "EX-2026-000002", "--line", "1=20.00", "--reason", "slow", "--goodwill"
    )
    approved = li.ok("draft", "approve", credit.split()[0])
    assert "it is EX-CR-2026-000001" in approved
    assert "-21.20 CNY" in rackrate.ok("receivable", "list")
    set_off = rackrate.ok("invoice", "set-off", "EX-CR-2026-000001", "--invoice", "EX-2026-000001")
    assert "0.00 CNY of it is open" in set_off
    aged = rackrate.ok("receivable", "age")
    assert "78.80 CNY" in aged and "The ledger says the same." in aged
    assert "No reminder is due." in rackrate.ok("receivable", "remind", "--dry-run")
    server.built.clock.advance(timedelta(days=40))
    assert "1 reminder" in rackrate.ok("receivable", "remind")
    assert "overdue" in rackrate.ok("receivable", "list")


def test_a_void_invoice_is_issued_again_under_new_terms(rackrate: Program, li: Program) -> None:
    rackrate.ok("draft", "lines", "--customer", "studio", "--line", "A=1.00", "--reason", "agreed")
    draft = rackrate("draft", "list", "-o", "json").json["items"][0]["id"]
    li.ok("draft", "approve", draft)
    rackrate.ok("draft", "issue", draft)
    terms = rackrate.ok("terms", "customer", "studio", "--days", "45", "--order", "PO-77")
    assert "Days to pay                 45" in terms and "PO-77" in terms
    void = rackrate.ok("invoice", "void", "EX-2026-000001", "--reason", "no number", "--again")
    assert void == "EX-2026-000001 is void; its lines are on EX-2026-000002\n"
    shown = rackrate.ok("invoice", "show", "EX-2026-000002")
    assert "Purchase order  PO-77" in shown
    seller = rackrate.ok(
        "terms", "seller", "example", "--late", "5.5", "--step", "3=first", "--step", "9=last"
    )
    assert "5.5 %" in seller and "last" in seller
    wrong = rackrate("terms", "seller", "example", "--step", "9=first", "--step", "3=last")
    assert wrong.code == 1 and "more days after the due date" in wrong.err
