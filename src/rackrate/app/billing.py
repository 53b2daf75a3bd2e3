"""Billing: preview, close a month, issue, pay. Rules are in the core; here they meet the rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rackrate.app.instalments import contract_lines, entries_earned
from rackrate.app.metering import last_close, usage_lines
from rackrate.app.ports import Tx
from rackrate.app.rows import Close
from rackrate.app.world import Locate, World, acting, confine, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.contract import Contract
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, EntityId, InvoiceId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import (
    Invoice,
    InvoiceLine,
    Line,
    Payment,
    Totals,
    pay,
    totals,
)
from rackrate.core.lease import Lease
from rackrate.core.ledger import Entry
from rackrate.core.money import Money
from rackrate.core.parties import Customer
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.recognition import invoiced, paid, usage_earned
from rackrate.core.tax import tax_rule


@dataclass(frozen=True, slots=True)
class Preview:
    """What closing the month would put on the customer's invoice, if nothing more happened."""

    customer: CustomerId
    month: Month
    lines: tuple[Line, ...]
    totals: Totals


def preview(world: World, actor: Actor, customer: CustomerId, month: Month) -> Preview:
    """The coming invoice of a month that is not closed yet, up to now."""
    with reading(world, actor, Verb.INVOICE_READ, Target("customer", customer, customer)) as tx:
        confine(tx, actor)
        buyer = tx.get(Customer, customer)
        entity = tx.get(Entity, buyer.entity)
        books = PriceBook(tx.find(Price, currency=buyer.currency))
        lines = tuple(_lines(tx, entity, buyer, month, books, world.clock.now()))
        rule = tax_rule(buyer.tax_rule or entity.output_tax)
        return Preview(customer, month, lines, totals(lines, rule, buyer.currency))


def close(world: World, actor: Actor, entity: EntityId, month: Month) -> tuple[Invoice, ...]:
    """Issue M's usage in arrears and M+1's instalments in advance; post what M earned.

    All of it or nothing; closing a closed month changes nothing and answers its invoices.
    """
    with acting(world, actor, Verb.INVOICE_WRITE, Target("entity", entity)) as tx:
        seller = tx.get(Entity, entity)
        tx.number(f"closing/{entity}")  # Two closes at once: the second waits, and finds it done.
        if tx.peek(Close, f"{entity}/{month}") is not None:
            issued = tx.find(Invoice, entity=entity, month=month)
            return tuple(one for one in issued if one.cause.startswith("month/"))
        _check_order(tx, seller, month, world.clock.now())
        invoices = _close_customers(world, tx, seller, month)
        _earn_contracts(world, tx, seller, month)
        tx.add(Close(f"{entity}/{month}", entity, month, world.clock.now()))
        return invoices


