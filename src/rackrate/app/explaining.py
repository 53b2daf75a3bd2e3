"""Explaining a line of an invoice: down to the leases and the seconds, and up to the ledger."""

from dataclasses import replace
from datetime import datetime

from rackrate.app.beside import overdue_with
from rackrate.app.committed import agreed_book
from rackrate.app.instalments import books_of, plan_of
from rackrate.app.payments import of_invoice
from rackrate.app.ports import Tx
from rackrate.app.rows import Close
from rackrate.app.site_use import readings_of
from rackrate.app.world import World, confine, reading
from rackrate.core.access import Actor, Target, Verb, allows
from rackrate.core.address import Address
from rackrate.core.committed import Drawn, Owing, drawn, owing
from rackrate.core.contract import Contract
from rackrate.core.draft import Draft
from rackrate.core.errors import Missing
from rackrate.core.explanation import (
    Explanation,
    Known,
    Measured,
    Scheduled,
    measured,
    scheduled,
)
from rackrate.core.ids import EntryId, InvoiceId, ProjectId
from rackrate.core.interval import Month, months_over
from rackrate.core.inventory import Entity
from rackrate.core.invoice import AGAIN, Invoice, InvoiceLine, LineKind
from rackrate.core.lease import Lease, LeaseClass, LeaseEvent
from rackrate.core.ledger import Entry
from rackrate.core.parties import Customer
from rackrate.core.pricing import Price, PriceBook
from rackrate.core.reading import Reading
from rackrate.core.receivable import Run, runs
from rackrate.core.recognition import issued_id
from rackrate.core.usage import Place, Volume, volumes_of


def explain(world: World, actor: Actor, id: InvoiceId, place: int) -> Explanation:
    """Why a line is what it is. The entries are for those who may read the books, and who wrote
    a line by hand for those who work for the seller.
    """
    with reading(world, actor, Verb.INVOICE_READ, of_invoice(id)) as tx:
        confine(tx, actor)
        invoice = tx.get(Invoice, id)
        row = tx.peek(InvoiceLine, f"{id}/{place:06}")
        if row is None:
            raise Missing("invoice line", f"{id} {place}")
        books = allows(actor, Verb.LEDGER_READ, Target("ledger", invoice.entity))
        return Explanation(
            invoice,
            row,
            _measured(tx, invoice, row),
            _scheduled(tx, world, row),
            _credited(tx, invoice, row),
            _late(tx, invoice, row),
            _draft(tx, row) if actor.operator else None,
            tuple(_entries(tx, invoice, row)) if books else (),
            *_used(tx, world, invoice, row),
        )


def _measured(tx: Tx, invoice: Invoice, row: InvoiceLine) -> Measured | None:
    line = row.line
    if line.kind not in (LineKind.USAGE, LineKind.CORRECTION):
        return None
    first, closed = _first_of(tx, invoice, row), None
    closes = tx.find(Close, entity=invoice.entity)
    if line.kind is LineKind.CORRECTION:
        closed = max((each.at for each in closes if each.month < first.month), default=None)
    # What was written down from the second of the close on is on no line of its month.
    at = next((each.at for each in closes if each.month == first.month), first.issued)
    seconds = line.month.interval(tx.get(Customer, invoice.customer).time_zone).seconds
    prices, volume, book = tx.find(Price, currency=line.net.currency), None, None
    if line.lease is not None:
        lease = tx.get(Lease, line.lease)
        histories = [(lease, tx.history(lease.id))]
        # Also what is at the list's price, under a contract, is what is left beside the agreed.
        of, klass = lease.terms.contract, line.klass
        if of is not None and line.sku is not None and klass not in (None, LeaseClass.CONTRACT):
            customer = tx.get(Customer, invoice.customer)
            plain = PriceBook(prices).of(customer.id)
            book = agreed_book(tx, tx.get(Contract, of), customer, plain)
            prices = book.all_of(line.sku, klass, line.net.currency)
    elif place := Place.of(line.source):
        found = _found(tx, row)
        return measured(Known(line, (), None, prices, seconds, at, closed, None, place, found))
    else:
        volume, histories = _keeping(tx, row)
    return measured(Known(line, histories, volume, prices, seconds, at, closed, book))


def _found(tx: Tx, row: InvoiceLine) -> list[Address | Reading]:
    """The addresses and the readings of a customer inside a line's month."""
    return [
        *tx.find(Address, customer=row.customer),
        *readings_of(tx, row.customer, row.line.during),
    ]


