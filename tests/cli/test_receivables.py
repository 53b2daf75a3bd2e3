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


def test_a_credit_limit_is_set_shown_and_taken_away(rackrate: Program) -> None:
    assert "Credit limit        none" in rackrate.ok("customer", "credit", "studio")
    limited = rackrate.ok("customer", "limit", "studio", "10.00")
    assert "Credit limit        10.00 CNY" in limited and "Left                10.00 CNY" in limited
    refused = rackrate("lease", "start", "--project", "studio-render", "--sku", "h100.1")
    assert "[credit_limit]" in refused.err and "10.00 CNY of the credit limit" in refused.err
    assert "none" in rackrate.ok("customer", "limit", "studio", "none")
    below = rackrate("customer", "limit", "studio", "-5")
    assert below.code == 1 and "-5" in below.err and "[invalid]" in below.err


def test_a_budget_is_set_listed_shown_and_taken_away(rackrate: Program) -> None:
    assert "No budgets yet." in rackrate.ok("budget", "list")
    of = ("--customer", "studio", "--project", "studio-render")
    made = rackrate.ok("budget", "set", *of, "--amount", "300", "--stop", "--grace", "2")
    assert "300.00 CNY" in made and "stop after 2 h" in made and "0 %" in made
    assert "studio:studio-render" in rackrate.ok("budget", "list", "--customer", "studio")
    assert "300.00 CNY" in rackrate.ok("budget", "show", "studio:studio-render")
    gone = rackrate.ok("budget", "remove", "studio:studio-render")
    assert gone == "studio:studio-render has no budget any more\n"


def test_a_wallet_is_opened_topped_up_shown_and_closed(rackrate: Program) -> None:
    assert "no wallet" in rackrate("wallet", "show", "studio").err
    made = rackrate.ok("wallet", "open", "studio", "--low", "50", "--grace", "2h")
    assert "0.00 CNY" in made and "stop after 2 h, volumes 30 d longer" in made
    start = ("lease", "start", "--project", "studio-render", "--sku", "h100.1")
    assert "[wallet_too_low]" in rackrate(*start).err
    pay = ("wallet", "top-up", "studio", "--reference", "wire 1", "--amount")
    assert "is not positive" in rackrate(*pay, "0").err
    assert "Left                100.00 CNY" in rackrate.ok(*pay, "100")
    assert "100.00 CNY" in rackrate.ok("wallet", "list", "--customer", "studio")
    assert "wire 1" in rackrate.ok("wallet", "show", "studio", "--movements")
    assert "stage" in rackrate.ok("wallet", "show", "studio", "-o", "json")
    assert (
        "is not hours or days"
        in rackrate("wallet", "open", "studio", "--low", "5", "--grace", "1w").err
    )
    assert "closed" in rackrate.ok("wallet", "close", "studio", "--reference", "out 1")
    assert "is closed" in rackrate("wallet", "close", "studio", "--reference", "out 2").err


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


EXPLAINED = """Line 1 of EX-2026-000001: 1 slots of h100.1, on_demand, 816.00 CNY before tax
Times are those of Asia/Shanghai.

1. Measured: 172,800 slot-seconds of lse_000001
FROM                 TO                   SLOTS, GB  SECONDS       EXACT  BEGAN                         ENDED
2026-11-22 20:00:00  2026-11-24 20:00:00          1  172,800  816.000000  running: health check passed  end requested: asked by admin

2. Left out
Nothing: it was used all the time.

3. Priced: 17.00 a slot-hour, before tax
h100.1/on_demand/CNY/2025-12-31T16:00:00Z: from 2026-01-01 00:00:00

4. Rounded once, half up, on the sum
172,800 at 17.00 a slot-hour = 816.000000 > 816.00 CNY

5. Taxed as a service, under cn-service-6: VAT 6% (services)
All of this invoice under it: 48.96 CNY on 816.00 CNY

6. Posted, with the other lines of the invoice
ENTRY                          ACCOUNT                      AMOUNT
invoice/EX-2026-000001         Assets:Receivable        864.96 CNY
                               Assets:Unbilled         -816.00 CNY
                               Liabilities:Tax:Output   -48.96 CNY
earned/EX-2026-000001/2026-11  Assets:Unbilled          816.00 CNY
                               Income:Usage            -816.00 CNY
"""  # noqa: E501


def test_a_line_is_explained_down_to_the_seconds(rackrate: Program, server: Server) -> None:
    """As an accountant reads it: measured, left out, priced, rounded once, posted."""
    rackrate.ok("lease", "start", "--project", "studio-render", "--sku", "h100.1", "--wait")
    id = rackrate("lease", "list", "-o", "json").json["items"][0]["id"]
    server.built.clock.advance(timedelta(days=2))
    rackrate.ok("lease", "end", id)
    server.built.clock.advance(timedelta(days=8))
    rackrate.ok("invoice", "close", "--month", "2026-11")
    assert rackrate.ok("invoice", "explain", "EX-2026-000001", "1") == EXPLAINED
    missing = rackrate("invoice", "explain", "EX-2026-000001", "7")
    assert missing.code == 1 and "no invoice line 'EX-2026-000001 7'" in missing.err
