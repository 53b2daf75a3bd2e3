"""Books balance, or they cannot be built; invoices, payments and tax come out to the cent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.errors import Refused
from rackrate.core.ids import CustomerId, EntityId, EntryId, InvoiceId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import (
    Invoice,
    InvoiceStatus,
    Line,
    LineKind,
    pay,
    priced,
    totals,
)
from rackrate.core.ledger import Account, Entry, Posting, balances, transfer
from rackrate.core.money import Money, total
from rackrate.core.recognition import earned_by_month, invoiced, usage_earned
from rackrate.core.tax import RULES, net_of, tax_on, tax_rule

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NOVEMBER = Month(2026, 11)
CNY = "CNY"
ACME = CustomerId("acme")


def cny(text: str) -> Money:
    return Money.parse(text, CNY)


def line(net: Money, gross: Money | None = None, kind: LineKind = LineKind.USAGE) -> Line:
    return Line("s", kind, "", NOVEMBER, NOVEMBER.interval("UTC"), net, gross)


def invoice(lines: list[Line], rule: str = "cn-service-6") -> Invoice:
    sums = totals(lines, tax_rule(rule), CNY)
    return Invoice(
        InvoiceId("EX-1"),
        EntityId("ex"),
        ACME,
        "c",
        NOVEMBER,
        NOW,
        NOW + timedelta(days=30),
        rule,
        sums.net,
        sums.tax,
        sums.gross,
        Money.zero(CNY),
        Money.zero(CNY),
    )


def test_an_entry_that_does_not_balance_cannot_be_built() -> None:
    one, other = transfer(Account.BANK, Account.RECEIVABLE, cny("10.00"), ACME)
    short = replace(other, amount=cny("-9.99"))
    with pytest.raises(AssertionError, match="does not balance"):
        Entry(EntryId("e"), EntityId("ex"), NOW, "", (one, short))
    odd_book = replace(other, book=cny("-9.99"))
    with pytest.raises(AssertionError, match="does not balance"):
        Entry(EntryId("e"), EntityId("ex"), NOW, "", (one, odd_book))


LINES = st.lists(
    st.tuples(
        st.integers(-(10**7), 10**9),
        st.booleans(),
        st.sampled_from(LineKind),
    ),
    min_size=1,
    max_size=12,
)


@given(LINES, st.sampled_from(sorted(RULES)))
def test_an_invoice_is_its_lines_and_its_entry_is_the_invoice(
    rows: list[tuple[int, bool, LineKind]], rule_id: str
) -> None:
    rule = tax_rule(rule_id)
    lines = [
        line(*priced(Money(minor, CNY), inside, rule), kind=kind) for minor, inside, kind in rows
    ]
    issued = invoice(lines, rule_id)
    assert issued.net == total((one.net for one in lines), CNY)
    assert issued.net + issued.tax == issued.gross
    for minor, inside, _ in rows:
        if inside:
            assert net_of(Money(minor, CNY), rule).currency == CNY
    entry = invoiced(issued, lines)
    if entry is not None:
        owed = [p.amount for p in entry.postings if p.account is Account.RECEIVABLE]
        assert owed == [issued.gross]


def test_a_price_with_tax_inside_stands_as_quoted() -> None:
    rule = tax_rule("cn-lease-13")
    net, gross = priced(cny("100.00"), True, rule)
    assert (net, gross) == (cny("88.50"), cny("100.00"))
    assert invoice([line(net, gross)], "cn-lease-13").gross == cny("100.00")


def test_tax_is_rounded_once_on_the_sum() -> None:
    lines = [line(cny("0.08")) for _ in range(3)]
    assert invoice(lines).tax == tax_on(cny("0.24"), tax_rule("cn-service-6")) == cny("0.01")


def test_use_over_a_seller_s_year_end_is_earned_in_both_years() -> None:
    """The customer's December in New York ends five hours after the seller's in London."""
    window = Month(2026, 12).interval("America/New_York")
    whole = replace(line(cny("744.00")), during=window)
    shares = earned_by_month(whole, "Europe/London")
    assert [(str(month), str(share.amount)) for month, share in shares] == [
        ("2026-12", "739.00"),
        ("2027-01", "5.00"),
    ]


@given(st.lists(st.integers(-(10**6), 10**8), min_size=1, max_size=8))
def test_what_is_earned_is_what_is_invoiced(nets: list[int]) -> None:
    during = Interval(NOW - timedelta(days=45), NOW)
    lines = [replace(line(Money(net, CNY)), during=during) for net in nets]
    issued = invoice(lines)
    entries = usage_earned(issued, lines, "Asia/Shanghai", NOW)
    revenue = [
        -p.amount.minor for e in entries for p in e.postings if p.account is Account.USAGE_REVENUE
    ]
    assert sum(revenue) == issued.net.minor


def test_payments_settle_an_invoice_and_never_overpay_it() -> None:
    issued = invoice([line(cny("100.00"))])
    part = pay(issued, cny("6.00"))
    assert (part.status, part.open) == (InvoiceStatus.PART_PAID, cny("100.00"))
    with pytest.raises(Refused, match="too_much_paid"):
        pay(part, cny("100.01"))
    done = pay(part, cny("100.00"))
    assert done.status is InvoiceStatus.PAID
    with pytest.raises(Refused, match="already_paid"):
        pay(done, cny("0.01"))
    for wrong in (cny("0.00"), cny("-1.00"), Money(1, "USD")):
        with pytest.raises(Refused, match="invalid"):
            pay(issued, wrong)


@given(st.lists(st.tuples(st.sampled_from(Account), st.sampled_from(Account), st.integers(1, 999))))
def test_balances_of_balanced_entries_come_to_nothing(
    moves: list[tuple[Account, Account, int]],
) -> None:
    postings: list[Posting] = []
    for debit, credit, minor in moves:
        postings += transfer(debit, credit, Money(minor, CNY), ACME)
    assert sum(balance.amount.minor for balance in balances(postings)) == 0
