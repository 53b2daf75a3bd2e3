"""Void: an invoice that was never paid is owed no more, and what it asked for comes again."""

from rackrate.app import exchange
from rackrate.app.issuing import Asked, issue_asked, replaced_by, seller_of
from rackrate.app.payments import of_invoice
from rackrate.app.ports import Tx
from rackrate.app.settling import changed, lock
from rackrate.app.world import World, acting
from rackrate.core.access import Actor, Verb
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import InvoiceId
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, InvoiceLine, once_more, void
from rackrate.core.ledger import Entry
from rackrate.core.parties import Customer
from rackrate.core.recognition import issued_id, voided

LONGEST_REASON = 300


def void_invoice(
    world: World, actor: Actor, id: InvoiceId, reason: str, again: bool = False
) -> Invoice:
    """Its number stays, its entry is taken back, and what it asked for is not invoiced any more:
    it comes again with the next close, or at once with `again`, under the terms of now.
    """
    if not 1 <= len(reason.strip()) <= LONGEST_REASON or not reason.isprintable():
        raise Invalid("reason", f"one line of 1 to {LONGEST_REASON} characters")
    with acting(world, actor, Verb.INVOICE_WRITE, of_invoice(id)) as tx:
        lock(tx, tx.get(Invoice, id).customer)
        before = tx.get(Invoice, id)
        _check(tx, before)
        invoice = void(before, world.clock.now(), reason.strip())
        if invoice is before and not (again and invoice.lapsed):
            return invoice
        issued = tx.peek(Entry, issued_id(invoice))
        if invoice is not before and issued is not None:
            exchange.take_back(tx, tx.get(Entity, invoice.entity), voided(invoice, issued))
        if again:
            invoice = replaced_by(invoice, _again(world, tx, invoice).id)
        tx.put(invoice)
        changed(tx, invoice.customer)
        return invoice


def _check(tx: Tx, invoice: Invoice) -> None:
    if invoice.cause.startswith("opening/"):
        raise Refused(
            Reason.WRONG_STATE, f"{invoice.id} is of the books before these: credit it instead"
        )
    notes = tx.find(Invoice, credits=invoice.id)
    if notes:
        raise Refused(
            Reason.WRONG_STATE, f"{notes[0].id} credits {invoice.id}: credit the rest of it, too"
        )


def _again(world: World, tx: Tx, invoice: Invoice) -> Invoice:
    """The same lines on a new invoice."""
    customer, seller = tx.get(Customer, invoice.customer), seller_of(tx, invoice.entity)
    rows = sorted(tx.find(InvoiceLine, invoice=invoice.id), key=lambda each: each.place)
    taxes = seller.entity.taxes(customer)
    lines = [once_more(each.line, invoice.id, taxes) for each in rows]
    own = seller.own.get(customer.id)
    contracts = {line.contract for line in lines}
    contract = next(iter(contracts)) if len(contracts) == 1 else None
    number = invoice.purchase_order if own is None else own.order(invoice.project, contract)
    asked = Asked(
        customer,
        f"again/{invoice.id}",
        invoice.month,
        lines,
        project=invoice.project,
        purchase_order=number,
    )
    return issue_asked(world, tx, seller, asked)