def show(world: World, actor: Actor, id: InvoiceId) -> tuple[Invoice, list[InvoiceLine]]:
    """An invoice with its lines in order."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(id)) as tx:
        lines = tx.find(InvoiceLine, invoice=id)
        return tx.get(Invoice, id), sorted(lines, key=lambda line: line.place)


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Invoice]:
    """Invoices that the actor may see, newest number first."""
    if customer is None and not actor.operator:
        customer = min(actor.customers, default=None)
    with reading(world, actor, Verb.INVOICE_READ, Target("invoice", "", customer)) as tx:
        confine(tx, actor)
        equal: dict[str, Any] = {} if customer is None else {"customer": customer}
        return tx.find(Invoice, after=after, limit=limit, newest_first=True, **equal)


def settle(
    world: World, actor: Actor, id: InvoiceId, money: Money, reference: str
) -> tuple[Invoice, Payment]:
    """Money has come in for an invoice. The same reference again changes nothing."""
    with acting(world, actor, Verb.INVOICE_WRITE, _owner(id)) as tx:
        tx.number(f"paying/{id}")
        invoice = tx.get(Invoice, id)
        before = tx.peek(Payment, f"{id}/{reference}")
        if before is not None and before.amount == money:
            return invoice, before
        if before is not None:
            raise Refused(Reason.ALREADY_PAID, f"payment {reference!r} of {id} was {before.amount}")
        after = pay(invoice, money)
        now = world.clock.now()
        payment = Payment(f"{id}/{reference}", id, invoice.customer, now, money, reference)
        tx.put(after)
        tx.add(payment, paid(after, payment))
        return after, payment


def issue(
    world: World, tx: Tx, customer: Customer, cause: str, month: Month, lines: Sequence[Line]
) -> Invoice:
    """Number an invoice, keep its lines, post it. The same cause cannot be invoiced twice."""
    entity = tx.get(Entity, customer.entity)
    rule = tax_rule(customer.tax_rule or entity.output_tax)
    sums = totals(lines, rule, customer.currency)
    now = world.clock.now()
    year = Month.of(now, entity.time_zone).year
    number = tx.number(f"invoice/{entity.id}/{year}")
    invoice = Invoice(
        InvoiceId(f"{entity.invoice_series}-{year}-{number:06}"),
        entity.id,
        customer.id,
        cause,
        month,
        now,
        now + timedelta(days=entity.payment_days),
        rule.id,
        sums.net,
        sums.tax,
        sums.gross,
        Money.zero(customer.currency),
    )
    tx.add(invoice)
    tx.add(
        *(
            InvoiceLine(f"{invoice.id}/{place:06}", invoice.id, customer.id, place, line)
            for place, line in enumerate(lines, 1)
        )
    )
    entry = invoiced(invoice, lines)
    entries: list[Entry] = [] if entry is None else [entry]
    entries += usage_earned(invoice, lines, entity.time_zone, now)
    tx.add(*entries)
    return invoice


def _owner(id: InvoiceId) -> Locate:
    def locate(tx: Tx) -> Target:
        return Target("invoice", id, tx.get(Invoice, id).customer)

    return locate


def _close_customers(world: World, tx: Tx, seller: Entity, month: Month) -> tuple[Invoice, ...]:
    books: dict[str, PriceBook] = {}
    invoices: list[Invoice] = []
    for customer in tx.find(Customer, entity=seller.id):
        if customer.currency not in books:
            books[customer.currency] = PriceBook(tx.find(Price, currency=customer.currency))
        book = books[customer.currency]
        lines = list(_lines(tx, seller, customer, month, book, world.clock.now()))
        if lines:
            cause = f"month/{month}/{customer.id}"
            invoices.append(issue(world, tx, customer, cause, month, lines))
    return tuple(invoices)


def _lines(
    tx: Tx, seller: Entity, customer: Customer, month: Month, book: PriceBook, now: datetime
) -> Iterator[Line]:
    yield from usage_lines(tx, seller, customer, month, book, now)
    for contract in tx.find(Contract, customer=customer.id):
        # At signature everything up to that month was invoiced; each close brings one more.
        yield from contract_lines(tx, contract, month.plus(1), now, closed=month)


def _check_order(tx: Tx, seller: Entity, month: Month, now: datetime) -> None:
    end = month.interval(seller.time_zone).end
    ends = [end, *(month.interval(c.time_zone).end for c in tx.find(Customer, entity=seller.id))]
    if now < max(ends):
        raise Refused(
            Reason.NOT_CLOSED_YET,
            f"{month} ends at {max(ends):%Y-%m-%d %H:%M} UTC; until then there is a preview",
        )
    last = last_close(tx, seller)
    first = last.month.plus(1) if last is not None else _first_month(tx, seller)
    if first is not None and month > first:
        raise Refused(Reason.NOT_CLOSED_YET, f"months are closed in order: {first} is next")
    if first is not None and month < first:
        raise Refused(Reason.WRONG_STATE, f"the books begin with {first}")


def _first_month(tx: Tx, seller: Entity) -> Month | None:
    """The month of the entity's first lease or signature; None when there was neither."""
    started: list[Month] = []
    for customer in tx.find(Customer, entity=seller.id):
        first = tx.find(Lease, customer=customer.id, limit=1)
        started += [Month.of(lease.created, customer.time_zone) for lease in first]
        signed = tx.find(Contract, customer=customer.id)
        started += [_first_of(contract, customer.time_zone) for contract in signed]
    return min(started, default=None)


def _first_of(contract: Contract, time_zone: str) -> Month:
    """The first month of a contract that these books have to do with."""
    if contract.opening is not None:
        return contract.opening.earned.plus(1)
    return Month.of(contract.signed, time_zone)


def _earn_contracts(world: World, tx: Tx, seller: Entity, month: Month) -> None:
    """Post every month of service that is done and not posted yet, up to `month`."""
    for contract in tx.find(Contract, entity=seller.id):
        tx.add(*entries_earned(tx, contract, seller, month, world.clock.now()))
