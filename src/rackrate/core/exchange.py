"""Entries in another currency than the books': at which rate, and the difference that it makes.

After IAS 21 and IFRIC 22. An entry is first put into the books' currency at the rate of its instant
(IAS 21.21). What goes out of a balance goes out at what that balance holds in the books, the
weighted average of what came in: so a balance of nothing is nothing in the books, too.

* A contract liability is no money that is owed: it stays at the rates at which it was invoiced, and
  revenue that is drawn from it is earned at those (IFRIC 22.8, IAS 21.23 b).
* What is owed in money (receivable, unbilled, unapplied cash) makes an exchange difference when it
  is settled (IAS 21.28). At each month's end it is put at the rate of that instant (IAS 21.23 a),
  by an entry that is taken back in the next month's first instant: the two months together have the
  difference between what it was at the month's end and what came in.
* Tax is owed in the books' currency, at the rate of the invoice, and is not put at another later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, EntityId, EntryId
from rackrate.core.interval import Month
from rackrate.core.ledger import Account, Balance, Entry, Posting, reversed_entry
from rackrate.core.money import Money, digits, half_up_ratio

# In minor units; what is more does not go into 64 bits together with others of its kind.
MOST_BOOK = 10**17
# Minor units, in the currency and in the books.
Holding = tuple[int, int]
# These are as the rate makes them; what is over when several are rounded is in the others.
_EXACT = (Account.BANK, Account.TAX)


def converted(amount: Money, rate: Decimal, target: str) -> Money:
    """At `rate` units of `target` for one, rounded half up."""
    top, bottom = rate.as_integer_ratio()
    more = digits(target) - digits(amount.currency)
    minor = half_up_ratio(amount.minor * top * 10 ** max(more, 0), bottom * 10 ** max(-more, 0))
    if abs(minor) > MOST_BOOK:
        most = Money(MOST_BOOK, target)
        raise Refused(Reason.INVALID, f"{amount} at {rate:f} is more than {most}")
    return Money(minor, target)


def monetary(account: Account) -> bool:
    """Whether it is owed in money, to or by a customer. The bank's own is not kept here."""
    other = (Account.BANK, Account.TAX, Account.CONTRACT_LIABILITY)
    return account not in other and account.startswith(("Assets:", "Liabilities:"))


def valued(entry: Entry, rate: Decimal, target: str, tax: Money | None = None) -> Entry:
    """Every posting at `rate`; its tax, where it is given, at what was said elsewhere."""
    books = [
        tax.minor if tax is not None and each.account is Account.TAX
        else converted(each.amount, rate, target).minor
        for each in entry.postings
    ]  # fmt: skip
    rest = -sum(books)
    if rest:
        books[_bears(entry.postings)] += rest
    postings = (
        replace(each, book=Money(book, target))
        for each, book in zip(entry.postings, books, strict=True)
    )
    return replace(entry, postings=tuple(postings))


def _bears(postings: Sequence[Posting]) -> int:
    """Which posting has what is over when all are rounded: the largest that may be uneven."""
    for fixed in ((*_EXACT, Account.RECEIVABLE), _EXACT):
        free = [at for at, each in enumerate(postings) if each.account not in fixed]
        if free:
            return max(free, key=lambda at: abs(postings[at].amount.minor))
    return 0


def settled(entry: Entry, held: Mapping[Account, Holding]) -> Entry:
    """What goes out of a balance goes out at what is held; the difference is one of exchange.

    `held` is what the customer's balances are before, in the currency of the entry.
    """
    target, currency = entry.postings[0].book.currency, entry.postings[0].amount.currency
    left = dict(held)
    postings: list[Posting] = []
    drawn: Posting | None = None
    for posting in entry.postings:
        if posting.account is Account.EXCHANGE:
            continue
        if drawn is not None and _earned_of(drawn, posting):
            postings.append(replace(posting, book=-drawn.book))
            drawn = None
            continue
        if monetary(posting.account) or posting.account is Account.CONTRACT_LIABILITY:
            before = left.get(posting.account, (0, 0))
            book, left[posting.account] = _moved(before, posting.amount.minor, posting.book.minor)
            posting = replace(posting, book=Money(book, target))  # noqa: PLW2901
        drawn = posting
        postings.append(posting)
    rest = -sum(each.book.minor for each in postings)
    if rest:
        whose = entry.postings[0].customer
        zero = Money.zero(currency)
        postings.append(Posting(Account.EXCHANGE, zero, Money(rest, target), whose))
    return replace(entry, postings=tuple(postings))


def _earned_of(drawn: Posting, posting: Posting) -> bool:
    """Whether this is the revenue that was drawn from the contract liability just before."""
    liability = drawn.account is Account.CONTRACT_LIABILITY
    revenue = posting.account.startswith("Income:")
    return liability and revenue and posting.amount == -drawn.amount


def _moved(held: Holding, amount: int, at_rate: int) -> tuple[int, Holding]:
    """(book, what is held after) of a posting: back to nothing as held, beyond it `at_rate`."""
    have, book = held
    back = min(abs(have), abs(amount)) if have * amount < 0 else 0
    moved = -half_up_ratio(book * back, abs(have)) if back else 0
    beyond = abs(amount) - back
    if beyond:
        moved += half_up_ratio(at_rate * beyond, abs(amount))
    return moved, (have + amount, book + moved)


def holdings(balances: Sequence[Balance], currency: str, target: str) -> dict[Account, Holding]:
    """What a customer's balances in `currency` are, in it and in the books'."""
    return {
        each.account: (each.amount.minor, each.book.minor)
        for each in balances
        if (each.amount.currency, each.book.currency) == (currency, target)
    }


def revalued(
    entity: EntityId,
    month: Month,
    over: datetime,
    whose: tuple[CustomerId, Mapping[Account, Holding]],
    at: tuple[str, Decimal, str],
) -> Iterator[Entry]:
    """What a customer's open items in one currency, a rate and a target, are at a month's end.

    Nothing, or two entries: the one of the last second before `over`, and its taking back.
    """
    (customer, held), (currency, rate, target) = whose, at
    zero = Money.zero(currency)
    postings: list[Posting] = []
    for account, (amount, book) in sorted(held.items()):
        position = monetary(account) or account is Account.CONTRACT_LIABILITY
        # A liability stays as it is; one of nothing is nothing.
        if not position or (amount and not monetary(account)):
            continue
        now = converted(Money(amount, currency), rate, target).minor
        if now != book:
            postings.append(Posting(account, zero, Money(now - book, target), customer))
    rest = -sum(each.book.minor for each in postings)
    if rest:
        postings.append(Posting(Account.EXCHANGE, zero, Money(rest, target), customer))
    if not postings:
        return
    id = f"revalued/{entity}/{month}/{customer}/{currency}"
    memo = f"Open items of {customer} in {month} at {rate:f} {target} for 1 {currency}"
    entry = Entry(EntryId(id), entity, over - timedelta(seconds=1), memo, tuple(postings))
    yield entry
    yield reversed_entry(entry, EntryId(f"{id}/back"), over, f"Taken back: {memo}")
