"""The journal in Beancount's language, for `bean-check` and any tool that reads it."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from rackrate.core.inventory import Entity
from rackrate.core.ledger import Entry, Posting
from rackrate.core.money import Money, digits


def export(entity: Entity, entries: Iterable[Entry]) -> str:
    """All entries, dated in the entity's time zone. `entries` are in order of time.

    Accounts are opened on the day of their first posting; ids and SKUs travel as metadata. What is
    in another currency than the books' has its amount there as the total price.
    """
    zone = ZoneInfo(entity.time_zone)
    journal = list(entries)
    return "".join(_document(entity, journal, zone))


def _document(entity: Entity, journal: list[Entry], zone: ZoneInfo) -> Iterator[str]:
    yield f'option "title" "{_text(entity.name)}"\n'
    yield f'option "operating_currency" "{entity.currency}"\n'
    if any(entry.foreign for entry in journal):
        # A total price is kept as the price of one, which is not always a finite decimal.
        half = Decimal(5).scaleb(-1 - digits(entity.currency))
        yield f'option "inferred_tolerance_default" "{entity.currency}:{half:f}"\n'
    yield "\n"
    opened: set[str] = set()
    for entry in journal:
        day = entry.at.astimezone(zone).date()
        for posting in entry.postings:
            account = _account(posting)
            if account not in opened:
                opened.add(account)
                yield f"{day} open {account}\n"
        yield f'\n{day} * "{_text(entry.memo)}"\n  id: "{_text(entry.id)}"\n'
        for posting in entry.postings:
            for amount in _amounts(posting):
                yield f"  {_account(posting)}  {amount}\n"
                if posting.sku:
                    yield f'    sku: "{_text(posting.sku)}"\n'
        yield "\n"


def _amounts(posting: Posting) -> Iterator[str]:
    """The amount, and at which total price; a difference of exchange has none of the currency."""
    amount, book = posting.amount, posting.book
    price = ""
    if amount.currency != book.currency:
        same_way = amount.minor * book.minor > 0
        price = f" @@ {abs(book.amount)} {book.currency}" if same_way else ""
        if not same_way and book:
            yield f"{book.amount} {book.currency}"
        if not same_way and amount:
            price = f" @@ {Money.zero(book.currency).amount} {book.currency}"
    if amount or amount.currency == book.currency:
        yield f"{amount.amount} {amount.currency}{price}"


def _account(posting: Posting) -> str:
    """Beancount's account names: parts begin with a capital and have letters, digits, dashes."""
    if posting.customer is None:
        return posting.account.value
    part = re.sub(r"[^A-Za-z0-9-]", "-", posting.customer)
    return f"{posting.account.value}:{part[:1].upper()}{part[1:]}"


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