def _keeping(
    tx: Tx, row: InvoiceLine
) -> tuple[Volume | None, list[tuple[Lease, tuple[LeaseEvent, ...]]]]:
    """The volume of a line of storage, with the leases that keep it: also what was learnt since to
    have ended before the line's month.
    """
    cause = row.line.source.partition("/volume/")[2]
    found: list[tuple[Lease, tuple[LeaseEvent, ...]]] = []
    volume = None
    for lease in tx.find(Lease, project=ProjectId(cause.partition("/")[0])):
        for each in volumes_of(lease):
            if cause.startswith(f"{each}/") and lease.created < row.line.during.end:
                volume = each
                found.append((lease, tx.history(lease.id)))
    return volume, found


def _first_of(tx: Tx, invoice: Invoice, row: InvoiceLine) -> Invoice:
    """The invoice on which a line stood first, if that one is void."""
    source = row.line.source
    if not row.line.again:
        return invoice
    return tx.peek(Invoice, source.split(AGAIN)[1]) or invoice


def _scheduled(tx: Tx, world: World, row: InvoiceLine) -> Scheduled | None:
    if row.line.contract is None:
        return None
    contract = tx.get(Contract, row.line.contract)
    billed = tx.find(InvoiceLine, contract=contract.id)
    plan = plan_of(tx, contract, world.clock.now())
    return scheduled(row, plan, billed, contract.tax_included)


def _used(
    tx: Tx, world: World, invoice: Invoice, row: InvoiceLine
) -> tuple[Owing | None, Drawn | None]:
    """What a shortfall or a drawdown comes from, with what was invoiced until then."""
    if row.line.kind not in (LineKind.SHORTFALL, LineKind.DRAWDOWN) or row.line.contract is None:
        return None, None
    contract = tx.get(Contract, row.line.contract)
    last = _order(_first_of(tx, invoice, row))
    order = {each.id: _order(each) for each in tx.find(Invoice, customer=row.customer)}
    found = tx.find(InvoiceLine, contract=contract.id)
    known = [x for x in found if not x.line.again and order[x.invoice] <= last]
    known.sort(key=lambda each: (*order[each.invoice], each.id))
    # What came again stands where it stood first.
    source = row.line.source.partition(AGAIN)[0]
    known = [row if each.line.source == source else each for each in known]
    books = books_of(tx, contract, world.clock.now(), row.line.month)
    return owing(books, row, known), drawn(books, row, known)


def _order(invoice: Invoice) -> tuple[datetime, Month]:
    """What a close issues is issued at once, on one invoice or more."""
    return invoice.issued, invoice.month


def _credited(tx: Tx, invoice: Invoice, row: InvoiceLine) -> InvoiceLine | None:
    if invoice.credits is None:
        return None
    lines = tx.find(InvoiceLine, invoice=invoice.credits)
    return next((one for one in lines if one.line.source == row.line.credits), None)


def _late(tx: Tx, invoice: Invoice, row: InvoiceLine) -> tuple[Run, ...]:
    if row.line.kind is not LineKind.INTEREST:
        return ()
    of = InvoiceId(row.line.source.split(AGAIN)[0].split("/", 1)[1].rpartition("/")[0])
    customer, first = tx.get(Customer, invoice.customer), _first_of(tx, invoice, row)
    late = overdue_with(tx, tx.get(Invoice, of))
    voided = late.invoice.voided
    if voided is not None and voided >= first.issued:  # It was owed still.
        late = replace(late, invoice=replace(late.invoice, voided=None))
    return tuple(runs(late, row.line.month, first.issued, customer.time_zone))


def _draft(tx: Tx, row: InvoiceLine) -> Draft | None:
    kind, _, rest = row.line.source.partition("/")
    return tx.peek(Draft, rest.partition("/")[0]) if kind in ("manual", "credit") else None


def _entries(tx: Tx, invoice: Invoice, row: InvoiceLine) -> list[Entry]:
    """What the invoice posted, and what the line's use earned, month by month of the seller's."""
    zone, first = tx.get(Entity, invoice.entity).time_zone, _first_of(tx, invoice, row)
    causes = [issued_id(invoice)]
    if row.line.kind in (LineKind.USAGE, LineKind.CORRECTION, LineKind.SHORTFALL):
        causes += [
            EntryId(f"earned/{first.id}/{month}") for month, _ in months_over(row.line.during, zone)
        ]
    found = (tx.peek(Entry, cause) for cause in causes)
    return [entry for entry in found if entry is not None]
