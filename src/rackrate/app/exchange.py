"""Posting: what is in the books' currency as it is, what is in another at the rates that there are.

Whoever posts for a customer who is billed in another currency comes one after the other.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rackrate.app.ports import Tx
from rackrate.core.currency import CurrencyRate, InvoiceRate, no_rate, rate_id
from rackrate.core.exchange import Holding, converted, holdings, revalued, settled, valued
from rackrate.core.ids import CustomerId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice
from rackrate.core.ledger import Account, Entry
from rackrate.core.money import Money, half_up_ratio
from rackrate.core.parties import Customer


def hold(tx: Tx, entity: Entity, *currencies: str) -> None:
    """Before anything is numbered: the others wait, if one of these is not the books'."""
    if any(each != entity.currency for each in currencies):
        tx.number(f"exchange/{entity.id}")


def rate_at(tx: Tx, entity: Entity, currency: str, at: datetime) -> CurrencyRate:
    """The rate of a currency in the books' at an instant; Refused `no_rate` where there is none."""
    pair = (currency, entity.currency)
    found = in_force_at(tx, pair, at)
    if found is None:
        raise no_rate(pair, at, entity.time_zone, next_after(tx, pair, at))
    return found


def in_force_at(tx: Tx, pair: tuple[str, str], at: datetime) -> CurrencyRate | None:
    """The rate of a pair at an instant."""
    currency, target = pair
    beyond = rate_id(currency, target, at + timedelta(seconds=1))
    found = tx.find(
        CurrencyRate, after=beyond, limit=1, newest_first=True, currency=currency, target=target
    )
    return next(iter(found), None)


def next_after(tx: Tx, pair: tuple[str, str], at: datetime) -> CurrencyRate | None:
    """The rate of a pair that comes next."""
    currency, target = pair
    begun = rate_id(currency, target, at)
    found = tx.find(CurrencyRate, after=begun, limit=1, currency=currency, target=target)
    return next(iter(found), None)


def post(tx: Tx, entity: Entity, entries: Iterable[Entry]) -> None:
    """Into the books, each at the rate of its own instant."""
    for entry in entries:
        currency = entry.postings[0].amount.currency
        if currency == entity.currency:
            tx.add(entry)
            continue
        hold(tx, entity, currency)
        rate = rate_at(tx, entity, currency, entry.at)
        _add(tx, entity, valued(entry, rate.rate, entity.currency))


def post_issued(tx: Tx, entity: Entity, invoice: Invoice, entry: Entry | None) -> None:
    """At the rate of its issue; a credit of an invoice at that invoice's, with its tax."""
    currency = invoice.gross.currency
    if currency == entity.currency:
        if entry is not None:
            tx.add(entry)
        return
    hold(tx, entity, currency)
    at = _issued_at(tx, entity, invoice)
    tx.add(at)
    if entry is not None:
        _add(tx, entity, valued(entry, at.rate, entity.currency, -at.tax))


def take_back(tx: Tx, entity: Entity, entry: Entry) -> None:
    """An entry that reverses another, which is in the books already."""
    if not entry.foreign:
        tx.add(entry)
        return
    hold(tx, entity, entry.postings[0].amount.currency)
    _add(tx, entity, entry)


def revalue(tx: Tx, entity: Entity, month: Month) -> None:
    """What is open at the end of a month is put at the rate of that instant. Once, as it closes."""
    over = month.interval(entity.time_zone).end
    held: dict[tuple[CustomerId, str], dict[Account, Holding]] = {}
    for each in tx.foreign_balances(entity.id, over):
        if each.customer is not None and each.book.currency == entity.currency:
            mine = held.setdefault((each.customer, each.amount.currency), {})
            mine[each.account] = (each.amount.minor, each.book.minor)
    for (customer, currency), balances in sorted(held.items()):
        rate = rate_at(tx, entity, currency, over - timedelta(seconds=1))
        at = (currency, rate.rate, entity.currency)
        tx.add(*revalued(entity.id, month, over, (customer, balances), at))


def billed_elsewhere(tx: Tx, entity: Entity) -> list[str]:
    """The currencies, not the books', in which customers of an entity are billed."""
    found = {each.currency for each in tx.find(Customer, entity=entity.id)}
    return sorted(found - {entity.currency})


def _add(tx: Tx, entity: Entity, entry: Entry) -> None:
    first = entry.postings[0]
    before = tx.foreign_balances(entity.id, None, first.customer)
    held = holdings(before, first.amount.currency, entity.currency)
    tx.add(settled(entry, held))


def _issued_at(tx: Tx, entity: Entity, invoice: Invoice) -> InvoiceRate:
    original = None if invoice.credits is None else tx.peek(InvoiceRate, invoice.credits)
    if original is not None:
        tax = _tax_back(tx, invoice, original)
        rate, effective, source = original.rate, original.effective, original.source
    else:
        found = rate_at(tx, entity, invoice.gross.currency, invoice.issued)
        rate, effective, source = found.rate, found.effective, found.source
        tax = converted(invoice.tax, rate, entity.currency)
    return InvoiceRate(invoice.id, invoice.customer, rate, effective, source, tax)


def _tax_back(tx: Tx, credit: Invoice, original: InvoiceRate) -> Money:
    """Credits in parts take back as much tax in the books as one for all."""
    whole = tx.get(Invoice, original.id).tax.minor
    notes = [each for each in tx.find(Invoice, credits=original.id) if each.id != credit.id]
    rates = (tx.peek(InvoiceRate, each.id) for each in notes)
    before = sum(each.tax.minor for each in rates if each is not None)
    so_far = credit.tax.minor + sum(each.tax.minor for each in notes)
    tax = half_up_ratio(original.tax.minor * so_far, whole) if whole else 0
    return Money(tax - before, original.tax.currency)
