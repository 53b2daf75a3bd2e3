"""Rates between currencies: what is refused, what is missing, and what no rate may change."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import payments, rates, voiding
from rackrate.app.rates import NewRate
from rackrate.core.access import Role
from rackrate.core.errors import Forbidden, Invalid, RackrateError, Reason, Refused
from rackrate.core.ledger import Account
from tests.app.currency_shop import FIRST, HARBOUR, Quay, day, open_quay, usd

HOUR = timedelta(hours=1)
FILE = """
kind: currency_rate
currency: USD
target: CNY
rate: 7.1203
effective: 2026-11-01
time_zone: Asia/Shanghai
source: a sample bank
"""


@pytest.fixture
def quay() -> Quay:
    return open_quay()


def put(quay: Quay, value: str, *, sure: bool = False, source: str = "a bank") -> object:
    new = NewRate("USD", "CNY", Decimal(value), source, quay.built.clock.instant, sure)
    return rates.set_rate(quay.built.world, quay.mei, new)


def refusal(act: Callable[[], object]) -> RackrateError:
    with pytest.raises(RackrateError) as caught:
        act()
    return caught.value


def test_a_rate_is_set_once_and_never_edited(quay: Quay) -> None:
    assert put(quay, "7.10") == put(quay, "7.10")
    again = refusal(lambda: put(quay, "7.11"))
    assert again.reason is Reason.WRONG_STATE and again.facts["rate"] == "7.10"
    assert "supersede it with a later one" in again.detail
    quay.built.clock.advance(HOUR)
    put(quay, "7.11")
    found = rates.current(quay.built.world, quay.mei, quay.built.clock.instant)
    assert [str(each) for each in found] == ["7.11 CNY for 1 USD"]
    assert len(rates.find(quay.built.world, quay.mei, ("USD", "CNY"))) == 2
    assert rates.find(quay.built.world, quay.mei, ("EUR", None)) == []


@pytest.mark.parametrize(
    ("currency", "target", "value", "source"),
    [
        ("USD", "USD", "1", "a bank"),
        ("XXX", "CNY", "7", "a bank"),
        ("CNY", "USD", "0.14", "a bank, the other way around"),
        ("USD", "CNY", "0", "a bank"),
        ("USD", "CNY", "-7", "a bank"),
        ("USD", "CNY", "NaN", "a bank"),
        ("USD", "CNY", "1000001", "a bank"),
        ("USD", "CNY", "7.1234567890123", "a bank"),
        ("USD", "CNY", "7.1", " "),
        ("USD", "CNY", "7.1", "two\nlines"),
    ],
)
def test_what_is_no_rate_is_refused(
    quay: Quay, currency: str, target: str, value: str, source: str
) -> None:
    new = NewRate(currency, target, Decimal(value), source)
    with pytest.raises(Invalid):
        rates.set_rate(quay.built.world, quay.mei, new)
    assert rates.find(quay.built.world, quay.mei) == []


def test_a_rate_far_from_its_neighbours_is_meant_or_refused(quay: Quay) -> None:
    put(quay, "7.10")
    quay.built.clock.advance(HOUR)
    slip = refusal(lambda: put(quay, "71.0"))
    assert slip.reason is Reason.UNLIKELY_RATE and slip.facts["rate"] == "7.10"
    assert refusal(lambda: put(quay, "0.71")).reason is Reason.UNLIKELY_RATE
    put(quay, "71.0", sure=True)


def test_only_who_writes_invoices_sets_rates(quay: Quay) -> None:
    seller = quay.built.actor("anna@example.org", Role.SALES)
    with pytest.raises(Forbidden):
        rates.set_rate(quay.built.world, seller, NewRate("USD", "CNY", Decimal(7), "a bank"))


def test_without_a_rate_nothing_is_posted_and_the_refusal_says_how_to_set_one(quay: Quay) -> None:
    quay.lease(2)
    refused = refusal(lambda: quay.close(0))
    assert refused.reason is Reason.NO_RATE and "rackrate rate set USD CNY" in refused.detail
    assert quay.entries() == {}
    rates.set_rate(
        quay.built.world, quay.mei, NewRate("USD", "CNY", Decimal(7), "a bank", day(1, 1) - HOUR)
    )
    quay.close(0)
    assert str(quay.balances()[Account.USAGE_REVENUE].book) == "-33.60 CNY"


def test_money_of_a_day_that_has_no_rate_is_not_posted(quay: Quay) -> None:
    quay.on(day(0, 12))
    quay.rate("7.1", day(0, 10))
    early = refusal(lambda: quay.receive("1.00", "wire", keep=True, at=day(0, 9)))
    assert early.reason is Reason.NO_RATE and early.facts["rate"] == "7.1"
    assert "the first that is known is 7.1 from 2026-11-09 16:00 UTC" in early.detail
    assert payments.find(quay.built.world, quay.mei) == []
    quay.receive("1.00", "wire", keep=True, at=day(0, 10))


def test_a_closed_month_stays_at_its_rates(quay: Quay) -> None:
    quay.rate("7.1", FIRST)
    quay.invoice("100.00")
    quay.close(0)
    before = quay.entries()
    late = refusal(lambda: quay.rate("7.2", day(1, 1) - HOUR))
    assert late.reason is Reason.WRONG_STATE
    assert late.facts["open_from"] == "2026-11-30T16:00:00Z"
    quay.rate("7.2", day(1, 1))
    quay.close(0)
    assert quay.entries() == before
    assert any(id.startswith("revalued/") for id in before) is False
    quay.close(1)
    (end,) = [e for id, e in quay.entries().items() if id == "revalued/example/2026-12/harbour/USD"]
    assert [str(p.book) for p in end.postings] == ["10.60 CNY", "-10.60 CNY"]


def test_who_needs_a_rate_is_found(quay: Quay) -> None:
    def found(stale: int = 35) -> list[tuple[str, str, tuple[str, ...]]]:
        rows = rates.check_rates(quay.built.world, quay.mei, timedelta(days=stale))
        return [(each.fault, str(each.need.entity), each.need.contracts) for each in rows]

    assert found() == []
    quay.rate("7.1", FIRST)
    quay.sign()
    assert found() == []
    quay.on(day(1, 10))
    assert found() == [("stale", "example", ("k1",))]
    assert found(stale=60) == []
    quay.rate("7.2")
    assert found() == []


def test_credits_in_parts_take_back_the_tax_as_one_would(quay: Quay) -> None:
    quay.rate("7.1", FIRST)
    invoice = quay.invoice("99.99")
    quay.built.clock.advance(HOUR)
    quay.rate("7.7")
    for part in ("33.33", "33.33", "33.33"):
        quay.credit(invoice.id, part)
    found = quay.balances()
    for account in (Account.TAX, Account.RECEIVABLE):
        assert (found[account].amount.minor, found[account].book.minor) == (0, 0), account
    # What is taken back in three is rounded three times.
    assert abs(found[Account.OTHER_REVENUE].book.minor) <= 1


def test_what_is_void_leaves_nothing_whatever_the_rate_is_now(quay: Quay) -> None:
    quay.rate("7.1", FIRST)
    invoice = quay.invoice("99.99")
    quay.on(day(0, 30))
    quay.rate("7.7")
    quay.close(0)
    voiding.void_invoice(quay.built.world, quay.mei, invoice.id, "a slip")
    for account, balance in quay.balances().items():
        assert (balance.amount.minor, balance.book.minor) == (0, 0), account


def test_money_that_goes_back_goes_at_the_rate_of_its_day(quay: Quay) -> None:
    quay.rate("7.1", FIRST)
    held = quay.receive("10.00", "wire", keep=True)
    quay.built.clock.advance(HOUR)
    quay.rate("7.3")
    payments.pay_back(quay.built.world, quay.mei, held.payment.id, usd("4.00"), "out")
    found = quay.balances()
    assert str(found[Account.BANK].book) == "41.80 CNY"
    assert str(found[Account.UNAPPLIED].book) == "-42.60 CNY"
    assert str(found[Account.EXCHANGE].book) == "0.80 CNY"


def test_a_file_sets_rates_and_is_held_to_the_same_rules(quay: Quay) -> None:
    (made,) = quay.built.apply(FILE).changes
    assert (made.kind, made.id) == ("currency_rate", "USD/CNY/2026-10-31T16:00:00Z")
    assert quay.built.apply(FILE).changes == ()
    quay.invoice("1.00")
    quay.close(0)
    for wrong, said in (
        (FILE.replace("7.1203", "7.2"), "never edited"),
        (FILE.replace("11-01", "11-02"), "would change what example has closed"),
        (FILE.replace("2026-11-01", "2027-01-01").replace("7.1203", "71"), "if it is meant"),
        (FILE.replace("7.1203", "0"), "is not from"),
        (FILE.replace("currency: USD", "currency: USX"), "unknown currency"),
        (FILE.replace("CNY", "EUR"), "no books are kept in EUR"),
        (FILE.replace("2026-11-01", "1969-11-01"), "is wrong"),
        (FILE.replace("source: a sample bank", ""), "`source` is missing"),
    ):
        with pytest.raises(Invalid, match=said):
            quay.built.apply(wrong, dry_run=True)
    sure = FILE.replace("2026-11-01", "2027-01-01").replace("7.1203", "71") + "sure: true\n"
    assert len(quay.built.apply(sure).changes) == 1


def test_more_than_the_books_hold_is_refused(quay: Quay) -> None:
    quay.rate("1000000", FIRST)
    with pytest.raises(Refused, match="is more than"):
        quay.receive("9000000000.00", "wire", keep=True)
    assert HARBOUR not in {b.customer for b in quay.balances().values()}
