"""Entries in another currency: they balance in both, and a balance of nothing is nothing."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.exchange import Holding, converted, revalued, settled, valued
from rackrate.core.ids import CustomerId, EntityId, EntryId
from rackrate.core.interval import Month
from rackrate.core.ledger import Account, Entry, Posting, transfer
from rackrate.core.money import Money, digits

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ACME = CustomerId("acme")
# With two digits, with none and with three.
PAIRS = [("USD", "CNY"), ("KWD", "JPY"), ("JPY", "KWD"), ("VND", "USD"), ("EUR", "KRW")]
pairs = st.sampled_from(PAIRS)
rates = st.decimals(Decimal("0.0001"), Decimal(2000), places=4)
amounts = st.integers(-(10**9), 10**9).filter(bool)


def entry(*postings: Posting) -> Entry:
    return Entry(EntryId("e"), EntityId("ex"), NOW, "", postings)


def test_a_rate_is_of_whole_units_however_many_digits_they_have() -> None:
    assert str(converted(Money.parse("1.005", "KWD"), Decimal("487.5"), "JPY")) == "490 JPY"
    assert str(converted(Money(150, "JPY"), Decimal("0.00205"), "KWD")) == "0.308 KWD"
    assert str(converted(Money(-1, "USD"), Decimal("7.5"), "CNY")) == "-0.08 CNY"


@given(pairs, rates, amounts)
def test_an_amount_is_what_a_fraction_makes_of_it(
    pair: tuple[str, str], rate: Decimal, minor: int
) -> None:
    amount, target = Money(minor, pair[0]), pair[1]
    exact = Fraction(amount.amount) * Fraction(rate)
    difference = abs(Fraction(converted(amount, rate, target).amount) - exact)
    assert difference <= Fraction(1, 2 * 10 ** digits(target))


@given(pairs, rates, st.lists(st.integers(1, 10**9), min_size=1, max_size=5), st.integers(0, 10**8))
def test_an_invoice_balances_and_its_tax_is_rounded_by_itself(
    pair: tuple[str, str], rate: Decimal, nets: list[int], tax: int
) -> None:
    currency, target = pair
    accounts = (Account.UNBILLED, Account.CONTRACT_LIABILITY, Account.OTHER_REVENUE)
    lines = [(accounts[n % 3], Money(-net, currency)) for n, net in enumerate(nets)]
    lines += [(Account.TAX, Money(-tax, currency)), (Account.RECEIVABLE, Money(0, currency))]
    whole = Money(sum(nets) + tax, currency)
    rows = [Posting(account, money, money, ACME) for account, money in lines[:-1]]
    made = valued(entry(Posting(Account.RECEIVABLE, whole, whole, ACME), *rows), rate, target)
    assert [each.amount for each in made.postings] == [whole, *(each.amount for each in rows)]
    by_account = {each.account: each for each in made.postings}
    for account in (Account.TAX, Account.RECEIVABLE):
        assert by_account[account].book == converted(by_account[account].amount, rate, target)


@given(pairs, st.lists(st.tuples(amounts, rates), min_size=1, max_size=20), rates)
def test_what_came_and_went_leaves_nothing(
    pair: tuple[str, str], moves: list[tuple[int, Decimal]], last: Decimal
) -> None:
    currency, target = pair
    held: dict[Account, Holding] = {}
    back = -sum(minor for minor, _ in moves)
    for minor, rate in [*moves, (back, last)]:
        if not minor:
            continue
        pair_of = transfer(Account.RECEIVABLE, Account.BANK, Money(minor, currency), ACME)
        made = settled(valued(entry(*pair_of), rate, target), held)
        for each in made.postings:
            amount, book = held.get(each.account, (0, 0))
            held[each.account] = amount + each.amount.minor, book + each.book.minor
        amount, book = held[Account.RECEIVABLE]
        assert amount * book >= 0, "what is owed is worth something"
    assert held.get(Account.RECEIVABLE, (0, 0)) == (0, 0)


def test_revenue_is_what_was_drawn_from_the_liability() -> None:
    held = {Account.CONTRACT_LIABILITY: (-300, -2101)}
    drawn = transfer(Account.CONTRACT_LIABILITY, Account.CONTRACT_REVENUE, Money(100, "USD"), ACME)
    made = settled(valued(entry(*drawn), Decimal("9.9"), "CNY"), held)
    assert [each.book.minor for each in made.postings] == [700, -700]


def test_only_what_is_owed_in_money_is_put_at_the_rate_of_a_month_s_end() -> None:
    held = {
        Account.RECEIVABLE: (100, 700),
        Account.UNAPPLIED: (-50, -360),
        Account.CONTRACT_LIABILITY: (-300, -2101),
        Account.TAX: (-6, -42),
        Account.BANK: (10, 71),
    }
    at = ("USD", Decimal("7.3"), "CNY")
    over = Month(2026, 11).interval("UTC").end
    end, back = revalued(EntityId("ex"), Month(2026, 11), over, (ACME, held), at)
    found = [(each.account, each.amount.minor, each.book.minor) for each in end.postings]
    assert found == [
        (Account.RECEIVABLE, 0, 30),
        (Account.UNAPPLIED, 0, -5),
        (Account.EXCHANGE, 0, -25),
    ]
    assert (end.at.day, back.at) == (30, over)
    assert [each.book.minor for each in back.postings] == [-30, 5, 25]
    settled_already = {Account.RECEIVABLE: (100, 730)}
    assert not [*revalued(EntityId("ex"), Month(2026, 11), over, (ACME, settled_already), at)]
