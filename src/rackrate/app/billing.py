"""Billing: preview, close a month, issue, pay. Rules are in the core; here they meet the rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rackrate.app import exchange, settling, shortfalls
from rackrate.app.beginning import before_the_books, first_month
from rackrate.app.beside import Beside, Sheet, sheets
from rackrate.app.instalments import contract_lines, entries_earned
from rackrate.app.issuing import Asked, Seller, issue_asked, seller_of
from rackrate.app.listing import Listing
from rackrate.app.metering import Meter, last_close
from rackrate.app.payments import settle as settle
from rackrate.app.ports import Tx
from rackrate.app.rows import Close
from rackrate.app.world import Locate, World, acting, confine, owned, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.contract import Contract
from rackrate.core.currency import InvoiceRate
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, EntityId, InvoiceId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, InvoiceLine, Line, Totals, totals
from rackrate.core.ledger import not_before
from rackrate.core.parties import Customer
from rackrate.core.treatment import Supply


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
        seller = seller_of(tx, buyer.entity)
        month_of = _MonthOf(seller, buyer, month, world.clock.now())
        meter = Meter(tx, seller.entity, month, month_of.now)
        lines = tuple(_lines(tx, month_of, meter, Beside.read(tx, seller)))
        rule = seller.entity.taxes(buyer).rule(Supply.SERVICE, month)
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
        # What is written down from this second on is late, also if the close takes a while.
        now = world.clock.now()
        _check_order(tx, seller, month, now)
        closing = seller_of(tx, entity)
        for each in sorted(closing.ahead):
            settling.lock(tx, each)  # Before anything is numbered, as whoever pays does.
        exchange.hold(tx, seller, *exchange.billed_elsewhere(tx, seller))
        # What is drawn from a balance goes before what the invoices add to it.
        _earn_contracts(world, tx, closing, month)
        invoices = _close_customers(world, tx, closing, month, now)
        shortfalls.settle_balances(world, tx, closing, month)
        exchange.revalue(tx, seller, month)
        tx.add(Close(f"{entity}/{month}", entity, month, now))
        return invoices


def show(world: World, actor: Actor, id: InvoiceId) -> tuple[Invoice, list[InvoiceLine]]:
    """An invoice with its lines in order."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(id)) as tx:
        lines = tx.find(InvoiceLine, invoice=id)
        return tx.get(Invoice, id), sorted(lines, key=lambda line: line.place)


def booked(world: World, actor: Actor, id: InvoiceId) -> InvoiceRate | None:
    """At which rate an invoice is in the books, if those are in another currency."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(id)) as tx:
        return tx.peek(InvoiceRate, id)


def find(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Invoice]:
    """Invoices that the actor may see, newest number first."""
    listing = Listing("invoice", Invoice, Verb.INVOICE_READ)
    return listing.find(world, actor, customer, after, limit)


def issue(
    world: World, tx: Tx, customer: Customer, cause: str, month: Month, lines: Sequence[Line]
) -> list[Invoice]:
    """An invoice of these lines, under the customer's terms; several where their tax rules cannot
    stand beside each other. The same cause is invoiced once.
    """
    seller = seller_of(tx, customer.entity)
    return [
        issue_asked(world, tx, seller, _asked(customer, _numbered(cause, number), month, sheet))
        for number, sheet in enumerate(sheets(tx, seller, customer, lines, {}), 1)
    ]


def _numbered(cause: str, number: int) -> str:
    return f"{cause}/{number}" if number > 1 else cause


def _asked(customer: Customer, cause: str, month: Month, sheet: Sheet) -> Asked:
    return Asked(
        customer,
        cause,
        month,
        sheet.lines,
        project=sheet.project,
        purchase_order=sheet.purchase_order,
    )


def _owner(id: InvoiceId) -> Locate:
    return owned("invoice", Invoice, id)


def _close_customers(
    world: World, tx: Tx, seller: Seller, month: Month, now: datetime
) -> tuple[Invoice, ...]:
    beside = Beside.read(tx, seller)
    meter = Meter(tx, seller.entity, month, now)
    invoices: list[Invoice] = []
    for customer in tx.find(Customer, entity=seller.entity.id):
        month_of = _MonthOf(seller, customer, month, now)
        lines = list(_lines(tx, month_of, meter, beside))
        if lines:
            invoices += _issue_month(world, tx, month_of, lines, beside)
    return tuple(invoices)


def _issue_month(
    world: World, tx: Tx, month_of: "_MonthOf", lines: Sequence[Line], beside: Beside
) -> list[Invoice]:
    """One invoice, or several where the customer wants them by project or purchase order."""
    seller, customer, month = month_of.seller, month_of.customer, month_of.month
    issued: list[Invoice] = []
    on: dict[str, str] = {}
    for sheet in sheets(tx, seller, customer, lines, beside.projects):
        cause = _numbered(f"month/{month}/{customer.id}", len(issued) + 1)
        invoice = issue_asked(world, tx, seller, _asked(customer, cause, month, sheet))
        issued.append(invoice)
        on.update((line.source, invoice.id) for line in sheet.lines)
    beside.issued(tx, customer.id, month, on)
    return issued


@dataclass(frozen=True, slots=True)
class _MonthOf:
    """A customer's month as of `now`."""

    seller: Seller
    customer: Customer
    month: Month
    now: datetime


def _lines(tx: Tx, of: _MonthOf, meter: Meter, beside: Beside) -> Iterator[Line]:
    yield from meter.lines(of.customer)
    for contract in tx.find(Contract, customer=of.customer.id):
        # At signature everything up to that month was invoiced; each close brings one more.
        yield from contract_lines(tx, contract, of.month.plus(1), of.now, closed=of.month)
        used = meter.under.lines.get(contract.id, ()) if meter.under else ()
        yield from shortfalls.lines_of(tx, contract, used, of.month, of.now)
    yield from beside.lines(tx, of.seller, of.customer, of.month, of.now)


def _check_order(tx: Tx, seller: Entity, month: Month, now: datetime) -> None:
    end = month.interval(seller.time_zone).end
    ends = [end, *(month.interval(c.time_zone).end for c in tx.find(Customer, entity=seller.id))]
    if now < max(ends):
        raise Refused(
            Reason.NOT_CLOSED_YET,
            f"{month} ends at {max(ends):%Y-%m-%d %H:%M} UTC; until then there is a preview",
        )
    last = last_close(tx, seller)
    first = last.month.plus(1) if last is not None else first_month(tx, seller)
    if first is not None and month > first:
        raise Refused(Reason.NOT_CLOSED_YET, f"months are closed in order: {first} is next")
    if first is not None and month < first:
        raise before_the_books(first)


def _earn_contracts(world: World, tx: Tx, seller: Seller, month: Month) -> None:
    """Post every month of service that is done and not posted yet, up to `month`."""
    for contract in tx.find(Contract, entity=seller.entity.id):
        earned = entries_earned(tx, contract, seller.entity, month, world.clock.now())
        exchange.post(tx, seller.entity, (not_before(each, seller.locked) for each in earned))
