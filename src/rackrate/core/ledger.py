"""Double entry: balanced entries, never edited, made from their cause."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rackrate.core.ids import CustomerId, EntityId, EntryId, SkuId
from rackrate.core.money import Money
from rackrate.core.quick import quick


class Account(StrEnum):
    """The chart of accounts, in Beancount's five roots."""

    BANK = "Assets:Bank"
    RECEIVABLE = "Assets:Receivable"
    UNBILLED = "Assets:Unbilled"
    CONTRACT_LIABILITY = "Liabilities:ContractLiability"
    UNAPPLIED = "Liabilities:UnappliedCash"
    TAX = "Liabilities:Tax:Output"
    USAGE_REVENUE = "Income:Usage"
    CONTRACT_REVENUE = "Income:Contract"
    OTHER_REVENUE = "Income:Other"
    INTEREST = "Income:Interest"
    EXCHANGE = "Income:ExchangeDifference"
    OPENING = "Equity:Opening"


@quick
@dataclass(frozen=True, slots=True)
class Posting:
    """A debit is positive, a credit negative. `book` is the amount in the books' currency."""

    account: Account
    amount: Money
    book: Money
    customer: CustomerId | None = None
    sku: SkuId | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A balanced set of postings. `id` is made from its cause, so posting twice is posting once."""

    id: EntryId
    entity: EntityId
    at: datetime
    memo: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        assert len(self.postings) >= 2, self
        assert not any(totals(self.postings).values()), f"does not balance: {self}"

    @property
    def customer(self) -> CustomerId | None:
        """Whose it is: an entry is of one customer's."""
        return self.postings[0].customer

    @property
    def foreign(self) -> bool:
        """Whether it is in another currency than the books."""
        return any(each.amount.currency != each.book.currency for each in self.postings)


@dataclass(frozen=True, slots=True)
class Balance:
    """The sum of an account's postings of one customer in one currency."""

    account: Account
    customer: CustomerId | None
    amount: Money
    book: Money


def totals(postings: Iterable[Posting]) -> Mapping[tuple[str, str], int]:
    """Sums in minor units, by (`amount` or `book`, currency): all zero when it balances."""
    sums: dict[tuple[str, str], int] = {}
    for posting in postings:
        for side, money in (("amount", posting.amount), ("book", posting.book)):
            key = (side, money.currency)
            sums[key] = sums.get(key, 0) + money.minor
    return sums


def balances(postings: Iterable[Posting]) -> tuple[Balance, ...]:
    """One balance for each account, customer and currency that occurs, sorted."""
    sums: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    for posting in postings:
        key = (
            posting.account.value,
            posting.customer or "",
            posting.amount.currency,
            posting.book.currency,
        )
        amount, book = sums.get(key, (0, 0))
        sums[key] = (amount + posting.amount.minor, book + posting.book.minor)
    return tuple(
        Balance(
            Account(account),
            CustomerId(customer) or None,
            Money(amount, cur),
            Money(book, book_cur),
        )
        for (account, customer, cur, book_cur), (amount, book) in sorted(sums.items())
    )


def transfer(
    debit: Account,
    credit: Account,
    amount: Money,
    customer: CustomerId,
    sku: SkuId | None = None,
) -> tuple[Posting, Posting]:
    """`amount` from one account to another, in the books' own currency."""
    return (
        Posting(debit, amount, amount, customer, sku),
        Posting(credit, -amount, -amount, customer, sku),
    )


def reversed_entry(entry: Entry, id: EntryId, at: datetime, memo: str) -> Entry:
    """What takes an entry back. It stays where it was, for nothing posted is edited."""
    postings = tuple(
        Posting(each.account, -each.amount, -each.book, each.customer, each.sku)
        for each in entry.postings
    )
    return Entry(id, entry.entity, at, memo, postings)


def not_before(entry: Entry, locked: datetime | None) -> Entry:
    """An entry of a month that is closed is dated on the first instant of the one that is not."""
    return entry if locked is None or locked <= entry.at else replace(entry, at=locked)
